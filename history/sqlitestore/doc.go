// Package sqlitestore keeps the log of every room and who is where in one
// SQLite file: the store of a single gateway.
//
// # Files
//
// Beside the database file f, SQLite keeps f-wal and f-shm, and this package
// f.lock, which holds the process id of the gateway that has the file open and
// an exclusive flock. Another one is on f itself, so that a second gateway gets
// ErrInUse also if it comes by a hard link or a bind mount. Only local file systems
// are suitable; a file with several names, or mounted without its folder, is
// refused, for its write-ahead log would be missed.
//
// What is written into a file that has lost its name is gone with the process.
// So every write looks, before it and before it is acknowledged, whether f, f-wal
// and f-shm still are the files that SQLite has open: if not, the store is
// ErrUnavailable until they are back. If another program has written f, it is
// inspected; a copy of another state over it is history.ErrCorrupt. And Open makes
// no new database where something is left of an old one. (What is written between
// two such looks, some milliseconds, can be lost.)
//
// A copy of f alone is a backup only after Close; of a running
// store, make one with SQLite's own `VACUUM INTO` or `.backup`.
//
// # Writing
//
// There is one writing connection. A method that writes takes the turn (a
// channel of one, so that waiting for it ends with the context), and from then
// on nothing interrupts it: BEGIN IMMEDIATE, the statements, COMMIT, which
// returns after fsync (WAL with synchronous=FULL). Any error rolls the whole
// transaction back. So what a method returned without an error is on the disk,
// and what was not returned may or may not be.
//
//   - A full disk or a failed write is history.ErrUnavailable. Nothing of the
//     transaction stays, and the store goes on by itself when there is space.
//   - A damaged file is history.ErrCorrupt, at Open or later. From then on the
//     store refuses to write, so that the damage does not spread; reading what
//     is intact goes on.
//   - Data that the schema refuses is history.ErrBadEntry, by history.Batch.
//
// # Reading
//
// A small pool of other connections reads at the same time, each statement from
// one snapshot. The context interrupts reading.
//
// # Goroutines and locks
//
// The package starts no goroutine (database/sql has one per pool, ended by
// Close). The turn is the only lock.
package sqlitestore
