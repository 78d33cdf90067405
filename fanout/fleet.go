package fanout

import (
	"time"

	"tuitalk/talk"
)

// Fleet lets the nodes of a bus know of one another. Every Bus of this module
// is one.
type Fleet interface {
	// Announce sets what this node says of itself from now on, several times a
	// second, for as long as it can.
	Announce(status Status)
	// Peers returns the other nodes that have announced themselves, as they
	// were last heard. One that has not been heard for PeerMemory is left out.
	Peers() []Peer
}

// PeerMemory is how long a silent peer is remembered.
const PeerMemory = 10 * time.Second

// Status is what a node says of itself.
type Status struct {
	Gateway talk.UUID // its name in the store's leases
	Store   bool      // it reaches the store
}

// Peer is another node.
type Peer struct {
	Status
	Heard time.Time // when, by this node's clock (monotonic)
}
