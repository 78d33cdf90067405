package transport

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestRingAdvancesByBytes: what leaves the ring is what was written, whatever the
// steps, also when what is behind it is dropped meanwhile.
func TestRingAdvancesByBytes(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	w := &pumpWorker{scratch: make([]byte, 0, batchBytes)}
	for range 100 {
		var r ring
		var want, got []byte
		for i := range rng.IntN(200) {
			p := &PreparedFrame{Bytes: bytes.Repeat([]byte{byte(i)}, rng.IntN(300)), Static: rng.IntN(4) == 0}
			if rng.IntN(50) == 0 {
				p.Bytes = bytes.Repeat([]byte{byte(i)}, batchBytes+rng.IntN(3*batchBytes))
			}
			r.push(p, 1000, 1<<30)
			want = append(want, p.Bytes...)
		}
		for r.count > 0 {
			if unsent := r.unsent(); unsent != len(want)-len(got) {
				t.Fatalf("%d bytes are said to be unsent, %d are", unsent, len(want)-len(got))
			}
			out, packets := w.gather(&r)
			if rng.IntN(100) == 0 { // the client is closed: what is begun stays
				r.clear(packets)
				want = append(bytes.Clone(got), out...)
				for size := r.unsent() - len(out); size > 0; size = 0 {
					last := r.at(r.count - 1).Bytes // of which gather took a part
					want = append(want, last[len(last)-size:]...)
				}
			}
			n := rng.IntN(len(out) + 1)
			got = append(got, out[:n]...)
			r.advance(n)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes came out of %d that went in, or others", len(got), len(want))
		}
		if r != (ring{}) {
			t.Fatalf("an empty ring holds something: %+v", r)
		}
	}
}

func TestRingIsAFIFOWithinItsBounds(t *testing.T) {
	t.Parallel()
	var r ring
	rng := rand.New(rand.NewPCG(3, 4))
	var model []*PreparedFrame
	for range 200000 {
		if rng.IntN(100) < 52 {
			p := &PreparedFrame{Bytes: make([]byte, rng.IntN(50))}
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
