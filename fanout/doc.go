// Package fanout is the bus between the gateways of a fleet.
//
// The bus carries hints. The store decides what is in a room and in which
// order; a Note only says "entry n of room r is this", so that the other nodes
// need not ask. A bus may therefore lose notes, as long as it says so
// (Handler.Lost) where it knows, and a node finds the rest by the holes in seq.
//
// The package holds the interface, the binary form of a Note (AppendNote,
// DecodeNote), the Inbox through which every bus hands notes to its node, and
// the in-process bus (Hub). Package redisbus carries notes over a Redis
// Cluster. Package fanouttest is the contract that every bus passes. Spool is
// the place where entries wait while the store is away. What concerns people and not a
// room goes to FleetRoom, to which every node subscribes. Fleet tells the nodes of
// one another.
//
// # Life of a note
//
// Publish on one node; the bus finds the nodes that are subscribed to the
// room, all but the publisher; each of them has an Inbox, where the note waits
// in a queue that is bounded in notes and bytes; the Inbox's goroutine hands it
// to Handler.Deliver. Where the queue is full the note is dropped and its room
// noted; Handler.Lost names that room behind the notes that were queued before
// it. So a slow node costs nobody else anything, and nothing goes silently.
//
// # Goroutines
//
// One for each Inbox, started by NewInbox and awaited by its Close. A Hub has
// none of its own: a publisher's goroutine puts the note into the inboxes.
//
// # Lock order
//
// None is held while another is taken. No handler is ever called under a lock.
package fanout
