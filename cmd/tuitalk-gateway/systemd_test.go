package main

import (
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// serviceManager is where a notifier sends its notes.
type serviceManager struct {
	t     *testing.T
	notes chan string
}

// newServiceManager has this process notified, with a watchdog or without.
func newServiceManager(t *testing.T, watchdogMicros string) *serviceManager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	m := &serviceManager{t, make(chan string, 1000)}
	var reading sync.WaitGroup
	reading.Go(func() {
		note := make([]byte, 100)
		for {
			n, err := socket.Read(note)
			if err != nil {
				return
			}
			m.notes <- string(note[:n])
		}
	})
	t.Cleanup(func() {
		_ = socket.Close()
		reading.Wait()
	})
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", watchdogMicros)
	return m
}

// hears waits for a note, and tells how many of another came before.
func (m *serviceManager) hears(note, other string) (others int) {
	m.t.Helper()
	for {
		select {
		case got := <-m.notes:
			switch got {
			case note:
				return others
			case other:
				others++
			default:
				m.t.Fatalf("heard %q, waiting for %q", got, note)
			}
		case <-time.After(time.Minute):
			m.t.Fatalf("waited in vain for %q", note)
		}
	}
}

// pulse is what a notifier asks: whether the server makes progress.
type pulse struct {
	mu      sync.Mutex
	stuck   bool
	yes, no int // answers
}

func (p *pulse) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stuck {
		p.no++
	} else {
		p.yes++
	}
	return !p.stuck
}

// set tells what to answer from now on, and how often it was yes until now.
func (p *pulse) set(stuck bool) (yes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stuck = stuck
	return p.yes
}

func (p *pulse) refused() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.no
}

// TestWatchdogIsFedByProgressOnly: systemd ends and restarts a gateway that has stopped
// saying WATCHDOG=1. So it stops when a loop is stuck, and goes on when that is over.
func TestWatchdogIsFedByProgressOnly(t *testing.T) {
	m, p := newServiceManager(t, "300000"), &pulse{}
	stop := notifySystemd(p.alive)
	m.hears("READY=1", "")
	fed := 0
	for ; fed < 3; fed++ {
		m.hears("WATCHDOG=1", "")
	}
	p.set(true)
	for end := time.Now().Add(time.Minute); p.refused() < 5; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody asks whether there is progress")
		}
	}
	for before := p.set(false); fed <= before; fed++ { // the last of these is of afterwards
		m.hears("WATCHDOG=1", "")
	}
	stop()
	fed += m.hears("STOPPING=1", "WATCHDOG=1")
	if fed > p.yes {
		t.Errorf("fed %d times, though there was progress only %d times", fed, p.yes)
	}
}

// TestNoWatchdogNoFeed: who has not asked for it is told only that the gateway is ready,
// and that it ends.
func TestNoWatchdogNoFeed(t *testing.T) {
	m, p := newServiceManager(t, ""), &pulse{}
	stop := notifySystemd(p.alive)
	m.hears("READY=1", "")
	stop()
	m.hears("STOPPING=1", "")
	if p.yes > 0 {
		t.Errorf("asked %d times", p.yes)
	}
}
