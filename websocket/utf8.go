package websocket

import "unicode/utf8"

// utf8Checker finds the first byte with which a text stops being UTF-8, however it
// is cut. The zero value is at the beginning of a text.
type utf8Checker struct {
	tail [utf8.UTFMax]byte // a rune's first bytes, at the end of what has come
	n    uint8             // of them
}

// feed takes the text's next bytes; false: no text goes on like this.
func (u *utf8Checker) feed(p []byte) bool {
	for ; u.n > 0 && len(p) > 0; p = p[1:] {
		u.tail[u.n] = p[0]
		u.n++
		if !utf8.FullRune(u.tail[:u.n]) {
			continue
		}
		if r, size := utf8.DecodeRune(u.tail[:u.n]); r == utf8.RuneError && size == 1 {
			return false
		}
		u.n = 0
	}
	rest := unfinishedRune(p)
	if len(rest) > 0 {
		u.n = uint8(copy(u.tail[:], rest))
	}
	return utf8.Valid(p[:len(p)-len(rest)])
}

// whole tells whether the text may end here.
func (u *utf8Checker) whole() bool { return u.n == 0 }

// unfinishedRune is the end of p that may become a rune by what follows.
func unfinishedRune(p []byte) []byte {
	for i := len(p) - 1; i >= 0 && i > len(p)-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			if utf8.FullRune(p[i:]) {
				return nil
			}
			return p[i:]
		}
	}
	return nil
}
