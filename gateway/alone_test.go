package gateway

import (
	"testing"
	"time"
)

// TestWatcherNobodyIsAloneWhenTheStoreComesBack: after an outage of all, the first node
// that reaches the store says so, and the others are about to.
func TestWatcherNobodyIsAloneWhenTheStoreComesBack(t *testing.T) {
	t.Parallel()
	at := time.Now()
	w := &watcher{downSince: at}
	step := func(peer bool) bool {
		at = at.Add(watchEvery)
		return w.isAlone(at, peer)
	}
	for range 40 {
		if step(false) {
			t.Fatal("a node is alone without the store although nobody reaches it")
		}
	}
	if step(true) {
		t.Error("a node is alone as soon as another one has found that the store is back")
	}
	for range 4 {
		step(true)
	}
	if step(false) || step(true) {
		t.Error("a node is alone although the other one has lost the store meanwhile")
	}
	alone := false
	for range int(alonePatience/watchEvery) + 1 {
		alone = step(true)
	}
	if !alone {
		t.Error("a node that alone does not reach the store does not find that out")
	}
}

// TestWatcherNodesThatLoseTheStoreTogether do not believe what they said before.
func TestWatcherNodesThatLoseTheStoreTogether(t *testing.T) {
	t.Parallel()
	if proofAge+freshPeer+watchEvery > alonePatience {
		t.Errorf("a node says for %v that it reaches the store, is believed for %v, and another one goes after %v", proofAge, freshPeer, alonePatience)
	}
}
