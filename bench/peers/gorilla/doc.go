// Package gorilla is the chat server that most would write in Go: gorilla's
// websocket package, a goroutine that reads and one that writes for each
// connection, a channel between the room and the writer, and frames prepared
// once for all members of a room. Whoever does not read fast enough is cut off.
// It stores nothing.
//
// # How it is set
//
// Prepared messages and pooled write buffers are what the package offers for
// broadcasts and for many connections. It writes each frame with a call of its own;
// most servers leave it at that, but a busy one pays for it, so frames that wait
// behind one another go out with one call (cork.go). Read buffers are small, and
// nothing is compressed.
//
// It speaks as much of TuiTalk's extended form as a load generator needs: Hello,
// JoinRoom, LeaveRoom, PostMessage and Ping, with TuiTalk's own codec, so that
// its entries are byte for byte those of a gateway.
//
// # Locks
//
// Server.mu → room.mu. Entries are put into the members' channels under room.mu,
// which makes one order for all; nothing is written under it.
package gorilla
