package coordinator

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"sync"
	"time"
)

// writeTimeout is how long a message may take to be written.
const writeTimeout = 20 * time.Second

// timedConn is a connection that is given up when nothing comes for a while, or nothing
// is taken.
type timedConn struct {
	net.Conn
	silence time.Duration // that may be
	lost    func()        // is called when reading has failed
	left    int           // bytes of the message that is read; owned by who reads

	mu  sync.Mutex
	err error // why reading has failed
}

func (c *timedConn) Read(p []byte) (n int, err error) {
	if err = c.SetReadDeadline(time.Now().Add(c.silence)); err == nil && c.left == 0 {
		err = errMessageTooLong
	}
	if err == nil {
		n, err = c.Conn.Read(p[:min(len(p), c.left)])
		c.left -= n
	}
	if err != nil {
		c.mu.Lock()
		if c.err == nil {
			c.err = err
		}
		c.mu.Unlock()
		c.lost()
	}
	return n, err
}

// maxMessage is how long a call or an answer may be: the heads of all rooms that there
// can be, or a list of outages.
const maxMessage = 64 << 20

var errMessageTooLong = fmt.Errorf("a message has more than %d MiB", maxMessage>>20)

// serverCodec and clientCodec are those of JSON-RPC, with a bound for each message: who
// has the key, too, can only make this process end the run.
type (
	serverCodec struct {
		rpc.ServerCodec
		conn *timedConn
	}
	clientCodec struct {
		rpc.ClientCodec
		conn *timedConn
	}
)

func newServerCodec(c *timedConn) serverCodec { return serverCodec{jsonrpc.NewServerCodec(c), c} }
func newClientCodec(c *timedConn) clientCodec { return clientCodec{jsonrpc.NewClientCodec(c), c} }

// ReadRequestHeader reads all of a call, as JSON does not part one.
func (s serverCodec) ReadRequestHeader(r *rpc.Request) error {
	s.conn.left = maxMessage
	return s.ServerCodec.ReadRequestHeader(r)
}

// ReadResponseHeader reads all of an answer.
func (c clientCodec) ReadResponseHeader(r *rpc.Response) error {
	c.conn.left = maxMessage
	return c.ClientCodec.ReadResponseHeader(r)
}

func (c *timedConn) Write(p []byte) (n int, err error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// failed is why reading has failed; nil: it has not.
func (c *timedConn) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// greeting is what both sides say before the calls. Which fields a step has stands in
// the package's documentation.
type greeting struct {
	Version int    `json:"version,omitempty"`
	Nonce   []byte `json:"nonce,omitempty"`
	Proof   []byte `json:"proof,omitempty"`
	Machine string `json:"machine,omitempty"` // names the running kernel: those that have the same have one clock
	Refused string `json:"refused,omitempty"` // a sentence: why there is no more
}

// maxGreeting is how long a greeting may be: nobody has proved anything yet.
const maxGreeting = 4 << 10

func say(conn net.Conn, g greeting) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return json.NewEncoder(conn).Encode(g)
}

// hear waits for the other side's greeting. It may read what follows, too; until it is
// answered nothing does.
func hear(conn net.Conn, patience time.Duration) (g greeting, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return g, err
	}
	if err := json.NewDecoder(io.LimitReader(conn, maxGreeting)).Decode(&g); err != nil {
		return g, err
	}
	if g.Refused != "" {
		return g, refusal(g.Refused)
	}
	return g, nil
}

// refusal is a sentence of the other side.
type refusal string

func (r refusal) Error() string { return string(r) }

// sameVersion says what is wrong with another version of the protocol.
func sameVersion(whose string, theirs int) error {
	if theirs == protocol {
		return nil
	}
	return fmt.Errorf("the %s speaks version %d of the protocol, this program version %d", whose, theirs, protocol)
}
