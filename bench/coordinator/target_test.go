package coordinator

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"tuitalk/bench/tlsconfig"
	"tuitalk/history"
	"tuitalk/talk"
)

// chat is a server that knows who somebody is and what was said.
type chat struct {
	mu      sync.Mutex
	entries map[int32][]talk.Entry // by room, ascending
	busy    int                    // so many times it wants to be asked later
	away    int                    // so many connections it does not take
}

// serve starts it and gives its address.
func (c *chat) serve(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws" {
			http.NotFound(w, r)
			return
		}
		if c.isAway() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		for {
			kind, data, err := ws.Read(r.Context())
			if err != nil {
				return
			}
			form := talk.Extended
			if kind == websocket.MessageBinary {
				form = talk.ExtendedBincode
			}
			m, err := talk.Decode(form, data)
			if err != nil {
				return
			}
			for _, answer := range c.answer(m) {
				b, err := talk.Append(nil, form, answer)
				if err != nil || ws.Write(r.Context(), kind, b) != nil {
					return
				}
			}
		}
	}))
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http") + "/ws"
}

func (c *chat) isAway() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away--
	return c.away >= 0
}

func (c *chat) answer(m talk.Message) []talk.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch m := m.(type) {
	case talk.Hello:
		return []talk.Message{talk.Welcome{UUID: m.Secret.UUID(), Server: "chat"}}
	case talk.Fetch:
		if c.busy > 0 {
			c.busy--
			return []talk.Message{talk.Error{Code: talk.CodeUnavailable, Message: "later", Retry: true, RetryMS: 1}}
		}
		return c.history(m)
	}
	return nil
}

// history answers in frames of two entries.
func (c *chat) history(m talk.Fetch) (frames []talk.Message) {
	var page []talk.Entry
	for _, e := range c.entries[m.RoomID] {
		if e.Seq < m.BeforeSeq {
			page = append(page, e)
		}
	}
	page = page[max(0, len(page)-int(m.Limit)):]
	for part := range slices.Chunk(page, 2) {
		h := talk.History{RoomID: m.RoomID, BeforeSeq: m.BeforeSeq, More: true}
		for _, e := range part {
			h.Text = append(h.Text, e)
		}
		frames = append(frames, h)
	}
	if len(frames) == 0 {
		return []talk.Message{talk.History{RoomID: m.RoomID, BeforeSeq: m.BeforeSeq, Complete: true}}
	}
	last := frames[len(frames)-1].(talk.History)
	last.More = false
	frames[len(frames)-1] = last
	return frames
}

func TestTheObserverReadsARoom(t *testing.T) {
	c := &chat{entries: map[int32][]talk.Entry{}, busy: 2}
	for seq := range int64(1200) {
		c.entries[7] = append(c.entries[7], talk.Entry{Kind: talk.KindPosted, RoomID: 7, Seq: seq + 1, ID: talk.UUID{15: byte(seq)}, Text: "x"})
	}
	o, err := probeTarget(t.Context(), c.serve(t), &tlsconfig.Policy{}, talk.ExtendedBincode, true)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	heads, err := o.Heads(t.Context(), []int32{7, 8})
	if err != nil || heads[0].Seq != 1200 || heads[1] != (history.Head{}) {
		t.Errorf("heads %v, %v", heads, err)
	}
	next := int64(31)
	for {
		page, err := o.After(t.Context(), 7, next-1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			if e.Seq != next {
				t.Fatalf("entry %d where %d should be", e.Seq, next)
			}
			next++
		}
	}
	if next != 1201 {
		t.Errorf("it ended in front of %d", next)
	}
}

// TestATargetThatIsBusyForAWhileEndsNoRun: when heads and histories are read, the target
// may take no connection for a moment.
func TestATargetThatIsBusyForAWhileEndsNoRun(t *testing.T) {
	busy := &chat{away: 2, entries: map[int32][]talk.Entry{0: {{Kind: talk.KindPosted, Seq: 1, ID: talk.UUID{15: 1}, Text: "x"}}}}
	c := &Coordinator{opts: Options{Targets: []string{busy.serve(t)}}}
	store, done, err := c.store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if heads, err := store.Heads(t.Context(), []int32{0}); err != nil || heads[0].Seq != 1 {
		t.Errorf("heads %v, %v", heads, err)
	}
}

func TestATargetIsNamedByWS(t *testing.T) {
	for target, says := range map[string]string{
		"ws://chat.example/ws":   "",
		"wss://chat.example/ws":  "",
		"http://chat.example/ws": "is no address as ws://",
	} {
		if err := CheckTarget(target); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestATargetThatCannotBeUsedIsOneSentence(t *testing.T) {
	good := (&chat{}).serve(t)
	for url, says := range map[string]string{
		"ws://127.0.0.1:1/ws":                 "connection refused",
		strings.Replace(good, "/ws", "/x", 1): "404",
	} {
		_, err := probeTarget(t.Context(), url, &tlsconfig.Policy{}, talk.ExtendedBincode, true)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
