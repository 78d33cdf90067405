package gateway

import (
	"errors"
	"testing"
	"time"
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
