package view

import (
	"strconv"
	"unicode/utf8"

	"tuitalk/talk"
)

// Span is a piece of a folded row: a name when User is set, else words.
type Span struct {
	Text string
	User talk.UUID
}

// maxFoldNames is how many names of one sort a fold shows.
const maxFoldNames = 8

// memberChanges is what the entries of a fold say about one user, in the end.
type memberChanges struct {
	user        talk.UUID
	name        string
	moved       bool // joined or left
	cameIn      bool // the first move was a join
	isIn        bool // the last one was
	renamedFrom string
	renamed     bool
}

// Fold says what a RowFold says: "ada, bob joined; cy left; dan is now dora".
// Names are cleaned.
func (r *Rows) Fold(row Row) []Span {
	at := r.search(row.Key.Seq)
	users := make([]*memberChanges, 0, row.Count)
	byUser := make(map[talk.UUID]*memberChanges, row.Count)
	for i := at; i < at+row.Count && i < r.log.Len(); i++ {
		e := r.log.At(i)
		c := byUser[e.Author]
		if c == nil {
			c = &memberChanges{user: e.Author}
			byUser[e.Author] = c
			users = append(users, c)
		}
		c.take(e)
	}
	var f foldBuilder
	f.group(users, " joined", func(c *memberChanges) bool { return c.moved && c.cameIn && c.isIn })
	f.group(users, " left", func(c *memberChanges) bool { return c.moved && !c.cameIn && !c.isIn })
	f.group(users, " joined and left", func(c *memberChanges) bool { return c.moved && c.cameIn && !c.isIn })
	f.group(users, " left and came back", func(c *memberChanges) bool { return c.moved && !c.cameIn && c.isIn })
	f.renames(users)
	if len(f.spans) == 0 {
		f.words("a name changed and changed back")
	}
	return f.spans
}

func (c *memberChanges) take(e *talk.Entry) {
	c.name = ShowName(e.Author, e.Name)
	if e.Kind == talk.KindRenamed {
		if !c.renamed {
			c.renamed, c.renamedFrom = true, ShowName(e.Author, e.Text)
		}
		return
	}
	c.isIn = e.Kind == talk.KindJoined
	if !c.moved {
		c.moved, c.cameIn = true, c.isIn
	}
}

// foldBuilder puts the sentence together.
type foldBuilder struct{ spans []Span }

func (f *foldBuilder) words(s string) { f.add(Span{Text: s}) }

// add is not inlined: that would be thousands of bytes of the browser's module.
//
//go:noinline
func (f *foldBuilder) add(s Span) { f.spans = append(f.spans, s) }

func (f *foldBuilder) sentence() {
	if len(f.spans) > 0 {
		f.words("; ")
	}
}

func (f *foldBuilder) group(users []*memberChanges, verb string, in func(*memberChanges) bool) {
	named, more := 0, 0
	for _, c := range users {
		switch {
		case !in(c):
			continue
		case named == maxFoldNames:
			more++
			continue
		case named == 0:
			f.sentence()
		default:
			f.words(", ")
		}
		f.add(Span{c.name, c.user})
		named++
	}
	if more > 0 {
		f.words(" and " + strconv.Itoa(more) + " more")
	}
	if named > 0 {
		f.words(verb)
	}
}

func (f *foldBuilder) renames(users []*memberChanges) {
	named, more := 0, 0
	for _, c := range users {
		switch {
		case !c.renamed || c.renamedFrom == c.name:
		case named == maxFoldNames:
			more++
		default:
			f.sentence()
			f.add(Span{c.renamedFrom, c.user})
			f.words(" is now ")
			f.add(Span{c.name, c.user})
			named++
		}
	}
	if more > 0 {
		f.words("; " + strconv.Itoa(more) + " more changed their names")
	}
}

// ShowName is a user's name as it may be shown: cleaned, no longer than names
// may be, and never empty.
func ShowName(u talk.UUID, name string) string {
	name = talk.CleanName(name)
	if len(name) > talk.MaxNameBytes {
		end := talk.MaxNameBytes
		for !utf8.RuneStart(name[end]) {
			end--
		}
		name = talk.CleanName(name[:end])
	}
	if name == "" {
		return "nobody-" + u.String()[:4]
	}
	return name
}
