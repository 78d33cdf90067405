package tui

import "tuitalk/client/view"

// wrap cuts a clean text into lines of at most width cells, the first of at most
// first, at spaces where it can, and is the places where lines start.
// Spaces at the end of a line may reach beyond it.
func wrap(text string, first, width int) []int32 {
	width = max(width, 1)
	w := wrapper{starts: []int32{0}, limit: min(max(first, 1), width), width: width}
	for at := 0; at < len(text); {
		cluster, _, cells := firstCluster(text[at:])
		w.add(cluster, at, cells)
		at += len(cluster)
	}
	return w.starts
}

type wrapper struct {
	starts []int32
	limit  int // of this line
	width  int // of the next lines
	cells  int // of this line so far
	word   int // where the word at the end of this line starts, 0: with the line
	before int // cells of this line before that word
}

func (w *wrapper) add(cluster string, at, cells int) {
	switch cluster {
	case "\n", "\r\n":
		w.begin(at + len(cluster))
		return
	case " ":
		w.cells++
		w.word, w.before = at+1, w.cells
		return
	}
	for w.cells+cells > w.limit && w.cells > 0 {
		if w.word == 0 {
			w.begin(at)
			break
		}
		rest := w.cells - w.before
		w.begin(w.word)
		w.cells = rest
	}
	w.cells += cells
}

func (w *wrapper) begin(at int) {
	w.starts = append(w.starts, int32(at))
	w.limit, w.cells, w.word, w.before = w.width, 0, 0, 0
}

// line is line i of a text that was wrapped.
func line(text string, starts []int32, i int) string {
	if i+1 < len(starts) {
		return text[starts[i]:starts[i+1]]
	}
	return text[starts[i]:]
}

// rowLayoutKey names a row as it was laid out: a fold may grow.
type rowLayoutKey struct {
	row   view.RowKey
	count int
}

// rowLayout is the text of a row, cleaned and wrapped.
type rowLayout struct {
	text    string
	starts  []int32
	links   []view.Link
	spans   []view.Span // of a fold
	mention bool        // it names the user
}

// rowLayouts keeps the rowLayouts of the rows that were looked at last. They hold
// for one width of the log; the model empties them when it changes.
type rowLayouts struct {
	young, old map[rowLayoutKey]*rowLayout
}

// maxRowLayouts is how many rowLayouts a generation has: a few hundred screens.
const maxRowLayouts = 4096

func (l *rowLayouts) clear() { l.young, l.old = nil, nil }

// get finds or makes a layout.
func (l *rowLayouts) get(k rowLayoutKey, build func() *rowLayout) *rowLayout {
	if lay := l.young[k]; lay != nil {
		return lay
	}
	lay := l.old[k]
	if lay == nil {
		lay = build()
	}
	if l.young == nil || len(l.young) >= maxRowLayouts {
		l.old, l.young = l.young, make(map[rowLayoutKey]*rowLayout)
	}
	l.young[k] = lay
	return lay
}
