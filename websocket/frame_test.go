package websocket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

// clientFrame builds a masked frame.
func clientFrame(fin bool, opcode byte, payload []byte, mask [4]byte) []byte {
	b := []byte{opcode}
	if fin {
		b[0] |= 0x80
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, mask[:]...)
	for i, p := range payload {
		b = append(b, p^mask[i&3])
	}
	return b
}

func TestParseOfEverySize(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 7, 8, 9, 125, 126, 127, 1000, 65535, 65536} {
		payload := make([]byte, n)
		for i := range payload {
			payload[i] = byte(rng.Uint32())
		}
		whole := clientFrame(true, OpBinary, payload, [4]byte{1, 2, 3, byte(n)})
		for _, cut := range []int{0, 1, 2, 3, 5, len(whole) / 2, len(whole) - 1} {
			if cut >= len(whole) {
				continue
			}
			if _, err := Parse(bytes.Clone(whole[:cut]), Client, 1<<16); err != ErrPartial {
				t.Fatalf("%d bytes, cut at %d: %v", n, cut, err)
			}
		}
		f, err := Parse(append(bytes.Clone(whole), "rest"...), Client, 1<<16)
		if err != nil || f.Size != len(whole) || !f.Fin || f.Opcode != OpBinary || !bytes.Equal(f.Payload, payload) {
			t.Fatalf("%d bytes: %+v %v", n, f, err)
		}
	}
}

func TestAppendHeaderIsReadBack(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 125, 126, 65535, 65536} {
		h := AppendHeader(nil, OpText, n)
		if len(h) > MaxHeader || h[0] != 0x81 {
			t.Fatalf("%d: head %x", n, h)
		}
		h[1] |= 0x80 // as if a client had sent it
		if got, head, err := payloadLength(append(h, make([]byte, 14)...)); err != nil || got != uint64(n) || head != len(h) {
			t.Errorf("%d read back as %d, head %d of %d: %v", n, got, head, len(h), err)
		}
	}
}

func TestCloseCutsAtARune(t *testing.T) {
	t.Parallel()
	reason := string(bytes.Repeat([]byte("ä"), 100))
	f := Close(4008, reason)
	if len(f) > 2+MaxControl || !utf8.Valid(f[4:]) || binary.BigEndian.Uint16(f[2:]) != 4008 {
		t.Errorf("%d bytes: %q", len(f), f)
	}
}

// FuzzParse: whatever comes, nothing panics, nothing beyond the input is
// taken, and what is taken whole is the same when it comes in two parts.
func FuzzParse(f *testing.F) {
	f.Add(clientFrame(true, OpText, []byte("hello"), [4]byte{1, 2, 3, 4}))
	f.Add(clientFrame(false, OpText, nil, [4]byte{}))
	f.Add([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0})
	f.Add([]byte{0x88, 0x80, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, input []byte) {
		var a Assembler
		data := bytes.Clone(input)
		for {
			whole, err := Parse(bytes.Clone(data), Client, 1<<16)
			if err == ErrPartial {
				if whole.Size <= len(data) {
					t.Fatalf("partial, but %d of %d bytes are there", len(data), whole.Size)
				}
				return
			}
			var ce *Error
			if err != nil {
				if !errors.As(err, &ce) || ce.Reason == "" {
					t.Fatalf("error without a close code: %v", err)
				}
				return
			}
			if whole.Size > len(data) || len(whole.Payload) > 1<<16 {
				t.Fatalf("took %d of %d bytes", whole.Size, len(data))
			}
			if _, err := Parse(bytes.Clone(data[:whole.Size-1]), Client, 1<<16); err != ErrPartial {
				t.Fatalf("a frame less its last byte: %v", err)
			}
			if whole.Opcode < OpClose {
				if _, m, done, err := a.Add(whole, 1<<16); err == nil && done && len(m) > 1<<16 {
					t.Fatal("a message over the limit")
				} else if err != nil {
					return
				}
			}
			data = data[whole.Size:]
		}
	})
}

// FuzzUTF8Checker: a text is judged the same however it is cut, and what is refused
// early cannot become right.
func FuzzUTF8Checker(f *testing.F) {
	for _, s := range []string{"", "κόσμε", "κόσμε\xf4\x90\x80\x80edited", "\xed\xa0\x80", "\xf0\x90\x80", "a\xffb", "\ufffd"} {
		f.Add([]byte(s), uint64(0xaaaaaaaaaaaaaaaa))
	}
	f.Fuzz(func(t *testing.T, p []byte, cuts uint64) {
		var u utf8Checker
		ok, from := true, 0
		for i := range p {
			if cuts>>(i%64)&1 == 1 {
				ok = ok && u.feed(p[from:i])
				from = i
			}
		}
		ok = ok && u.feed(p[from:])
		if got := ok && u.whole(); got != utf8.Valid(p) {
			t.Fatalf("%q cut by %x: %v", p, cuts, got)
		}
		if ok && !u.whole() && utf8.FullRune(u.tail[:u.n]) {
			t.Fatalf("%q waits for the rest of a rune that is whole", p)
		}
	})
}

func TestPeekLooksAtEachByteOnceAndDoesNotAllocate(t *testing.T) {
	text := bytes.Repeat([]byte("κόσμε "), 5000)
	whole := clientFrame(true, OpText, text, [4]byte{1, 2, 3, 4})
	var a Assembler
	steps := 0
	if n := testing.AllocsPerRun(20, func() {
		a.checked, a.text = 0, utf8Checker{}
		for cut := 1000; cut < len(whole); cut += 1000 {
			before := a.checked
			if err := a.Peek(whole[:cut], 1<<16); err != nil {
				t.Fatal(err)
			}
			if steps = a.checked - before; steps > 1000 {
				t.Fatalf("it looked at %d bytes for 1000", steps)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	f, err := Parse(whole, Client, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	if _, message, done, err := a.Add(f, 1<<16); err != nil || !done || !bytes.Equal(message, text) || a.checked != 0 {
		t.Errorf("%d bytes, done %v, %v", len(message), done, err)
	}
}

func BenchmarkParse(b *testing.B) {
	f := clientFrame(true, OpText, bytes.Repeat([]byte("x"), 200), [4]byte{1, 2, 3, 4})
	in := make([]byte, len(f))
	b.SetBytes(int64(len(f)))
	for b.Loop() {
		copy(in, f)
		if _, err := Parse(in, Client, 1<<16); err != nil {
			b.Fatal(err)
		}
	}
}
