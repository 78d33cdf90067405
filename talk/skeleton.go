package talk

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Skeleton is what a name looks like: two names with one skeleton can be
// mistaken for each other. Case, marks (ạ, é), spaces and punctuation do not
// count, and what looks like an ASCII letter or digit in common fonts is that
// one, whichever script it is from; 0 is o, 1, i and | are l, m is rn and w is
// vv. This is the skeleton of Unicode TS 39 for what reads as Latin; beyond it
// only case is folded. It says nothing of letters that people read as others
// (s3rver). A skeleton is for comparing and not for showing.
func Skeleton(name string) string {
	name = CleanName(name)
	if len(name) > 4*MaxNameBytes { // no server took it; the rest costs time only
		name = strings.ToValidUTF8(name[:4*MaxNameBytes], "")
	}
	b := make([]byte, 0, len(name))
	for _, c := range name {
		b = appendLook(b, c)
	}
	if len(b) == 0 { // nothing but punctuation
		return name
	}
	return string(b)
}

func appendLook(b []byte, c rune) []byte {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '|':
		return appendASCII(b, byte(unicode.ToLower(c)))
	case c < utf8.RuneSelf, unicode.IsPunct(c), isInheritedMark(c):
		return b
	}
	folded := unicode.ToLower(unicode.ToUpper(c)) // both: ς and σ
	for _, c := range [...]rune{c, folded} {
		if as := lookOf(c); as != "" {
			return append(b, as...)
		}
	}
	return utf8.AppendRune(b, folded)
}

func appendASCII(b []byte, c byte) []byte {
	switch c {
	case '0':
		return append(b, 'o')
	case '1', 'i', '|':
		return append(b, 'l')
	case 'm':
		return append(b, "rn"...)
	case 'w':
		return append(b, "vv"...)
	}
	return append(b, c)
}

// isInheritedMark tells of the marks that any script may have. Those of a
// script of their own are its vowels, and make another name.
func isInheritedMark(c rune) bool {
	return c >= 0x300 && unicode.Is(unicode.M, c) && unicode.Is(unicode.Inherited, c)
}

// lookOf searches the table. A name that is not Latin costs it some
// microseconds, for which callers keep what they have compared.
func lookOf(c rune) string {
	if c >= 0x2E80 && c < 0xA4D0 && c != '〇' || c >= 0xAC00 && c < 0xD800 {
		return "" // the large blocks of Chinese, Japanese and Korean
	}
	for i := range looks {
		if strings.ContainsRune(looks[i].chars, c) {
			return looks[i].as
		}
	}
	return ""
}
