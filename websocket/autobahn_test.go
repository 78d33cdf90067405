package websocket_test

import (
	"bytes"
	"errors"
	"testing"

	"tuitalk/websocket"
	"tuitalk/websocket/websockettest"
)

// TestAutobahn takes what a client writes as a server does that keeps what is no whole
// frame yet.
func TestAutobahn(t *testing.T) {
	for chapter, cases := range websockettest.Autobahn() {
		t.Run(chapter, func(t *testing.T) {
			for _, c := range cases {
				var s server
				for _, b := range c.Send {
					s.take(b)
				}
				if s.code != c.Code {
					t.Errorf("%s: closed with %d, want %d", c.ID, s.code, c.Code)
				}
			}
		})
	}
}

// server is one end of a connection.
type server struct {
	rest      []byte
	assembler websocket.Assembler
	code      int // with which it has closed
}

func (s *server) take(b []byte) {
	const most = 1 << 16
	s.rest = append(s.rest, b...)
	for s.code == 0 {
		f, err := websocket.Parse(s.rest, websocket.Client, most)
		if err == websocket.ErrPartial {
			if err = s.assembler.Peek(s.rest, most); err == nil {
				return
			}
		}
		if err == nil {
			s.rest, err = s.rest[f.Size:], s.frame(f, most)
		}
		if broken := (*websocket.Error)(nil); errors.As(err, &broken) {
			s.code = broken.Code
		}
	}
}

func (s *server) frame(f websocket.Frame, most int) error {
	switch {
	case f.Opcode == websocket.OpClose:
		code, _, err := websocket.ParseClose(f.Payload)
		if s.code = code; code == 0 && err == nil {
			s.code = websocket.CloseNormal
		}
		return err
	case f.Opcode > websocket.OpClose:
		return nil
	}
	_, _, _, err := s.assembler.Add(f, most)
	return err
}

func TestMaskedFramesAreReadBack(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 125, 126, 65535, 65536, 70000} {
		want := bytes.Repeat([]byte("abcdefg"), n/7+1)[:n]
		b := websocket.AppendMasked([]byte("before"), websocket.OpText, want, 0x01020304)[len("before"):]
		if n > 8 && bytes.Contains(b, want[:min(n, 100)]) {
			t.Errorf("a frame of %d bytes is not masked", n)
		}
		f, err := websocket.Parse(b, websocket.Client, 1<<20)
		if err != nil || f.Opcode != websocket.OpText || !f.Fin || f.Size != len(b) || !bytes.Equal(f.Payload, want) {
			t.Errorf("a frame of %d bytes is read as %d bytes of opcode %d: %v", n, len(f.Payload), f.Opcode, err)
		}
	}
}

func TestServersFrames(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536} {
		want := bytes.Repeat([]byte{'x'}, n)
		b := append(websocket.AppendHeader(nil, websocket.OpText, n), want...)
		for _, part := range []int{0, 1, 2, len(b) - 1} {
			if _, err := websocket.Parse(b[:min(part, len(b)-1)], websocket.Server, 1<<20); err != websocket.ErrPartial {
				t.Errorf("%d bytes of a frame of %d: %v", part, len(b), err)
			}
		}
		f, err := websocket.Parse(append(b, "more"...), websocket.Server, 1<<20)
		if err != nil || !f.Fin || f.Opcode != websocket.OpText || f.Size != len(b) || !bytes.Equal(f.Payload, want) {
			t.Errorf("a frame of %d bytes: %v, %d bytes of opcode %d", n, err, len(f.Payload), f.Opcode)
		}
	}
}

func TestWhatAServerMustNotSend(t *testing.T) {
	for what, b := range map[string][]byte{
		"reserved":  {0xc1, 0},
		"opcode":    {0x83, 0},
		"masked":    {0x81, 0x80, 0, 0, 0, 0},
		"fragments": {0x09, 0},
		"control":   {0x89, 126, 0, 126},
		"10 bytes":  {0x81, 11},
		"at most":   {0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"shortest":  {0x81, 126, 0, 5},
	} {
		_, err := websocket.Parse(b, websocket.Server, 10)
		if broken := (*websocket.Error)(nil); !errors.As(err, &broken) || !bytes.Contains([]byte(broken.Reason), []byte(what)) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestFragments(t *testing.T) {
	var a websocket.Assembler
	add := func(fin bool, opcode byte, payload string) (string, bool, error) {
		got, message, done, err := a.Add(websocket.Frame{Fin: fin, Opcode: opcode, Payload: []byte(payload)}, 10)
		if done && got != websocket.OpText {
			t.Errorf("opcode %d", got)
		}
		return string(message), done, err
	}
	for range 2 {
		for i, part := range []string{"he", "ll", "o"} {
			message, done, err := add(i == 2, []byte{websocket.OpText, websocket.OpContinuation}[min(i, 1)], part)
			if err != nil || done != (i == 2) || done && message != "hello" || a.InProgress() == done {
				t.Errorf("part %d: %q %v %v", i, message, done, err)
			}
		}
	}
	if _, _, err := add(true, websocket.OpContinuation, "x"); err == nil {
		t.Error("a continuation of nothing is taken")
	}
	if _, _, err := add(false, websocket.OpText, "12345678"); err != nil {
		t.Error(err)
	}
	if _, _, err := add(true, websocket.OpText, "x"); err == nil {
		t.Error("a message inside another is taken")
	}
	if _, _, err := add(true, websocket.OpContinuation, "90x"); err == nil {
		t.Error("a message larger than allowed is taken")
	}
}

// TestAccept is the example of RFC 6455, 1.3.
func TestAccept(t *testing.T) {
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	if got := websocket.Accept(key); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error(got)
	}
	for s, is := range map[string]bool{key: true, "": false, "c2hvcnQ=": false, key + "=": false, "no base64": false} {
		if websocket.IsKey(s) != is {
			t.Errorf("%q: %v", s, !is)
		}
	}
}

// FuzzCuts: any bytes of either side, cut anywhere, are read without a panic and the same
// as in one piece.
func FuzzCuts(f *testing.F) {
	f.Add(websocket.AppendMasked(firstFragment(), websocket.OpText, []byte("llo"), 7), 3, true)
	f.Add(websocket.AppendHeader(nil, websocket.OpPing, 0), 1, false)
	f.Add(append(websocket.AppendHeader(nil, websocket.OpText, 300), bytes.Repeat([]byte("y"), 300)...), 2, false)
	f.Add([]byte{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}, 5, false)
	f.Add(websocket.Close(4008, "no"), 1, false)
	f.Fuzz(func(t *testing.T, b []byte, cut int, client bool) {
		whole, err := read(b, len(b)+1, websocket.Side(client))
		parts, errParts := read(b, max(1, cut%64), websocket.Side(client))
		if whole != parts || (err == nil) != (errParts == nil) {
			t.Errorf("%q (%v), in parts %q (%v)", whole, err, parts, errParts)
		}
	})
}

// firstFragment is the first frame of a message in two.
func firstFragment() []byte {
	b := websocket.AppendMasked(nil, websocket.OpText, []byte("he"), 5)
	b[0] &^= 0x80
	return b
}

// read reads frames that come in pieces of step bytes, and lists their messages.
func read(b []byte, step int, from websocket.Side) (list string, err error) {
	var in []byte
	var a websocket.Assembler
	for len(b) > 0 {
		n := min(step, len(b))
		in, b = append(in, b[:n]...), b[n:]
		for {
			f, err := websocket.Parse(in, from, 1<<12)
			if err == websocket.ErrPartial {
				break
			}
			if err != nil {
				return list, err
			}
			if f.Opcode < websocket.OpClose {
				opcode, message, done, err := a.Add(f, 1<<12)
				if err != nil {
					return list, err
				}
				if done {
					list += string(rune('0'+opcode)) + string(message) + ";"
				}
			} else if f.Opcode == websocket.OpClose {
				if _, _, err := websocket.ParseClose(f.Payload); err != nil {
					return list, err
				}
			}
			in = in[f.Size:]
		}
	}
	return list, nil
}
