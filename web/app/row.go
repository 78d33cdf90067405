package app

import (
	"strconv"
	"strings"
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// A text is folded when it has more lines or bytes than these.
const (
	foldLines = 16
	foldBytes = 1600
)

// look is all that decides how a row with a key looks: equal looks need no work.
type look struct {
	kind     view.RowKind
	count    int
	own      bool
	follows  bool
	folded   bool // long, and not unfolded by the user
	hit      bool // what a search has found
	delivery client.Delivery
	reason   string
	name     string
	tag      string
}

func (a *App) lookOf(row *view.Row) look {
	l := look{kind: row.Kind, count: row.Count, own: row.Own, follows: row.Follows}
	switch row.Kind {
	case view.RowEntry, view.RowPending:
		label := a.labelOf(row.Entry.Author, row.Entry.Name)
		l.name, l.tag = label.name, label.tag
		l.folded = a.folds(row.Key, row.Entry.Text)
		l.hit = a.view.Search.Found() == row.Key
	case view.RowUnsent:
		label := a.labelOf(a.session.Me().UUID, a.session.Me().Username)
		l.name, l.tag = label.name, label.tag
		l.folded = a.folds(row.Key, row.Outgoing.Text)
		l.delivery, l.reason = row.Outgoing.Delivery, row.Outgoing.Reason
	}
	return l
}

func (a *App) labelOf(user talk.UUID, name string) *label {
	return a.labels.of(a.view, user, name)
}

func (a *App) folds(key view.RowKey, text string) bool {
	return (len(text) > foldBytes || strings.Count(text, "\n") >= foldLines) && !a.unfolded[key]
}

// unfold shows all of a long text.
func (a *App) unfold(arg string) {
	for _, s := range a.window.shown {
		if s.look.folded && rowArg(s.key) == arg {
			if a.unfolded == nil {
				a.unfolded = make(map[view.RowKey]bool)
			}
			a.unfolded[s.key] = true
			a.stale |= partRows
			return
		}
	}
}

// rowArg names a row in a button.
func rowArg(k view.RowKey) string {
	if k.Kind == view.RowEntry {
		return strconv.FormatInt(k.Seq, 10)
	}
	return k.ID.String()
}

// makeRow writes a row's element.
func (a *App) makeRow(p *Patch, ref Ref, row *view.Row, l *look) {
	switch row.Kind {
	case view.RowDay:
		p.root(ref, "div", "row day")
		p.leaf("span", "", view.DayLabel(row.Day))
	case view.RowUnread:
		p.root(ref, "div", "row unread")
		p.leaf("span", "", "New")
	case view.RowGap:
		p.root(ref, "div", "row hole")
		p.words(view.Plural(row.Count, "message", "messages") + " between here could not be loaded")
	case view.RowFold:
		p.root(ref, "div", "row fold")
		a.makeFold(p, row)
	case view.RowUnsent:
		a.makeUnsent(p, ref, row, l)
	default:
		a.makeEntry(p, ref, row, l)
	}
	p.end()
}

func (a *App) makeFold(p *Patch, row *view.Row) {
	for _, span := range a.view.Rows.Fold(*row) {
		if span.User.IsZero() {
			p.words(span.Text)
			continue
		}
		p.begin("bdi", "name")
		p.colors(a.labelOf(span.User, span.Text))
		p.words(span.Text)
		p.end()
	}
}

// entryClass is the class of a message's element.
func entryClass(l *look, more string) string {
	class := "row entry"
	if l.follows {
		class += " follows"
	} else {
		class += " opens"
	}
	if l.own {
		class += " own"
	}
	if l.hit {
		class += " hit"
	}
	return class + more
}

func (a *App) makeEntry(p *Patch, ref Ref, row *view.Row, l *look) {
	e := row.Entry
	class := ""
	if row.Kind == view.RowPending {
		class = " foreign"
	}
	p.root(ref, "div", entryClass(l, class))
	if e.Seq > 0 {
		p.attr("data-seq", strconv.FormatInt(e.Seq, 10))
	}
	a.makeHead(p, a.labelOf(e.Author, e.Name), l, view.SaidAt(e, a.config.Location))
	a.makeText(p, row.Key, e.Text, l)
	if row.Kind == view.RowPending {
		p.begin("div", "under")
		p.leaf("span", "mark", "accepted, not yet stored")
		p.end()
	}
}

// makeHead writes who said it when; a message that follows has only its time.
func (a *App) makeHead(p *Patch, who *label, l *look, at time.Time) {
	if l.follows {
		makeTime(p, at)
		return
	}
	p.disc(who)
	p.begin("div", "head")
	p.name(who)
	if l.own {
		p.leaf("span", "you", "you")
	}
	makeTime(p, at)
	p.end()
}

func makeTime(p *Patch, at time.Time) {
	p.begin("time", "time")
	p.attr("datetime", at.Format(time.RFC3339))
	p.attr("title", at.Format("Monday, 2 January 2006, 15:04:05"))
	p.words(at.Format("15:04"))
	p.end()
}

// makeText writes a text with its links.
func (a *App) makeText(p *Patch, key view.RowKey, text string, l *look) {
	text = talk.CleanText(text)
	class := "text"
	if l.folded {
		class += " folded"
	}
	p.begin("div", class)
	at := 0
	for _, link := range view.FindLinks(text) {
		p.words(text[at:link.Start])
		at = link.End
		address := text[link.Start:link.End]
		p.begin("a", "")
		p.attr("href", address)
		p.attr("target", "_blank")
		p.attr("rel", "noopener noreferrer")
		p.words(address)
		p.end()
	}
	p.words(text[at:])
	p.end()
	if l.folded {
		p.button("more", "unfold", rowArg(key), "Show all")
	}
}

// unsentMarks say how far an own message has come.
var unsentMarks = map[client.Delivery]struct{ class, words string }{
	client.Waiting:  {" waiting", "sending"},
	client.Accepted: {" accepted", "accepted, not yet stored"},
	client.Failed:   {" failed", "not sent"},
}

func (a *App) makeUnsent(p *Patch, ref Ref, row *view.Row, l *look) {
	o := row.Outgoing
	mark := unsentMarks[o.Delivery]
	p.root(ref, "div", entryClass(l, mark.class))
	p.attr("data-id", o.ID.String())
	me := a.session.Me()
	a.makeHead(p, a.labelOf(me.UUID, me.Username), l, o.At.In(a.config.Location))
	a.makeText(p, row.Key, o.Text, l)
	if mark.words == "" {
		return
	}
	words := mark.words
	if o.Reason != "" {
		words += ": " + talk.CleanText(o.Reason)
	}
	p.begin("div", "under")
	p.leaf("span", "mark", words)
	if o.Delivery == client.Failed {
		p.button("quick", "retry", o.ID.String(), "Retry")
		p.button("quick", "discard", o.ID.String(), "Discard")
	}
	p.end()
}

// button writes a button that the page tells of as Clicked.
func (p *Patch) button(class, act, arg, words string) {
	p.begin("button", class)
	p.attr("type", "button")
	p.attr("data-act", act)
	if arg != "" {
		p.attr("data-arg", arg)
	}
	p.words(words)
	p.end()
}

func (a *App) retry(now time.Time, arg string) {
	if id, err := talk.ParseUUID(arg); err == nil {
		a.Drive(now, client.Retry{ID: id})
	}
}

func (a *App) discard(now time.Time, arg string) {
	if id, err := talk.ParseUUID(arg); err == nil {
		a.Drive(now, client.Discard{ID: id})
	}
}
