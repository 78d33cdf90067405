// Package transport is where bytes come in and go out: it accepts connections, reads what
// they ask for, and carries what they say. It knows bytes and reasons, and no room, no
// user and no entry.
//
// # A connection
//
//	Accept    takes it from the listener
//	Poller    carries its bytes, by epoll loops: what was read goes up by Callbacks, and
//	          what is to be sent comes down to its Socket
//	CutHead, ReadRequest
//	          find the request that it begins with, and what no request here may have
//	Rules     tell who sends it, through which proxies, and whether it may become a
//	          WebSocket: RFC 6455 to the letter, and for a page that it comes from where it
//	          connects to, at a name that is ours. Each Refusal is a metric's label.
//
// Whoever uses it decides what to do with all that. A type of nbio does not leave nbio.go.
//
// # Goroutines
//
// Those of nbio: each tells a Loop how it gets on, and answers Poke. Accept runs on its
// caller's.
//
// # Locks
//
// The poller's mutex, then that of a loop's probe; nbio's mutex of a connection is held
// around Callbacks.OnWritten, and no other lock.
package transport
