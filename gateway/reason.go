package gateway

import (
	"tuitalk/talk"
	"tuitalk/websocket"
)

// closeReason says why a connection ended. It is also the metric's label.
type closeReason uint8

const (
	reasonNone       closeReason = iota
	reasonClient                 // the client said goodbye
	reasonLost                   // the connection broke
	reasonProtocol               // RFC 6455 was violated
	reasonSlow                   // the client did not read
	reasonOverload               // all clients together held too much, and it the most
	reasonIdle                   // nothing came, not even a pong
	reasonStall                  // no request, no first message in time
	reasonSuperseded             // the same session connected again
	reasonNotYou                 // a uuid that has to be proven and is not
	reasonErrors                 // too many refused messages
	reasonDrain                  // this gateway is going away
	reasonUnable                 // the gateway could not do what it must
	reasonFrozen                 // this process was frozen
	reasonHTTP                   // a plain HTTP request was answered
	reasonFlood                  // sent too much, and went on when it was refused
	reasonKeptOut                // its user did so before, and is kept out for a while
	reasonCrowd                  // gave way to a newer one before it had said who it is
	reasonWentBack               // what the client has is not the room's log any more
	reasonCount
)

var closeReasons = [reasonCount]struct {
	label, sentence string
	code            int
}{
	reasonNone:       {"none", "", websocket.CloseNormal},
	reasonClient:     {"client", "", websocket.CloseNormal},
	reasonLost:       {"lost", "", 0},
	reasonProtocol:   {"protocol", "", websocket.CloseProtocolError},
	reasonSlow:       {"slow", "you do not read fast enough; reconnect and resume", talk.CloseSlowConsumer},
	reasonOverload:   {"overload", "too much waits for all clients together, and most for you; reconnect and resume", talk.CloseSlowConsumer},
	reasonIdle:       {"idle", "nothing came from you, not even a pong", talk.CloseIdle},
	reasonStall:      {"stall", "no complete message in time", talk.CloseHandshakeStall},
	reasonSuperseded: {"superseded", "this session has a newer connection", talk.CloseSuperseded},
	reasonNotYou:     {"not_you", "this client does not prove who it is: it is older than this server, or claims to be somebody else", talk.CloseNotYou},
	reasonErrors:     {"errors", "too many messages were refused", talk.CloseTooManyErrors},
	reasonDrain:      {"drain", "this gateway is going away; reconnect and resume", websocket.CloseGoingAway},
	reasonUnable:     {"unable", "try again in a moment", websocket.CloseTryAgain},
	reasonFrozen:     {"frozen", "", 0},
	reasonHTTP:       {"http", "", 0},
	reasonFlood:      {"flood", "you send too much; wait before you come back", talk.CloseTooManyErrors},
	reasonKeptOut:    {"kept_out", "you sent too much, and are kept out for a while", talk.CloseTooManyErrors},
	reasonCrowd:      {"crowd", "", 0},
	reasonWentBack:   {"went_back", "the history was restored to an earlier state; reconnect and load it anew", websocket.CloseTryAgain},
}

// killed: the client did not take what was sent to it, and is not waited for.
func (r closeReason) killed() bool { return r == reasonSlow || r == reasonOverload }

func (r closeReason) label() string    { return closeReasons[r].label }
func (r closeReason) sentence() string { return closeReasons[r].sentence }
func (r closeReason) code() int        { return closeReasons[r].code }
