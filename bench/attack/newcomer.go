package attack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"tuitalk/client"
)

// newcomer is a join that is under way.
type newcomer struct {
	due   time.Time
	phase phase
}

// arrives notes a newcomer before he comes.
func (p *people) arrives(due time.Time) *newcomer {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := &newcomer{due, p.phase}
	p.waitings[n] = struct{}{}
	p.joining++
	return n
}

// join is the stay of a newcomer, who goes as soon as he is in.
func (p *people) join(ctx context.Context, n *newcomer, number int) {
	s, d, err := p.newcomer(number)
	if err != nil {
		p.came(n, joinPatience, false)
		return
	}
	defer d.Close()
	ok := in(ctx, s, d)
	p.came(n, time.Since(n.due), ok)
	if ok {
		d.Handle(client.Quit{})
	}
}

// came notes what became of a newcomer.
func (p *people) came(n *newcomer, took time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.joining--
	if _, mine := p.waitings[n]; !mine {
		return // counted already
	}
	delete(p.waitings, n)
	p.felt[n.phase].Join.Record(took, 1)
	if !ok {
		p.felt[n.phase].JoinsFailed++
	}
}

func (p *people) newcomer(number int) (*client.Session, *client.Driver, error) {
	p.mu.Lock()
	busy := p.joining > parallelJoins
	p.mu.Unlock()
	if busy {
		return nil, nil, fmt.Errorf("%d newcomers are under way already", parallelJoins)
	}
	return p.session(fmt.Sprintf("newcomer %06d", rand.IntN(1_000_000)), number)
}

// in drives a session until it is in its room.
func in(ctx context.Context, s *client.Session, d *client.Driver) bool {
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	d.Handle(client.Start{})
	for {
		select {
		case ev := <-d.Events():
			d.Handle(ev)
			if s.Status().Phase == client.Online {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}
