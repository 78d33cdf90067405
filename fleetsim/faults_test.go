package fleetsim

import (
	"fmt"
	"time"

	"tuitalk/client"
)

// fault is something that goes wrong on purpose.
type fault struct {
	name string
	// weight is how often it is chosen on a chaotic day, against the others; 0: on calm ones only.
	weight int
	// begin lets it happen, and says to what; "" if it cannot now. undo ends it; nil:
	// nothing is to be undone.
	begin func(w *world) (what string, undo func())
	// lasts is how long it goes on.
	least, most time.Duration
}

// faults are all that there are. Each is one row of what an operator has seen.
var faults = []fault{
	{"store away", 6, storeFault(func(f *storeFaults) { f.away = true }), 200 * time.Millisecond, 15 * time.Second},
	{"store silent", 4, storeFault(func(f *storeFaults) { f.away, f.hang = true, true }), 200 * time.Millisecond, 12 * time.Second},
	{"store slow", 4, storeSlow, time.Second, 10 * time.Second},
	{"store loses answers", 4, storeFault(func(f *storeFaults) { f.loseAcks = 40 }), time.Second, 8 * time.Second},
	{"store writes late", 3, storeLate, time.Second, 8 * time.Second},
	{"store goes back", 0, storeGoesBack, 200 * time.Millisecond, 5 * time.Second},
	{"store away for one gateway", 4, cutFromStore, time.Second, 12 * time.Second},
	{"bus away", 5, busFault(func(f *busFaults) { f.away = true }), 200 * time.Millisecond, 12 * time.Second},
	{"bus loses power", 3, busLosesPower, 200 * time.Millisecond, 8 * time.Second},
	{"bus loses", 5, busFault(func(f *busFaults) { f.lose = 50 }), time.Second, 10 * time.Second},
	{"bus doubles", 3, busFault(func(f *busFaults) { f.double = 50 }), time.Second, 10 * time.Second},
	{"bus reorders", 3, busFault(func(f *busFaults) { f.reorder = 40 }), time.Second, 10 * time.Second},
	{"bus slow", 3, busFault(func(f *busFaults) { f.slow = time.Second }), time.Second, 10 * time.Second},
	{"bus without replicas", 3, busFault(func(f *busFaults) { f.lone = true }), time.Second, 10 * time.Second},
	{"bus away for one gateway", 3, cutFromBus, time.Second, 10 * time.Second},
	{"line cut", 8, cutLine, 0, 0},
	{"line silent", 5, silentLine, time.Second, 20 * time.Second},
	{"line slow", 4, slowLine, time.Second, 15 * time.Second},
	{"gateway crashes", 5, crashNode, time.Second, 8 * time.Second},
	{"gateway's machine dies", 2, machineDies, time.Second, 8 * time.Second},
	{"gateway freezes", 5, freezeNode, 300 * time.Millisecond, 15 * time.Second},
	{"gateway drains", 4, drainNode, 100 * time.Millisecond, 5 * time.Second},
	{"client crashes", 6, crashPerson, 100 * time.Millisecond, 12 * time.Second},
}

func storeFault(change func(f *storeFaults)) func(w *world) (string, func()) {
	return func(w *world) (string, func()) {
		return "all", w.store.faults.lay(change)
	}
}

func storeSlow(w *world) (string, func()) {
	slow := w.dice.duration(100*time.Millisecond, 3*time.Second)
	return storeFault(func(f *storeFaults) { f.slow = slow })(w)
}

func storeLate(w *world) (string, func()) {
	return storeFault(func(f *storeFaults) { f.slow, f.late = 2*time.Second, true })(w)
}

// storeGoesBack sets the store back to an older copy while it is away.
func storeGoesBack(w *world) (string, func()) {
	c := w.backups.older(w.dice)
	if c == nil || w.backups.restored {
		return "", nil
	}
	w.backups.restored = true
	lift := w.store.faults.lay(func(f *storeFaults) { f.away = true })
	return fmt.Sprintf("by %v", time.Since(c.at).Round(time.Millisecond)), func() {
		w.setBack(c)
		w.backups.restored = false
		lift()
	}
}

// busLosesPower takes from the spool what no disk had yet, and gives it back what was
// removed on no disk yet.
func busLosesPower(w *world) (string, func()) {
	c := w.backups.newer(w.dice)
	if c == nil {
		return "", nil
	}
	lift := w.bus.lay(func(f *busFaults) { f.away = true })
	w.bus.spool.Restore(c.spool)
	return fmt.Sprintf("and what its disks got in %v", time.Since(c.at).Round(time.Millisecond)), lift
}

func busFault(change func(f *busFaults)) func(w *world) (string, func()) {
	return func(w *world) (string, func()) {
		return "all", w.bus.lay(change)
	}
}

// aNode is any that serves; nil if there is none.
func (w *world) aNode() *node {
	if len(w.nodes) == 0 {
		return nil
	}
	return w.nodes[w.dice.below(len(w.nodes))]
}

func cutFromStore(w *world) (string, func()) {
	n := w.aNode()
	if n == nil {
		return "", nil
	}
	return n.name, n.cutFromStore.lay(cutOff)
}

func cutFromBus(w *world) (string, func()) {
	n := w.aNode()
	if n == nil {
		return "", nil
	}
	lift := n.cutFromBus.lay(cutOff)
	return n.name, func() {
		lift()
		n.bus.markAllLost()
	}
}

// aLine is any; nil if there is none.
func (w *world) aLine() *line {
	var all []*line
	for _, p := range w.people {
		all = append(all, w.network.of(p.name, nil)...)
	}
	for _, o := range w.strangers {
		all = append(all, w.network.of(o.name, nil)...)
	}
	if len(all) == 0 {
		return nil
	}
	return all[w.dice.below(len(all))]
}

func cutLine(w *world) (string, func()) {
	l := w.aLine()
	if l == nil {
		return "", nil
	}
	l.cut()
	return l.who + " to " + l.node.name, nil
}

func silentLine(w *world) (string, func()) {
	l := w.aLine()
	if l == nil {
		return "", nil
	}
	lift := l.silence()
	forGood := w.dice.chance(2)
	return l.who + " to " + l.node.name, func() {
		if !forGood {
			lift()
		}
	}
}

func slowLine(w *world) (string, func()) {
	l := w.aLine()
	if l == nil {
		return "", nil
	}
	return l.who + " to " + l.node.name, l.slow(w.dice.duration(100*time.Millisecond, 3*time.Second))
}

// crashNode ends a gateway; another one takes its place later.
func crashNode(w *world) (string, func()) {
	n := w.aNode()
	if n == nil {
		return "", nil
	}
	n.crash(false)
	return n.name, w.replace
}

func machineDies(w *world) (string, func()) {
	n := w.aNode()
	if n == nil {
		return "", nil
	}
	n.crash(true)
	return n.name, w.replace
}

func drainNode(w *world) (string, func()) {
	n := w.aNode()
	if n == nil || n.gate.isShut() {
		return "", nil
	}
	n.drain()
	return n.name, w.replace
}

// replace starts a gateway for one that is gone.
func (w *world) replace() {
	n := w.startNode()
	w.story.tell("%s starts", n.name)
}

func freezeNode(w *world) (string, func()) {
	n := w.aNode()
	if n == nil || n.gate.isShut() {
		return "", nil
	}
	n.gate.set(true)
	return n.name, func() { n.gate.set(false) }
}

func crashPerson(w *world) (string, func()) {
	p := w.people[w.dice.below(len(w.people))]
	if !p.runs() {
		return "", nil
	}
	silently := w.dice.chance(3)
	p.crash(silently)
	return p.name, p.begin
}

// undone is a fault that goes on.
type undone struct {
	what string
	at   time.Time
	undo func()
}

// strike lets a fault happen.
func (w *world) strike(f *fault, going []undone) []undone {
	what, undo := f.begin(w)
	if what == "" {
		return going
	}
	w.walked(f.name)
	w.story.tell("FAULT %s: %s", f.name, what)
	if undo == nil {
		return going
	}
	lasts := w.dice.duration(f.least, f.most)
	return append(going, undone{fmt.Sprintf("%s: %s", f.name, what), time.Now().Add(lasts), undo})
}

// end undoes those whose time has come, or all.
func (w *world) undo(going []undone, all bool) (rest []undone) {
	for _, u := range going {
		if all || !u.at.After(time.Now()) {
			w.story.tell("OVER  %s", u.what)
			u.undo()
		} else {
			rest = append(rest, u)
		}
	}
	return rest
}

// healLines ends the silence of those who cannot find out by themselves: the
// original's clients ask for no sign of life. Whose gateway is gone is told so.
func (w *world) healLines() {
	for _, o := range w.strangers {
		for _, l := range w.network.of(o.name, nil) {
			l.hear()
			if l.node.dead.Load() {
				l.cut()
			}
		}
	}
}

// draw chooses a fault by its weight.
func (w *world) draw() *fault {
	sum := 0
	for i := range faults {
		sum += faults[i].weight
	}
	n := w.dice.below(sum)
	for i := range faults {
		if n -= faults[i].weight; n < 0 {
			return &faults[i]
		}
	}
	return nil
}

// live lets people do something.
func (w *world) live() {
	w.backups.take(w)
	if len(w.strangers) > 0 && w.dice.chance(6) {
		o := w.strangers[w.dice.below(len(w.strangers))]
		o.post(fmt.Sprintf("%s says %d", o.name, w.dice.below(1<<30)))
		return
	}
	p := w.people[w.dice.below(len(w.people))]
	if !p.runs() {
		return
	}
	switch n := w.dice.below(100); {
	case n < 70:
		for range w.dice.between(1, 4) {
			p.post()
		}
	case n < 78:
		room := w.aRoom()
		w.story.tell("%s goes to room %d", p.name, room)
		p.say(client.Join{Room: room})
	case n < 84:
		name := fmt.Sprintf("%s.%d", p.cfg.Name, w.dice.below(100))
		w.story.tell("%s is %s now", p.name, name)
		p.say(client.SetName{Name: name})
	case n < 94:
		p.say(client.FetchOlder{Limit: w.dice.between(1, 30)})
	case n < 97:
		p.say(client.Probe{})
	default:
		p.say(client.Clear{})
	}
}
