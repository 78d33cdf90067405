package app

import (
	"tuitalk/client/view"
)

// Rows in the page. The window grows by step rows on the side that the view
// comes near to, and loses rows on the other side when it has more than
// maxShown.
const (
	firstShown = 120
	step       = 64
	maxShown   = 320
	tallShown  = 480 // for views so tall that maxShown would not fill them
)

// shownRow is a row that is in the page.
type shownRow struct {
	key  view.RowKey
	ref  Ref
	look look
}

// window is the part of the rows that is in the page.
type window struct {
	shown []shownRow
	spare []shownRow // the other half of a double buffer
	at    map[view.RowKey]int

	live  bool // the last row shown is the newest one
	fresh bool // begin anew at the end
	grow  int  // rows wanted above (negative) or below (positive)
	view  Scrolled
	first view.RowKey // the first row in view
	last  view.RowKey // the last one

	target     view.RowKey // a row to show, when seek is set
	targetRow  int
	seek       bool
	toEnd      bool // scroll to the end
	page       Scroll
	liveInPage bool // what the page was told about live
}

// reset begins anew at the end, as in another room.
func (w *window) reset() {
	w.fresh, w.live, w.toEnd, w.seek, w.grow = true, true, true, false, 0
	w.first, w.last = view.RowKey{}, view.RowKey{}
}

// end shows the newest row.
func (w *window) end() {
	w.seek, w.toEnd = false, true
	if !w.live {
		w.fresh, w.live = true, true
	}
}

// goTo shows the row with the index i.
func (w *window) goTo(i int, key view.RowKey) {
	w.seek, w.target, w.targetRow, w.toEnd = true, key, i, false
}

func (w *window) wants() bool { return w.grow != 0 || w.seek || w.toEnd || w.page != "" }

// scrolled takes note of where the view is and says which side wants rows: 1.5
// views ahead of it must be there. It reports whether another row is the first.
func (w *window) scrolled(ev Scrolled, rows *view.Rows) (moved bool) {
	w.view, w.grow = ev, 0
	was := w.first
	for i := range w.shown {
		if w.shown[i].ref == ev.First {
			w.first = w.shown[i].key
		}
		if w.shown[i].ref == ev.Last {
			w.last = w.shown[i].key
		}
	}
	moved = w.first != was
	if len(w.shown) == 0 {
		return moved
	}
	switch ahead := ahead(ev); {
	case ev.Above < ahead && rows.Index(w.shown[0].key) > 1:
		w.grow = -step
	case ev.Below < ahead && !w.live:
		w.grow = step
	}
	return moved
}

// ahead is how many pixels out of view must be filled on either side.
func ahead(ev Scrolled) int { return ev.View + ev.View/2 }

// span decides which rows, from lo up to hi, are to be in the page. Row 0 is
// the head, which is shown apart.
func (w *window) span(rows *view.Rows) (lo, hi int) {
	n := rows.Len()
	lo, hi = w.present(rows)
	switch {
	case w.seek:
		lo, hi = w.around(lo, hi, n)
	case w.fresh || lo < 0:
		lo, hi = max(1, n-firstShown), n
	case w.grow < 0:
		lo = max(1, lo+w.grow)
		hi -= w.excess(hi-lo, w.view.Below)
	case w.grow > 0:
		hi = min(n, hi+w.grow)
		lo += w.excess(hi-lo, w.view.Above)
	case hi-lo > maxShown && w.view.Following:
		lo = hi - maxShown + step
	case hi-lo > maxShown: // the user reads further up: what is new stays out of the page
		hi = min(hi-w.excess(hi-lo, w.view.Below), lo+tallShown)
	}
	return lo, max(lo, hi)
}

// present finds the rows that are in the page now: those before lo were
// taken back, withdrawn or folded.
func (w *window) present(rows *view.Rows) (lo, hi int) {
	lo, hi = -1, -1
	for i := 0; i < len(w.shown) && lo < 0; i++ {
		lo = rows.Index(w.shown[i].key)
	}
	if w.live {
		return lo, rows.Len()
	}
	for i := len(w.shown) - 1; i >= 0 && hi < 0; i-- {
		hi = rows.Index(w.shown[i].key) + 1
		if hi == 0 {
			hi = -1
		}
	}
	return lo, hi
}

// around is the span with a row in it that was asked for.
func (w *window) around(lo, hi, n int) (int, int) {
	if w.targetRow >= lo+step && w.targetRow < hi-step && lo > 0 {
		return lo, hi
	}
	return max(1, w.targetRow-firstShown), min(n, w.targetRow+firstShown)
}

// excess is how many rows may go on the side where far pixels are out of view,
// when there are n.
func (w *window) excess(n, far int) int {
	most := maxShown
	if w.view.View > 1600 {
		most = tallShown
	}
	extra := n - most
	spare := far - 2*w.view.View
	if extra <= 0 || spare <= 0 {
		return 0
	}
	height := max(1, (w.view.Above+w.view.View+w.view.Below)/max(1, len(w.shown)))
	return min(extra, spare/height)
}

// place brings the page from the rows shown to those from lo up to hi.
func (a *App) place(p *Patch, lo, hi int) {
	w := &a.window
	if w.at == nil {
		w.at = make(map[view.RowKey]int)
	}
	clear(w.at)
	if !w.fresh {
		for i := range w.shown {
			w.at[w.shown[i].key] = i
		}
	}
	next := w.spare[:0]
	for i := lo; i < hi; i++ {
		row := a.view.Rows.At(i)
		next = append(next, shownRow{key: row.Key, look: a.lookOf(&row)})
	}
	a.keepSame(next)
	for i := range w.shown {
		if s := &w.shown[i]; s.ref != 0 {
			p.drop(s.ref)
			a.refs.give(s.ref)
		}
	}
	a.insert(p, next, lo)
	w.shown, w.spare = next, w.shown
	w.fresh, w.grow = false, 0
	w.live = hi == a.view.Rows.Len()
}

// keepSame gives the new rows the elements of those rows shown that look the
// same and stand in the same order; these lose theirs.
func (a *App) keepSame(next []shownRow) {
	w := &a.window
	last := -1
	for i := range next {
		j, ok := w.at[next[i].key]
		if ok && j > last && w.shown[j].look == next[i].look {
			next[i].ref, w.shown[j].ref = w.shown[j].ref, 0
			last = j
		}
	}
}

// insert makes the rows that have no element yet. It goes from the end, for an
// element is put before another.
func (a *App) insert(p *Patch, next []shownRow, lo int) {
	before := Ref(0)
	for i := len(next) - 1; i >= 0; i-- {
		s := &next[i]
		if s.ref == 0 {
			row := a.view.Rows.At(lo + i)
			s.ref = a.refs.take()
			a.makeRow(p, s.ref, &row, &s.look)
			p.put(s.ref, refLog, before)
		}
		before = s.ref
	}
}

// scroll says where the view goes with this frame.
func (w *window) scroll(p *Patch) {
	switch {
	case w.seek:
		for i := range w.shown {
			if w.shown[i].key == w.target {
				p.Scroll, p.Row = ScrollRow, w.shown[i].ref
			}
		}
	case w.toEnd:
		p.Scroll = ScrollEnd
	case w.page != "":
		p.Scroll = w.page
	}
	w.seek, w.toEnd, w.page = false, false, ""
	if w.live != w.liveInPage {
		w.liveInPage = w.live
		p.live(w.live)
	}
}
