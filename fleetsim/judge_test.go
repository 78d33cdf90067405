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
		for _, why := range p.resumes.wrong {
			problems = append(problems, p.name+" "+why)
		}
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
		eras := w.erasOf(o.room)
		o.mu.Lock()
		for _, s := range o.stays {
			for _, why := range []string{s.judge(eras), s.storedAllTheSame(eras)} {
				if why != "" {
					problems = append(problems, fmt.Sprintf("%s (%.4x): %s", o.name, s.uuid[:2], why))
				}
			}
		}
		o.mu.Unlock()
	}
	return problems
}

// roomEra is a room's log until the store went back to a part of it, or to the end.
type roomEra struct {
	log  []talk.Entry
	kept int
	// unclear: a gateway does not keep enough to know what both logs have. What it shows
	// to a client without ids may begin anywhere in the next one.
	unclear bool
}

// keptMore is what a gateway has to keep besides what is gone: the next log goes on
// before it looks.
const keptMore = 128

func (w *world) erasOf(room int32) (all []roomEra) {
	keeps := w.settings.options().RecentCount
	for _, e := range w.eras {
		all = append(all, roomEra{e.logs[room], e.kept[room], len(e.logs[room])-e.kept[room]+keptMore > keeps})
	}
	log := w.store.Log(room)
	return append(all, roomEra{log: log, kept: len(log)})
}

// judge: what it was shown is a part of the log, each entry once, in order, to the
// end if it is still there. Where its coming was not stored at once, a UserJoined of its
// own stands before it, and the entry itself, which would be a second one, does not come.
// Where the store has gone back, it goes on in the other log behind what both have: what
// stands on its screen nobody can take back.
func (s *stay) judge(eras []roomEra) string {
	shown := s.shown
	if len(shown) == 0 {
		return ""
	}
	ends, most := s.follow(eras, shown, true)
	if own := shown[0].Kind == talk.KindJoined && shown[0].Author == s.uuid; len(ends) == 0 && own {
		shown = shown[1:]
		ends, most = s.follow(eras, shown, false)
	}
	last := len(eras) - 1
	end := logPlace{last, len(eras[last].log), true}
	switch {
	case len(ends) == 0:
		return fmt.Sprintf("what it was shown is no part of the log from the last of these on: %s", tellEntries(shown[max(0, most-3):most+1]))
	case !s.over && len(shown) > 0 && !ends[end] && !ends[logPlace{last, end.shown, false}]:
		return fmt.Sprintf("it was shown the log up to %v, and it has %v", ends, end)
	}
	return ""
}

// storedAllTheSame finds what it was told is refused, and what is stored: it has no ids, and
// says it again.
func (s *stay) storedAllTheSame(eras []roomEra) string {
	for _, era := range eras {
		for _, e := range era.log {
			if e.Author == s.uuid && slices.Contains(s.refused, e.Text) {
				return fmt.Sprintf("it was told that %q is refused, and it is stored as %d", e.Text, e.Seq)
			}
		}
	}
	return ""
}

// logPlace is a place in a room's log: which of its eras, so many entries in it, and
// whether the entry of one's own coming was behind one.
type logPlace struct {
	era, shown int
	came       bool
}

type logPlaces map[logPlace]bool

// add adds a place, and where one is from there when the store goes back, or if the entry
// of one's own coming is next, which does not come.
func (s *stay) add(to logPlaces, eras []roomEra, p logPlace) {
	if to[p] {
		return
	}
	to[p] = true
	e := eras[p.era]
	if !p.came && p.shown < len(e.log) && e.log[p.shown].Kind == talk.KindJoined && e.log[p.shown].Author == s.uuid {
		s.add(to, eras, logPlace{p.era, p.shown + 1, true})
	}
	if p.era == len(eras)-1 {
		return
	}
	next := logPlace{p.era + 1, min(p.shown, e.kept), p.came}
	for s.add(to, eras, next); e.unclear && next.shown < len(eras[next.era].log); s.add(to, eras, next) {
		next.shown++
	}
}

// follow is where it can be that was shown these entries and no others. came: the entry of
// its coming is like any other. Nowhere: so many of them stand in the log.
func (s *stay) follow(eras []roomEra, part []talk.Entry, came bool) (at logPlaces, most int) {
	at = logPlaces{}
	for i, e := range eras {
		for n := range len(e.log) + 1 {
			s.add(at, eras, logPlace{i, n, came})
		}
	}
	for i := range part {
		own := part[i].Author == s.uuid && part[i].Kind != talk.KindPosted
		next := logPlaces{}
		for p := range at {
			log := eras[p.era].log
			twice := own && part[i].Kind == talk.KindJoined && !p.came
			if p.shown < len(log) && !twice && looksLike(log[p.shown], part[i]) {
				s.add(next, eras, logPlace{p.era, p.shown + 1, p.came || own && part[i].Kind == talk.KindLeft})
			}
		}
		if at = next; len(at) == 0 {
			return at, i
		}
	}
	return at, len(part)
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
