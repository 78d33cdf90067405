package view

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tuitalk/talk"
)

// Search is a search in the rows: in all texts that are shown, stored or not.
// The zero value looks for nothing.
type Search struct {
	text  string // lower case; "": none
	found RowKey // the place found last
}

// Text is what is looked for, in lower case; "" when nothing is.
func (s *Search) Text() string { return s.text }

// Found is the row that was found last; zero: none.
func (s *Search) Found() RowKey { return s.found }

// End forgets what was looked for.
func (s *Search) End() { *s = Search{} }

// next finds the next older (-1) or newer (+1) row, or -1. A search that has
// found nothing yet begins with row start.
func (s *Search) next(rows *Rows, by, start int) int {
	at := rows.Index(s.found)
	if s.found == (RowKey{}) || at < 0 {
		at = start - by
	}
	for i := at + by; i > 0 && i < rows.Len(); i += by {
		row := rows.At(i)
		if _, _, ok := s.Match(talk.CleanText(row.Text()), 0); ok {
			s.found = row.Key
			return i
		}
	}
	return -1
}

// Match finds where a clean text has what is looked for, in either case, from
// byte at on.
func (s *Search) Match(text string, at int) (from, to int, ok bool) {
	if s.text == "" {
		return 0, 0, false
	}
	first, _ := utf8.DecodeRuneInString(s.text)
	for i := at; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if unicode.ToLower(r) == first {
			if to, ok := matchesAt(text, s.text, i); ok {
				return i, to, true
			}
		}
		i += n
	}
	return 0, 0, false
}

func matchesAt(text, lower string, i int) (to int, ok bool) {
	for _, want := range lower {
		if i >= len(text) {
			return 0, false
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if unicode.ToLower(r) != want {
			return 0, false
		}
		i += n
	}
	return i, true
}

// Find begins to look for a text, upwards from row start; without a text it goes
// on to the next older place. row is where, or -1, and then there is a sentence
// to say.
func (v *View) Find(text string, start int) (row int, say string) {
	if text = strings.ToLower(strings.TrimSpace(text)); text != "" {
		v.Search = Search{text: text}
	}
	return v.FindNext(-1, start)
}

// FindNext goes on to the next older (-1) or newer (+1) place.
func (v *View) FindNext(by, start int) (row int, say string) {
	s := &v.Search
	if s.text == "" {
		return -1, "/search <text> looks for a text."
	}
	if row := s.next(v.Rows, by, start); row >= 0 {
		return row, ""
	}
	switch {
	case by > 0:
		return -1, "“" + s.text + "” comes no more further down."
	case v.session.Complete():
		return -1, "“" + s.text + "” comes no more further up."
	}
	return -1, "“" + s.text + "” comes no more in what is loaded; /fetch 500 loads older messages."
}
