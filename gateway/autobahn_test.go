package gateway_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// The cases of the Autobahn test suite for servers, chapters 1 to 7, as far as they
// do not need a server that echoes: each is what a client sends on a connection
// of its own, and how that must end. What is taken is followed by a ping, which
// must be answered. Chapter 9 is about speed, 12 and 13 about compression, which
// is never agreed here.

// autobahn is one case.
type autobahn struct {
	id   string
	send [][]byte // each in a write of its own
	code int      // of the close frame that follows; 0: the connection lives on
}

const (
	fin    = 0x80
	text   = 0x1
	binar  = 0x2
	ending = 0x8
	ping   = 0x9
	pong   = 0xA
)

// chop cuts bytes into pieces.
func chop(b []byte, size int) (pieces [][]byte) {
	for ; len(b) > size; b = b[size:] {
		pieces = append(pieces, b[:size])
	}
	return append(pieces, b)
}

// fragments are the frames of one message, of which each has one part.
func fragments(opcode byte, parts ...[]byte) (frames [][]byte) {
	for i, p := range parts {
		b0 := opcode
		if i > 0 {
			b0 = 0
		}
		if i == len(parts)-1 {
			b0 |= fin
		}
		frames = append(frames, frame(b0, p))
	}
	return frames
}

// closing is a close frame.
func closing(code int, reason string) []byte {
	return frame(fin|ending, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

func sizesAndPings() (cases []autobahn) {
	for i, n := range []int{0, 125, 126, 127, 128, 65535, 65536} {
		body := bytes.Repeat([]byte(" "), n)
		cases = append(cases,
			autobahn{fmt.Sprintf("1.1.%d", i+1), [][]byte{frame(fin|text, body)}, 0},
			autobahn{fmt.Sprintf("1.2.%d", i+1), [][]byte{frame(fin|binar, bytes.Repeat([]byte{0xfe}, n))}, 0})
	}
	cases = append(cases,
		autobahn{"1.1.8", chop(frame(fin|text, bytes.Repeat([]byte("*"), 65536)), 997), 0},
		autobahn{"1.2.8", chop(frame(fin|binar, bytes.Repeat([]byte{0xfe}, 65536)), 997), 0},
		autobahn{"2.1 to 2.4", [][]byte{frame(fin|ping, nil), frame(fin|ping, []byte("hello")),
			frame(fin|ping, []byte{0, 0xff, 0xfe, 0xfd}), frame(fin|ping, bytes.Repeat([]byte{0xfe}, 125))}, 0},
		autobahn{"2.5", [][]byte{frame(fin|ping, bytes.Repeat([]byte{0xfe}, 126))}, 1002},
		autobahn{"2.6", chop(frame(fin|ping, bytes.Repeat([]byte{0xfe}, 125)), 1), 0},
		autobahn{"2.7 to 2.9", [][]byte{frame(fin|pong, nil), frame(fin|pong, []byte("unasked")), frame(fin|ping, []byte("x"))}, 0},
		autobahn{"2.10", bytes.SplitAfter(bytes.Repeat(frame(fin|ping, []byte("p!")), 10), []byte("!")), 0},
		autobahn{"2.11", chop(bytes.Repeat(frame(fin|ping, []byte("p!")), 10), 1), 0})
	return cases
}

func reservedBits() (cases []autobahn) {
	for rsv := byte(1); rsv < 8; rsv++ {
		for _, op := range []byte{text, binar, ending, ping, pong} {
			cases = append(cases, autobahn{fmt.Sprintf("3.%d of %x", rsv, op), [][]byte{frame(fin|text, []byte("{}")), frame(fin|rsv<<4|op, nil)}, 1002})
		}
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		cases = append(cases,
			autobahn{fmt.Sprintf("4 with %x", op), [][]byte{frame(fin|op, nil)}, 1002},
			autobahn{fmt.Sprintf("4 with %x, a payload, a frame before, cut", op),
				append([][]byte{frame(fin|text, []byte("{}"))}, chop(frame(fin|op, []byte("payload")), 1)...), 1002})
	}
	return cases
}

func fragmentation() []autobahn {
	a, b := []byte("{\"frag"), []byte("ment\":1}")
	go2 := func(first, second []byte) [][]byte { return [][]byte{first, second} }
	return []autobahn{
		{"5.1", go2(frame(ping, a), frame(fin, b)), 1002},
		{"5.2", go2(frame(pong, a), frame(fin, b)), 1002},
		{"5.3", [][]byte{bytes.Join(fragments(text, a, b), nil)}, 0},
		{"5.4", fragments(text, a, b), 0},
		{"5.5", chop(bytes.Join(fragments(text, a, b), nil), 1), 0},
		{"5.6", [][]byte{frame(text, a), frame(fin|ping, []byte("between")), frame(fin, b)}, 0},
		{"5.8", chop(bytes.Join([][]byte{frame(text, a), frame(fin|ping, []byte("between")), frame(fin, b)}, nil), 1), 0},
		{"5.9", go2(frame(fin, a), frame(fin|text, b)), 1002},
		{"5.11", chop(append(frame(fin, a), frame(fin|text, b)...), 1), 1002},
		{"5.12", go2(frame(0, a), frame(fin|text, b)), 1002},
		{"5.15", [][]byte{frame(text, a), frame(fin, b), frame(0, a), frame(fin|text, b)}, 1002},
		{"5.18", go2(frame(text, a), frame(fin|text, b)), 1002},
		{"5.19", [][]byte{frame(text, a), frame(0, a), frame(fin|ping, []byte("one")), frame(0, a), frame(0, a),
			frame(fin|ping, []byte("two")), frame(fin, b)}, 0},
		{"5, pieces of nothing", fragments(text, nil, a, nil, nil, b, nil), 0},
		{"5, too big by its second head alone", [][]byte{frame(binar, make([]byte, 60000)), frame(fin, make([]byte, 60000))[:100]}, 1009},
		{"5, a continuation of nothing by its head alone", [][]byte{frame(fin, make([]byte, 1000))[:8]}, 1002},
	}
}

// utf8Texts are those of chapter 6, and whether they are UTF-8.
var utf8Texts = map[string]bool{
	"": true, "\x00": true, "\x7f": true, "κόσμε": true, "Hello-µ@ßöäüàá-UTF-8!!": true,
	"\u0080": true, "\u07ff": true, "\u0800": true, "\uffff": true, "\U00010000": true, "\U0010ffff": true,
	"\ufffd": true, "\ufffe": true, "\U0001fffe": true, "\ud7ff": true, "\ue000": true, "\u2028": true,
	"κόσμε\xed\xa0\x80edited": false, "κόσμε\xf4\x90\x80\x80edited": false,
	"\xf8\x88\x80\x80\x80": false, "\xfc\x84\x80\x80\x80\x80": false, "\xf7\xbf\xbf\xbf": false,
	"\xf8\xbf\xbf\xbf\xbf": false, "\xfc\xbf\xbf\xbf\xbf\xbf": false, "\xf4\x90\x80\x80": false,
	"\x80": false, "\xbf": false, "\x80\xbf": false, "\x80\xbf\x80\xbf\x80\xbf": false,
	"\xc0 ": false, "\xc0\xaf": false, "\xe0\x80\xaf": false, "\xf0\x80\x80\xaf": false, "\xc1\xbf": false,
	"\xe0\x9f\xbf": false, "\xf0\x8f\xbf\xbf": false, "\xc0\x80": false, "\xfe": false, "\xff": false,
	"\xed\xa0\x80": false, "\xed\xad\xbf": false, "\xed\xbf\xbf": false, "\xed\xa0\x80\xed\xb0\x80": false,
	"\xce": false, "\xce\xba\xe1": false, "\xce\xba\xe1\xbd": false, "\xf0\x90\x80": false, "κόσμ\xce": false,
}

func utf8Cases() (cases []autobahn) {
	for s, valid := range utf8Texts {
		code := 1007
		if valid {
			code = 0
		}
		parts := chop([]byte(s), 1)
		cases = append(cases,
			autobahn{fmt.Sprintf("6 %+q", s), [][]byte{frame(fin|text, []byte(s))}, code},
			autobahn{fmt.Sprintf("6 %+q, a piece for each byte", s), fragments(text, parts...), code},
			autobahn{fmt.Sprintf("6 %+q, a write for each byte", s), chop(frame(fin|text, []byte(s)), 1), code},
			autobahn{fmt.Sprintf("6 %+q, as binary", s), fragments(binar, parts...), 0})
	}
	long := strings.Repeat("κόσμε ", 1800)
	start, bad := []byte("κόσμε"), []byte("\xf4\x90\x80\x80")
	part := func(b0 byte, whole string, sent int) []byte {
		f := frame(b0, []byte(whole))
		return f[:len(f)-len(whole)+sent]
	}
	return append(cases,
		// As soon as the bad bytes are there: what would end the message is never sent.
		autobahn{"6.4.1", [][]byte{frame(text, start), frame(0, bad)}, 1007},
		autobahn{"6.4.2", [][]byte{frame(text, start), frame(0, bad[:2])}, 1007},
		autobahn{"6.4.3", [][]byte{part(fin|text, "κόσμε\xf4\x90\x80\x80edited", 14)}, 1007},
		autobahn{"6.4.4", [][]byte{part(fin|text, "κόσμε\xf4\x90\x80\x80edited", 12)}, 1007},
		autobahn{"6.4.4, byte by byte", chop(part(fin|text, "κόσμε\xf4\x90\x80\x80edited", 12), 1), 1007},
		autobahn{"6, in a half piece of a message", [][]byte{frame(text, start), part(0, long+"\xff"+long, len(long)+1)}, 1007},
		autobahn{"6, in a long frame that comes in pieces", chop(part(fin|text, long+"\xff"+long, len(long)+1), 1000), 1007},
		autobahn{"6, a long one in pieces of a message and of frames", chop(bytes.Join(fragments(text, []byte(long), []byte(long[:99])), nil), 999), 0},
		autobahn{"6, after a whole message", [][]byte{frame(fin|text, start), frame(fin|text, []byte("\xba"))}, 1007})
}

func closes() (cases []autobahn) {
	cases = []autobahn{
		{"7.1.1", [][]byte{frame(fin|text, []byte("{}")), closing(1000, "")}, 1000},
		{"7.1.2", [][]byte{append(closing(1000, ""), closing(1000, "")...)}, 1000},
		{"7.1.3", [][]byte{append(closing(1000, ""), frame(fin|ping, []byte("late"))...)}, 1000},
		{"7.1.4", [][]byte{append(closing(1000, ""), frame(fin|text, []byte("late"))...)}, 1000},
		{"7.1.5", [][]byte{frame(text, []byte("{")), append(closing(1000, ""), frame(fin, []byte("}"))...)}, 1000},
		{"7.3.1", [][]byte{frame(fin|ending, nil)}, 1000},
		{"7.3.2", [][]byte{frame(fin|ending, []byte{3})}, 1002},
		{"7.3.3", [][]byte{closing(1000, "")}, 1000},
		{"7.3.4", [][]byte{closing(1000, "goodbye")}, 1000},
		{"7.3.5", [][]byte{closing(1000, strings.Repeat("*", 123))}, 1000},
		{"7.3.6", [][]byte{closing(1000, strings.Repeat("*", 124))}, 1002},
		{"7.5.1", [][]byte{closing(1000, "κόσμε\xed\xa0\x80edited")}, 1007},
	}
	for code, valid := range map[int]bool{
		1000: true, 1001: true, 1002: true, 1003: true, 1007: true, 1008: true, 1009: true, 1010: true, 1011: true, 1012: true,
		1013: true, 1014: true, 3000: true, 3999: true, 4000: true, 4999: true,
		0: false, 999: false, 1004: false, 1005: false, 1006: false, 1015: false, 1016: false, 1100: false, 2000: false, 2999: false,
		5000: false, 65535: false,
	} {
		want := code
		if !valid {
			want = 1002
		}
		cases = append(cases, autobahn{fmt.Sprintf("7.7 to 7.13 with %d", code), [][]byte{closing(code, "")}, want})
	}
	return cases
}

func TestAutobahn(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	for chapter, cases := range map[string][]autobahn{
		"1, 2": sizesAndPings(), "3, 4": reservedBits(), "5": fragmentation(), "6": utf8Cases(), "7": closes(),
	} {
		t.Run(chapter, func(t *testing.T) {
			for _, c := range cases {
				c.run(t, n.addr)
			}
		})
	}
}

func (c autobahn) run(t *testing.T, addr string) {
	t.Helper()
	r := dialRaw(t, addr)
	defer r.Close()
	if resp := r.upgrade(); resp.StatusCode != 101 {
		t.Fatalf("%s: %d", c.id, resp.StatusCode)
	}
	sent := c.send
	if c.code == 0 {
		sent = append(sent[:len(sent):len(sent)], frame(fin|ping, []byte("alive?")))
	}
	for _, b := range sent {
		if _, err := r.Write(b); err != nil {
			break // it is closed already; what was said is there to read
		}
	}
	for {
		op, payload, err := r.readFrame()
		switch {
		case err != nil:
			t.Errorf("%s: no answer: %v", c.id, err)
			return
		case op == pong && c.code == 0 && string(payload) == "alive?":
			return
		case op == ending:
			if code := int(binary.BigEndian.Uint16(payload)); code != c.code {
				t.Errorf("%s: closed with %d %q, want %d", c.id, code, payload[2:], c.code)
			}
			return
		}
	}
}
