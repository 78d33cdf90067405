package devcluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ClocksCanBeSet tells whether SetClock works on this machine: on amd64, if this
// process may write the memory of those that it has started.
const ClocksCanBeSet = clocksCanBeSet

// clockTries is how often a process is stopped that is reading the clock just then.
const clockTries = 50

// SetClock sets the gateway's wall clock so much ahead of the machine's, in whole
// seconds; 0: right again. It is that of this process, not of a next one.
func (g *Gateway) SetClock(by time.Duration) error {
	return whileStopped(g.Freeze, g.Thaw, func() error { return setAhead(g.PID(), by) })
}

// Clock asks the gateway what time it is.
func (g *Gateway) Clock(ctx context.Context) (time.Time, error) {
	answer, err := get(ctx, g.adminAddr(), "/healthz")
	if err != nil {
		return time.Time{}, err
	}
	defer answer.Body.Close()
	return http.ParseTime(answer.Header.Get("Date"))
}

// SetClock sets the server's wall clock as a gateway's. It holds until the server ends.
func (p *Postgres) SetClock(by time.Duration) error {
	return whileStopped(p.Freeze, p.Thaw, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.server == nil {
			return errors.New("it does not run")
		}
		family, err := children(p.server.pid())
		if err != nil {
			return err
		}
		for _, c := range append(family, child{pid: p.server.pid()}) {
			err := setAhead(c.pid, by)
			if errors.Is(err, errGone) && c.pid != p.server.pid() {
				continue // a child that has ended since
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Clock asks the server what time it is.
func (p *Postgres) Clock(ctx context.Context) (time.Time, error) {
	answer, err := p.ask(ctx, `SELECT extract(epoch FROM clock_timestamp())`)
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(answer), 64)
	return time.UnixMilli(int64(seconds * 1000)), err
}

// whileStopped sets a clock while the process stands still, and again while one of its
// threads is in the way.
func whileStopped(stop, goOn func() error, set func() error) error {
	var err error
	for range clockTries {
		if err = stop(); err != nil {
			return fmt.Errorf("set the clock: %w", err)
		}
		err = set()
		err = errors.Join(err, goOn())
		if !errors.Is(err, errBusy) {
			return err
		}
		time.Sleep(time.Millisecond) // it is elsewhere then
	}
	return err
}
