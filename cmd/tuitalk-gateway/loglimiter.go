package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// logBurst is how many lines of one level and message are shown in one logWindow.
	logBurst  = 10
	logWindow = 10 * time.Second
	// logKinds is how many messages are told apart at once.
	logKinds = 512
	// logLook is how often it is looked for windows that are over.
	logLook = time.Second
)

// logLimiter bounds how often the same line is logged, so that what can happen for
// each message or connection does not fill the log: in a window a few lines of
// one level and message, and when it is over, how many more there were. Debug is
// not limited: who turns it on wants it all.
type logLimiter struct {
	suppressed atomic.Uint64 // lines, since the start
	ended      chan struct{}
	done       chan struct{}

	mu   sync.Mutex
	seen map[logKind]*logCount
}

// logKind is what is counted together.
type logKind struct {
	level   slog.Level
	message string // "" for those that are too many to be told apart
}

type logCount struct {
	since        time.Time // the window's begin
	shown        int
	suppressed   int
	reportTo     slog.Handler // of the last suppressed line, with its attributes
	reportedName string
}

// newLogLimiter starts a limiter; stop ends it.
func newLogLimiter() *logLimiter {
	l := &logLimiter{ended: make(chan struct{}), done: make(chan struct{}), seen: map[logKind]*logCount{}}
	go l.run()
	return l
}

// take tells whether a line is to be shown.
func (l *logLimiter) take(h slog.Handler, level slog.Level, message string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := logKind{level, message}
	c := l.seen[k]
	if c == nil && len(l.seen) >= logKinds {
		k.message, message = "", "other messages"
		c = l.seen[k]
	}
	if c == nil {
		c = &logCount{since: time.Now(), reportedName: message}
		l.seen[k] = c
	}
	if c.shown < logBurst {
		c.shown++
		return true
	}
	c.suppressed++
	c.reportTo = h
	l.suppressed.Add(1)
	return false
}

// run reports at the end of each window, also when it has become quiet.
func (l *logLimiter) run() {
	defer close(l.done)
	look := time.NewTicker(logLook)
	defer look.Stop()
	for {
		select {
		case now := <-look.C:
			l.report(now.Add(-logWindow))
		case <-l.ended:
			l.report(time.Now())
			return
		}
	}
}

// report closes the windows that began before. A window in which something was
// suppressed is followed by the next one.
func (l *logLimiter) report(before time.Time) {
	over := map[logKind]logCount{}
	l.mu.Lock()
	for k, c := range l.seen {
		if c.since.After(before) {
			continue
		}
		if c.suppressed == 0 {
			delete(l.seen, k)
			continue
		}
		over[k] = *c
		c.since, c.shown, c.suppressed = time.Now(), 0, 0
	}
	l.mu.Unlock()
	for k, c := range over {
		r := slog.NewRecord(time.Now(), k.level, c.reportedName, 0)
		r.AddAttrs(slog.Int("suppressed", c.suppressed), slog.Duration("within", time.Since(c.since).Round(logLook)))
		_ = c.reportTo.Handle(context.Background(), r) // there is nobody to tell
	}
}

// stop reports what was suppressed last, and ends the limiter.
func (l *logLimiter) stop() {
	close(l.ended)
	<-l.done
}

// limitedHandler is a handler behind a limiter, which all that are derived from
// it share.
type limitedHandler struct {
	slog.Handler
	limiter *logLimiter
}

var _ slog.Handler = limitedHandler{}

func (h limitedHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo && !h.limiter.take(h.Handler, r.Level, r.Message) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (h limitedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return limitedHandler{h.Handler.WithAttrs(attrs), h.limiter}
}

func (h limitedHandler) WithGroup(name string) slog.Handler {
	return limitedHandler{h.Handler.WithGroup(name), h.limiter}
}
