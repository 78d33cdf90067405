package redisbus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tuitalk/fanout"
)

// Examine connects to the cluster as a gateway does, tries the spool at every master as
// gateways do, and says what is there. The error is what does not work, with the remedy.
func Examine(ctx context.Context, o Options) (found string, err error) {
	b, err := Open(ctx, o, nobody{})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	masters, tried := b.awaitTrials(ctx)
	if wrong := b.Degraded(); len(wrong) > 0 {
		return "", errors.New(strings.Join(wrong, "; "))
	}
	if !tried {
		return "", errors.New("bus: not every master has answered a trial of the spool in time: see whether one is overloaded")
	}
	return fmt.Sprintf("%d Redis masters answer, and their replicas confirm what is written", masters), nil
}

// examinePause is how often a trial is looked for that is under way.
const examinePause = 20 * time.Millisecond

// awaitTrials waits until the spool was tried at every master, as long as the bus is
// healthy, and counts them.
func (b *Bus) awaitTrials(ctx context.Context) (masters int, tried bool) {
	ctx, cancel := context.WithTimeout(ctx, b.opts.CallTimeout+b.opts.SpoolWait)
	defer cancel()
	for {
		all := b.sessions()
		tried = !slices.ContainsFunc(all, func(s *session) bool { return !s.tried.Load() })
		if tried || !b.Healthy() || ctx.Err() != nil {
			return len(all), tried
		}
		time.Sleep(examinePause)
	}
}

// nobody wants no notes.
type nobody struct{}

var _ fanout.Handler = nobody{}

func (nobody) Deliver(*fanout.Note) {}
func (nobody) Lost(int32)           {}
