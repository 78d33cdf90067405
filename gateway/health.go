package gateway

import (
	"sync"
	"time"
)

// health is what this node knows of the parts that it needs.
type health struct {
	mu       sync.Mutex
	storeErr error     // of the last use of the store
	storeAt  time.Time // of the last use
}

// staleAfter is how old the last answer of the store may be: the keeper uses it
// every second.
const staleAfter = 5 * time.Second

// store notes how the last use of the store went.
func (h *health) store(err error) {
	h.mu.Lock()
	h.storeErr, h.storeAt = err, time.Now()
	h.mu.Unlock()
}

// storeUp tells whether the last use of the store went well.
func (h *health) storeUp() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.storeErr == nil
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
