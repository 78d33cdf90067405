//go:build integration

package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/talk"
)

// original talks as the original's client does: bincode alone, no ids, no seqs.
// After a break it connects again, joins again, and asks for what it may have
// missed by time; what it then does not find of its own it says again. Owned by
// its goroutine, but for the atomics.
type original struct {
	t    *testing.T
	url  string
	room int32
	uuid talk.UUID
	name string

	has    map[string]bool // texts that it has been shown, live or by history
	lives  [][]talk.Entry  // posts as they came live, one list for each connection
	echo   string          // what it has said and not seen yet
	said   int
	again  map[string]int // how often it has said a text once more
	unseen bool           // the history was asked for and has not come
	joined atomic.Bool    // and has what it missed
	quiet  atomic.Bool    // it says nothing new
	idle   atomic.Bool    // nothing of its own is under way
	seen   atomic.Int64
}

// paceOfOriginal is how often it says something.
const paceOfOriginal = 100 * time.Millisecond

// live connects and talks until ctx ends.
func (o *original) live(ctx context.Context) {
	for ctx.Err() == nil {
		if ws, _, err := websocket.Dial(ctx, o.url, nil); err == nil {
			o.converse(ctx, ws)
			_ = ws.CloseNow()
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// converse lasts as long as the connection.
func (o *original) converse(ctx context.Context, ws *websocket.Conn) {
	ws.SetReadLimit(1 << 20)
	came := make(chan talk.Message)
	broken, stop := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop()
	reading.Go(func() {
		defer stop()
		for {
			_, b, err := ws.Read(broken)
			if err != nil {
				return
			}
			m, err := talk.Decode(talk.Bincode, b)
			if err != nil {
				o.t.Errorf("%s was sent %q: %v", o.name, b, err)
				return
			}
			select {
			case came <- m:
			case <-broken.Done():
				return
			}
		}
	})
	defer o.joined.Store(false)
	o.lives = append(o.lives, nil)
	o.unseen = true
	o.say(broken, ws, talk.JoinRoom{RoomID: o.room, UUID: o.uuid, Username: o.name, UnixTime: 1})
	tick := time.NewTicker(paceOfOriginal)
	defer tick.Stop()
	for {
		select {
		case m := <-came:
			o.hear(broken, ws, m)
		case <-tick.C:
			o.speak(broken, ws)
		case <-broken.Done():
			return
		}
	}
}

// say sends; a connection that breaks by it ends by the reader.
func (o *original) say(ctx context.Context, ws *websocket.Conn, m talk.Message) {
	b, err := talk.Append(nil, talk.Bincode, m)
	if err != nil {
		o.t.Errorf("encode: %v", err)
		return
	}
	_ = ws.Write(ctx, websocket.MessageBinary, b)
}

func (o *original) hear(ctx context.Context, ws *websocket.Conn, m talk.Message) {
	switch m := m.(type) {
	case talk.Entry:
		switch {
		case m.Kind == talk.KindPosted:
			last := len(o.lives) - 1
			o.lives[last] = append(o.lives[last], m)
			o.saw(m)
		case m.Kind == talk.KindJoined && m.Author == o.uuid && o.unseen:
			// the second that has begun is missed by none, nor is the next
			o.say(ctx, ws, talk.Fetch{RoomID: o.room, Limit: talk.MaxFetch, FetchBefore: uint64(time.Now().Unix()) + 2})
		}
	case talk.History:
		for _, x := range m.Text {
			if e, ok := x.(talk.Entry); ok && e.Kind == talk.KindPosted {
				o.saw(e)
			}
		}
		o.unseen = false
		o.joined.Store(true)
		if o.echo != "" { // it did not get through
			o.again[o.echo]++
			o.post(ctx, ws)
		}
	case talk.Error:
		o.t.Logf("%s is told %+v", o.name, m)
	}
}

func (o *original) saw(e talk.Entry) {
	if !o.has[e.Text] {
		o.has[e.Text] = true
		o.seen.Add(1)
	}
	if e.Author == o.uuid && e.Text == o.echo {
		o.echo = ""
		o.idle.Store(true)
	}
}

// speak says the next text when the one before has come back.
func (o *original) speak(ctx context.Context, ws *websocket.Conn) {
	if o.unseen || o.echo != "" {
		return
	}
	o.idle.Store(false) // before it looks: who makes it quiet looks afterwards
	if o.quiet.Load() {
		o.idle.Store(true)
		return
	}
	o.said++
	o.echo = fmt.Sprintf("%s %d", o.name, o.said)
	o.post(ctx, ws)
}

func (o *original) post(ctx context.Context, ws *websocket.Conn) {
	o.say(ctx, ws, talk.Entry{Kind: talk.KindPosted, RoomID: o.room, Author: o.uuid, Name: o.name, Text: o.echo})
}
