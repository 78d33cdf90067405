// Package websocket has the frames of RFC 6455 and the proof of its handshake, for whoever
// reads and writes them in buffers of its own: the gateway, the load generator, tests.
// It does no I/O, has no goroutine, and keeps no connection.
//
//	Parse        the first frame of what has come, unmasked in place
//	Assembler    frames put together to messages; text is checked as it comes
//	AppendHeader, AppendMasked, Close    what a server, a client, either sends
//	Accept       what the answer to an upgrade must prove
//
// Whatever a peer must not send is an *Error, with the code for the close frame and a
// reason that a person can read. What has not come whole is ErrPartial.
//
// No extension is known, so that reserved bits must not be set.
package websocket
