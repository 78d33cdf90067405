package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"tuitalk/bench/recorder"
	"tuitalk/client"
)

// person is somebody who talks: a session, its driver, and what is recorded of
// them. One goroutine owns all of it but for who.At.
type person struct {
	name string
	room int32
	rng  *rand.Rand
	who  *recorder.Client

	session *client.Session
	driver  *client.Driver
}

// kept is a client.Storage in memory.
type kept struct {
	mu    sync.Mutex
	state client.State
}

var _ client.Storage = (*kept)(nil)

func (k *kept) Load() (client.State, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state, nil
}

func (k *kept) Save(s client.State) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state = s
	return nil
}

func (k *kept) Close() error { return nil }

func newPerson(opts *Options, rec *recorder.Recorder, number int) (*person, error) {
	p := &person{
		name: fmt.Sprintf("p%03d", number),
		room: int32(number%opts.Rooms + 1),
		rng:  rand.New(rand.NewPCG(opts.Seed, uint64(number))),
	}
	session, err := client.New(client.Config{
		Servers: []string{opts.Cluster.URL()}, Name: p.name, Room: p.room,
		Client: "tuitalk chaos", Seed: p.rng.Uint64() | 1,
	}, client.State{})
	if err != nil {
		return nil, err
	}
	p.session = session
	p.who = rec.Client(p.name)
	p.driver = client.NewDriver(session, p.who.Dialer(client.NewDialer()), &kept{})
	return p, nil
}

// live talks until talking ends, stays until staying ends, and goes.
func (p *person) live(talking, staying context.Context, every time.Duration) {
	defer p.driver.Close()
	p.who.Attach(time.Now(), p.session)
	p.handle(client.Start{})
	next := time.NewTimer(p.pause(every))
	defer next.Stop()
	said := 0
	quiet := talking.Done()
	for {
		select {
		case ev := <-p.driver.Events():
			p.handle(ev)
		case <-next.C:
			said++
			p.handle(client.Post{Text: fmt.Sprintf("%s says %d", p.name, said)})
			next.Reset(p.pause(every))
		case <-quiet:
			quiet = nil
			next.Stop()
		case <-staying.Done():
			p.who.End(time.Now())
			return
		}
	}
}

func (p *person) handle(ev client.Event) {
	out := p.driver.Handle(ev)
	p.who.Handled(time.Now(), ev, out.Change)
}

// pause is random, so that the load is even.
func (p *person) pause(every time.Duration) time.Duration {
	return min(time.Duration(p.rng.ExpFloat64()*float64(every)), 5*every)
}
