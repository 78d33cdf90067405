// Package centrifugal is the chat on github.com/centrifugal/centrifuge, as its
// documentation has one begin: everybody may subscribe to any channel and publish
// into it, over its own JSON protocol on WebSocket. A room is a channel. Without
// Redis the node is alone, with the broker in memory, and forgets what was said.
// With Redis it is one of many nodes: the channels have a history there, and
// subscribers have positions in it and recover what they missed. These are the
// two ends of what it offers for a chat.
//
// # How it is set
//
// As its documentation advises where something costs it memory or time for
// nothing: pooled write buffers, small read buffers, no log, position checks shared
// by the subscribers of a channel. ProcessCommandsOffReadLoop is on, as for most
// connections being idle most of the time: tried, it saves an eighth of the memory
// of an idle connection (20.5 KB instead of 23.5 KB) and costs nothing that could
// be seen in deliveries. Its writer takes up to 16 messages that wait for one
// client into one frame (MaxMessagesInFrame) in any case.
//
// WriteDelay makes it wait for more before it writes. It is off by default, is said
// to help where a client gets many messages, and limits what one can get. Tried with
// 100 rooms of 100: at 2 messages per second and client it changed little; where the
// server was at its end, it did 144,000 to 164,000 deliveries per second with 10 ms,
// 160,000 with 50 ms, and 97,000 to 119,000 without; and as it has timers in place of a
// goroutine for each client (WriteWithTimer), an idle connection took 15.5 KB. The
// price is the delay, on each message. Since one cannot say for others what a
// millisecond is worth, it is measured both ways: as it comes, and with 10 ms.
// Replies then go out at once (ReplyWithoutQueue).
//
// The clients speak JSON to it, as browsers do, and as they do to TuiTalk. There is
// no compression for anybody.
package centrifugal
