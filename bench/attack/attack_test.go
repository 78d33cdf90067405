package attack

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/tlsconfig"
	"tuitalk/talk"
)

// brief is an attack of few connections.
func brief(a Attack) Attack {
	a.Groups = slices.Clone(a.Groups)
	for i := range a.Groups {
		a.Groups[i].Connections, a.Groups[i].After = min(a.Groups[i].Connections, 5), 0
	}
	return a
}

// await waits for something, or for the end of the attack.
func (c *crowd) await(done func() bool) {
	for !done() && c.ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
}

// awaitEmpty waits until the server has no connection any more.
func awaitEmpty(t *testing.T, f *fake) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); f.open() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are open after the attack", f.open())
		}
	}
}

// Whatever an attack does, it opens connections, and none is left when it is over.
func TestAttacksEndWithEverythingClosed(t *testing.T) {
	for _, a := range List() {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			target := f.target()
			target.Page = "/app.wasm"
			ctx, end := context.WithCancel(t.Context())
			c := newCrowd(ctx, target, nil, 1)
			c.victim = talk.Member{UUID: randomID(), Username: "victim"}
			a := brief(a)
			go func() {
				c.await(func() bool { return c.tally.peak.Load() > 0 })
				time.Sleep(300 * time.Millisecond) // for what it does then
				end()
			}()
			c.attack(a.Groups, time.Minute)
			awaitEmpty(t, f)
			g := &c.tally.got
			if g.Opened == 0 || g.Peak == 0 || f.taken == 0 {
				t.Errorf("nothing was attacked: %+v", g)
			}
			if g.Held > 0 && g.AliveMost <= 0 {
				t.Errorf("%d were held, and lived for %g s", g.Held, g.AliveMost)
			}
		})
	}
}

func TestAttackListIsWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range List() {
		if seen[a.Name] || a.What == "" || a.Weakness == "" || len(a.Groups) == 0 {
			t.Errorf("%+v", a)
		}
		seen[a.Name] = true
		total := 0
		for _, g := range a.Groups {
			total += g.Connections
			if g.Do == nil || g.PerSecond <= 0 || g.PerSecond > maxPerSecond {
				t.Errorf("%s: %+v", a.Name, g)
			}
		}
		if total > maxConnections || a.Lasts > maxLasts || len(a.Name) > 22 {
			t.Errorf("%s: %d connections for %v", a.Name, total, a.Lasts)
		}
	}
}

// A server that takes everything: each oddity is told as a breach.
func TestBreachesAreTold(t *testing.T) {
	victim := talk.Member{UUID: randomID(), Username: "victim"}
	for name, want := range map[string]int{"odd-handshakes": 5, "broken-frames": 5, "stolen-identity": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(f *fake) { f.gives = victim.UUID })
			chosen, err := Choose(List(), []string{name})
			if err != nil {
				t.Fatal(err)
			}
			ctx, end := context.WithCancel(t.Context())
			c := newCrowd(ctx, f.target(), nil, 1)
			c.victim = victim
			go func() {
				c.await(func() bool {
					c.tally.mu.Lock()
					defer c.tally.mu.Unlock()
					return len(c.tally.breaches) >= want
				})
				end()
			}()
			c.attack(chosen[0].Groups, time.Minute)
			if got := c.tally.breaches; len(got) < want {
				t.Errorf("only these breaches were told: %s", strings.Join(got, "; "))
			}
		})
	}
}

func TestBoundsEndAnAttack(t *testing.T) {
	f := newFake(t)
	for name, exceed := range map[string]func(*tally){
		"sent as much": func(ta *tally) { ta.out.Store(maxBytesOut) },
		"read as much": func(ta *tally) { ta.in.Store(maxBytesIn) },
		"connections":  func(ta *tally) { ta.got.Tried = maxTries },
	} {
		c := newCrowd(t.Context(), f.target(), nil, 1)
		exceed(c.tally)
		begun := time.Now()
		c.attack(recurring(3, 100, identified, listen, hold), time.Minute)
		if c.tally.stopped == "" || !strings.Contains(c.tally.stopped, name) || time.Since(begun) > 50*time.Second {
			t.Errorf("%s: it ended after %v, since %q", name, time.Since(begun), c.tally.stopped)
		}
		awaitEmpty(t, f)
	}
}

// A server that says nothing: everybody is refused, and nothing hangs.
func TestMuteServerRefuses(t *testing.T) {
	f := newFake(t, func(f *fake) { f.mute = true })
	ctx, cancel := context.WithCancel(t.Context())
	c := newCrowd(ctx, f.target(), nil, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.attack(one(5, 100, identified, hold), time.Minute)
	}()
	for c.tally.peak.Load() < 5 {
		time.Sleep(time.Millisecond)
	}
	cancel() // as Ctrl-C
	<-done
	awaitEmpty(t, f)
	if c.tally.got.Held != 5 {
		t.Errorf("%d of 5 connections were held", c.tally.got.Held)
	}
}

// testPeople enter a fake's room.
func testPeople(t *testing.T, f *fake) (p *people, life context.Context) {
	t.Helper()
	o := Defaults()
	o.People, o.Posts, o.Joins = 3, 100, 20
	p, err := newPeople(&o, f.target())
	if err != nil {
		t.Fatal(err)
	}
	life, die := context.WithCancel(t.Context())
	p.live(life)
	t.Cleanup(func() { die(); p.living.Wait() })
	if err := p.enter(life); err != nil {
		t.Fatal(err)
	}
	return p, life
}

// beBusy lets people post and join until enough was answered, and is over when
// nothing is under way.
func (p *people) beBusy(ctx context.Context, enough func() bool) {
	load, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.busy(load, ctx)
	}()
	for !enough() {
		time.Sleep(time.Millisecond)
	}
	stop()
	p.settled(ctx, time.Minute)
	<-done
}

func TestPeopleFeelWhatAServerDoes(t *testing.T) {
	f := newFake(t)
	p, life := testPeople(t, f)
	p.beBusy(life, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.felt[before].Post.Count() > 50 && p.felt[before].Join.Count() > 5
	})
	felt := p.give()[before]
	if felt.Failures() != 0 || felt.Lost != 0 {
		t.Errorf("a good server: %d posts and %d joins failed, %d lost", felt.PostsFailed, felt.JoinsFailed, felt.Lost)
	}
}

// What a server does not answer any more is failed, and counts with the time for
// which it was waited: it must not look quick.
func TestPeopleCountWhatIsNotAnswered(t *testing.T) {
	f := newFake(t)
	p, life := testPeople(t, f)
	f.mu.Lock()
	f.stuck = true
	f.mu.Unlock()
	p.enterPhase(during, time.Second)
	load, stop := context.WithCancel(life)
	p.living.Go(func() { p.busy(load, life) })
	for full := false; !full; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		full = len(p.open) > 10 && len(p.waitings) > 2
		p.mu.Unlock()
	}
	stop()
	time.Sleep(50 * time.Millisecond) // that much is waited at least
	felt := p.give()[during]
	if felt.PostsFailed < 10 || felt.JoinsFailed < 2 || felt.Post.At(100) < 50*time.Millisecond {
		t.Errorf("%d posts, %d joins failed; the longest %v", felt.PostsFailed, felt.JoinsFailed, felt.Post.At(100))
	}
}

// A text that one of them never said, under his UUID, is a breach.
func TestPeopleSeeForgedTexts(t *testing.T) {
	f := newFake(t)
	p, _ := testPeople(t, f)
	victim := p.someone()
	p.shown(p.talkers[1], &talk.Entry{Kind: talk.KindPosted, Author: victim.UUID, Text: mark + "forged", Seq: 1})
	p.shown(p.talkers[1], &talk.Entry{Kind: talk.KindRenamed, Author: victim.UUID, Name: "forged", Seq: 2})
	p.shown(p.talkers[1], &talk.Entry{Kind: talk.KindPosted, Author: randomID(), Text: mark + "his own", Seq: 3})
	if len(p.forged) != 2 {
		t.Errorf("told: %q", p.forged)
	}
}

// Somebody else's machine is attacked only by who has named it twice.
func TestTargetMustBeOnesOwn(t *testing.T) {
	here := newFake(t).target()
	if err := here.Allowed(Consent{}); err != nil {
		t.Errorf("this machine: %v", err)
	}
	away := &Target{Name: "chat.example", Addr: netip.MustParseAddrPort("192.0.2.1:443")}
	for consent, allowed := range map[Consent]bool{
		{}: false, {First: "chat.example"}: false, {Second: "chat.example"}: false,
		{First: "other.example", Second: "other.example"}: false, {First: "chat.example", Second: "chat.example"}: true,
	} {
		if err := away.Allowed(consent); (err == nil) != allowed || err != nil && !errors.Is(err, ErrNotYours) {
			t.Errorf("%+v: %v", consent, err)
		}
	}
	if _, err := FindTarget("http://127.0.0.1/", &tlsconfig.Policy{}); err == nil {
		t.Error("http:// is no target")
	}
}

func TestPageIsFound(t *testing.T) {
	for body, want := range map[string]string{
		`<link href="/app-12ab.wasm" as="fetch">`: "/app-12ab.wasm", `fetch('./app.wasm')`: "/app.wasm", "nothing": "/",
	} {
		if got := findPage([]byte(body)); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestHurryKeepsWhatWasNamed(t *testing.T) {
	o := Defaults()
	left := o.Hurry(false)
	if len(left) == 0 || slices.ContainsFunc(o.Attacks, func(a Attack) bool { return a.Whole }) {
		t.Errorf("left out: %q", left)
	}
	chosen, err := Choose(List(), []string{"room-wedge"})
	if err != nil {
		t.Fatal(err)
	}
	o.Attacks = chosen
	if left := o.Hurry(true); len(left) != 0 || len(o.Attacks) != 1 {
		t.Errorf("left out: %q", left)
	}
	if _, err := Choose(List(), []string{"nosuch"}); err == nil {
		t.Error("nosuch is no attack")
	}
}
