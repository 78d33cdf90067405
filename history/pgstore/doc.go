// Package pgstore keeps the log of every room and who is where in PostgreSQL 14
// or newer: the store that many gateways share.
//
// # Writing
//
// Append and Move are one call of one function in the database each, in a
// transaction of its own: one round trip, and no lock is held across any. The
// function locks the rooms of the batch in ascending order (two that do so
// cannot deadlock) and goes on in a later statement, which sees what those it
// waited for have stored: so a repeat is found and no seq is left out. Retire
// locks in the same way. Everything else touches one row.
//
// # What is unclear
//
// There is no statement timeout, and a cancel request is never sent: with a
// synchronous standby PostgreSQL answers a cancelled wait for it with success.
// When a context ends, the connection is dropped at once, what the kernel has
// not delivered yet is thrown away, and the caller gets
// history.ErrUnavailable: stored or not, nobody knows; say it again. The server
// notices the loss (client_connection_check_interval) and gives up what waits
// for a lock. Where pgx would send a cancel request by itself it finds that it
// cannot dial: see once.
//
// The same goes for a commit that waits for a lost standby: its rooms stay locked
// until there is one again, or the server is told to go on alone. A repeat waits
// behind it.
//
// # Which server
//
// The address names all servers (postgres://a,b/…), of which one is the primary.
// It calls nothing committed that is not on a standby's disk too. A promotion
// takes this standby away from it, so that at most one server can commit at a
// time, and whichever one a gateway talks to, at whatever moment it looked:
// nothing is called stored that the next primary does not have. That much
// PostgreSQL does. It takes that the old primary has no other standby when one is
// promoted, and is never told to go on alone.
//
// What is left are an old primary that takes connections and commits nothing, and
// what may be read from it. So each new connection is asked one question (see
// lookQuery), and used only if its server
//
//   - may be written;
//   - is on no earlier timeline than any that this Store has used: each promotion
//     begins a new one, so nobody goes back to an old primary;
//   - can commit: a synchronous standby is in step with it and has all that its
//     last recovery brought up, and no commit has been waiting for longer than
//     lookPatience.
//
// Else the next server of the address is tried. An old primary is passed over,
// also by a gateway that has just started and finds it first in the address. A
// primary that has lost its standby gets no new connections, so that the commits
// which callers have given up, and which keep a process of the server until the
// standby is back, are few: one for each of a gateway's writers, and what was
// begun before the loss showed. Nobody waits for a time then: calls fail at once.
//
// What is read was stored. A server shows a commit when its wait has ended; but
// after a crash it shows also what had waited in vain, and what a promotion would
// take back. So connections for reading have to pass the same three, with one
// exception: a primary that could commit once and has not been started anew
// since can be read, however long its standby is away. And once one connection
// has found another primary, or the same one after a new start, all others are
// dropped before their next use. Until then a gateway may read from an old
// primary that still runs: it is behind, as if it had not heard yet, and not
// wrong. It ends with the gateway's next write, which waits in vain and is said
// again elsewhere; its lease is one every few seconds.
//
// # Errors
//
// SQLSTATE classes 22, 23 and 54 concern the data: the batch is bisected
// (history.Batch). A violated key, or class XX's reports of damage, are
// history.ErrCorrupt. All others, and every trouble with the connection, are
// history.ErrUnavailable. A connection to a server that has become read-only
// is closed, so that the next one finds the primary. Errors hold neither
// passwords nor people's texts.
//
// # Planning
//
// Every statement goes by an index, whatever the statistics say: the sessions
// switch off all other plans, and plans are made once. So a table that grows
// from nothing to millions of rows between two runs of ANALYZE costs the same
// all the way. Time is the database's own clock, the same for all gateways.
//
// # Migrations
//
// Open brings the schema up to date, in one transaction under an advisory lock.
// A migration must leave working what the program version before it calls,
// since gateways are replaced one after the other: a function that gets other
// arguments gets another name.
//
// # Goroutines
//
// Each of the two pools (one for group commits and leases, one for reading) has
// goroutines of its own, which Close ends.
package pgstore
