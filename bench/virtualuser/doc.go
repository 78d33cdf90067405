// Package virtualuser is many clients in one process: one worker's share of a scenario.
//
//	Group     the share: starts, samples
//	loop      an event loop on nbio's epoll, and all clients that belong to it
//	user      one client: where it is, what it is owed, how it lost its connection
//	protocol   what it is and speaks: session (client.Session, exactly what users
//	          run), wire (the protocol, and only what is measured), or another
//	          server's language
//	connection  upgrade, frames, fragments, pings
//	socket    what a connection stands on: TCP, TCP that is read slowly, or TLS over either
//
// A connection costs no goroutine, no timer and no read buffer (but see TLS, which
// keeps room for a record and a goroutine while the handshake lasts). Each loop has
// one nbio engine with one poller, one heap of timers, and one pacer.
//
// # Life of a message
//
// A schedule (measure.Arrivals) says when it is intended. Whichever goroutine of
// the loop is there first after that draws an author among those who talk, and
// hands it to the protocol, which sends it at once if it has a connection, else as soon as
// it has one. The intended time is the schedule's and never moves: what was late
// here (Late) and what waited for a connection is part of Latency. So a target that
// stalls is charged with all that people would have waited, not only with the
// few posts that happened to be under way (no coordinated omission).
//
// The text begins with a stamp: who, which, when intended, when really posted.
// Every receiver, the author included, finds it when the message is shown: for a
// session when its log has got it (Appended), for wire when its frame was
// decoded. The clock is read once for each read of a socket, right after it, so
// that what this program then does with the bytes is not the target's latency.
// Each post reads it once more, right before it is handed over.
//
// Slow readers read SlowBytes a second from sockets with a small receive buffer,
// once they have joined, until StopPosting. How late they see a message is their own
// choice: it is counted, but is not in Latency and Service. They say nothing.
//
// # Session and wire
//
// Messages that go to many members are decoded once for all in a loop that get
// the same bytes (decode cache); nobody changes a decoded message. A session keeps
// only its newest entries, and loads no history unless the scenario fetches:
// then it clears its log first, so that there is always something older.
//
// wire takes up its room behind what it has seen, keeps what is not stored and
// sends it again, and goes by rounds, as the protocol asks. Unlike a session it
// sends no pings of its own, so it learns of a silent death only from the
// kernel or the server, it has one connection at a time (a server's Reconnect is an
// outage), and it changes rooms only when nothing of its own is under way.
//
// # TLS
//
// A wss:// target is spoken with by crypto/tls, which thinks that it has a
// connection beneath (cipherConn): what the poller has read is lent to it, and what
// it has to write goes to the socket. When it has taken everything it is told that
// its deadline is over, after which it can go on as soon as more comes. Only a
// handshake cannot be interrupted so. It has a goroutine as long as it lasts: at
// most maxHandshakes of a loop are under way, one of them computes, the others
// wait for the target or for their turn, in the order in which they were dialled.
// Each is a whole one, with the certificate checked and no session resumed, as
// users' clients make them.
//
// The time for which handshakes are computed counts like the work of an event
// loop: where it is nearly all of a second the generator says that it was the
// bottleneck, for it was not the target that let clients wait. Decrypting comes after
// the clock was read, so it is in no latency; it is in the CPU that is told, as is
// all else, and BytesIn and BytesOut are what the network had to carry.
//
// # Outages
//
// One begins when a session's phase leaves Online (its connection closed, or it
// suspects it), for wire when its connection closes; Lost is then, or, for a connection that
// went silent, when it was heard last. It ends (CaughtUp) when everything up to
// the head that Joined named is shown. If a suspected connection comes back by itself,
// Opened is zero and Joined and CaughtUp are that moment. Returns, which a client
// makes of its own will, are none; Storm makes one for everybody.
//
// # Goroutines and locks
//
// A loop's mu guards everything of the loop, its virtual users and their connections. Four
// take it: the poller (data came), the pacer (something is due; it sleeps in the
// kernel for as long as nothing is, 2 ms at most), nbio's goroutine that reports
// closed connections, and whoever calls Group's methods; besides, the goroutines
// of handshakes, above whose mu is handshakes.computing. Writes and dials are
// non-blocking and are done under mu: it stands for the one goroutine that a
// session belongs to. Beneath mu there are only nbio's lock of a connection and
// the recorder's, which call nothing. Group takes the mu of one loop at a time.
//
// A poller holds one of Go's processors (P) for up to 10 ms after it went to
// sleep in the kernel, so New sees to it that GOMAXPROCS exceeds their number.
package virtualuser
