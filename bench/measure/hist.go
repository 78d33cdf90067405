package measure

import (
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
// costs nothing. Two of them can be added without a loss.
type Hist struct{ inner *hdrhistogram.Histogram }

func (h *Hist) ensure() {
	if h.inner == nil {
		h.inner = hdrhistogram.New(1, longest, digits)
	}
}

// Record adds d, n times. What is longer than ten minutes counts as that.
func (h *Hist) Record(d time.Duration, n int64) {
	h.ensure()
	_ = h.inner.RecordValues(min(max(int64(d)/finest, 1), longest), n) // always in range
}

// Add adds all of o.
func (h *Hist) Add(o *Hist) {
	if o.inner != nil {
		h.ensure()
		h.inner.Merge(o.inner)
	}
}

// Count is the number of times in it.
func (h *Hist) Count() int64 {
	if h.inner == nil {
		return 0
	}
	return h.inner.TotalCount()
}

// At is the percentile p, 0 to 100; 0 if it is empty.
func (h *Hist) At(p float64) time.Duration {
	if h.inner == nil {
		return 0
	}
	return time.Duration(h.inner.ValueAtPercentile(p) * finest)
}

// Max is the greatest time, to three digits.
func (h *Hist) Max() time.Duration { return h.At(100) }

// MarshalText writes it in HdrHistogram's own compressed form (V2, base64), that
// other programs read too; empty as "".
func (h Hist) MarshalText() ([]byte, error) {
	if h.inner == nil {
		return nil, nil
	}
	return h.inner.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
}

// UnmarshalText reads what MarshalText wrote.
func (h *Hist) UnmarshalText(b []byte) error {
	h.inner = nil
	if len(b) == 0 {
		return nil
	}
	inner, err := hdrhistogram.Decode(b)
	if err != nil {
		return fmt.Errorf("read a histogram: %w", err)
	}
	h.inner = inner
	return nil
}
