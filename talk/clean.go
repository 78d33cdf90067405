package talk

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// The bounds of one grapheme cluster in what is shown. What a written language
// or an emoji needs is far below.
const (
	maxMarks   = 8 // combining marks; a cluster with more ends behind the last of these
	maxJoiners = 8 // zero-width joiners; further ones are dropped
)

const joiner = '\u200D'

// What a rune is mapped from and to, besides runes.
const (
	dropped = -1 // it goes
	invalid = -2 // a byte that is not UTF-8
)

// CleanText makes a text fit to be shown anywhere, a terminal included: it
// keeps newlines, writes a space for a tab and a newline for the line and
// paragraph separators, drops the other controls of C0, DEL, C1 and those of
// writing direction, writes U+FFFD for a byte that is not UTF-8, and bounds the
// marks and joiners of a cluster. CleanText(CleanText(s)) == CleanText(s). It
// returns s itself, without allocating, when there is nothing to clean.
func CleanText(s string) string {
	s, attached := clean(s, textRune)
	return boundClusters(s, attached)
}

// CleanName makes a name fit to be shown: it loses all controls (Cc), format
// characters (Cf), other invisible characters, what only a private font shows
// (Co), bytes that are not UTF-8, marks without a letter, and the white space
// around it; white space and blanks within are folded to one space; marks are
// bounded as in CleanText. It is idempotent too.
func CleanName(s string) string {
	s, attached := clean(s, nameRune)
	if attached > 0 {
		s = dropStrayMarks(s)
	}
	return boundClusters(foldSpaces(s), attached)
}

// textRune is what a text shows for c.
func textRune(c rune) rune {
	switch {
	case c == '\n':
		return c
	case c == '\t':
		return ' '
	case c == '\u2028' || c == '\u2029':
		return '\n'
	case c == invalid:
		return utf8.RuneError
	case unicode.Is(unicode.Cc, c) || isDirection(c):
		return dropped
	}
	return c
}

// nameRune is what a name shows for c.
func nameRune(c rune) rune {
	switch {
	case unicode.IsSpace(c) || isBlank(c):
		return ' '
	case c == invalid || isInvisible(c) || unicode.Is(unicode.Co, c) || isNonCharacter(c):
		return dropped
	}
	return c
}

// isBlank tells of characters that are no white space by their properties, and
// have an empty glyph all the same.
func isBlank(c rune) bool {
	switch c {
	case brailleBlank, '\uFFFC', // object replacement
		'\U0001D159',               // musical null notehead
		'\U00016FE4',               // Khitan small script filler
		'\U00013441', '\U00013442': // blanks of Egyptian hieroglyphs
		return true
	}
	return false
}

const brailleBlank = '\u2800'

func isNonCharacter(c rune) bool { return unicode.Is(unicode.Noncharacter_Code_Point, c) }

// isDirection tells of the controls of writing direction, and of the deprecated
// format characters behind them.
func isDirection(c rune) bool {
	switch {
	case c == '\u061C', c == '\u200E', c == '\u200F':
		return true
	case c >= '\u202A' && c <= '\u202E':
		return true
	}
	return c >= '\u2066' && c <= '\u206F'
}

// isInvisible tells of what shows nothing by itself.
func isInvisible(c rune) bool {
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point)
}

// isMark tells of what piles up on the character before it. A joiner counts
// apart, since it may not be the last of a cluster that was cut.
func isMark(c rune) bool {
	switch {
	case c < 0x300:
		return false
	case c == '\u200C', c == '\uFF9E', c == '\uFF9F', c == '\u0E33', c == '\u0EB3':
		return true // not in M, but attached all the same
	case c >= 0x1F3FB && c <= 0x1F3FF, c >= 0xE0020 && c <= 0xE007F:
		return true // skin tones, tags
	}
	return unicode.Is(unicode.M, c)
}

// clean maps every rune, and drops a joiner that follows a joiner. attached is
// the number of marks and joiners in the result.
func clean(s string, show func(rune) rune) (cleaned string, attached int) {
	i := 0
	for i < len(s) && s[i] >= ' ' && s[i] < 0x7f {
		i++
	}
	var out []byte // nil while s is clean so far
	var previous rune
	for size := 0; i < len(s); i += size {
		var c rune
		if c, size = utf8.DecodeRuneInString(s[i:]); c == utf8.RuneError && size == 1 {
			c = invalid
		}
		shown := show(c)
		if shown == joiner && previous == joiner {
			shown = dropped
		}
		if shown != c && out == nil {
			out = append(make([]byte, 0, len(s)), s[:i]...)
		}
		if shown == dropped {
			continue
		}
		if out != nil {
			out = utf8.AppendRune(out, shown)
		}
		if previous = shown; shown == joiner || isMark(shown) {
			attached++
		}
	}
	if out == nil {
		return s, attached
	}
	return string(out), attached
}

// dropStrayMarks drops marks that have no letter to stand on, and would stand on
// what is shown before the name, and variation selectors that vary nothing.
func dropStrayMarks(s string) string {
	previous := ' '
	return strings.Map(func(c rune) rune {
		stray := unicode.Is(unicode.M, c) && previous == ' ' ||
			unicode.Is(unicode.Variation_Selector, c) && !hasVariants(previous)
		if stray {
			return dropped
		}
		previous = c
		return c
	}, s)
}

// hasVariants tells of what a variation selector may stand behind: emoji and
// other symbols, and the scripts that use it.
func hasVariants(c rune) bool {
	return unicode.In(c, unicode.So, unicode.Sm, unicode.Han, unicode.Mongolian, unicode.Myanmar, unicode.Phags_Pa)
}

// foldSpaces trims spaces, and leaves one where there are several.
func foldSpaces(s string) string {
	s = strings.Trim(s, " ")
	if strings.Contains(s, "  ") {
		s = strings.Join(strings.Fields(s), " ")
	}
	return s
}

// boundClusters holds every cluster to its bounds. attached is the number of
// marks and joiners in s: few of them cannot exceed anything.
func boundClusters(s string, attached int) string {
	if attached <= min(maxMarks, maxJoiners) {
		return s
	}
	out := make([]byte, 0, len(s))
	for state := -1; s != ""; {
		var cluster string
		cluster, s, _, state = uniseg.FirstGraphemeClusterInString(s, state)
		out = appendBounded(out, cluster)
	}
	return string(out)
}

// appendBounded appends a cluster without its excess. What has too many marks
// is cut behind the last good mark, together with what was joined after it:
// behind a mark a cluster always ends, so the next one cannot grow into this
// one, which would leave work for a second cleaning.
func appendBounded(out []byte, cluster string) []byte {
	marks, joiners, cut := 0, 0, 0
	for _, c := range cluster {
		if c == joiner {
			if joiners++; joiners > maxJoiners {
				continue
			}
		}
		mark := isMark(c)
		if mark && marks == maxMarks {
			return out[:cut]
		}
		out = utf8.AppendRune(out, c)
		if mark {
			if marks++; marks == maxMarks {
				cut = len(out)
			}
		}
	}
	return out
}
