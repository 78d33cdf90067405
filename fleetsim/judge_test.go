package fleetsim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/client"
	"tuitalk/talk"
)

// settleMost is within what all must be well after the last fault.
const settleMost = 3 * time.Minute

// judge waits until all is well, and tells what is not. Nothing is tidied before.
func (w *world) judge() (problems []string) {
	early := w.earlyUnwell()
	w.quiet()
	end := time.Now().Add(settleMost)
	for {
		if problems = w.unwell(); len(problems) == 0 || time.Now().After(end) {
			break
		}
		time.Sleep(time.Second)
	}
	for _, p := range problems {
		w.story.tell("NOT WELL: %s", p)
	}
	for _, room := range w.store.Rooms() {
		w.recorder.Head(room, int64(len(w.store.Log(room))))
	}
	time.Sleep(100 * time.Millisecond)
	for _, p := range w.people {
		p.in(func() { p.who.End(time.Now()) })
	}
	problems = append(problems, early...)
	problems = append(problems, w.judgeOriginals()...)
	if w.calm != nil {
		problems = append(problems, w.judgeCalm()...)
	}
	return append(problems, w.judgeHistory()...)
}

// quiet waits until whoever is gone for good has left.
func (w *world) quiet() {
	time.Sleep(w.settings.grace() + 15*time.Second)
}

// unwell is what has not come to rest.
func (w *world) unwell() (problems []string) {
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	truth := w.truth()
	for _, room := range w.store.Rooms() {
		stored, err := w.store.Room(context.Background(), room, 1000)
		if err != nil {
			report("the store: %v", err)
			continue
		}
		if got := names(stored.Members); got != names(truth[room]) {
			report("the store has %s in room %d, and there are %s", got, room, names(truth[room]))
		}
	}
	for _, p := range w.people {
		p.in(func() {
			s := p.session
			if s.Status().Phase != client.Online {
				report("%s is not online", p.name)
				return
			}
			if n := len(s.State().Outbox); n > 0 {
				report("%s has %d unsent", p.name, n)
			}
			if n := len(s.Pending()); n > 0 {
				report("%s is shown %d as pending, the first by %.4x: %q", p.name, n, s.Pending()[0].Author[:2], s.Pending()[0].Text)
			}
			if s.Loading() {
				report("%s waits for older entries", p.name)
			}
			_, seq, _ := p.who.At()
			if head := int64(len(w.store.Log(s.Room()))); seq != head {
				report("%s is shown room %d up to %d, and it has %d", p.name, s.Room(), seq, head)
			}
			if got, want := names(s.Members()), names(truth[s.Room()]); got != want {
				report("%s sees %s in room %d, and there are %s", p.name, got, s.Room(), want)
			}
		})
	}
	return problems
}

// truth is who is where, as people themselves have it.
func (w *world) truth() map[int32][]talk.Member {
	truth := map[int32][]talk.Member{}
	for _, p := range w.people {
		p.in(func() {
			room, me := p.session.Room(), p.session.Me()
			if !slices.ContainsFunc(truth[room], func(m talk.Member) bool { return m.UUID == me.UUID }) {
				truth[room] = append(truth[room], me)
			}
		})
	}
	for _, o := range w.strangers {
		o.mu.Lock()
		if n := len(o.stays); n > 0 && !o.stays[n-1].over {
			truth[o.room] = append(truth[o.room], talk.Member{UUID: o.stays[n-1].uuid, Username: o.stays[n-1].name})
		}
		o.mu.Unlock()
	}
	return truth
}

// names are those of members, sorted.
func names(list []talk.Member) string {
	var all []string
	for _, m := range list {
		all = append(all, fmt.Sprintf("%s(%.4x)", m.Username, m.UUID[:2]))
	}
	slices.Sort(all)
	return "[" + strings.Join(all, " ") + "]"
}

// judgeOriginals compares what the original's clients were shown with the log.
func (w *world) judgeOriginals() (problems []string) {
	for _, o := range w.strangers {
		log := w.store.Log(o.room)
		o.mu.Lock()
		for _, s := range o.stays {
			if why := s.judge(log); why != "" {
				problems = append(problems, fmt.Sprintf("%s (%.4x): %s", o.name, s.uuid[:2], why))
			}
		}
		o.mu.Unlock()
	}
	return problems
}

// judge: what it was shown is a part of the log, each entry once, in order, to the
// end if it is still there. Where its coming was not stored at once, a UserJoined of its
// own stands before it, and the entry itself, which would be a second one, does not come.
func (s *stay) judge(log []talk.Entry) string {
	shown := s.shown
	if len(shown) == 0 {
		return ""
	}
	from, ok := find(log, shown)
	if own := shown[0].Kind == talk.KindJoined && shown[0].Author == s.uuid; !ok && own {
		shown = shown[1:]
		log, from, ok = s.findBehindOwn(log, shown)
	}
	switch {
	case !ok:
		return fmt.Sprintf("what it was shown is no part of the log: %s", tellEntries(s.shown))
	case !s.over && len(shown) > 0 && from+len(shown) != len(log):
		return fmt.Sprintf("it was shown the log up to %d, and it has %d", from+len(shown), len(log))
	}
	return ""
}

// findBehindOwn finds what was shown behind the line that told it of its own coming: in
// the log without the entry that says so, or in a part where there is none.
func (s *stay) findBehindOwn(log, shown []talk.Entry) (in []talk.Entry, from int, ok bool) {
	for i, e := range log {
		if e.Kind != talk.KindJoined || e.Author != s.uuid {
			continue
		}
		without := slices.Delete(slices.Clone(log), i, i+1)
		if from, ok := find(without, shown); ok {
			return without, from, true
		}
	}
	first := slices.IndexFunc(shown, func(e talk.Entry) bool { return e.Author == s.uuid && e.Kind != talk.KindPosted })
	if first >= 0 && shown[first].Kind == talk.KindJoined {
		return nil, 0, false // told twice
	}
	from, ok = find(log, shown)
	return log, from, ok
}

// find is where a part of the log begins.
func find(log, part []talk.Entry) (from int, ok bool) {
	for from = range len(log) - len(part) + 1 {
		if slices.EqualFunc(log[from:from+len(part)], part, looksLike) {
			return from, true
		}
	}
	return 0, false
}

// looksLike compares what the original's form has of an entry.
func looksLike(a, b talk.Entry) bool {
	return a.Kind == b.Kind && a.Author == b.Author && a.Text == b.Text && a.Name == b.Name && a.UnixTime == b.UnixTime
}

// tellEntries is what stands in entries, for a story.
func tellEntries(list []talk.Entry) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "\n    %d by %.4x at %d: %q", e.Kind, e.Author[:2], e.UnixTime, e.Text)
	}
	return b.String()
}

// judgeHistory has the checker judge what was recorded.
func (w *world) judgeHistory() []string {
	for _, room := range w.store.Rooms() {
		if err := w.recorder.ReadStore(context.Background(), w.store, room, 0); err != nil {
			return []string{err.Error()}
		}
	}
	if err := w.recorder.Close(); err != nil {
		return []string{err.Error()}
	}
	w.recorder = nil
	recording, err := checker.Decode(w.history.Bytes())
	if err != nil {
		return []string{err.Error()}
	}
	// what people did in an outage is written down when it is over
	opts := checker.Options{Unmarked: true, Grace: w.settings.grace(), Gaps: true, Skew: w.bad + 10*time.Second}
	if w.calm != nil {
		opts = w.calm.options(opts)
	}
	report := checker.Check(opts, recording)
	if report.Err() == nil {
		return nil
	}
	return []string{report.String()}
}
