package fleetsim

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tuitalk/bench/recorder"
)

// world is a fleet and its people, in the bubble of one seed. Its goroutine acts; all
// others belong to its parts.
type world struct {
	seed     uint64
	settings *settings
	dice     *dice // of the acts
	story    *story
	store    *store
	bus      *bus
	network  *network
	recorder *recorder.Recorder
	history  bytes.Buffer

	nodes     []*node // that serve, or are frozen
	past      []*node
	started   int
	people    []*person
	strangers []*original
	enemies   []*hostile
	calm      *calm         // nil: everything goes wrong
	bad       time.Duration // for how long things go wrong
	backups   backups
	eras      []era // that the store went back from

	mu    sync.Mutex
	marks map[string]int // how often a rare path was walked

	watch context.CancelFunc
	wg    sync.WaitGroup
}

func newWorld(seed uint64, o options, beats *atomic.Int64) *world {
	w := &world{seed: seed, dice: newDice(seed, "acts"), story: newStory(), marks: map[string]int{}}
	w.settings = drawSettings(newDice(seed, "settings"))
	if o.calm {
		w.calm = newCalm()
	}
	if o.production || o.calm {
		w.settings = productionSettings(newDice(seed, "settings"))
	}
	w.store = newStore()
	w.bus = newBus(w.settings.spoolCap)
	w.network = newNetwork(w.settings)
	w.recorder = recorder.New(&w.history)
	ctx, cancel := context.WithCancel(context.Background())
	w.watch = cancel
	w.wg.Go(func() { w.network.watch(ctx, beats) })
	return w
}

// walked notes that a rare path was walked.
func (w *world) walked(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.marks[what]++
}

func (w *world) aRoom() int32 { return int32(1 + w.dice.below(w.settings.rooms)) }

// populate starts the fleet and its people.
func (w *world) populate() {
	s := w.settings
	for range s.gateways {
		w.startNode()
	}
	time.Sleep(100 * time.Millisecond)
	for i := range s.people {
		var like *person
		if i > 0 && w.dice.chance(4) {
			like = w.people[w.dice.below(i)]
		}
		w.newPerson(fmt.Sprint("person ", i+1), like).begin()
	}
	for i := range s.originals {
		w.newOriginal(fmt.Sprint("original ", i+1)).begin()
	}
	w.invite()
}

// end takes everything away, so that the bubble can end.
func (w *world) end() {
	for _, p := range w.people {
		if p.runs() {
			p.end()
		}
	}
	for _, o := range w.strangers {
		o.end()
	}
	w.dismissEnemies()
	for len(w.nodes) > 0 {
		n := w.nodes[0]
		n.gate.set(false)
		n.crash(false)
	}
	for _, n := range w.past {
		n.ended.Wait()
	}
	for _, l := range w.network.all() {
		l.cut()
	}
	w.watch()
	w.wg.Wait()
}
