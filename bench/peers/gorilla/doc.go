// Package gorilla is the chat server that most would write in Go: gorilla's
// websocket package, a goroutine that reads and one that writes for each
// connection, a channel between the room and the writer, and frames prepared
// once for all members of a room. Whoever does not read fast enough is cut off.
// It stores nothing.
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
