//go:build integration

package recorder_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// mutation is what a proxy does to one frame of a server: what comes instead. A
// frame that is held back comes behind the next one.
type mutation func(frame []byte) (instead [][]byte, hold []byte)

// proxy stands between clients and a gateway and mutates one frame in a while
// of what the gateway sends.
type proxy struct {
	listener net.Listener
	target   string
	mutate   mutation
	every    int
	on       atomic.Bool
	done     atomic.Int64 // frames changed so far

	mu    sync.Mutex
	conns map[net.Conn]bool
	stop  bool
	all   sync.WaitGroup
}

func startProxy(target string, every int, m mutation) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, target: target, mutate: m, every: every, conns: map[net.Conn]bool{}}
	p.on.Store(true)
	p.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.serve(c) })
		}
	})
	return p, nil
}

func (p *proxy) url() string { return "ws://" + p.listener.Addr().String() + "/ws" }

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.stop = true
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
}

// own closes c with the proxy. It fails when the proxy is closed already.
// cut ends the lines that there are.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close() // it may have ended
	}
}

func (p *proxy) own(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	return !p.stop
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.own(client) || !p.own(server) {
		return
	}
	p.all.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	_ = p.toClient(client, bufio.NewReader(server))
}

// toClient passes on the answer to the handshake, and then frame by frame.
func (p *proxy) toClient(client io.Writer, server *bufio.Reader) error {
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = server.ReadString('\n'); err != nil {
			return err
		}
		if _, err := io.WriteString(client, line); err != nil {
			return err
		}
	}
	var held []byte
	for {
		head, frame, err := readFrame(server)
		if err != nil {
			return err
		}
		out := [][]byte{frame}
		if p.due(head, frame) {
			var hold []byte
			if out, hold = p.mutate(frame); len(out) != 1 || !bytes.Equal(out[0], frame) {
				p.done.Add(1)
			}
			if held == nil {
				held = hold
			} else if hold != nil {
				out = append(out, hold)
			}
		} else if held != nil {
			out = append(out, held)
			held = nil
		}
		for _, f := range out {
			if _, err := client.Write(appendFrame(nil, head, f)); err != nil {
				return err
			}
			head = textFrame // what is behind a control frame is none
		}
	}
}

const textFrame = 0x81 // the first byte of one that is whole

// due tells whether it is this frame's turn: one of those that tell of a message.
func (p *proxy) due(head byte, frame []byte) bool {
	s := string(frame)
	entry := strings.HasPrefix(s, `{"PostMessage"`) || strings.HasPrefix(s, `{"Stored"`)
	return head == textFrame && entry && p.on.Load() && rand.IntN(p.every) == 0
}

// readFrame reads a frame that is not masked, as servers send them.
func readFrame(r *bufio.Reader) (head byte, frame []byte, err error) {
	var start [2]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(start[1])
	var long [8]byte
	switch size {
	case 126:
		if _, err := io.ReadFull(r, long[:2]); err != nil {
			return 0, nil, err
		}
		size = uint64(binary.BigEndian.Uint16(long[:]))
	case 127:
		if _, err := io.ReadFull(r, long[:]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(long[:])
	}
	if size > 1<<20 {
		return 0, nil, errors.New("a frame of more than 1 MiB, or a masked one")
	}
	frame = make([]byte, size)
	_, err = io.ReadFull(r, frame)
	return start[0], frame, err
}

func appendFrame(dst []byte, head byte, frame []byte) []byte {
	dst = append(dst, head)
	switch n := len(frame); {
	case n < 126:
		dst = append(dst, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
	return append(dst, frame...)
}
