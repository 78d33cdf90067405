package transport

import "net"

// Poller carries the bytes of the accepted connections. nbio's epoll loops do it,
// unless the gateway is given another: a simulation of a whole fleet brings its own.
type Poller interface {
	Start() error
	// Stop closes every connection hard and ends the loops.
	Stop()
	// Poke asks each loop for a sign of life, unless it owes one already.
	Poke()
	// TakeOver makes a socket of an accepted connection, which belongs to the poller
	// from now on.
	TakeOver(tcp net.Conn) (Socket, error)
	// Serve begins to call back. It may do so before it returns.
	Serve(s Socket, to Callbacks) error
}

// Callbacks are those of one connection. OnData calls come one at a time and keep
// the order of the bytes; OnClose comes once.
type Callbacks interface {
	// OnData brings what was read. The slice is the poller's again afterwards.
	OnData(data []byte)
	// OnWritten tells that the kernel took n bytes of what was queued.
	OnWritten(n int)
	OnClose(err error)
}

// Socket is one accepted connection on a poller.
type Socket interface {
	// Send gives the kernel what it takes at once; nothing must be queued. It never
	// waits.
	Send(b []byte) (taken int, err error)
	// Queue keeps a copy of b until the kernel takes it, of which OnWritten tells.
	Queue(b []byte) error
	// Close ends the connection at once; OnClose follows on another goroutine, with
	// the reason.
	Close(why error)
	// Reset is Close, and what the kernel has of the connection is dropped.
	Reset()
	// CloseWrite says that nothing more will be sent, so that the client reads what
	// is under way before it sees the end.
	CloseWrite() error
	// Unacked is how many bytes the kernel has for the client that have not arrived.
	Unacked() int
}

// Loop is told how a goroutine of a poller gets on, so that somebody notices when it does
// not: a piece of work begins, makes progress, and nothing is left to do.
type Loop interface {
	Begin()
	Progress()
	End()
	// Idle tells whether there is nothing to do, as far as known.
	Idle() bool
}
