package coordinator

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	json "github.com/goccy/go-json"
)

// writePatience is how long a frame may take to be written.
const writePatience = 20 * time.Second

// framedConn carries frames over a connection. One goroutine reads; any may write.
type framedConn struct {
	conn net.Conn

	in      *bufio.Reader // owned by the reader
	payload []byte        // of the last frame, owned by the reader

	mu  sync.Mutex // held while a frame is written, which it is for
	out []byte     // is reused
}

func newFramedConn(conn net.Conn) *framedConn {
	return &framedConn{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
}

// send writes a message; nil for a kind that has none.
func (l *framedConn) send(k kind, message any) error {
	var payload []byte
	if message != nil {
		var err error
		if payload, err = json.Marshal(message); err != nil {
			return fmt.Errorf("write a frame of kind %d: %w", byte(k), err)
		}
	}
	return l.sendBytes(k, payload)
}

func (l *framedConn) sendBytes(k kind, payload []byte) error {
	if len(payload) >= maxFrame {
		return fmt.Errorf("write a frame of kind %d: %w", byte(k), errFrameSize)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out = appendFrame(l.out[:0], k, payload)
	if err := l.conn.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return err
	}
	_, err := l.conn.Write(l.out)
	return err
}

// read waits for a frame, no longer than patience. raw is good until the next
// read, and message is nil for kinds that have none.
func (l *framedConn) read(most int, patience time.Duration) (k kind, message any, raw []byte, err error) {
	if err = l.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, nil, nil, err
	}
	if k, l.payload, err = readFrame(l.in, most, l.payload); err != nil {
		return 0, nil, nil, err
	}
	message, err = decode(k, l.payload)
	return k, message, l.payload, err
}

// drain waits until the other side hangs up. What it still sends is dropped: if
// it were left unread, closing could destroy what was sent last.
func (l *framedConn) drain() {
	for end := time.Now().Add(stopTimeout); time.Now().Before(end); {
		if _, _, _, err := l.read(maxFrame, time.Until(end)); err != nil {
			return
		}
	}
}

// readMessage waits for a frame of one kind, before the key is proved.
func readMessage[M any](l *framedConn, want kind, patience time.Duration) (*M, error) {
	k, message, _, err := l.read(maxStranger, patience)
	if err != nil {
		return nil, err
	}
	if failed, ok := message.(*sentence); ok && k == kindFailed {
		return nil, errors.New(failed.Text)
	}
	m, ok := message.(*M)
	if !ok || k != want {
		return nil, fmt.Errorf("%w: %d", errFrameKind, byte(k))
	}
	return m, nil
}

// chunks writes a recording as frames.
type chunks struct {
	*framedConn
	written int64
}

const chunkSize = 256 << 10

func (c *chunks) Write(p []byte) (n int, err error) {
	for n < len(p) {
		piece := p[n:min(len(p), n+chunkSize)]
		if err := c.sendBytes(kindChunk, piece); err != nil {
			return n, err
		}
		n += len(piece)
		c.written += int64(len(piece))
	}
	return n, nil
}
