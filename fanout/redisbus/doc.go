// Package redisbus is the bus between gateways over a Redis Cluster, and the
// spool of entries that wait for the store.
//
// It uses sharded pub/sub of Redis 7 (SSUBSCRIBE, SPUBLISH). The rooms fall
// into 128 partitions, each with a hash tag whose slot lies in its own 128th of
// the slots. So a node has one subscription per room, but subscribes, and after
// an interruption subscribes anew, with a few commands per server. A node has
// three connections to each master, whatever the number of its rooms: one with
// the subscriptions, one for publishing and questions, and one for the spool,
// which trials keep ready. It has none to replicas.
//
// # Life of a note
//
// Publish encodes the note and queues it in the session of the partition's
// master; the session's publisher sends what came together in one round trip.
// On every subscribed node the read loop of the subscriptions' connection
// decodes it and puts it into one of the lanes (fanout.Inbox), by its room. A
// node's own notes come back to it and are dropped by the id they begin with.
//
// # What is lost, and who says so
//
// Pub/sub delivers at most once. Whatever may have been missed is reported, and
// always after the subscription stands again, so that a look in the store finds
// all of it:
//
//   - The subscriber, for all rooms of a partition, each time it had to
//     subscribe anew: after a broken connection, a failover, a slot's move, or
//     an end of the subscription that the server announced.
//   - The subscriber, where its lane was full or the message unreadable.
//   - The publisher, for notes that the server did not confirm or that did not
//     fit into the queue, and for those that it published shortly before the
//     partition changed hands: a master that is cut off takes them and delivers
//     them to nobody. As soon as it can, it publishes a "look" to those rooms,
//     or to the whole partition if they are many.
//
// # Who serves what
//
// The topologyRefresher asks the nodes with CLUSTER NODES: one of them every second while
// all is well, all of them every tenth of a second, and later every half, while
// it is not. All addresses of a host name are asked, and nobody is forgotten
// while all are silent. For each partition the claim with the highest configuration epoch wins, as in Redis
// itself, so that a master that was cut off convinces nobody. A partition that
// moves keeps its old subscriptions until the old server ends them: until then
// some may still publish there.
//
// # Health
//
// The prober publishes through each master, in turn of its partitions, a
// message that must come back over this node's own subscription. The bus is
// healthy while everything wanted is subscribed and no probe is overdue. Probes
// also carry what a node says of itself (fanout.Fleet).
//
// # What would fail
//
// A bus can be healthy and of no use in an outage of the store: without a right
// to run scripts, without memory, without a replica. So each session tries the
// spool with a real write, when it begins and every few seconds (trial.go), and
// asks whether the master keeps what it takes (durability.go). What
// does not work is kept with the server's own words (conditions.go): in the log,
// once each time it changes, in a metric, and in Degraded, which /readyz shows.
// Working tells whether the spool works at any master: without the store a node
// is ready only then.
//
// # Spool
//
// A stream per partition, and beside it a hash of the ids that are in it; a
// script adds an entry unless its id is there, another removes an entry with
// its id. Add runs the script and WAIT for one replica in one go on one
// connection, and counts only what a replica confirmed. While a slot moves, the
// spool of its partition takes nothing, unless it holds something already.
//
// # Goroutines
//
// Of the bus: the topologyRefresher, the prober and one for each lane. Of each master: the
// link, which redials, and three of its session (subscriptions, publishing,
// spool), besides those of the library. Questions of the topologyRefresher and the closing
// of connections have short-lived ones. All end with Close, which waits for them.
//
// # Lock order
//
// Bus.mu, partition.mu, session.mu, probing.mu, peers.mu and conditions.mu are
// never held together, and none is held during a call to a server or a handler.
package redisbus
