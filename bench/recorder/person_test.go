package recorder_test

import (
	"sync"
	"testing"
	"time"

	"tuitalk/bench/recorder"
	"tuitalk/client"
)

// person is somebody at a client.Driver, who is recorded.
type person struct {
	who     *recorder.Client
	session *client.Session
	driver  *client.Driver
	acts    chan act
	stop    chan struct{}
	loop    sync.WaitGroup
}

// act is something to be done in the person's loop.
type act struct {
	do   func(p *person)
	done chan struct{}
}

// newPerson begins a program of somebody, who may have had one before.
func newPerson(t *testing.T, who *recorder.Client, d client.Dialer, st client.Storage, cfg client.Config) *person {
	t.Helper()
	state := client.State{}
	if st != nil {
		var err error
		if state, err = st.Load(); err != nil {
			t.Fatal(err)
		}
	}
	session, err := client.New(cfg, state)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{
		who: who, session: session, driver: client.NewDriver(session, who.Dialer(d), st),
		acts: make(chan act), stop: make(chan struct{}),
	}
	who.Attach(time.Now(), session)
	p.loop.Go(p.run)
	p.say(client.Start{})
	return p
}

func (p *person) run() {
	for {
		select {
		case ev := <-p.driver.Events():
			p.handle(ev)
		case a := <-p.acts:
			a.do(p)
			close(a.done)
		case <-p.stop:
			return
		}
	}
}

func (p *person) handle(ev client.Event) client.Outcome {
	outcome := p.driver.Handle(ev)
	p.who.Handled(time.Now(), ev, outcome.Change)
	return outcome
}

// in does something in the person's loop, and waits for it.
func (p *person) in(do func(p *person)) {
	a := act{do, make(chan struct{})}
	p.acts <- a
	<-a.done
}

// say hands an event of the user to the driver.
func (p *person) say(ev client.Event) { p.in(func(p *person) { p.handle(ev) }) }

// leave ends the program.
func (p *person) leave() {
	close(p.stop)
	p.loop.Wait()
	p.driver.Close()
}
