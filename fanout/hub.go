package fanout

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Hub is the bus within one process. Its nodes are several gateways of one
// test, or the only gateway of the embedded default.
type Hub struct {
	nodes atomic.Int32 // open nodes

	mu    sync.RWMutex
	rooms map[int32][]*node // subscribers; a slice is never changed, only replaced
	peers []*node           // open nodes
}

// NewHub returns a hub without nodes.
func NewHub() *Hub {
	return &Hub{rooms: make(map[int32][]*node)}
}

// Node adds a node, which receives through handler. Its Subscribe confirms at
// once, and it is healthy until it is closed.
func (h *Hub) Node(handler Handler) Bus {
	n := &node{
		hub:   h,
		inbox: NewInbox(handler, InboxNotes, InboxBytes),
		rooms: make(map[int32]struct{}),
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.peers = append(h.peers, n)
	h.nodes.Add(1)
	return n
}

// node is one gateway's end of a Hub.
type node struct {
	hub    *Hub
	inbox  *Inbox
	closed atomic.Bool // written under hub.mu

	status atomic.Pointer[Status] // nil until announced

	rooms map[int32]struct{} // subscribed to; guarded by hub.mu
}

var (
	_ Bus   = (*node)(nil)
	_ Fleet = (*node)(nil)
)

func (n *node) Subscribe(ctx context.Context, room int32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h := n.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if n.closed.Load() {
		return ErrClosed
	}
	if _, ok := n.rooms[room]; ok {
		return nil
	}
	n.rooms[room] = struct{}{}
	h.rooms[room] = append(slices.Clone(h.rooms[room]), n)
	return nil
}

func (n *node) Unsubscribe(ctx context.Context, room int32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h := n.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if n.closed.Load() {
		return ErrClosed
	}
	n.leave(room)
	return nil
}

// leave ends one subscription. Hub.mu is held.
func (n *node) leave(room int32) {
	if _, ok := n.rooms[room]; !ok {
		return
	}
	delete(n.rooms, room)
	h := n.hub
	rest := slices.DeleteFunc(slices.Clone(h.rooms[room]), func(other *node) bool { return other == n })
	if len(rest) == 0 {
		delete(h.rooms, room)
		return
	}
	h.rooms[room] = rest
}

// Publish MUST NOT allocate or lock while this is the hub's only node: the
// embedded default publishes every entry to nobody.
func (n *node) Publish(_ context.Context, note *Note) error {
	if n.closed.Load() {
		return ErrClosed
	}
	h := n.hub
	if h.nodes.Load() < 2 {
		return nil
	}
	h.mu.RLock()
	subscribers := h.rooms[note.Room]
	h.mu.RUnlock()
	for _, other := range subscribers {
		if other != n {
			other.inbox.Put(note)
		}
	}
	return nil
}

func (n *node) Healthy() bool { return !n.closed.Load() }

func (n *node) Close() error {
	h := n.hub
	h.mu.Lock()
	if n.closed.Load() {
		h.mu.Unlock()
		return ErrClosed
	}
	n.closed.Store(true)
	for room := range n.rooms {
		n.leave(room)
	}
	h.peers = slices.DeleteFunc(h.peers, func(other *node) bool { return other == n })
	h.nodes.Add(-1)
	h.mu.Unlock()
	n.inbox.Close()
	return nil
}

func (n *node) Announce(status Status) { n.status.Store(&status) }

// Peers are heard as long as they are open.
func (n *node) Peers() []Peer {
	h := n.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	var peers []Peer
	for _, other := range h.peers {
		if status := other.status.Load(); other != n && status != nil {
			peers = append(peers, Peer{Status: *status, Heard: time.Now()})
		}
	}
	return peers
}
