// Package gateway is one node of TuiTalk: it holds the connections, shows them
// their rooms, and hands what they say to the store.
//
// # The life of a message
//
//	poller goroutine   conn.onData → websocket.Parse → conn.onMessage → enqueueMessage → handle → post
//	lane goroutine     commit.Committer → history.Log.Append → commit.Rooms and commit.Poster:
//	                     → room.placeEntries → room.place → conn.pushLive   (members on this node)
//	                     → fanout.Bus.Publish                       (the other nodes)
//	                     → Stored to the author
//	pump worker        transport.Pump.Serve → one write(2) for what is queued
//
// Nothing is shown or acknowledged before the store has it: the store gives an
// entry its seq, and room.placeEntries shows entries in that order only. What arrives
// out of order waits; what does not arrive is read from the store.
//
// # Who gets in
//
// Package transport carries the bytes, and tells what a request is, who sends it and
// whether it may become a WebSocket. A request's head is judged whole (parseRequest), then
// its budgets (conn.acquireBudgets), then the handshake (conn.upgrade). Each refusal has a
// reason, which is the metric's label, and a line in the log.
//
// # What a client sees
//
// A member of a room has a cursor. It is live, and then the next entry goes
// straight into its ring; or it is behind, and catchUp brings it forward from
// the room's recent entries or from the store, and turns it live under the
// room's lock. A ring that is full does not grow and holds up nobody: the member
// falls behind, and catches up when the ring has drained.
//
// Older history is streamed (historyStream): a piece is read from the store when
// the client has taken the one before, so that an answer of any length holds
// neither a worker nor memory while the client reads.
//
// What is read of older history has a budget of bytes, in which who reads little goes
// first; it gives way to what is said now.
//
// # What a client may
//
// Every connection has an account in package limits, from accept on. A message is
// paid for when its turn comes (conn.pay): what cannot be paid yet waits in the
// backlog, what finds no room there is refused, and who is refused too often is
// closed and kept out (account.go).
//
// # What waits for a client
//
// Prepared frames are queued by reference and written by pump workers (package transport,
// "What waits for a client"). The sweep samples how far each client has come: what waited
// has arrived SlowAfter later, or MinRate of it, else the client is slow and is reset.
// Above MaxQueuedBytes the largest holders go first.
//
// # Who is stored first
//
// What waits for the store has package commit. In a lane networks take turns, and so do
// the rooms of a network. A commit carries what the store takes in about 10 ms, since
// everybody waits for the one under way; the posts of those who say most wait longer.
// Of the room for what waits a network may have half of what is free.
//
// # Who is where
//
// Nobody is known here: Hello shows a secret, and the uuid is made of it (package
// talk, "Identity"). Nothing is stored, signed or shared for that.
//
// Joins, leaves, breaks and renames are moves; they go through the room's lane
// like posts, and are repeated until the store answers. A broken connection is
// not a leave: leaseManager removes a session only after the grace, counted in time
// in which the store answered, on behalf of whichever gateway had it. It asks the
// store itself, and what the store did not take it decides anew. A client of the
// original's forms cannot come back as the session that it was: when its
// connection ends it leaves, and after the end of its gateway it has no grace. A
// gateway that is taken for dead and lives enters such users again, who then have
// left and joined.
//
// One session is on one gateway: the newer connection wins, by the rule in package
// history. Who enters a session that may have been elsewhere says so on the bus
// (tellEntered), and every round the lease manager compares sessions of its own with the
// store's (lookUpOwn): a connection whose session has a greater epoch at another
// gateway is closed as superseded, and one whose session is gone, or older than it
// was, is registered again; but one that is gone since it is newer in another room is
// closed. A re-registration says the epoch that it has, and so
// takes nothing from a newer connection.
//
// A name is a user's, not a window's. The entry that tells it gives it to all the
// user's windows in the room (tellNames), before the lane comes to what they have said
// meanwhile (inTurn); windows in other rooms are renamed there by a move of their own,
// those on other nodes by a note in fanout.FleetRoom. Notes get lost; so the lease manager
// asks the store as well where else a user is who was renamed or has come
// (lookAround), renames him there or takes the name that he has there, and ends what a
// session was in another room. Who comes to a room where he is already keeps his name.
// Who proves nothing may be several people, and is left alone.
//
// The ids of what a gateway writes are random and are shown to nobody before; the
// one that all claimers of a session must agree on is made by the store.
//
// # When a part is away
//
// Without the store, lanes put entries into the bus's spool (package commit):
// the author is told Accepted, the room shows them as pending. Every node that
// reaches the store replays every partition, in stream order. A lane
// that knows of entries of a room puts its own behind them, so that nobody
// overtakes himself: in the store after them if they are few, else in the spool
// too, so that nobody is kept waiting. Who joins
// meanwhile gets a provisional membership, which he can leave again (join.onEntered); a
// room that was not open is opened unverified, behind what the joiner has, or headless,
// and read when the store is back. What a joiner has is compared then, before it is
// shown what is stored behind it. A new name holds on this node at once (rename).
// What may have been taken of a client without ids is kept and offered again
// (commit.Poster). A node that alone
// does not reach the store sends its users away (watcher). Without the bus, heads
// are compared with the store's four times a second.
//
// # When the store goes back
//
// A restored backup has fewer entries than were shown, and gives their seqs anew.
// Heads are compared with their ids and dates, what is read behind an entry is read with that
// entry, and what is stored at a seq that is placed is looked at (room.doubt). A
// doubt that two separate reads confirm resets the room: it is read again, sessions
// are registered again, members of the extended form are told Reconnect with reset, are
// shown nothing until they have joined again, from nothing, and are closed if they do
// not. Who did not hear it, or comes with another log, is found out by his JoinRoom, and
// Joined.reset has him drop what he has. Clients of the original's forms keep on their screens what is lost, and go
// on with what is behind the entries that both logs have. What is pending stays so.
// Operators are told by a log line, a metric and /readyz.
//
// # Goroutines
//
// A fixed number, whatever the number of connections: the pollers of nbio, pump
// workers, lanes, the workers of each class of work, and one each of accept,
// timer queue, clock, leaseManager, replayer, sweep and watcher. Server.Drain ends them all,
// or names what hangs.
//
// # Classes of work
//
// What waits for the store or the bus on behalf of a connection or a room is a task
// of a class: enter (joins, resumes), opening (of rooms), live (catch-up, gaps, heads,
// rooms to be verified), history (older entries), site (the page), closing
// (the end of subscriptions). Each class is a sched.Pool with workers and a queue of
// its own, and the store has a connection for every worker, so that none can starve
// another, and in each networks take turns, as in a lane. A room is opened in
// the turn of whoever of those who wait for it comes first. A task waits for the store
// and the bus only, never for another task: a
// join whose room is just being opened or closed is kept by the room, holds no
// worker, and is told. Whatever is queued has a bound, a highest age, and somebody
// who is told when it is not done; the sweep looks at ages. What a client asks for
// is answered within Options.RequestWait, or refused with "try again".
//
// # Panics
//
// A panic in a task, or in the handling of what one connection said, fails that
// alone: the connection is closed, and locks are let go by defer (conn.locked,
// room.locked), state flags by the task's fail. A panic on a goroutine on which all
// depend (Server.vital: lanes, pump workers, timer queue, sweep, leaseManager and the like),
// whose state nobody knows then, is logged and ends the process. nbio's goroutines
// call nothing of this package but guarded callbacks and conn.OnWritten.
//
// # Alive and ready
//
// Each goroutine is a loop of a registry (package sched): it says when a piece of work
// begins and ends, when it wants to be at work again, and when it waits for the store or
// the bus (watchedLog and its like). The pollers answer a poke each second. Stuck, and so
// /healthz and the watchdog, names loops that have work and made no progress for
// sched.StallAfter. A wait for the store or the bus that does not end is none of these,
// since another process would wait as well: it makes Ready red, as does work that
// is too old.
//
// # Locks, in the order in which they are taken
//
//	conn.mu → the locks of package commit → sched.Timers
//	conn.mu → arrivals.mu
//	conn.mu → sched.Pool
//	conn.mu, room.mu → the locks of package limits, which calls nobody
//	conn.mu → room.mu → the locks of package transport (outbox, then pump)
//	rooms.mu, windows.mu, shards of conns, the locks of package sched, poller.mu: alone
//
// The store, the bus, the log and Socket.Close are never called under room.mu or a lock of
// package transport.
package gateway
