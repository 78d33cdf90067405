package redisbus

import (
	"errors"
	"testing"
	"time"

	"tuitalk/fanout/fanouttest"
)

// healthy makes a bus whose partitions are all live on one session, which has
// answered a probe.
func healthy(t *testing.T, now time.Time) (*Bus, *session) {
	t.Helper()
	b := unconnected(t, fanouttest.NewRecorder())
	l := &link{bus: b, addr: "h:1", cancel: func() {}}
	s := newServer(b)
	s.session.link = l
	b.links["h:1"] = l
	b.onOpened(s.session)
	for _, p := range b.parts {
		p.attach(s.session, now)
		s.serve(p)
	}
	b.updateHealth(now)
	if b.Healthy() {
		t.Fatal("healthy before a probe came back")
	}
	b.probe(now, false)
	echo(t, b, s.session)
	b.updateHealth(now)
	if !b.Healthy() {
		t.Fatal("not healthy with a probe back")
	}
	return b, s.session
}

// echo lets the newest probe that was sent come back.
func echo(t *testing.T, b *Bus, s *session) {
	t.Helper()
	if len(s.queue) == 0 {
		t.Fatal("no probe was sent")
	}
	m := s.queue[len(s.queue)-1]
	b.onMessage(m.channel, string(m.data))
}

func TestHealth(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		spoil func(b *Bus, s *session)
		after time.Duration
		want  bool
	}{
		"a probe is out":      {func(b *Bus, _ *session) { b.probe(now, true) }, 700 * time.Millisecond, true},
		"a probe is overdue":  {func(b *Bus, _ *session) { b.probe(now, true) }, 800 * time.Millisecond, false},
		"a partition is away": {func(b *Bus, s *session) { b.parts[7].detach(s) }, 0, false},
		"the session is over": {func(b *Bus, s *session) { b.onClosed(s) }, 0, false},
		"a server refuses":    {func(b *Bus, s *session) { b.onRejected(s, b.parts[1], errors.New("CLUSTERDOWN")) }, 0, false},
		"something is back":   {func(b *Bus, s *session) { b.onSubscribed(s, nil, true) }, 0, false},
		"an idle node connected": {func(b *Bus, _ *session) {
			b.links["i:1"] = &link{bus: b, addr: "i:1", session: newServer(b).session, cancel: func() {}}
		}, 0, true},
	} {
		b, s := healthy(t, now)
		c.spoil(b, s)
		b.updateHealth(now.Add(c.after))
		if b.Healthy() != c.want {
			t.Errorf("%s: healthy is %v", name, b.Healthy())
		}
	}
}

// A probe that stays out ends the session; one that comes late does not.
func TestSilentSessionEnds(t *testing.T) {
	now := time.Now()
	b, s := healthy(t, now)
	b.probe(now, true)
	b.probe(now.Add(b.opts.ProbeDeadline*3/2), true)
	select {
	case <-s.down:
		t.Fatal("given up too early")
	default:
	}
	echo(t, b, s)
	b.updateHealth(now.Add(b.opts.ProbeDeadline * 3 / 2))
	if !b.Healthy() {
		t.Error("not healthy after a late probe")
	}
	b.probe(now, true)
	b.probe(now.Add(b.opts.ProbeDeadline*2+1), true)
	select {
	case <-s.down:
	default:
		t.Error("a silent session goes on")
	}
}

// A path that is busy is not given up as soon as one that is silent.
func TestBusyPathHasTime(t *testing.T) {
	now := time.Now()
	b, s := healthy(t, now)
	deadline := b.opts.ProbeDeadline
	b.probe(now, true)
	for age := deadline / 2; age <= overdue*deadline; age += deadline / 2 {
		s.probing.noteTraffic()
		b.probe(now.Add(age), true)
		if b.updateHealth(now.Add(age)); !b.Healthy() {
			t.Fatalf("not healthy after %v", age)
		}
	}
	s.probing.noteTraffic()
	if b.updateHealth(now.Add(overdue*deadline + 1)); b.Healthy() {
		t.Error("healthy, however late the probe")
	}
	s.probing.noteTraffic()
	b.probe(now.Add(2*overdue*deadline+1), true)
	select {
	case <-s.down:
	default:
		t.Error("a path that swallows probes goes on")
	}
}

// Probes take every partition in turn.
func TestProbesGoRound(t *testing.T) {
	now := time.Now()
	b, s := healthy(t, now)
	seen := make(map[string]bool)
	for range partitions {
		b.probe(now, true)
		echo(t, b, s)
		seen[s.queue[len(s.queue)-1].channel] = true
	}
	if len(seen) != partitions {
		t.Errorf("%d of %d partitions were probed", len(seen), partitions)
	}
}

// A full queue takes nothing more, and what it does not take is in doubt.
func TestQueueIsBounded(t *testing.T) {
	b, s := healthy(t, time.Now())
	b.opts.QueueBytes = 10_000
	queued := 0
	for b.Publish(t.Context(), fanouttest.Note(1, 1)) == nil {
		queued++
	}
	if queued == 0 || s.queued > b.opts.QueueBytes {
		t.Errorf("%d notes, %d bytes queued", queued, s.queued)
	}
	if doubt, _ := b.parts[partitionOf(1)].takeSuspects(); len(doubt.rooms) != 1 {
		t.Errorf("doubt: %v", doubt)
	}
}
