package talk

import "errors"

// Errors of the decoders. Each wraps none of the input's text.
var (
	ErrBadUUID        = errors.New("a uuid has the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
	ErrBadSecret      = errors.New("a secret has 64 hexadecimal digits")
	ErrSyntax         = errors.New("the frame is not well formed")
	ErrUnknownVariant = errors.New("there is no such message")
	ErrWrongType      = errors.New("a field has the wrong type")
	ErrOutOfRange     = errors.New("a number is out of range")
	ErrTooLarge       = errors.New("the frame is too large")
	ErrTooManyParts   = errors.New("the frame has more parts than any message")
	ErrNotUTF8        = errors.New("the text is not valid UTF-8")
	ErrDuplicate      = errors.New("a field appears twice")
	ErrForm           = errors.New("this message does not exist in this form")
)

// Code is the machine-readable part of an Error. Codes are stable.
type Code string

const (
	CodeBadFrame     Code = "bad_frame"     // not decodable; Message says why
	CodeNotForYou    Code = "not_for_you"   // a message that only servers send
	CodeNotJoined    Code = "not_joined"    // join a room first
	CodeNotYou       Code = "not_you"       // not the uuid of the connection, or one that it cannot have
	CodeBadName      Code = "bad_name"      // empty, or over the limits
	CodeBadText      Code = "bad_text"      // empty, over the limits, or with NUL
	CodeBadLimit     Code = "bad_limit"     // Fetch.limit out of range
	CodeBadRoom      Code = "bad_room"      // not the room that the connection is in
	CodeFlood        Code = "flood"         // too fast, retry later
	CodeBusy         Code = "busy"          // queue full, retry later
	CodeUnavailable  Code = "unavailable"   // the store is away, retry later
	CodeOutOfTurn    Code = "out_of_turn"   // an earlier entry of this connection was refused and comes first
	CodeNotStored    Code = "not_stored"    // done, but not stored yet: the store is away; nothing was refused
	CodeRefused      Code = "refused"       // the store refuses this entry for good
	CodeHelloNotHere Code = "hello_not_now" // Hello must be the first frame
)

// Close codes of the WebSocket beyond RFC 6455's. Each comes with a reason.
const (
	CloseSlowConsumer   = 4008 // the client did not read fast enough
	CloseSuperseded     = 4009 // the same session connected again
	CloseIdle           = 4010 // nothing came, not even a pong
	CloseNotYou         = 4011 // no proof of who it is; do not reconnect like that
	CloseTooManyErrors  = 4012 // the client keeps sending what is refused
	CloseHandshakeStall = 4013 // connected, but said nothing in time
)
