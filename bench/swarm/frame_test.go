package swarm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// serverFrame is an unmasked frame.
func serverFrame(fin bool, opcode byte, payload []byte) []byte {
	b0 := opcode
	if fin {
		b0 |= 0x80
	}
	switch n := len(payload); {
	case n < 126:
		return append([]byte{b0, byte(n)}, payload...)
	case n < 1<<16:
		return append(binary.BigEndian.AppendUint16([]byte{b0, 126}, uint16(n)), payload...)
	default:
		return append(binary.BigEndian.AppendUint64([]byte{b0, 127}, uint64(n)), payload...)
	}
}

// unmasked reads a client's frame as a server does.
func unmasked(t testing.TB, b []byte) (opcode byte, payload, rest []byte) {
	t.Helper()
	if len(b) < 6 || b[1]&0x80 == 0 || b[0]&0x80 == 0 {
		t.Fatalf("not a whole, masked frame: % x", b[:min(len(b), 16)])
	}
	n, head := int(b[1]&0x7f), 2
	switch n {
	case 126:
		n, head = int(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		n, head = int(binary.BigEndian.Uint64(b[2:])), 10
	}
	key := b[head : head+4]
	for i, c := range b[head+4 : head+4+n] {
		payload = append(payload, c^key[i&3])
	}
	return b[0] & 0x0f, payload, b[head+4+n:]
}

func TestClientFrames(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 125, 126, 65535, 65536, 70000} {
		want := bytes.Repeat([]byte("abcdefg"), n/7+1)[:n]
		b := appendFrame([]byte("before"), opText, want, 0x01020304)
		opcode, got, rest := unmasked(t, b[len("before"):])
		if opcode != opText || !bytes.Equal(got, want) || len(rest) != 0 {
			t.Errorf("a frame of %d bytes is read as %d bytes of opcode %d, with %d behind", n, len(got), opcode, len(rest))
		}
		if n > 0 && bytes.Contains(b[6:], want[:min(n, 100)]) && n > 8 {
			t.Errorf("a frame of %d bytes is not masked", n)
		}
	}
}

func TestServerFrames(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536} {
		want := bytes.Repeat([]byte{'x'}, n)
		b := serverFrame(true, opText, want)
		for _, part := range []int{0, 1, 2, len(b) - 1} {
			if _, err := parseFrame(b[:min(part, len(b)-1)], 1<<20); !errors.Is(err, errPartial) {
				t.Errorf("%d bytes of a frame of %d: %v", part, len(b), err)
			}
		}
		f, err := parseFrame(append(b, "more"...), 1<<20)
		if err != nil || !f.fin || f.opcode != opText || f.size != len(b) || !bytes.Equal(f.payload, want) {
			t.Errorf("a frame of %d bytes: %v, %d bytes of opcode %d", n, err, len(f.payload), f.opcode)
		}
	}
}

func TestFramesThatBreakTheProtocol(t *testing.T) {
	for what, b := range map[string][]byte{
		"a reserved bit":       {0xc1, 0},
		"unknown opcode":       {0x83, 0},
		"masked":               {0x81, 0x80, 0, 0, 0, 0},
		"fragments":            {0x09, 0},
		"control frame is too": {0x89, 126, 0, 126},
		"more than 10 bytes":   {0x81, 11},
		"than 10 bytes":        {0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		_, err := parseFrame(b, 10)
		if !errors.As(err, new(breach)) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestFragments(t *testing.T) {
	var a fragments
	add := func(fin bool, opcode byte, payload string) (string, bool, error) {
		got, message, done, err := a.add(frame{fin: fin, opcode: opcode, payload: []byte(payload)}, 10)
		if done && got != opText {
			t.Errorf("opcode %d", got)
		}
		return string(message), done, err
	}
	for range 2 {
		for i, part := range []string{"he", "ll", "o"} {
			message, done, err := add(i == 2, []byte{opText, opContinuation}[min(i, 1)], part)
			if err != nil || done != (i == 2) || done && message != "hello" {
				t.Errorf("part %d: %q %v %v", i, message, done, err)
			}
		}
	}
	if _, _, err := add(true, opContinuation, "x"); err == nil {
		t.Error("a continuation of nothing is taken")
	}
	if _, _, err := add(false, opText, "12345678"); err != nil {
		t.Error(err)
	}
	if _, _, err := add(true, opText, "x"); err == nil {
		t.Error("a message inside another is taken")
	}
	if _, _, err := add(true, opContinuation, "90x"); err == nil {
		t.Error("a message larger than allowed is taken")
	}
}

// FuzzFrames holds that any bytes, cut anywhere, are read without a panic and
// the same as in one piece.
func FuzzFrames(f *testing.F) {
	f.Add(append(serverFrame(false, opText, []byte("he")), serverFrame(true, opContinuation, []byte("llo"))...), 3)
	f.Add(serverFrame(true, opPing, []byte("x")), 1)
	f.Add(serverFrame(true, opText, bytes.Repeat([]byte("y"), 300)), 2)
	f.Add([]byte{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}, 5)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		whole, err := readAll(b, len(b)+1)
		parts, errParts := readAll(b, max(1, cut%64))
		if whole != parts || (err == nil) != (errParts == nil) {
			t.Errorf("%q (%v), in parts %q (%v)", whole, err, parts, errParts)
		}
	})
}

// readAll reads frames that come in pieces of step bytes, and lists them.
func readAll(b []byte, step int) (list string, err error) {
	var in []byte
	var a fragments
	for len(b) > 0 {
		n := min(step, len(b))
		in, b = append(in, b[:n]...), b[n:]
		for {
			f, err := parseFrame(in, 1<<12)
			if errors.Is(err, errPartial) {
				break
			}
			if err != nil {
				return list, err
			}
			if f.opcode < opClose {
				opcode, message, done, err := a.add(f, 1<<12)
				if err != nil {
					return list, err
				}
				if done {
					list += string(rune('0'+opcode)) + string(message) + ";"
				}
			}
			in = in[f.size:]
		}
	}
	return list, nil
}
