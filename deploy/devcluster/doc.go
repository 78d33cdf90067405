// Package devcluster runs the servers that a fleet needs on one machine, as real
// processes: Nginx, gateways, a Redis Cluster, PostgreSQL and its standby; Cluster
// is all of them. It starts them from the configuration that a fleet is deployed with, and
// kills, freezes, wakes, cuts off and restarts them, for the cluster on one
// machine, the tests and the faults of the load generator.
//
// Everything listens on loopback addresses unless told otherwise, on given
// ports or on free ones below those that the kernel gives to clients. Data and
// logs are under one directory. A process that was started here is only ever
// ended by its id, and ends with the program that started it even if that is
// killed: the kernel ends it (its parent is a thread that lives as long as we
// do), and a reaper, a shell that waits for our end, ends what Nginx has started.
//
// # Cutting off
//
// A Link carries TCP connections and can slow, freeze, cut or drop what it
// carries. An isolated gateway runs in a network namespace that has nothing but
// a loopback of its own, and everything that it reaches, or that reaches it, goes
// through links: to Nginx, to PostgreSQL, to each Redis node.
//
//	here:       nginx ── link 127.0.0.1:P ─┐        ┌─ redis 127.0.0.1:R
//	                                       │        │
//	namespace:       gateway 127.0.0.1:P ──┘        └─ link 127.0.0.1:R ── gateway
//
// A link has the same address on both sides, since loopback addresses of two
// namespaces do not collide: the nodes of a Redis Cluster tell their addresses to
// whom they speak with, and these are right for each gateway, through links of
// its own. So one gateway can be cut off from Redis only, from PostgreSQL only,
// or from Nginx only, while the others see nothing; and the addresses and the
// servers' configuration are those of a cluster without links. Only the gateway's
// side of a cut is like the real one in every respect: to Nginx a link is there
// even when the gateway behind it is not, and then resets what it has accepted.
//
// Drop loses packets in the kernel, by a filter on the link's sockets: nothing is
// acknowledged, so that the timers of TCP itself run, as with a pulled cable.
// Freeze only stops carrying: the kernel acknowledges, as for a stopped process.
//
// # Standbys
//
// PostgreSQL servers stand by for each other as deploy/postgres/replication.conf
// says: a primary that was given a standby calls nothing committed that is not on
// a standby's disk too. So a primary that comes back after its standby was
// promoted can commit nothing, and nothing that was called stored is lost.
// Promoting is for who runs the servers, never by itself.
//
// A PostgresPair starts each of two servers as what it has to be, which it reads
// from their data: standby.signal, and the timeline. So it does not matter who
// promoted one, or when whoever looks after them was away: an old primary comes
// back only as the standby of the new one, on a fresh copy of its data, and while
// the new one is dead it does not come back at all. That is about being of use:
// what keeps an old primary from doing harm is that it cannot commit, and that
// history/pgstore does not use it.
//
// # Goroutines and locks
//
// Each started process has a goroutine that waits for its end, each group of
// processes a process starter with a thread of its own that starts them. A Watchdog is
// one goroutine, Keep has one for each part; a Link's are told in its comment. A Gateway's lock is taken
// before its Program's, a PostgresPair's before its servers', a Link's changing before its mu before a connection's mu;
// no lock is held while a part is asked something.
package devcluster
