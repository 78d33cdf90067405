package gateway

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

func TestParseFrameOfEverySize(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 7, 8, 9, 125, 126, 127, 1000, 65535, 65536} {
		payload := make([]byte, n)
		for i := range payload {
			payload[i] = byte(rng.Uint32())
		}
		whole := clientFrame(true, opBinary, payload, [4]byte{1, 2, 3, byte(n)})
		for _, cut := range []int{0, 1, 2, 3, 5, len(whole) / 2, len(whole) - 1} {
			if cut >= len(whole) {
				continue
			}
			if _, err := parseFrame(bytes.Clone(whole[:cut]), 1<<16); err != errPartial {
				t.Fatalf("%d bytes, cut at %d: %v", n, cut, err)
			}
		}
		f, err := parseFrame(append(bytes.Clone(whole), "rest"...), 1<<16)
		if err != nil || f.size != len(whole) || !f.fin || f.opcode != opBinary || !bytes.Equal(f.payload, payload) {
			t.Fatalf("%d bytes: %+v %v", n, f, err)
		}
	}
}

func TestAppendHeadIsReadBack(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 125, 126, 65535, 65536} {
		h := appendHead(nil, opText, n)
		if len(h) > maxHead || h[0] != 0x81 {
			t.Fatalf("%d: head %x", n, h)
		}
		h[1] |= 0x80 // as if a client had sent it
		if got, head, err := payloadLength(append(h, make([]byte, 14)...)); err != nil || got != uint64(n) || head != len(h) {
			t.Errorf("%d read back as %d, head %d of %d: %v", n, got, head, len(h), err)
		}
	}
}

func TestCloseFrameCutsAtARune(t *testing.T) {
	t.Parallel()
	reason := string(bytes.Repeat([]byte("ä"), 100))
	f := closeFrame(4008, reason)
	if len(f) > 2+maxControl || !utf8.Valid(f[4:]) || binary.BigEndian.Uint16(f[2:]) != 4008 {
		t.Errorf("%d bytes: %q", len(f), f)
	}
}

// FuzzParseFrame: whatever comes, nothing panics, nothing beyond the input is
// taken, and what is taken whole is the same when it comes in two parts.
func FuzzParseFrame(f *testing.F) {
	f.Add(clientFrame(true, opText, []byte("hello"), [4]byte{1, 2, 3, 4}))
	f.Add(clientFrame(false, opText, nil, [4]byte{}))
	f.Add([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0})
	f.Add([]byte{0x88, 0x80, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, input []byte) {
		var a assembler
		data := bytes.Clone(input)
		for {
			whole, err := parseFrame(bytes.Clone(data), 1<<16)
			if err == errPartial {
				if whole.size <= len(data) {
					t.Fatalf("partial, but %d of %d bytes are there", len(data), whole.size)
				}
				return
			}
			var ce *closeError
			if err != nil {
				if !errors.As(err, &ce) || ce.reason == "" {
					t.Fatalf("error without a close code: %v", err)
				}
				return
			}
			if whole.size > len(data) || len(whole.payload) > 1<<16 {
				t.Fatalf("took %d of %d bytes", whole.size, len(data))
			}
			if _, err := parseFrame(bytes.Clone(data[:whole.size-1]), 1<<16); err != errPartial {
				t.Fatalf("a frame less its last byte: %v", err)
			}
			if whole.opcode < opClose {
				if _, m, done, err := a.add(whole, 1<<16); err == nil && done && len(m) > 1<<16 {
					t.Fatal("a message over the limit")
				} else if err != nil {
					return
				}
			}
			data = data[whole.size:]
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
	whole := clientFrame(true, opText, text, [4]byte{1, 2, 3, 4})
	var a assembler
	steps := 0
	if n := testing.AllocsPerRun(20, func() {
		a.checked, a.text = 0, utf8Checker{}
		for cut := 1000; cut < len(whole); cut += 1000 {
			before := a.checked
			if err := a.peek(whole[:cut], 1<<16); err != nil {
				t.Fatal(err)
			}
			if steps = a.checked - before; steps > 1000 {
				t.Fatalf("it looked at %d bytes for 1000", steps)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	f, err := parseFrame(whole, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	if _, message, done, err := a.add(f, 1<<16); err != nil || !done || !bytes.Equal(message, text) || a.checked != 0 {
		t.Errorf("%d bytes, done %v, %v", len(message), done, err)
	}
}

func TestRingIsAFIFOWithinItsBounds(t *testing.T) {
	t.Parallel()
	var r ring
	rng := rand.New(rand.NewPCG(3, 4))
	var model []*packet
	for range 200000 {
		if rng.IntN(100) < 52 {
			p := &packet{bytes: make([]byte, rng.IntN(50))}
			size := 0
			for _, m := range model {
				size += m.cost()
			}
			want := len(model) < 300 && (len(model) == 0 || size+p.cost() <= 9000)
			if got := r.push(p, 300, 9000); got != want {
				t.Fatalf("push with %d packets and %d bytes queued: %v", len(model), size, got)
			}
			if want {
				model = append(model, p)
			}
		} else if len(model) > 0 {
			if r.at(0) != model[0] || r.pop() != model[0] {
				t.Fatal("not first in, first out")
			}
			model = model[1:]
		} else if r.pop() != nil || r.at(0) != nil || r.block != nil {
			t.Fatal("an empty ring holds something")
		}
	}
}

func TestRecentKnowsItsEntries(t *testing.T) {
	t.Parallel()
	var r recent
	for seq := int64(1); seq <= 25; seq++ {
		e := &roomEntry{cost: 1}
		e.Seq, e.ID[0] = seq, byte(seq)
		r.add(e, 20, 10)
		oldest := max(1, seq-9)
		for after := int64(0); after <= seq+1; after++ {
			i, ok := r.after(after, seq)
			if ok != (after >= oldest-1) {
				t.Fatalf("after %d of %d: %v", after, seq, ok)
			}
			if ok && after < seq && r.at(i).Seq != after+1 {
				t.Fatalf("after %d comes %d", after, r.at(i).Seq)
			}
		}
		if id, ok := r.idAt(oldest); !ok || id[0] != byte(oldest) {
			t.Fatalf("id of %d: %v %v", oldest, id, ok)
		}
		if _, ok := r.idAt(oldest - 1); ok {
			t.Fatal("an id that is forgotten")
		}
	}
}
