package gateway

import (
	"errors"
	"sync"
	"testing"
	"time"

	"tuitalk/gateway/transport"
)

// TestOnlyAFreshAnswerIsProof: a node that asks the store for nothing does not
// know that it is gone, and must not send others' users to itself.
func TestOnlyAFreshAnswerIsProof(t *testing.T) {
	t.Parallel()
	var h health
	now := time.Now()
	if h.storeProven(now) {
		t.Error("a store that was never asked is proven")
	}
	h.store(nil)
	if !h.storeProven(time.Now()) {
		t.Error("a store that has just answered is not proven")
	}
	if late := time.Now().Add(alonePatience); h.storeProven(late) || !h.storeUp() {
		t.Error("after the patience of those who wait for it, an old answer is proof")
	}
	h.store(errors.New("gone"))
	if h.storeProven(time.Now()) {
		t.Error("a store that does not answer is proven")
	}
}

// slowSocket is closed when somebody lets it.
type slowSocket struct {
	transport.Socket // the rest is not asked
	mu               sync.Mutex
	closed           bool
}

func (s *slowSocket) Close(error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// TestClockGoesOnWhileAllIsClosed: after a freeze there may be a hundred thousand
// connections to close, and a clock that stood still for that would be one more
// reason for the watchdog.
func TestClockGoesOnWhileAllIsClosed(t *testing.T) {
	t.Parallel()
	s := bareServer(t)
	sock := &slowSocket{}
	c := &conn{srv: s, sock: sock}
	s.conns.add(c)
	sock.mu.Lock() // closing it takes until the end of the test
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		s.frozen()
	}()
	select {
	case <-returned:
	case <-time.After(20 * time.Second):
		t.Error("the clock waits for a connection to be closed")
	}
	if c.at() != stageClosed {
		t.Error("something may still be taken from it")
	}
	sock.mu.Unlock()
	<-returned
	s.ticking.Wait()
	if !sock.closed {
		t.Error("it is not closed")
	}
}
