package talk

import (
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted returns what stands between the quotes of a string, unescaped.
// It is valid until the next call.
func (r *jsonReader) quoted() []byte {
	if r.peek() != '"' {
		r.failType()
		return nil
	}
	start := r.at + 1
	i := start + plain(r.data[start:])
	if i < len(r.data) {
		switch r.data[i] {
		case '"':
			r.at = i + 1
			return r.data[start:i]
		case '\\':
			return r.unescape(start, i)
		}
	}
	r.fail(ErrSyntax)
	return nil
}

// unescape is quoted for a string from start on whose first backslash is at i.
func (r *jsonReader) unescape(start, i int) []byte {
	if r.scratch == nil {
		r.scratch = make([]byte, 0, len(r.data)-start) // no string left is longer
	}
	r.scratch = append(r.scratch[:0], r.data[start:i]...)
	for i >= 0 && i < len(r.data) {
		switch r.data[i] {
		case '"':
			r.at = i + 1
			return r.scratch
		case '\\':
			i = r.escape(i + 1)
		default:
			n := plain(r.data[i:])
			if n == 0 {
				i = -1 // a control
				continue
			}
			r.scratch = append(r.scratch, r.data[i:i+n]...)
			i += n
		}
	}
	r.fail(ErrSyntax)
	return nil
}

// escape appends what the escape at i, behind its backslash, stands for and
// returns where it ends, or -1.
func (r *jsonReader) escape(i int) int {
	if i >= len(r.data) {
		return -1
	}
	c := r.data[i]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return r.escapeRune(i + 1)
	default:
		return -1
	}
	r.scratch = append(r.scratch, c)
	return i + 1
}

// escapeRune reads the digits of \uXXXX, and the second half of a surrogate
// pair. Half a pair is no text.
func (r *jsonReader) escapeRune(i int) int {
	c := r.hex4(i)
	i += 4
	if utf16.IsSurrogate(c) {
		if i+2 > len(r.data) || r.data[i] != '\\' || r.data[i+1] != 'u' {
			return -1
		}
		c = utf16.DecodeRune(c, r.hex4(i+2))
		if c == utf8.RuneError {
			return -1
		}
		i += 6
	}
	if c < 0 {
		return -1
	}
	r.scratch = utf8.AppendRune(r.scratch, c)
	return i
}

// hex4 is the value of four hexadecimal digits, -1 if they are not there.
func (r *jsonReader) hex4(i int) rune {
	if i+4 > len(r.data) {
		return -1
	}
	var v rune
	for _, c := range r.data[i : i+4] {
		digit := hexValue[c]
		if digit > 0x0f {
			return -1
		}
		v = v<<4 | rune(digit)
	}
	return v
}

// plain returns the length of the part of s that stands in a JSON string as it
// is: up to the first quote, backslash or control. It looks at eight bytes at a
// time; a byte that has to be looked at leaves its high bit in found.
func plain[T string | []byte](s T) int {
	const (
		ones  = 0x0101010101010101
		highs = ones << 7
	)
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote := w ^ ones*'"'
		slash := w ^ ones*'\\'
		found := (quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w
		if found &= highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}
