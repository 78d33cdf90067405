package virtualuser

import "tuitalk/bench/scenario"

// stamp is what the beginning of a text tells its receivers.
type stamp struct {
	worker, client int
	number         int64 // counts the client's messages
	intended       int64 // microseconds, by the coordinator's clock
	real           int64 // when it was posted; not before intended
}

// The form of a stamp: a mark, then hexadecimal numbers of fixed widths, each
// with a space behind it.
const (
	mark      = "m:"
	stampSize = len(mark) + 3 + 1 + 6 + 1 + 8 + 1 + 13 + 1 + 8 + 1
)

var stampWidths = [...]int{3, 6, 8, 13, 8}

// A stamp fits into the shortest text.
const _ = uint(scenario.MinSize - stampSize)

// filler is what texts consist of behind the stamp.
const filler = "the quick brown fox jumps over the lazy dog and says hello to all who are here; "

// text writes a text of size bytes.
func (s *stamp) text(size int) string {
	b := make([]byte, 0, size)
	b = append(b, mark...)
	late := min(max(0, s.real-s.intended), 1<<32-1)
	for i, v := range [...]int64{int64(s.worker), int64(s.client), s.number, s.intended, late} {
		b = appendHex(b, v, stampWidths[i])
		b = append(b, ' ')
	}
	for len(b) < size {
		b = append(b, filler[:min(len(filler), size-len(b))]...)
	}
	if b[size-1] == ' ' {
		b[size-1] = '.' // space at the end is not kept by everybody
	}
	return string(b)
}

// appendHex appends the last width digits of v.
func appendHex(b []byte, v int64, width int) []byte {
	for i := width - 1; i >= 0; i-- {
		b = append(b, "0123456789abcdef"[v>>(4*i)&0xf])
	}
	return b
}

// readStamp reads the stamp of a text, if it has one.
func readStamp(text string) (s stamp, ok bool) {
	if len(text) < stampSize || text[:len(mark)] != mark {
		return s, false
	}
	var v [len(stampWidths)]int64
	at := len(mark)
	for i, width := range stampWidths {
		for _, c := range []byte(text[at : at+width]) {
			switch {
			case c >= '0' && c <= '9':
				v[i] = v[i]<<4 | int64(c-'0')
			case c >= 'a' && c <= 'f':
				v[i] = v[i]<<4 | int64(c-'a'+10)
			default:
				return s, false
			}
		}
		at += width + 1
	}
	return stamp{int(v[0]), int(v[1]), v[2], v[3], v[3] + v[4]}, true
}
