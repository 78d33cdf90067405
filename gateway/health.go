package gateway

import (
	"context"
	"errors"
	"sync"
	"time"
)

// health is what this node knows of the parts that it needs.
type health struct {
	mu       sync.Mutex
	storeErr error     // of the last use of the store
	storeAt  time.Time // of the last use
	outages  int64     // times that the store stopped answering
}

// staleAfter is how old the last answer of the store may be: the keeper uses it
// every second.
const staleAfter = 5 * time.Second

// store notes how the last use of the store went. What this node gave up because
// it ends says nothing of the store.
func (h *health) store(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil && h.storeErr == nil {
		h.outages++
	}
	h.storeErr, h.storeAt = err, time.Now()
}

// storeOutages is how often the store has stopped answering. It counts an outage
// before storeUp can be true again.
func (h *health) storeOutages() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.outages
}

// storeUp tells whether the last use of the store went well.
func (h *health) storeUp() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.storeErr == nil
}

// proofAge is how old the last answer of the store may be for this node to tell
// others that it reaches it. The keeper asks every second. It must be less than
// alonePatience: else nodes that lose the store together would believe each
// other, and all send their users away.
const proofAge = 1250 * time.Millisecond

// storeProven tells whether the store has answered just now.
func (h *health) storeProven(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.storeErr == nil && now.Sub(h.storeAt) < proofAge
}

// report returns the first reason why this node cannot deliver; "" if it can.
func (h *health) report(now time.Time) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.storeAt.IsZero():
		return "the store has not answered yet"
	case h.storeErr != nil:
		return "the store does not answer: " + h.storeErr.Error()
	case now.Sub(h.storeAt) > staleAfter:
		return "the store has not answered for " + now.Sub(h.storeAt).Round(time.Second).String()
	}
	return ""
}
