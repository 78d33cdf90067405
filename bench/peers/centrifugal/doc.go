// Package centrifugal is the chat on github.com/centrifugal/centrifuge, as its
// documentation has one begin: everybody may subscribe to any channel and publish
// into it, over its own JSON protocol on WebSocket. A room is a channel. Without
// Redis the node is alone, with the broker in memory, and forgets what was said.
// With Redis it is one of many nodes: the channels have a history there, and
// subscribers have positions in it and recover what they missed. These are the
// two ends of what it offers for a chat.
//
// What costs it memory or time for nothing is set as its documentation advises:
// pooled write buffers, small read buffers, no log.
package centrifugal
