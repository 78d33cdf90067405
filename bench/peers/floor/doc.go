// Package floor is the least that a chat server must spend that writes each message
// to each member with a call of its own: one epoll loop that cuts the room, the id
// and the text out of a frame, builds the frame that the members get, and sends it
// to each of their sockets. It keeps nothing, checks next to nothing, and is good
// for nothing but to be compared with. Near its end a server can be below this
// floor if it writes what waits for a client with one call.
//
// It speaks as much of TuiTalk's extended form as a load generator needs: Hello,
// JoinRoom, LeaveRoom, PostMessage and Ping, as the generator writes them, and it
// answers with the bytes that a gateway sends. What it does not know it ignores.
//
// # Goroutines
//
// One, that of Serve. Close wakes it and waits for it.
package floor
