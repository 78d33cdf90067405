package tui

import (
	"strings"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// height is how many lines row i takes.
func (m *Model) height(i int) int {
	row := m.view.Rows.At(i)
	switch row.Kind {
	case view.RowEntry, view.RowFold, view.RowPending:
		return len(m.rowLayout(row).starts)
	case view.RowUnsent:
		h := len(m.rowLayout(row).starts)
		if row.Outgoing.Delivery == client.Failed {
			h += len(wrap(failure(row), m.columns().textW, m.columns().textW)) + 1
		}
		return h
	}
	return 1
}

// rowLayout is the text of a row in lines of the log's width.
func (m *Model) rowLayout(row view.Row) *rowLayout {
	c := m.columns()
	if m.wrapped != c.textW {
		m.rowLayouts.clear()
		m.wrapped = c.textW
	}
	return m.rowLayouts.get(rowLayoutKey{row.Key, row.Count}, func() *rowLayout {
		lay := &rowLayout{}
		if row.Kind == view.RowFold {
			lay.spans = m.view.Rows.Fold(row)
			lay.text = spansText(lay.spans)
		} else {
			lay.text = talk.CleanText(row.Text())
			lay.links = view.FindLinks(lay.text)
			lay.mention = !row.Own && mentions(lay.text, m.session.Me().Username)
		}
		first := c.textW
		if c.inline && row.Kind != view.RowFold && !row.Follows {
			first -= m.inlineName(row)
		}
		lay.starts = wrap(lay.text, first, c.textW)
		return lay
	})
}

func spansText(spans []view.Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return talk.CleanText(b.String())
}

// inlineName is the room that a name takes before the text, in a narrow log.
func (m *Model) inlineName(row view.Row) int {
	name, tag := m.author(row)
	return min(textWidth(name)+len(tag)+2, m.columns().textW/2)
}

// author is who wrote a row, as it is shown.
func (m *Model) author(row view.Row) (name, tag string) {
	u := m.rowAuthor(row)
	return m.name(u.UUID, u.Username)
}

func (m *Model) rowAuthor(row view.Row) talk.Member {
	if row.Kind == view.RowUnsent {
		return m.session.Me()
	}
	return talk.Member{UUID: row.Entry.Author, Username: row.Entry.Name}
}

// failure is what stands below an own message that was not taken.
func failure(row view.Row) string {
	reason := strings.TrimRight(talk.CleanText(row.Outgoing.Reason), ".")
	if reason == "" {
		reason = "nobody took it"
	}
	return "not sent: " + strings.ReplaceAll(reason, "\n", " ")
}
