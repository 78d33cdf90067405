package attack

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tuitalk/bench/result"
	"tuitalk/client"
	"tuitalk/talk"
)

// phase is where an attack is.
type phase uint8

const (
	before phase = iota
	during
	after
	phases
)

// people are those who are honest: some who talk all the time, and newcomers.
type people struct {
	target *Target
	from   []netip.Addr
	room   int32
	posts  float64 // per second, of all together
	joins  float64 // per second
	dialer func(i int) client.Dialer

	talkers []*talker
	living  sync.WaitGroup

	mu       sync.Mutex
	phase    phase
	felt     [phases]result.Felt
	open     map[string]*waiting // posts that are due and that not all have been shown, by text
	ids      map[talk.UUID]string
	joining  int
	forged   []string
	lost     int
	inside   int
	waitings map[*newcomer]struct{}
}

// waiting is a post that is under way.
type waiting struct {
	due   time.Time
	phase phase
	left  int // who have not been shown it
}

const talking = "honest " // begins each text of the people

func newPeople(o *Options, target *Target) (*people, error) {
	p := &people{target: target, from: o.Honest, room: o.Room, posts: o.Posts, joins: o.Joins,
		open: map[string]*waiting{}, ids: map[talk.UUID]string{}, waitings: map[*newcomer]struct{}{}}
	p.dialer = func(i int) client.Dialer {
		from := netip.Addr{}
		if len(p.from) > 0 {
			from = p.from[i%len(p.from)]
		}
		return newDialer(target, from)
	}
	for i := range o.People {
		t := &talker{people: p, name: fmt.Sprintf("honest %d", i+1), say: make(chan string, 1024)}
		var err error
		if t.session, t.driver, err = p.session(t.name, i); err != nil {
			return nil, err
		}
		p.talkers = append(p.talkers, t)
	}
	return p, nil
}

func (p *people) session(name string, i int) (*client.Session, *client.Driver, error) {
	s, err := client.New(client.Config{
		Servers: []string{p.target.URL}, Name: name, Room: p.room, Client: "tuitalk-bench people", History: -1, Keep: 5000,
	}, client.State{})
	if err != nil {
		return nil, nil, err
	}
	return s, client.NewDriver(s, p.dialer(i), nil), nil
}

// live begins to talk and to join, until ctx ends.
func (p *people) live(ctx context.Context) {
	for _, t := range p.talkers {
		p.living.Go(func() { t.live(ctx) })
	}
}

// enter waits until all talkers are in the room.
func (p *people) enter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, enterTime)
	defer cancel()
	for {
		p.mu.Lock()
		inside := p.inside
		p.mu.Unlock()
		if inside == len(p.talkers) {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("only %d of %d honest people got into their room", inside, len(p.talkers))
		}
	}
}

// busy posts and joins on schedule until ctx ends. The load is open: what is due is
// due, whatever became of what was before. Newcomers under way go on as long as life.
func (p *people) busy(ctx, life context.Context) {
	var joiners sync.WaitGroup
	defer joiners.Wait()
	begun := time.Now()
	posts, joins := 0, 0
	at := func(n int, rate float64) time.Time {
		return begun.Add(time.Duration(float64(n+1) / rate * float64(time.Second)))
	}
	for {
		post, join := at(posts, p.posts), at(joins, p.joins)
		next := post
		if join.Before(post) {
			next = join
		}
		t := time.NewTimer(time.Until(next))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		if next == post {
			p.due(p.talkers[posts%len(p.talkers)], next)
			posts++
		} else {
			n, number := p.arrives(next), joins
			joiners.Go(func() { p.join(life, n, number) })
			joins++
		}
	}
}

// due notes a post, and has it said.
func (p *people) due(t *talker, due time.Time) {
	text := talking + t.name + " " + strconv.FormatInt(due.UnixNano(), 36)
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case t.say <- text:
		p.open[text] = &waiting{due, p.phase, len(p.talkers) - 1}
	default: // it has not spoken for minutes
		p.felt[p.phase].PostsFailed++
	}
}

// says notes that a post is made.
func (p *people) says(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.open[text]; w != nil { // else it counts as failed already
		p.felt[w.phase].Late.Record(time.Since(w.due), 1)
	}
}

// shown notes an entry that one of the people was shown.
func (p *people) shown(t *talker, e *talk.Entry) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	whose := p.ids[e.Author]
	switch {
	case e.Kind == talk.KindPosted && strings.HasPrefix(e.Text, mark) && whose != "":
		p.forge(fmt.Sprintf("a text that %s never said was shown as his", whose))
	case e.Kind == talk.KindRenamed && whose != "":
		p.forge(fmt.Sprintf("%s was renamed by somebody else", whose))
	case e.Kind == talk.KindLeft && whose != "" && p.lost == 0:
		p.forge(fmt.Sprintf("%s was said to have left", whose))
	}
	w := p.open[e.Text]
	if w == nil || e.Author == t.session.Me().UUID {
		return
	}
	p.felt[w.phase].Post.Record(now.Sub(w.due), 1)
	if w.left--; w.left == 0 {
		delete(p.open, e.Text)
	}
}

func (p *people) forge(what string) {
	if !slices.Contains(p.forged, what) && len(p.forged) < maxBreaches {
		p.forged = append(p.forged, what)
	}
}

// enterPhase begins a phase, and gives how long the one before lasted to it.
func (p *people) enterPhase(ph phase, lasted time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.felt[p.phase].Seconds += lasted.Seconds()
	p.phase = ph
}

// settled waits until nothing is under way, for so long.
func (p *people) settled(ctx context.Context, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		p.mu.Lock()
		n := len(p.open) + len(p.waitings)
		p.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// give is what was felt. What is still under way counts as failed, with the time for
// which it was waited.
func (p *people) give() [phases]result.Felt {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.open {
		p.felt[w.phase].PostsFailed++
		p.felt[w.phase].Post.Record(now.Sub(w.due), int64(w.left))
	}
	for n := range p.waitings {
		p.felt[n.phase].JoinsFailed++
		p.felt[n.phase].Join.Record(now.Sub(n.due), 1)
	}
	p.open, p.waitings = map[string]*waiting{}, map[*newcomer]struct{}{}
	return p.felt
}

// someone is one of the people, for those who want to be him.
func (p *people) someone() (m talk.Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, name := range p.ids {
		if m.Username == "" || cmp.Compare(name, m.Username) < 0 {
			m = talk.Member{UUID: id, Username: name}
		}
	}
	return m
}
