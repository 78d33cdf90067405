package fleetsim

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/client"
	"tuitalk/talk"
)

// A calm day has production's settings and one fault at most, and is held to what people
// may notice of that: the rows of the design's "When a part is gone", with their bounds.
// What is worth only a little delay shows nowhere else: in chaos all gets well in the end.

// promise is what holds when one thing goes wrong.
type promise struct {
	faults []string // by their names in faults, at once; none: nothing goes wrong

	safe     time.Duration // within it a message is stored or accepted, and said so
	shown    time.Duration // and shown to everybody in its room, as stored;
	afterAll bool          // which counts from the end of the faults at the earliest;
	// nothingSafe: and so does when it is safe.
	nothingSafe bool
	answered    time.Duration // within it who asks for a room or for older entries has them
	awayToo     bool          // older entries may be unavailable while it lasts
	well        time.Duration // so long after the end of the faults all is as before
}

const ms = time.Millisecond

// calmly holds for all that no fault comes near.
var calmly = promise{safe: 150 * ms, shown: 200 * ms, answered: 200 * ms, well: 2 * time.Second}

// promises are the rows. The times are of a network in which a line takes 5 ms, the store
// 3 ms, and a proxy 6 s to give up a gateway that says nothing.
var promises = []promise{
	calmly,
	{faults: []string{"gateway crashes"}, safe: time.Second, shown: time.Second, answered: time.Second, well: 5 * time.Second},
	{faults: []string{"gateway's machine dies"}, safe: 10 * time.Second, shown: 10 * time.Second, answered: 10 * time.Second, well: 12 * time.Second},
	{faults: []string{"gateway freezes"}, safe: 10 * time.Second, shown: 10 * time.Second, answered: 10 * time.Second, well: 12 * time.Second},
	{faults: []string{"gateway drains"}, safe: 300 * ms, shown: 300 * ms, answered: 300 * ms, well: 5 * time.Second},
	{faults: []string{"bus away"}, safe: 150 * ms, shown: time.Second, answered: 300 * ms, well: 3 * time.Second},
	{faults: []string{"bus loses power"}, safe: 150 * ms, shown: time.Second, answered: 300 * ms, well: 3 * time.Second},
	{faults: []string{"bus away for one gateway"}, safe: 150 * ms, shown: 3500 * ms, answered: 300 * ms, well: 4 * time.Second},
	{faults: []string{"bus loses"}, safe: 150 * ms, shown: 3500 * ms, answered: 300 * ms, well: 4 * time.Second},
	{faults: []string{"bus doubles"}, safe: 150 * ms, shown: 200 * ms, answered: 200 * ms, well: 2 * time.Second},
	{faults: []string{"bus reorders"}, safe: 150 * ms, shown: 400 * ms, answered: 200 * ms, well: 2 * time.Second},
	{faults: []string{"bus slow"}, safe: 150 * ms, shown: 1500 * ms, answered: 300 * ms, well: 4 * time.Second},
	{faults: []string{"bus without replicas"}, safe: 150 * ms, shown: 200 * ms, answered: 200 * ms, well: 2 * time.Second},
	{faults: []string{"store away"}, safe: time.Second, shown: 10 * time.Second, afterAll: true, answered: time.Second, awayToo: true, well: 12 * time.Second},
	{faults: []string{"store silent"}, safe: 2500 * ms, shown: 12 * time.Second, afterAll: true, answered: 3 * time.Second, awayToo: true, well: 12 * time.Second},
	{faults: []string{"store goes back"}, safe: time.Second, shown: 12 * time.Second, afterAll: true, answered: 12 * time.Second, awayToo: true, well: 15 * time.Second},
	{faults: []string{"store away for one gateway"}, safe: time.Second, shown: 3 * time.Second, answered: time.Second, awayToo: true, well: 12 * time.Second},
	{faults: []string{"line cut"}, safe: 500 * ms, shown: 500 * ms, answered: 500 * ms, well: 3 * time.Second},
	{faults: []string{"line silent"}, safe: 10 * time.Second, shown: 10 * time.Second, answered: 10 * time.Second, well: 12 * time.Second},
	{faults: []string{"client crashes"}, safe: 2 * time.Second, shown: 2 * time.Second, afterAll: true, answered: 2 * time.Second, well: 5 * time.Second},
	{faults: []string{"store away", "bus away"}, safe: 12 * time.Second, shown: 12 * time.Second, afterAll: true, nothingSafe: true, answered: 12 * time.Second, awayToo: true, well: 15 * time.Second},
	{faults: []string{"store away", "bus loses power"}, safe: 12 * time.Second, shown: 12 * time.Second, afterAll: true, nothingSafe: true, answered: 12 * time.Second, awayToo: true, well: 15 * time.Second},
	{faults: []string{"store away", "bus without replicas"}, safe: 12 * time.Second, shown: 12 * time.Second, afterAll: true, nothingSafe: true, answered: 12 * time.Second, awayToo: true, well: 15 * time.Second},
}

// name is that of a row.
func (p *promise) name() string {
	if len(p.faults) == 0 {
		return "nothing"
	}
	return strings.Join(p.faults, ", ")
}

// calm is what people noticed of a calm day.
type calm struct {
	promise  *promise
	affected string // the person whom the fault concerns; "": everybody
	from, to time.Time

	mu    sync.Mutex
	said  []*said
	asked map[*person][]*asked
	seen  map[*person][]glimpse
	worst map[string]time.Duration
}

func newCalm() *calm {
	return &calm{asked: map[*person][]*asked{}, seen: map[*person][]glimpse{}, worst: map[string]time.Duration{}}
}

// said is a message, and how it fared.
type said struct {
	by   *person
	id   talk.UUID
	room int32
	at   time.Time
	safe time.Time
}

// asked is a question for a room or for older entries.
type asked struct {
	older    bool
	room     int32
	at       time.Time
	answered time.Time
}

// glimpse is how far somebody was shown a room at a time; seq is -1 until he is in it.
type glimpse struct {
	at   time.Time
	room int32
	seq  int64
}

// noticed takes what has come to a person.
func (c *calm) noticed(p *person, ev client.Event) {
	now := time.Now()
	e, ok := ev.(client.Received)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(p, e.Message)
	safe := func(id talk.UUID) {
		for _, s := range c.said {
			if s.id == id && s.by == p && s.safe.IsZero() {
				s.safe = now
			}
		}
	}
	switch m := e.Message.(type) {
	case talk.Stored:
		safe(m.ID)
	case talk.Accepted:
		safe(m.ID)
	case talk.Entry:
		safe(m.ID)
	case talk.Joined:
		c.answer(p, false, m.RoomID)
	case talk.History:
		c.answer(p, true, m.RoomID)
	}
}

// look notes how far somebody is shown his room: what he joined behind, he has or does
// not want to have. Call with mu held.
func (c *calm) look(p *person, m talk.Message) {
	last := glimpse{seq: -1}
	if all := c.seen[p]; len(all) > 0 {
		last = all[len(all)-1]
	}
	g := last
	if room := p.session.Room(); g.room != room {
		g = glimpse{room: room, seq: -1}
	}
	switch m := m.(type) {
	case talk.Joined:
		if m.RoomID == g.room {
			g.seq = max(g.seq, m.AfterSeq)
		}
	case talk.Entry:
		if log := p.session.Log(); g.seq >= 0 && log.Len() > 0 {
			g.seq = max(g.seq, log.At(log.Len()-1).Seq)
		}
	}
	if g != last {
		g.at = time.Now()
		c.seen[p] = append(c.seen[p], g)
	}
}

// forget takes away what was lost with its author's program, before anything of it was sent,
// or was stored and is gone with the store.
func (c *calm) forget(id talk.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = slices.DeleteFunc(c.said, func(s *said) bool { return s.id == id })
}

// answer notes that a question has its answer. Call with mu held.
func (c *calm) answer(p *person, older bool, room int32) {
	for _, a := range c.asked[p] {
		if a.older == older && a.room == room && a.answered.IsZero() {
			a.answered = time.Now()
		}
	}
}

// calmDay lets one thing go wrong, or nothing, and tells what of the promise was not
// kept.
func (w *world) calmDay() {
	d := newDice(w.seed, "calm")
	c := w.calm
	c.promise = &promises[d.below(len(promises))]
	w.walked("calm day: " + c.promise.name())
	w.converse(d, 10*time.Second)
	c.from = time.Now()
	marked := 0
	if len(c.promise.faults) > 0 {
		marked = w.recorder.Fault(c.from, c.promise.name(), true, "")
	}
	var going []undone
	lasts := time.Duration(0)
	for _, name := range c.promise.faults {
		f := faultNamed(name)
		before := len(going)
		going = w.strike(f, going)
		if lasts == 0 {
			lasts = d.duration(f.least, f.most)
		}
		if len(going) > before {
			going[before].at = time.Now().Add(lasts)
			c.affected, _, _ = strings.Cut(going[before].what[len(name)+2:], " to ")
		}
	}
	if !slices.ContainsFunc(w.people, func(p *person) bool { return p.name == c.affected }) {
		c.affected = ""
	}
	w.converse(d, lasts)
	w.undo(going, true)
	c.to = time.Now()
	if len(c.promise.faults) > 0 {
		w.recorder.FaultOver(marked, c.to)
	}
	w.story.tell("all is healed")
	if d.chance(2) { // a lull: nothing follows what was said last, which would show that it is missing
		time.Sleep(c.promise.shown + time.Second)
	}
	w.converse(d, c.promise.well+5*time.Second)
	w.dismissEnemies()
	w.healLines()
	for _, p := range w.people {
		if !p.runs() {
			p.begin()
		}
	}
	time.Sleep(calmly.well)
}

func faultNamed(name string) *fault {
	i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
	return &faults[i]
}

// converse lets people talk for a while.
func (w *world) converse(d *dice, most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end); {
		w.backups.take(w)
		time.Sleep(d.duration(50*time.Millisecond, 400*time.Millisecond))
		if len(w.strangers) > 0 && d.chance(8) {
			o := w.strangers[d.below(len(w.strangers))]
			o.post(fmt.Sprintf("%s says %d", o.name, d.below(1<<30)))
			continue
		}
		p := w.people[d.below(len(w.people))]
		if !p.runs() {
			continue
		}
		switch n := d.below(100); {
		case n < 80:
			w.calm.say(p)
		case n < 86:
			w.calm.move(p, w.aRoom())
		case n < 89:
			p.say(client.SetName{Name: fmt.Sprintf("%s.%d", p.cfg.Name, d.below(100))})
		default:
			w.calm.fetch(p, d.between(1, 30))
		}
	}
}

// say has a person say something.
func (c *calm) say(p *person) {
	p.posts++
	p.in(func() {
		p.handle(client.Post{Text: fmt.Sprintf("%s says %d", p.name, p.posts)})
		list := p.session.State().Outbox
		if len(list) == 0 {
			return
		}
		e := &list[len(list)-1]
		c.mu.Lock()
		defer c.mu.Unlock()
		c.said = append(c.said, &said{by: p, id: e.ID, room: e.RoomID, at: time.Now()})
	})
}

func (c *calm) move(p *person, room int32) {
	p.in(func() {
		if p.session.Room() == room {
			return
		}
		c.mu.Lock()
		for _, a := range c.asked[p] {
			if a.answered.IsZero() {
				a.answered = a.at // it is not waited for any more
			}
		}
		c.asked[p] = append(c.asked[p], &asked{room: room, at: time.Now()})
		c.mu.Unlock()
		p.handle(client.Join{Room: room})
	})
}

// fetch asks for older entries, if the client does so now.
func (c *calm) fetch(p *person, limit int) {
	p.in(func() {
		loads := p.session.Loading()
		p.handle(client.FetchOlder{Limit: limit})
		if loads || !p.session.Loading() {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked[p] = append(c.asked[p], &asked{older: true, room: p.session.Room(), at: time.Now()})
	})
}

// near tells whether the fault may have to do with what happened to a person between
// two times.
func (c *calm) near(who *person, from, to time.Time) bool {
	if c.affected != "" && who != nil && who.name != c.affected {
		return false
	}
	return len(c.promise.faults) > 0 && !to.Before(c.from) && from.Before(c.to.Add(c.promise.well))
}

// judgeCalm tells which promises were not kept.
func (w *world) judgeCalm() (problems []string) {
	c := w.calm
	c.mu.Lock()
	defer c.mu.Unlock()
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	seqs := map[int32]map[talk.UUID]int64{}
	for _, room := range w.store.Rooms() {
		seqs[room] = map[talk.UUID]int64{}
		for _, e := range w.store.Log(room) {
			seqs[room][e.ID] = e.Seq
		}
	}
	for _, s := range c.said {
		c.late(report, wait{"to have a message safe", s.by, s.by, s.at, s.safe}, func(p *promise) (time.Duration, bool) { return p.safe, p.nothingSafe })
		for p := range c.seen {
			if at, there := c.shownTo(p, s, seqs[s.room][s.id]); there {
				c.late(report, wait{"to be shown a message", p, s.by, s.at, at}, func(p *promise) (time.Duration, bool) { return p.shown, p.afterAll })
			}
		}
	}
	for p, all := range c.asked {
		for _, a := range all {
			if a.older && c.promise.awayToo && c.near(p, a.at, a.answered) {
				continue
			}
			what := "to be in a room"
			if a.older {
				what = "to be shown older entries"
			}
			c.late(report, wait{what, p, p, a.at, a.answered}, func(p *promise) (time.Duration, bool) { return p.answered, p.nothingSafe })
		}
	}
	for k, v := range c.worst {
		w.marks[worstOf+k] = int(v.Milliseconds())
	}
	return problems
}

// earlyUnwell is what is not well at the end of a calm day, but for who is listed: who
// has broken off has his grace.
func (w *world) earlyUnwell() []string {
	if w.calm == nil {
		return nil
	}
	return slices.DeleteFunc(w.unwell(), listOfMembers.MatchString)
}

// options are those of the checker: on a calm day all faults are marked.
func (c *calm) options(o checker.Options) checker.Options {
	o.Unmarked, o.Gaps, o.Leave, o.Silence = false, false, c.promise.well, time.Hour
	o.Skew = c.to.Sub(c.from) + c.promise.well
	return o
}

// wait is what somebody waited for.
type wait struct {
	what     string
	who, of  *person
	from, at time.Time // at: zero if it did not come
}

// late reports what took longer than promised.
func (c *calm) late(report func(string, ...any), w wait, most func(*promise) (within time.Duration, after bool)) {
	row := &calmly
	within, _ := most(row)
	due := w.from.Add(within)
	if c.near(w.who, w.from, due) || c.near(w.of, w.from, due) {
		row = c.promise
		var after bool
		within, after = most(row)
		if due = w.from.Add(within); after && c.to.After(w.from) {
			due = c.to.Add(within)
		}
	}
	end := w.at
	if end.IsZero() {
		end = time.Now()
	}
	if key := row.name() + ": " + w.what; end.Sub(w.from) > c.worst[key] {
		c.worst[key] = end.Sub(w.from)
	}
	if end.After(due) {
		report("%s has waited for %v %s of %s, said %v after the beginning of: %s", w.who.name, end.Sub(w.from), w.what, w.of.name, w.from.Sub(c.from), row.name())
	}
}

// shownTo is when a message was shown to somebody; there: who was in its room from then,
// or from when it was said, on.
func (c *calm) shownTo(p *person, s *said, seq int64) (at time.Time, there bool) {
	for _, g := range c.seen[p] {
		switch {
		case g.at.After(s.at) && (!there || g.room != s.room):
			return at, false // came later, or has gone before it came
		case g.room == s.room && seq > 0 && g.seq >= seq:
			if g.at.Before(s.at) {
				return s.at, true // it stood there before its author knew
			}
			return g.at, true
		}
		there = g.room == s.room && g.seq >= 0
	}
	return at, there
}

var calmFlag = flag.Bool("calm", false, "with -seed: the calm day of the seed")

// TestCalm lives through many calm days.
func TestCalm(t *testing.T) {
	if *seedFlag != 0 {
		return // TestChaos does it
	}
	marks := map[string]int{}
	for r := range simulateAll(t, options{calm: true}) {
		if len(r.problems) > 0 {
			t.Errorf("seed %d, calm:\n%s", r.seed, strings.Join(r.problems, "\n"))
			r.keep(t)
		}
		addMarks(marks, r.marks)
	}
	t.Log(tellMarks(marks))
}

// addMarks adds up how often paths were walked, and keeps the longest waits.
func addMarks(all, marks map[string]int) {
	for k, v := range marks {
		if strings.HasPrefix(k, worstOf) {
			all[k] = max(all[k], v)
		} else {
			all[k] += v
		}
	}
}

// worstOf begins a mark that is a longest wait, in ms.
const worstOf = "ms at most, "
