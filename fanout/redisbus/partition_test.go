package redisbus

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
)

// server stands for a Redis server: what one session is subscribed to there.
type server struct {
	session *session
	control bool
	rooms   map[int32]bool
}

func newServer(b *Bus) *server {
	return &server{session: newSession(&link{bus: b}), rooms: make(map[int32]bool)}
}

// serve carries out what the partition wants and returns the rooms it lost.
func (s *server) serve(p *partition) (lost []int32) {
	for again := true; again; {
		c, any := p.collect(s.session)
		if !any {
			return lost
		}
		s.control = s.control || c.control
		for _, room := range c.adds {
			s.rooms[room] = true
		}
		for _, room := range c.drops {
			delete(s.rooms, room)
		}
		var some []int32
		some, again, _ = p.applyChange(s.session, c)
		lost = append(lost, some...)
	}
	return lost
}

func TestSubscribeWhileAway(t *testing.T) {
	b := unconnected(t, fanouttest.NewRecorder())
	p := b.parts[0]
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for room := range int32(3) {
		must(p.subscribe(t.Context(), room)) // at once
	}
	must(p.unsubscribe(t.Context(), 2))
	s := newServer(b)
	if !p.attach(s.session, time.Now()) || p.attach(s.session, time.Now()) {
		t.Error("attach does not tell what is new")
	}
	if lost := s.serve(p); len(lost) != 2 || !s.rooms[0] || !s.rooms[1] || s.rooms[2] || !s.control {
		t.Errorf("lost %v, subscribed to %v, control %v", lost, s.rooms, s.control)
	}
	if _, live := p.where(); !live {
		t.Error("not live with everything subscribed")
	}

	// A room that comes now waits for its subscription and loses nothing.
	done := make(chan error)
	go func() { done <- p.subscribe(t.Context(), 5) }()
	for len(s.rooms) < 3 {
		if lost := s.serve(p); len(lost) != 0 {
			t.Errorf("lost %v", lost)
		}
	}
	must(<-done)

	// Unless the session ends meanwhile.
	go func() { done <- p.subscribe(t.Context(), 6) }()
	for !p.wants(6) {
	}
	if !p.detach(s.session) || p.detach(s.session) {
		t.Error("detach does not tell what is new")
	}
	must(<-done)
	s = newServer(b)
	p.attach(s.session, time.Now())
	if lost := s.serve(p); len(lost) != 4 {
		t.Errorf("lost %v, want all four rooms", lost)
	}
}

func TestServerEndsSubscription(t *testing.T) {
	b := unconnected(t, fanouttest.NewRecorder())
	p := b.parts[partitionOf(1)]
	want(t, b, 1)
	s, other := newServer(b), newServer(b)
	p.attach(s.session, time.Now())
	s.serve(p)
	if p.onEnded(other.session, 1, false) {
		t.Error("another session's end counts")
	}
	if p.onEnded(s.session, 99, false) {
		t.Error("the end of what nobody wants counts")
	}
	b.onEnded(s.session, b.names.channel(1))
	if now, live := p.where(); now != nil || live {
		t.Error("still attached after the server ended a subscription")
	}
	p.attach(other.session, time.Now())
	other.serve(p)
	b.onEnded(other.session, b.names[p.index].control)
	if now, _ := p.where(); now != nil {
		t.Error("still attached after the server ended the partition's own subscription")
	}
}

// What a node drops itself comes back as the same message.
func TestOwnEndIsNoTrouble(t *testing.T) {
	b := unconnected(t, fanouttest.NewRecorder())
	p := b.parts[partitionOf(1)]
	want(t, b, 1)
	s := newServer(b)
	p.attach(s.session, time.Now())
	s.serve(p)
	go func() { _ = p.unsubscribe(context.Background(), 1) }()
	for p.wants(1) {
	}
	c, _ := p.collect(s.session)
	if len(c.drops) != 1 || p.onEnded(s.session, 1, false) {
		t.Error("an end that was asked for counts as the server's")
	}
	p.applyChange(s.session, c)
}

func TestRefusedKeepsAway(t *testing.T) {
	b := unconnected(t, fanouttest.NewRecorder())
	p, now := b.parts[0], time.Now()
	s, other := newServer(b).session, newServer(b).session
	p.attach(s, now)
	if !p.refuse(s, now, refusedPause) || p.refuse(s, now, refusedPause) {
		t.Error("refuse does not tell what is new")
	}
	if p.attach(s, now.Add(time.Millisecond)) {
		t.Error("attached at once to the one that refused")
	}
	if !p.attach(other, now.Add(time.Millisecond)) {
		t.Error("did not attach to another")
	}
	p.refuse(other, now, refusedPause)
	if !p.attach(other, now.Add(time.Second)) {
		t.Error("never attached again")
	}
}

func TestSubscribeGivesUp(t *testing.T) {
	b := unconnected(t, fanouttest.NewRecorder())
	p := b.parts[0]
	s := newServer(b)
	p.attach(s.session, time.Now())
	s.serve(p)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.subscribe(ctx, 1) }()
	for !p.wants(1) {
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	s.serve(p)
	if len(s.rooms) != 0 || p.wants(1) {
		t.Errorf("subscribed to %v after giving up", s.rooms)
	}
	go func() { done <- p.subscribe(context.Background(), 2) }()
	for !p.wants(2) {
	}
	_ = b.Close()
	if err := <-done; !errors.Is(err, fanout.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// Many callers, a server that works, and sessions that come and go: in the end
// the server has exactly what was last wanted, and whoever subscribed is
// subscribed or will be told of a loss.
func TestPartitionUnderChurn(t *testing.T) {
	const callers, steps = 8, 400
	b := unconnected(t, fanouttest.NewRecorder())
	p := b.parts[0]
	var current atomic.Pointer[server]

	var working, calling sync.WaitGroup
	stop := make(chan struct{})
	working.Go(func() {
		random := rand.New(rand.NewPCG(1, 2))
		s := newServer(b)
		current.Store(s)
		p.attach(s.session, time.Now())
		for stopping := false; !stopping; {
			select {
			case <-stop:
				stopping = true
			default:
			}
			s.serve(p)
			if random.IntN(20) == 0 && !stopping {
				p.detach(s.session)
				s = newServer(b)
				current.Store(s)
				p.attach(s.session, time.Now())
			}
		}
		s.serve(p)
	})
	var wanted [callers]bool
	for i := range callers {
		calling.Go(func() {
			random := rand.New(rand.NewPCG(3, uint64(i)))
			for range steps {
				if wanted[i] = random.IntN(2) == 0; wanted[i] {
					if err := p.subscribe(t.Context(), int32(i)); err != nil {
						t.Error(err)
					}
					p.mu.Lock()
					if s := p.seats[int32(i)]; s.phase != on && !s.owed {
						t.Errorf("room %d is neither subscribed nor owed a loss: %+v", i, s)
					}
					p.mu.Unlock()
				} else if err := p.unsubscribe(t.Context(), int32(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	calling.Wait()
	close(stop)
	working.Wait()
	s := current.Load()
	for i := range callers {
		if s.rooms[int32(i)] != wanted[i] {
			t.Errorf("room %d: subscribed %v, wanted %v", i, s.rooms[int32(i)], wanted[i])
		}
	}
	if len(p.waits) != 0 || len(p.dirty) != 0 {
		t.Errorf("%d waits and %d changes are left", len(p.waits), len(p.dirty))
	}
}

func TestCommandsAreFew(t *testing.T) {
	b := unconnected(t, fanouttest.NewRecorder())
	c := change{part: b.parts[3], control: true}
	for room := range int32(2500) {
		c.adds = append(c.adds, room)
	}
	c.drops = []int32{-1, -2}
	commands := c.commands(b.names)
	total := 0
	for i, command := range commands {
		total += len(command.channels)
		if len(command.channels) > channelsPerCommand || command.end != (i == len(commands)-1) {
			t.Errorf("command %d: %d channels, end %v", i, len(command.channels), command.end)
		}
	}
	if len(commands) != 4 || total != 2503 || commands[0].channels[0] != b.names[3].control {
		t.Errorf("%d commands, %d channels", len(commands), total)
	}
}
