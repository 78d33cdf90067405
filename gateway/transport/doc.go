// Package transport is where bytes come in and go out: it accepts connections, reads what
// they ask for, and carries what they say and what they are sent. It knows bytes and
// reasons, and no room, no user and no entry.
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
//	Outbox    queues what the client is sent, and a Pump writes it as the client takes it;
//	          Client.OnFlushed tells when it has taken all
//
// Whoever uses it decides what to do with all that. A type of nbio does not leave nbio.go.
//
// # What waits for a client
//
// A prepared frame is queued by reference and leaves the ring when the kernel has all of
// it: nothing is copied for a client that does not read, and of the site's files
// nothing at all. The kernel's part is bounded by SO_SNDBUF. A full ring does not grow and
// holds up nobody: what is live does not get in (QueueLive), until the ring has drained.
// Outbox.SamplePace tells whether the client takes too little. What waits for all clients,
// what has come from them and is no whole message, and the kernel's part are one number
// (QueuedBytes).
//
// # Goroutines
//
// Those of nbio: each tells a Loop how it gets on, and answers Poke. Accept and Pump.Serve
// run on their callers'.
//
// # Locks
//
// An outbox's, then a pump worker's. The poller's, then that of a loop's probe. nbio's own
// mutex of a connection is held around Callbacks.OnWritten, which may take a pump worker's
// only. Sockets are called under none of them.
package transport
