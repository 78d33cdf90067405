package attack

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tuitalk/talk"
	"tuitalk/websocket"
)

// conn is one connection of an attacker. It belongs to the goroutine that does its
// steps, but for the reading, which listen may give to another.
type conn struct {
	ctx   context.Context // of the attack
	crowd *crowd
	n     int // its number within its group

	net.Conn // TLS over tcp where the target asks for it
	tcp      *net.TCPConn
	r        *bufio.Reader
	since    time.Time
	buf      []byte // of frames that are read

	me     talk.Member
	heard  chan struct{} // closed when a listener has ended; nil: nobody listens
	ending error         // of the listener; to be read after heard
}

// endedError says how the server ended a connection.
type endedError struct{ how string }

func (e endedError) Error() string { return "the server closed the connection: " + e.how }

// refusedError says how the server refused a request.
type refusedError struct{ how string }

func (e refusedError) Error() string { return "the server refused: " + e.how }

var errNoAnswer = errors.New("no answer")

// dial opens a connection from one of the attackers' addresses.
func dial(ctx context.Context, t *Target, from netip.Addr, receive int) (net.Conn, *net.TCPConn, error) {
	d := net.Dialer{Timeout: dialTime, KeepAlive: -1, Control: control(from, receive)}
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	raw, err := d.DialContext(ctx, "tcp", t.Addr.String())
	if err != nil {
		return nil, nil, err
	}
	tcp := raw.(*net.TCPConn)
	if t.TLS == nil {
		return tcp, tcp, nil
	}
	secure := tls.Client(tcp, t.TLS)
	hand, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if err := secure.HandshakeContext(hand); err != nil {
		_ = tcp.Close() // the handshake's error says it
		return nil, nil, err
	}
	return secure, tcp, nil
}

// control bounds the receive buffer, and lets one port serve for several targets.
func control(from netip.Addr, receive int) func(string, string, syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) (err error) {
		refused := raw.Control(func(fd uintptr) {
			if from.IsValid() {
				err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
			}
			if receive > 0 {
				err = errors.Join(err, unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receive))
			}
		})
		return errors.Join(refused, err)
	}
}

// Read counts what comes.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, errors.Join(err, c.crowd.tally.moved(n, 0))
}

// Write counts what goes. It waits no longer than the attack lasts.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, errors.Join(err, c.crowd.tally.moved(0, n))
}

func (c *conn) send(p []byte) error {
	_, err := c.Write(p)
	return err
}

// sleep waits, at most until the attack is over or the server has gone away.
func (c *conn) sleep(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.heard: // nil blocks
		return c.ending
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

// established tells whether the connection stands, as the kernel sees it: also
// that of an attacker who does not read.
func (c *conn) established() bool {
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return false
	}
	up := false
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		const established, finWait1, finWait2 = 1, 4, 5 // of the kernel's states; the latter two: we said goodbye
		up = err == nil && (info.State == established || info.State == finWait1 || info.State == finWait2)
	})
	return err == nil && up
}

// reset ends the connection so that the server sees an error.
func (c *conn) reset() {
	_ = c.tcp.SetLinger(0) // else it is closed like any other
	_ = c.tcp.Close()
}

// frame sends a whole frame.
func (c *conn) frame(first byte, payload []byte) error {
	c.crowd.tally.sent.Add(1)
	return c.send(appendFrame(nil, first, payload))
}

// say sends a message in the extended form.
func (c *conn) say(m talk.Message) error {
	text, err := talk.Append(nil, talk.Extended, m)
	if err != nil {
		return err
	}
	return c.frame(fin|websocket.OpText, text)
}

// next reads frames up to the next message, and answers pings.
func (c *conn) next() ([]byte, error) {
	for {
		op, payload, err := readFrame(c.r, c.buf)
		if err != nil {
			return nil, c.broken(err)
		}
		c.buf = payload[:cap(payload)]
		switch op {
		case websocket.OpText, websocket.OpBinary, websocket.OpContinuation:
			c.crowd.tally.answer(variant(payload))
			return payload, nil
		case websocket.OpPing:
			if err := c.send(appendFrame(nil, fin|websocket.OpPong, payload)); err != nil {
				return nil, c.broken(err)
			}
		case websocket.OpClose:
			how := "no code"
			if len(payload) >= 2 {
				how = strconv.Itoa(int(payload[0])<<8 | int(payload[1]))
			}
			return nil, endedError{how}
		}
	}
}

// broken says how a connection ended on which nobody said goodbye.
func (c *conn) broken(err error) error {
	switch {
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return endedError{"end of stream"}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return endedError{"reset"}
	}
	return err
}

// await reads until a message of a variant comes, or an Error.
func (c *conn) await(wanted string) (m talk.Message, err error) {
	_ = c.SetReadDeadline(time.Now().Add(answerTime)) // a closed connection says so when it is read
	defer func() { _ = c.SetReadDeadline(time.Time{}) }()
	for {
		text, err := c.next()
		if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			return nil, errNoAnswer
		}
		if err != nil {
			return nil, err
		}
		if v := variant(text); v == wanted || strings.HasPrefix(v, "Error") {
			return talk.Decode(talk.Extended, text)
		}
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// variant names a message without decoding it: "Stored", and of errors the code.
func variant(text []byte) string {
	if len(text) < 4 || text[0] != '{' {
		return "binary"
	}
	name, rest, ok := strings.Cut(string(text[2:min(len(text), 80)]), `"`)
	if !ok {
		return "other"
	}
	if name == "Error" {
		if _, code, ok := strings.Cut(rest, `"code":"`); ok {
			code, _, _ = strings.Cut(code, `"`)
			return "Error " + code
		}
	}
	return name
}

// request is a good handshake.
func (t *Target) request(extra string) string {
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n", t.Path, t.Host, key(), extra)
}

func key() string {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return base64.StdEncoding.EncodeToString(nonce[:])
}

// answered reads the head of an HTTP answer: its status.
func (c *conn) answered() (status int, err error) {
	_ = c.SetReadDeadline(time.Now().Add(answerTime)) // as in await
	defer func() { _ = c.SetReadDeadline(time.Time{}) }()
	for first := true; ; first = false {
		line, err := c.r.ReadString('\n')
		switch {
		case isTimeout(err):
			return 0, errNoAnswer
		case err != nil:
			return 0, c.broken(err)
		}
		line = strings.TrimRight(line, "\r\n")
		if first {
			_, rest, _ := strings.Cut(line, " ")
			word, _, _ := strings.Cut(rest, " ")
			if status, err = strconv.Atoi(word); err != nil {
				return 0, errors.New("no HTTP")
			}
		}
		if line == "" {
			return status, nil
		}
	}
}
