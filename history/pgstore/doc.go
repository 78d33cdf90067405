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
// behind it, also after a crash of the server has made the entries visible:
// locking the rooms is a write of its own, which waits for the standby too.
//
// # Errors
//
// SQLSTATE classes 22, 23 and 54 concern the data: the batch is bisected
// (history.Bisect). A violated key, or class XX's reports of damage, are
// history.ErrCorrupt. All others, and every trouble with the connection, are
// history.ErrUnavailable. A connection to a server that has become read-only
// is closed, so that the next one finds the primary; name all servers in the
// address (postgres://a,b/…). Errors hold neither passwords nor people's texts.
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
