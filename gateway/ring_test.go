package gateway

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
			p := &packet{bytes: bytes.Repeat([]byte{byte(i)}, rng.IntN(300)), static: rng.IntN(4) == 0}
			if rng.IntN(50) == 0 {
				p.bytes = bytes.Repeat([]byte{byte(i)}, batchBytes+rng.IntN(3*batchBytes))
			}
			r.push(p, 1000, 1<<30)
			want = append(want, p.bytes...)
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
					last := r.at(r.count - 1).bytes // of which gather took a part
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
