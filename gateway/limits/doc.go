// Package limits holds every budget of a gateway: how many connections there may
// be and how much they may say, at each level that has an owner.
//
//	connection   what one WebSocket sends, and what it is refused
//	identity     all windows of a user; a UUID that proves nothing counts for its address only
//	address      an IPv4 address or an IPv6 /64: whoever has one address of it has all
//	network      an IPv6 /48, which is what a customer of a provider gets
//	room         what is said in it; when it is too much, each may speak once in a while
//	process      all together
//
// # Connections
//
// A Client is one connection's account. Table.Accept opens it when the kernel has
// accepted, Table.Move carries it to the client's address when a trusted proxy has
// named one, Table.Identify notes that the client has said who it is, Table.Leave
// closes it. Those that have not said who they are may be a share of all only, and
// of their address's. Beyond it, or when the process is full, the oldest of the
// network with most of them gives way to the newcomer: a stranger who holds
// connections open displaces his own, and somebody who joins needs his place for
// some milliseconds only. So all other places are for people with an identity; when
// they are taken, who is in no room gives way, but not who has asked for one.
//
// # Messages
//
// Table.Ask is the one place where a message is paid for, at all levels at once.
// Nothing is taken before every level has been asked, so nothing has to be given
// back when one refuses; what several askers take at the same moment beyond a
// bound is a debt that the next ones wait for. Connections share what their address
// may say, addresses what the process takes: half of a budget's burst is for those
// who stay below their fair share of it, so that who says little is served while
// others flood. What was done already is charged (Table.Charge); that takes nothing
// of the reserved half, and is a debt of those above their share.
//
// In slow mode all of an address speak no more often than a few users: identities are
// free.
//
// # Older history
//
// What is read back is asked for likewise (Table.AskHistory), in bytes and from pools
// of its own: who reads much waits, and speaks as before.
//
// # Escalation
//
// A message waits its turn; what comes beyond that is refused with the time to
// wait; who is refused too often is closed; whose connections are closed too often
// is kept out, for longer each time, up to a bound. All of it is forgotten by itself.
// What it takes to tell a refusal, beyond what was sent, is paid for like a message, by
// the address, the network and the process: a stranger cannot have more sent to him
// than he has sent and may say.
//
// The package does no I/O, starts nothing and asks no clock: now is the time since
// any fixed moment, by a monotonic clock. Table.Sweep, called every second or so,
// forgets what is of no more interest.
//
// Locks: Table.mu is for connections that come and go. A message takes none of it
// but atomics, and Room.mu if it is a post. Fields of Client that pay for messages
// are its owner's to guard.
package limits
