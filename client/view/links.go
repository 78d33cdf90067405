package view

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Link is the place of a web address in a text, in bytes. The address is
// shown as it is and leads to exactly what is shown.
type Link struct{ Start, End int }

// maxLinkBytes is the longest address that is made a link.
const maxLinkBytes = 2048

// FindLinks finds the http and https addresses in a text that went through
// talk.CleanText. Punctuation that ends a sentence and brackets that were
// opened before the address are not part of it. An address that names a user
// before the host ("https://bank.example@evil.example") is left as text: it
// exists to look like another one.
func FindLinks(text string) []Link {
	var links []Link
	for at := 0; ; {
		i := indexScheme(text[at:])
		if i < 0 {
			return links
		}
		start := at + i
		rest := start + strings.Index(text[start:], "://") + len("://")
		end := trimLink(text, rest, linkEnd(text, rest))
		at = max(end, rest)
		if end-start <= maxLinkBytes && goodHost(text[rest:end]) && !afterWord(text, start) {
			links = append(links, Link{start, end})
		}
	}
}

// indexScheme finds the next "http://" or "https://" of either case.
func indexScheme(s string) int {
	for at := 0; ; {
		i := strings.Index(s[at:], "://")
		if i < 0 {
			return -1
		}
		colon := at + i
		for _, scheme := range [...]string{"https", "http"} {
			if colon >= len(scheme) && strings.EqualFold(s[colon-len(scheme):colon], scheme) {
				return colon - len(scheme)
			}
		}
		at = colon + len("://")
	}
}

// linkEnd is where the run of characters ends that an address may hold.
func linkEnd(text string, from int) int {
	for i, r := range text[from:] {
		if !linkRune(r) {
			return from + i
		}
	}
	return len(text)
}

func linkRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && r < 0x7f && !strings.ContainsRune("<>\"`{}|\\^", r)
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

// trimLink takes back what belongs to the sentence around the address.
func trimLink(text string, from, end int) int {
	for end > from {
		last := text[end-1]
		switch {
		case strings.IndexByte(".,;:!?'*_~", last) >= 0:
		case last == ')' && unbalanced(text[from:end], '(', ')'):
		case last == ']' && unbalanced(text[from:end], '[', ']'):
		default:
			return end
		}
		end--
	}
	return end
}

func unbalanced(s string, open, shut byte) bool {
	return strings.Count(s, string(shut)) > strings.Count(s, string(open))
}

func goodHost(rest string) bool {
	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	if host == "" || strings.Contains(host, "@") || strings.HasSuffix(host, ":") {
		return false
	}
	r, _ := utf8.DecodeRuneInString(host)
	return r == '[' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// afterWord reports whether the address begins in the middle of a word.
func afterWord(text string, start int) bool {
	r, _ := utf8.DecodeLastRuneInString(text[:start])
	return start > 0 && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
