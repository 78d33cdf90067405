package app

import (
	"strconv"
	"time"
)

// peoplePause is the least time between two writings of the list: in a storm of
// joins it would otherwise be written with every frame.
const peoplePause = time.Second

// people is the list of members.
type people struct {
	open    bool
	written time.Time // when the list was written
	next    time.Time // when it is to be written again; zero: when it is stale
}

func (a *App) toggleMembers() {
	a.people.open = !a.people.open
	a.people.written = time.Time{}
	a.stale |= partPeople
}

// widened opens the list when there is room beside the log, and shuts it when
// it would cover the log.
func (a *App) widened(wide bool) {
	if wide == a.config.Wide {
		return
	}
	a.config.Wide, a.people.open, a.people.written = wide, wide, time.Time{}
	a.stale |= partPeople
}

func (a *App) framePeople(p *Patch, now time.Time) {
	open := a.people.open
	p.say(refPeopleCount, peopleCount(a.session.MemberCount()))
	p.show(refMembers, open)
	p.show(refVeil, open && !a.config.Wide)
	p.pick(refPeople)
	p.attr("aria-expanded", strconv.FormatBool(open))
	p.end()
	if !open {
		return
	}
	if again := a.people.written.Add(peoplePause); now.Before(again) {
		a.people.next = again
		return
	}
	a.people.written, a.people.next = now, time.Time{}
	a.makePeople(p)
}

// peopleCount is how many are here, if that is known.
func peopleCount(n int) string {
	if n == 0 {
		return "–"
	}
	return strconv.Itoa(n)
}

func (a *App) makePeople(p *Patch) {
	me := a.session.Me().UUID
	p.pick(refMemberList)
	p.empty()
	members := a.view.Members()
	for i := range members {
		who := a.labelOf(members[i].UUID, members[i].Username)
		p.begin("li", "member")
		p.disc(who)
		p.name(who)
		if members[i].UUID == me {
			p.leaf("span", "you", "you")
		}
		p.end()
	}
	if more := a.session.MemberCount() - len(members); more > 0 && len(members) > 0 {
		p.leaf("li", "member-more", "and "+strconv.Itoa(more)+" more")
	}
	p.end()
}
