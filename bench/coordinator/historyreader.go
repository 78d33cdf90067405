package coordinator

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"tuitalk/bench/tlsconfig"
	"tuitalk/client"
	"tuitalk/history"
	"tuitalk/talk"
)

const (
	// answerPatience is how long a target may take to answer an history reader.
	answerPatience = 30 * time.Second
	// askAgain is between two attempts to connect one.
	askAgain = 250 * time.Millisecond
)

// fromHead asks for the newest entries: no room has so many.
const fromHead = 1 << 50

// historyReader reads the history of a target as a client that joins no room, so that
// nobody sees it. It belongs to one goroutine.
type historyReader struct {
	url    string
	line   client.Line
	events chan client.Event
	stop   chan struct{}
	ended  bool // Closed has come
}

var _ Store = (*historyReader)(nil)

// probeTarget connects to a target, and says why it cannot. With hello it is a
// gateway of TuiTalk that must answer, in this form.
func probeTarget(ctx context.Context, target string, whom *tlsconfig.Policy, form talk.Form, hello bool) (*historyReader, error) {
	dialer, err := dialerOf(ctx, target, whom, form)
	if err != nil {
		return nil, fmt.Errorf("the target %s: %w", public(target), err)
	}
	o := &historyReader{url: target, events: make(chan client.Event, 16), stop: make(chan struct{})}
	o.line = dialer.Dial(1, target, func(e client.Event) {
		select {
		case o.events <- e:
		case <-o.stop:
		}
	})
	if err := o.enter(ctx, hello); err != nil {
		o.Close()
		return nil, fmt.Errorf("the target %s: %w", public(target), err)
	}
	return o, nil
}

// dialerOf is the one that users have. If TLS does not come about it says why, as
// the workers would.
func dialerOf(ctx context.Context, target string, whom *tlsconfig.Policy, form talk.Form) (client.Dialer, error) {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "wss" {
		return client.NewDialerIn(form), nil
	}
	if err := whom.Try(ctx, target); err != nil {
		return nil, err
	}
	config, err := whom.Config(u.Hostname())
	if err != nil {
		return nil, err
	}
	return client.NewDialerTLS(config, form), nil
}

func (o *historyReader) enter(ctx context.Context, hello bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerPatience, errors.New("it does not answer"))
	defer cancel()
	for {
		e, err := o.next(ctx)
		if err != nil {
			return err
		}
		switch e := e.(type) {
		case client.Opened:
			if !hello {
				return nil
			}
			if err := o.line.Send(talk.Hello{Client: "tuitalk-bench", Secret: client.NewSecret()}); err != nil {
				return err
			}
		case client.Received:
			switch m := e.Message.(type) {
			case talk.Welcome:
				return nil
			case talk.Error:
				return errors.New(talk.CleanText(m.Message))
			}
		}
	}
}

// next waits for an event that is not the end of the connection.
func (o *historyReader) next(ctx context.Context) (client.Event, error) {
	select {
	case e := <-o.events:
		switch e := e.(type) {
		case client.Closed:
			o.ended = true
			if e.Reason == "" {
				return nil, errors.New("the server hung up")
			}
			return nil, errors.New(talk.CleanText(e.Reason))
		case client.DecodeFailed:
			return nil, errors.New("the server does not speak as a gateway of TuiTalk does")
		}
		return e, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Close hangs up and waits until the connection is gone.
func (o *historyReader) Close() {
	o.line.Close()
	for !o.ended {
		_, o.ended = (<-o.events).(client.Closed)
	}
	close(o.stop)
}

// Heads returns the newest entry of each room, the zero Head for an empty one.
func (o *historyReader) Heads(ctx context.Context, rooms []int32) ([]history.Head, error) {
	heads := make([]history.Head, len(rooms))
	for i, room := range rooms {
		page, err := o.page(ctx, room, fromHead, 1)
		if err != nil {
			return nil, err
		}
		if len(page) > 0 {
			last := &page[len(page)-1]
			heads[i] = history.HeadOf(last)
		}
	}
	return heads, nil
}

// After returns up to limit entries behind after. As a page is counted back from
// its end, one with a hole in it can begin before after; that is left away.
func (o *historyReader) After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error) {
	limit = min(limit, talk.MaxFetch)
	page, err := o.page(ctx, room, after+int64(limit)+1, limit)
	for len(page) > 0 && page[0].Seq <= after {
		page = page[1:]
	}
	return page, err
}

// page fetches the newest entries before a seq, and has patience with a server
// that wants to be asked later.
func (o *historyReader) page(ctx context.Context, room int32, before int64, limit int) ([]talk.Entry, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerPatience, errors.New("it does not answer"))
	defer cancel()
	for {
		entries, later, err := o.fetch(ctx, talk.Fetch{RoomID: room, Limit: int64(limit), BeforeSeq: before})
		if err != nil {
			return nil, fmt.Errorf("read room %d of %s: %w", room, public(o.url), err)
		}
		if later == 0 {
			return entries, nil
		}
		if err := sleep(ctx, later); err != nil {
			return nil, err
		}
	}
}

// fetch asks once. later is how long to wait before asking again.
func (o *historyReader) fetch(ctx context.Context, ask talk.Fetch) (entries []talk.Entry, later time.Duration, err error) {
	if err := o.line.Send(ask); err != nil {
		return nil, 0, err
	}
	for {
		e, err := o.next(ctx)
		if err != nil {
			return nil, 0, err
		}
		received, _ := e.(client.Received)
		switch m := received.Message.(type) {
		case talk.Ping:
			err = o.line.Send(talk.Pong(m))
		case talk.Error:
			if !m.Retry {
				return nil, 0, errors.New(talk.CleanText(m.Message))
			}
			return nil, max(time.Duration(m.RetryMS)*time.Millisecond, 10*time.Millisecond), nil
		case talk.History:
			for _, event := range m.Text {
				if entry, ok := event.(talk.Entry); ok {
					entries = append(entries, entry)
				}
			}
			if !m.More {
				return entries, 0, nil
			}
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

// sleep waits, or gives the cause why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
