package measure

import (
	"bytes"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// What a Hist can tell apart: microseconds up to ten minutes, to three digits.
const (
	finest  = int64(time.Microsecond)
	longest = int64(10 * time.Minute / time.Microsecond)
	digits  = 3
)

// Hist is a distribution of times (HdrHistogram). The zero value is empty and
// costs nothing. Two of them can be added without a loss. One that is recorded in
// takes 160 KB; one that was packed, or read, takes a few hundred bytes, and
// reading a percentile of it takes some 50 µs.
type Hist struct {
	inner  *hdrhistogram.Histogram // nil: empty, or packed
	packed []byte                  // as MarshalText writes it; nil: not packed
	count  int64                   // of what is packed
}

// ensure makes it one that can be recorded in.
func (h *Hist) ensure() {
	if h.inner = h.open(); h.inner == nil {
		h.inner = hdrhistogram.New(1, longest, digits)
	}
	h.packed, h.count = nil, 0
}

// open is what it holds, nil if that is nothing.
func (h *Hist) open() *hdrhistogram.Histogram {
	if h.packed == nil {
		return h.inner
	}
	inner, err := hdrhistogram.Decode(h.packed)
	if err != nil {
		panic(fmt.Sprintf("a histogram that was read before cannot be read: %v", err))
	}
	return inner
}

// Pack gives up most of its memory. A run of an hour has thousands of them that
// nobody records in any more.
func (h *Hist) Pack() error {
	if h.inner == nil {
		return nil
	}
	packed, err := h.inner.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return fmt.Errorf("pack a histogram: %w", err)
	}
	h.inner, h.packed, h.count = nil, packed, h.inner.TotalCount()
	return nil
}

// Pack gives up most of the memory of a sample's distributions.
func (s *Sample) Pack() error {
	for _, h := range []*Hist{&s.Latency, &s.Service, &s.Stored, &s.Late, &s.Joined} {
		if err := h.Pack(); err != nil {
			return err
		}
	}
	return nil
}

// Record adds d, n times. What is longer than ten minutes counts as that.
func (h *Hist) Record(d time.Duration, n int64) {
	h.ensure()
	_ = h.inner.RecordValues(min(max(int64(d)/finest, 1), longest), n) // always in range
}

// Add adds all of o.
func (h *Hist) Add(o *Hist) {
	if inner := o.open(); inner != nil {
		h.ensure()
		h.inner.Merge(inner)
	}
}

// Count is the number of times in it.
func (h *Hist) Count() int64 {
	if h.inner == nil {
		return h.count
	}
	return h.inner.TotalCount()
}

// At is the percentile p, 0 to 100; 0 if it is empty.
func (h *Hist) At(p float64) time.Duration {
	inner := h.open()
	if inner == nil {
		return 0
	}
	return time.Duration(inner.ValueAtPercentile(p) * finest)
}

// Max is the greatest time, to three digits.
func (h *Hist) Max() time.Duration { return h.At(100) }

// MarshalText writes it in HdrHistogram's own compressed form (V2, base64), that
// other programs read too; empty as "".
func (h Hist) MarshalText() ([]byte, error) {
	if h.inner == nil {
		return h.packed, nil
	}
	return h.inner.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
}

// UnmarshalText reads what MarshalText wrote, and leaves it packed.
func (h *Hist) UnmarshalText(b []byte) error {
	*h = Hist{}
	if len(b) == 0 {
		return nil
	}
	inner, err := hdrhistogram.Decode(b)
	if err != nil {
		return fmt.Errorf("read a histogram: %w", err)
	}
	h.packed, h.count = bytes.Clone(b), inner.TotalCount()
	return nil
}
