package view

import "tuitalk/talk"

// names is fed with everyone whose name is in the log or in the list.
type names struct {
	tags        nameTags
	known       map[talk.Member]bool
	first, last int64 // seq of the log's entries that it was fed with
}

func (n *names) addName(u talk.UUID, name string) (changed bool) {
	p := talk.Member{UUID: u, Username: name}
	if n.known[p] {
		return false
	}
	if n.known == nil {
		n.known = make(map[talk.Member]bool)
	}
	n.known[p] = true
	return n.tags.see(u, name)
}

// collectNames feeds names with who is new. It reports whether some who have a
// name already are shown in another way now.
func (v *View) collectNames() (changed bool) {
	log, n := v.session.Log(), &v.names
	add := func(u talk.UUID, name string) {
		if n.addName(u, name) {
			changed = true
		}
	}
	for i := log.Len() - 1; i >= 0 && log.At(i).Seq > n.last; i-- {
		add(log.At(i).Author, log.At(i).Name)
	}
	for i := 0; i < log.Len() && log.At(i).Seq < n.first; i++ {
		add(log.At(i).Author, log.At(i).Name)
	}
	if log.Len() > 0 {
		n.first, n.last = log.At(0).Seq, log.At(log.Len()-1).Seq
	}
	for _, e := range v.session.Pending() {
		add(e.Author, e.Name)
	}
	if v.newPeople {
		v.newPeople = false
		for _, p := range v.Members() {
			add(p.UUID, p.Username)
		}
	}
	me := v.session.Me()
	add(me.UUID, me.Username)
	return changed
}

// Name is how somebody is shown: the name, and a tag when another one's name
// looks like it. Who is not Proven is marked besides.
func (v *View) Name(u talk.UUID, name string) (shown, tag string) {
	return ShowName(u, name), v.names.tags.tag(u, name)
}

// Members lists who is in the room, the user first. The slice is valid until
// the next Update.
func (v *View) Members() []talk.Member {
	if !v.people.stale {
		return v.people.list
	}
	me := v.session.Me().UUID
	list := append(v.people.list[:0], v.session.Members()...)
	for i, p := range list {
		if p.UUID == me {
			copy(list[1:i+1], list[:i])
			list[0] = p
			break
		}
	}
	v.people.list, v.people.stale = list, false
	return list
}

// people is the list of members, the user first.
type people struct {
	list  []talk.Member
	stale bool
}
