package fleetsim

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"tuitalk/bench/recorder"
	"tuitalk/client"
	"tuitalk/talk"
)

// person is somebody at one window of the terminal client: the real Session, Driver
// and dialer, over the simulated network. His program may crash; what it stored stays.
type person struct {
	world *world
	name  string // of this window, in the story
	who   *recorder.Client
	disk  *disk
	rng   *dice // of the disk
	dials *dice
	form  talk.Form // that it speaks
	cfg   client.Config

	// of the program that runs; owned by the world's goroutine
	session *client.Session
	driver  *client.Driver
	storage *storage
	acts    chan act
	stop    chan struct{}
	loop    sync.WaitGroup
	posts   int
	resumes resumes
}

// act is something to be done in the person's loop.
type act struct {
	do   func()
	done chan struct{}
}

// disk is what survives a crash of the program.
type disk struct {
	mu    sync.Mutex
	state client.State
}

// secret is who the person is, from the first.
func (d *disk) secret() talk.Secret {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state.Secret
}

// storage is a program's way to the disk.
type storage struct {
	disk *disk
	rng  *dice
	mu   sync.Mutex
	dead bool
}

func (st *storage) Load() (client.State, error) {
	st.disk.mu.Lock()
	defer st.disk.mu.Unlock()
	return st.disk.state, nil
}

func (st *storage) Save(s client.State) error {
	s.Outbox = slices.Clone(s.Outbox)
	time.Sleep(st.rng.duration(0, 20*time.Millisecond))
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.dead {
		st.disk.mu.Lock()
		st.disk.state = s
		st.disk.mu.Unlock()
	}
	return nil
}

func (st *storage) Close() error { return nil }

// die is the end of the program: nothing is written any more.
func (st *storage) die() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.dead = true
}

// newPerson makes somebody who has never been here, or another window of one.
func (w *world) newPerson(name string, like *person) *person {
	p := &person{world: w, name: name, who: w.recorder.Client(name), disk: &disk{}, rng: newDice(w.seed, name+" disk"), dials: newDice(w.seed, name+" dials")}
	p.cfg = client.Config{Servers: []string{"ws://127.0.0.1:8080/ws"}, Name: name, Room: w.aRoom(), Keep: w.settings.keep, History: w.settings.history}
	p.form = pick(p.dials, talk.Extended, talk.ExtendedBincode)
	p.disk.state.Secret = client.NewSecret()
	if like != nil {
		p.disk.state.Secret = like.disk.state.Secret
		p.cfg.Name = like.cfg.Name
	}
	w.people = append(w.people, p)
	return p
}

// begin starts a program.
func (p *person) begin() {
	w := p.world
	p.storage = &storage{disk: p.disk, rng: p.rng}
	state, _ := p.storage.Load() // it cannot fail
	cfg := p.cfg
	if !state.Session.IsZero() {
		cfg.Room, cfg.Name = state.Room, ""
	}
	cfg.Seed = 1 + uint64(w.dice.below(1<<30))
	session, err := client.New(cfg, state)
	if err != nil {
		panic(err) // the configuration cannot be
	}
	dialer := client.NewDialerOver(func(ctx context.Context, _, _ string) (net.Conn, error) { return w.network.dial(ctx, p.name, p.dials) }, p.form)
	p.resumes.begin()
	p.session, p.driver = session, client.NewDriver(session, watchedDialer{p.who.Dialer(dialer), p}, p.storage)
	p.acts, p.stop = make(chan act), make(chan struct{})
	p.who.Attach(time.Now(), session)
	me, window := session.Me().UUID, session.State().Session
	w.story.tell("%s begins, as %.4x/%.4x in room %d", p.name, me[:2], window[:2], session.Room())
	p.loop.Go(p.run)
	p.say(client.Start{})
}

func (p *person) run() {
	for {
		select {
		case ev := <-p.driver.Events():
			p.handle(ev)
		case a := <-p.acts:
			a.do()
			close(a.done)
		case <-p.stop:
			return
		}
	}
}

func (p *person) handle(ev client.Event) client.Outcome {
	if e, ok := ev.(client.Received); ok {
		p.resumes.heard(time.Since(p.world.story.began), e.Conn, e.Message)
	}
	outcome := p.driver.Handle(ev)
	p.who.Handled(time.Now(), ev, outcome.Change)
	if c := p.world.calm; c != nil {
		c.noticed(p, ev)
	}
	p.trace(ev)
	for _, n := range outcome.Notices {
		p.world.story.tell("%s is told: %s", p.name, n.Text)
	}
	return outcome
}

// trace tells what somebody who reads the story has to know.
func (p *person) trace(ev client.Event) {
	tell := p.world.story.tell
	switch e := ev.(type) {
	case client.Opened:
		tell("%s has connection %d", p.name, e.Conn)
	case client.Closed:
		tell("%s has lost connection %d: %d %s", p.name, e.Conn, e.Code, e.Reason)
	case client.Received:
		switch m := e.Message.(type) {
		case talk.Entry:
			if m.Pending {
				tell("%s on %d: pending %v, %q", p.name, e.Conn, m.ID, m.Text)
			}
		case talk.Welcome:
			tell("%s on %d: welcomed by %s", p.name, e.Conn, m.Server)
		case talk.Joined:
			tell("%s on %d: joined room %d behind %d of %d, reset %v", p.name, e.Conn, m.RoomID, m.AfterSeq, m.HeadSeq, m.Reset)
		case talk.Accepted:
			tell("%s on %d: accepted %v", p.name, e.Conn, m.ID)
		case talk.Stored:
			tell("%s on %d: stored %v as %d of room %d", p.name, e.Conn, m.ID, m.Seq, m.RoomID)
		case talk.Withdrawn:
			tell("%s on %d: withdrawn %v", p.name, e.Conn, m.ID)
		case talk.Error:
			tell("%s on %d: refused %v: %s", p.name, e.Conn, m.ID, m.Message)
		case talk.Pong, talk.History, talk.Presence:
		default:
			tell("%s on %d: %T %+v", p.name, e.Conn, m, m)
		}
	}
}

// in does something in the person's loop, and waits for it.
func (p *person) in(do func()) {
	a := act{do, make(chan struct{})}
	p.acts <- a
	<-a.done
}

// say hands an event of the user to the driver.
func (p *person) say(ev client.Event) {
	p.in(func() { p.handle(ev) })
}

func (p *person) runs() bool { return p.driver != nil }

// crash ends the program between two instructions. silently: with its machine.
func (p *person) crash(silently bool) {
	p.storage.die()
	for _, l := range p.world.network.of(p.name, nil) {
		if silently {
			l.silence() // for good
		} else {
			l.cut()
		}
	}
	p.end()
	p.forget()
}

// forget tells the recording what was typed and not on the disk yet, so that nothing
// of it was sent: it is lost with the program.
func (p *person) forget() {
	kept, _ := p.storage.Load() // it cannot fail
	for _, e := range p.session.State().Outbox {
		if !slices.ContainsFunc(kept.Outbox, func(k client.OutboxEntry) bool { return k.ID == e.ID }) {
			p.world.walked("a client crashes before it has saved")
			if c := p.world.calm; c != nil {
				c.forget(e.ID)
			}
			p.who.Handled(time.Now(), client.Discard{ID: e.ID}, client.OutboxChanged)
		}
	}
}

// end takes the program away.
func (p *person) end() {
	close(p.stop)
	p.loop.Wait()
	p.driver.Close()
	p.driver = nil
}

// post says something that nobody has said before.
func (p *person) post() {
	p.posts++
	p.say(client.Post{Text: fmt.Sprintf("%s says %d", p.name, p.posts)})
}
