package attack

import (
	"context"

	"tuitalk/client"
)

// talker is one of those who talk. One goroutine owns its session.
type talker struct {
	people  *people
	name    string
	session *client.Session
	driver  *client.Driver
	say     chan string
	last    int64 // seq of the last entry that was looked at
	wasUp   bool
}

// live owns the session.
func (t *talker) live(ctx context.Context) {
	defer t.driver.Close()
	t.handle(client.Start{})
	for {
		select {
		case ev := <-t.driver.Events():
			t.handle(ev)
		case text := <-t.say:
			t.people.says(text)
			t.handle(client.Post{Text: text})
		case <-ctx.Done():
			return
		}
	}
}

func (t *talker) handle(ev client.Event) {
	out := t.driver.Handle(ev)
	p := t.people
	if out.Change&(client.StatusChanged|client.MembersChanged) != 0 {
		up := t.session.Status().Phase == client.Online
		p.mu.Lock()
		switch {
		case up && !t.wasUp:
			p.ids[t.session.Me().UUID] = t.name
			p.inside++
		case !up && t.wasUp:
			p.inside--
			p.felt[p.phase].Lost++
			p.lost++
		}
		t.wasUp = up
		p.mu.Unlock()
	}
	t.look(out.Change)
}

// look looks at what was added to the log.
func (t *talker) look(change client.Change) {
	if change&client.Appended == 0 {
		return
	}
	log := t.session.Log()
	from := log.Len()
	for from > 0 && log.At(from-1).Seq > t.last {
		from--
	}
	for i := from; i < log.Len(); i++ {
		t.people.shown(t, log.At(i))
		t.last = log.At(i).Seq
	}
}
