package talk

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// Refusal is why a name or a text is not taken, as an Error will say it.
type Refusal struct {
	Code    Code
	Message string // one sentence for a person
}

func (r *Refusal) Error() string { return r.Message }

var _ error = (*Refusal)(nil)

var (
	errEmptyName = &Refusal{CodeBadName, "A name needs at least one visible character."}
	errLongName  = &Refusal{CodeBadName, "A name has at most 32 characters and 64 bytes."}
	errEmptyText = &Refusal{CodeBadText, "A message needs at least one visible character."}
	errLongText  = &Refusal{CodeBadText, "A message has at most 4000 bytes."}
	errNUL       = &Refusal{CodeBadText, "A message may not contain the character NUL."}
)

// CheckName cleans a name and holds it to the limits. The error is a *Refusal.
func CheckName(s string) (clean string, err error) {
	if len(s) > 4*MaxNameBytes { // nobody's name with some space around it
		return "", errLongName
	}
	clean = CleanName(s)
	switch {
	case !isVisible(clean):
		return "", errEmptyName
	case len(clean) > MaxNameBytes, uniseg.GraphemeClusterCount(clean) > MaxNameClusters:
		return "", errLongName
	}
	return clean, nil
}

// CheckText cleans a text and holds it to the limits. The error is a *Refusal.
func CheckText(s string) (clean string, err error) {
	if len(s) > MaxTextBytes {
		return "", errLongText
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "", errNUL
	}
	clean = CleanText(s)
	switch {
	case !isVisible(clean):
		return "", errEmptyText
	case len(clean) > MaxTextBytes: // U+FFFD is longer than the byte it stands for
		return "", errLongText
	}
	return clean, nil
}

// isVisible tells whether there is anything to see in s: not only white space,
// characters without a glyph and marks without a base.
func isVisible(s string) bool {
	for _, c := range s {
		if !unicode.IsSpace(c) && !isBlank(c) && !isInvisible(c) && !unicode.Is(unicode.M, c) {
			return true
		}
	}
	return false
}
