// Package websockettest has the cases of the Autobahn suite, for whoever takes a client's
// frames: over a connection, or out of a buffer.
package websockettest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"tuitalk/websocket"
)

// Case is what a client sends on a connection of its own, and how that must end.
type Case struct {
	ID   string   // the suite's number
	Send [][]byte // each in a write of its own
	Code int      // of the close frame that follows; 0: the connection lives on
}

const (
	fin    = 0x80
	text   = websocket.OpText
	binar  = websocket.OpBinary
	ending = websocket.OpClose
	ping   = websocket.OpPing
	pong   = websocket.OpPong
)

// Autobahn are the suite's cases for servers by chapter, 1 to 7, as far as they need no
// server that echoes. Chapter 9 is about speed, 12 and 13 about compression, which is
// never agreed here. Messages have at most 65,536 bytes.
func Autobahn() map[string][]Case {
	return map[string][]Case{"1, 2": sizesAndPings(), "3, 4": reservedBits(), "5": fragmentation(), "6": utf8Cases(), "7": closes()}
}

// Frame is a client's frame: the first byte, with the final bit if it is to be set, and a
// payload masked with nothing.
func Frame(b0 byte, payload []byte) []byte {
	b := websocket.AppendMasked(nil, 0, payload, 0)
	b[0] = b0
	return b
}

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
		frames = append(frames, Frame(b0, p))
	}
	return frames
}

// closing is a close frame.
func closing(code int, reason string) []byte {
	return Frame(fin|ending, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

func sizesAndPings() (cases []Case) {
	for i, n := range []int{0, 125, 126, 127, 128, 65535, 65536} {
		body := bytes.Repeat([]byte(" "), n)
		cases = append(cases,
			Case{fmt.Sprintf("1.1.%d", i+1), [][]byte{Frame(fin|text, body)}, 0},
			Case{fmt.Sprintf("1.2.%d", i+1), [][]byte{Frame(fin|binar, bytes.Repeat([]byte{0xfe}, n))}, 0})
	}
	cases = append(cases,
		Case{"1.1.8", chop(Frame(fin|text, bytes.Repeat([]byte("*"), 65536)), 997), 0},
		Case{"1.2.8", chop(Frame(fin|binar, bytes.Repeat([]byte{0xfe}, 65536)), 997), 0},
		Case{"2.1 to 2.4", [][]byte{Frame(fin|ping, nil), Frame(fin|ping, []byte("hello")),
			Frame(fin|ping, []byte{0, 0xff, 0xfe, 0xfd}), Frame(fin|ping, bytes.Repeat([]byte{0xfe}, 125))}, 0},
		Case{"2.5", [][]byte{Frame(fin|ping, bytes.Repeat([]byte{0xfe}, 126))}, 1002},
		Case{"2.6", chop(Frame(fin|ping, bytes.Repeat([]byte{0xfe}, 125)), 1), 0},
		Case{"2.7 to 2.9", [][]byte{Frame(fin|pong, nil), Frame(fin|pong, []byte("unasked")), Frame(fin|ping, []byte("x"))}, 0},
		Case{"2.10", bytes.SplitAfter(bytes.Repeat(Frame(fin|ping, []byte("p!")), 10), []byte("!")), 0},
		Case{"2.11", chop(bytes.Repeat(Frame(fin|ping, []byte("p!")), 10), 1), 0})
	return cases
}

func reservedBits() (cases []Case) {
	for rsv := byte(1); rsv < 8; rsv++ {
		for _, op := range []byte{text, binar, ending, ping, pong} {
			cases = append(cases, Case{fmt.Sprintf("3.%d of %x", rsv, op), [][]byte{Frame(fin|text, []byte("{}")), Frame(fin|rsv<<4|op, nil)}, 1002})
		}
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		cases = append(cases,
			Case{fmt.Sprintf("4 with %x", op), [][]byte{Frame(fin|op, nil)}, 1002},
			Case{fmt.Sprintf("4 with %x, a payload, a frame before, cut", op),
				append([][]byte{Frame(fin|text, []byte("{}"))}, chop(Frame(fin|op, []byte("payload")), 1)...), 1002})
	}
	return cases
}

func fragmentation() []Case {
	a, b := []byte("{\"frag"), []byte("ment\":1}")
	go2 := func(first, second []byte) [][]byte { return [][]byte{first, second} }
	return []Case{
		{"5.1", go2(Frame(ping, a), Frame(fin, b)), 1002},
		{"5.2", go2(Frame(pong, a), Frame(fin, b)), 1002},
		{"5.3", [][]byte{bytes.Join(fragments(text, a, b), nil)}, 0},
		{"5.4", fragments(text, a, b), 0},
		{"5.5", chop(bytes.Join(fragments(text, a, b), nil), 1), 0},
		{"5.6", [][]byte{Frame(text, a), Frame(fin|ping, []byte("between")), Frame(fin, b)}, 0},
		{"5.8", chop(bytes.Join([][]byte{Frame(text, a), Frame(fin|ping, []byte("between")), Frame(fin, b)}, nil), 1), 0},
		{"5.9", go2(Frame(fin, a), Frame(fin|text, b)), 1002},
		{"5.11", chop(append(Frame(fin, a), Frame(fin|text, b)...), 1), 1002},
		{"5.12", go2(Frame(0, a), Frame(fin|text, b)), 1002},
		{"5.15", [][]byte{Frame(text, a), Frame(fin, b), Frame(0, a), Frame(fin|text, b)}, 1002},
		{"5.18", go2(Frame(text, a), Frame(fin|text, b)), 1002},
		{"5.19", [][]byte{Frame(text, a), Frame(0, a), Frame(fin|ping, []byte("one")), Frame(0, a), Frame(0, a),
			Frame(fin|ping, []byte("two")), Frame(fin, b)}, 0},
		{"5, pieces of nothing", fragments(text, nil, a, nil, nil, b, nil), 0},
		{"5, too big by its second head alone", [][]byte{Frame(binar, make([]byte, 60000)), Frame(fin, make([]byte, 60000))[:100]}, 1009},
		{"5, a continuation of nothing by its head alone", [][]byte{Frame(fin, make([]byte, 1000))[:8]}, 1002},
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

func utf8Cases() (cases []Case) {
	for s, valid := range utf8Texts {
		code := 1007
		if valid {
			code = 0
		}
		parts := chop([]byte(s), 1)
		cases = append(cases,
			Case{fmt.Sprintf("6 %+q", s), [][]byte{Frame(fin|text, []byte(s))}, code},
			Case{fmt.Sprintf("6 %+q, a piece for each byte", s), fragments(text, parts...), code},
			Case{fmt.Sprintf("6 %+q, a write for each byte", s), chop(Frame(fin|text, []byte(s)), 1), code},
			Case{fmt.Sprintf("6 %+q, as binary", s), fragments(binar, parts...), 0})
	}
	long := strings.Repeat("κόσμε ", 1800)
	start, bad := []byte("κόσμε"), []byte("\xf4\x90\x80\x80")
	part := func(b0 byte, whole string, sent int) []byte {
		f := Frame(b0, []byte(whole))
		return f[:len(f)-len(whole)+sent]
	}
	return append(cases,
		// As soon as the bad bytes are there: what would end the message is never sent.
		Case{"6.4.1", [][]byte{Frame(text, start), Frame(0, bad)}, 1007},
		Case{"6.4.2", [][]byte{Frame(text, start), Frame(0, bad[:2])}, 1007},
		Case{"6.4.3", [][]byte{part(fin|text, "κόσμε\xf4\x90\x80\x80edited", 14)}, 1007},
		Case{"6.4.4", [][]byte{part(fin|text, "κόσμε\xf4\x90\x80\x80edited", 12)}, 1007},
		Case{"6.4.4, byte by byte", chop(part(fin|text, "κόσμε\xf4\x90\x80\x80edited", 12), 1), 1007},
		Case{"6, in a half piece of a message", [][]byte{Frame(text, start), part(0, long+"\xff"+long, len(long)+1)}, 1007},
		Case{"6, in a long frame that comes in pieces", chop(part(fin|text, long+"\xff"+long, len(long)+1), 1000), 1007},
		Case{"6, a long one in pieces of a message and of frames", chop(bytes.Join(fragments(text, []byte(long), []byte(long[:99])), nil), 999), 0},
		Case{"6, after a whole message", [][]byte{Frame(fin|text, start), Frame(fin|text, []byte("\xba"))}, 1007})
}

func closes() (cases []Case) {
	cases = []Case{
		{"7.1.1", [][]byte{Frame(fin|text, []byte("{}")), closing(1000, "")}, 1000},
		{"7.1.2", [][]byte{append(closing(1000, ""), closing(1000, "")...)}, 1000},
		{"7.1.3", [][]byte{append(closing(1000, ""), Frame(fin|ping, []byte("late"))...)}, 1000},
		{"7.1.4", [][]byte{append(closing(1000, ""), Frame(fin|text, []byte("late"))...)}, 1000},
		{"7.1.5", [][]byte{Frame(text, []byte("{")), append(closing(1000, ""), Frame(fin, []byte("}"))...)}, 1000},
		{"7.3.1", [][]byte{Frame(fin|ending, nil)}, 1000},
		{"7.3.2", [][]byte{Frame(fin|ending, []byte{3})}, 1002},
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
		cases = append(cases, Case{fmt.Sprintf("7.7 to 7.13 with %d", code), [][]byte{closing(code, "")}, want})
	}
	return cases
}
