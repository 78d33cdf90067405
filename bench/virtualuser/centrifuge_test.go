package virtualuser

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
	"tuitalk/websocket"
)

// fakeCentrifuge is one channel, with a history or without.
type fakeCentrifuge struct {
	t        *testing.T
	listener net.Listener
	history  bool
	running  sync.WaitGroup

	mu      sync.Mutex
	conns   []net.Conn
	members []net.Conn
	said    []json.RawMessage
	pongs   int
	mute    bool // what is published comes to nothing, without a word
}

// centrifugeCommand is what a client says.
type centrifugeCommand struct {
	ID        int             `json:"id"`
	Connect   json.RawMessage `json:"connect"`
	Subscribe *struct {
		Channel string `json:"channel"`
		Recover bool   `json:"recover"`
		Epoch   string `json:"epoch"`
		Offset  int    `json:"offset"`
	} `json:"subscribe"`
	Publish *struct {
		Channel string          `json:"channel"`
		Data    json.RawMessage `json:"data"`
	} `json:"publish"`
}

func startFakeCentrifuge(t *testing.T, history bool) *fakeCentrifuge {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeCentrifuge{t: t, listener: listener, history: history}
	f.running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, c)
			f.mu.Unlock()
			f.running.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		f.mu.Lock()
		for _, c := range f.conns {
			c.Close()
		}
		f.mu.Unlock()
		f.running.Wait()
	})
	return f
}

func (f *fakeCentrifuge) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
		base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
	for {
		payload, err := readMasked(in)
		f.mu.Lock()
		if err != nil {
			f.members = slices.DeleteFunc(f.members, func(m net.Conn) bool { return m == c })
			f.mu.Unlock()
			return
		}
		f.handle(c, payload)
		f.mu.Unlock()
	}
}

func (f *fakeCentrifuge) handle(c net.Conn, payload []byte) {
	var m centrifugeCommand
	if err := json.Unmarshal(payload, &m); err != nil {
		return // a close frame
	}
	switch {
	case m.Connect != nil:
		f.write(c, fmt.Sprintf(`{"id":%d,"connect":{"client":"x","ping":25,"pong":true}}`, m.ID)+"\n{}")
	case m.Subscribe != nil:
		f.subscribe(c, &m)
	case m.Publish != nil && !f.mute:
		f.said = append(f.said, m.Publish.Data)
		push := fmt.Sprintf(`{"push":{"channel":"%s","pub":%s}}`, m.Publish.Channel, f.publication(len(f.said)))
		for _, member := range f.members {
			if answer := fmt.Sprintf(`{"id":%d,"publish":{}}`, m.ID); member == c {
				f.write(c, push+"\n"+answer) // several in a frame
			} else {
				f.write(member, push)
			}
			if f.history {
				f.write(member, push) // which has an offset, so that nobody takes it for another
			}
		}
	case bytes.Equal(payload, []byte(`{}`)):
		f.pongs++
	}
}

func (f *fakeCentrifuge) subscribe(c net.Conn, m *centrifugeCommand) {
	f.members = append(f.members, c)
	if !f.history {
		f.write(c, fmt.Sprintf(`{"id":%d,"subscribe":{}}`, m.ID))
		return
	}
	var missed []json.RawMessage
	if m.Subscribe.Recover && m.Subscribe.Epoch == "e1" {
		for n := m.Subscribe.Offset + 1; n <= len(f.said); n++ {
			missed = append(missed, json.RawMessage(f.publication(n)))
		}
	}
	text, err := json.Marshal(missed)
	if err != nil {
		f.t.Error(err)
	}
	f.write(c, fmt.Sprintf(`{"id":%d,"subscribe":{"recoverable":true,"recovered":%v,"epoch":"e1","offset":%d,"positioned":true,"publications":%s}}`,
		m.ID, m.Subscribe.Recover, len(f.said), text))
}

func (f *fakeCentrifuge) publication(offset int) string {
	if !f.history {
		return fmt.Sprintf(`{"data":%s}`, f.said[offset-1])
	}
	return fmt.Sprintf(`{"data":%s,"offset":%d,"epoch":"e1"}`, f.said[offset-1], offset)
}

func (f *fakeCentrifuge) setMute(mute bool) {
	f.mu.Lock()
	f.mute = mute
	f.mu.Unlock()
}

func (f *fakeCentrifuge) write(c net.Conn, text string) {
	_, _ = c.Write(serverFrame(true, websocket.OpText, []byte(text))) // who has hung up misses it
}

func centrifugeCrowd(t *testing.T, f *fakeCentrifuge, n int) *Group {
	t.Helper()
	sc := scenario.Scenario{
		Clients: n, Rooms: 1, FirstRoom: 7, Rate: 200, Size: 64, Arrivals: scenario.Constant,
		Duration: scenario.Duration(time.Second), Speak: scenario.Centrifuge, Seed: 1,
	}
	s, err := New(Config{Scenario: sc, Of: 1, Targets: []string{"ws://" + f.listener.Addr().String() + "/ws"}, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// until samples until enough is seen.
func until(t *testing.T, s *Group, whole *measure.Sample, enough func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !enough(); time.Sleep(5 * time.Millisecond) {
		sample := s.Sample()
		whole.Follow(&sample)
		if time.Now().After(deadline) {
			t.Fatalf("it does not come: %+v", whole.Counts)
		}
	}
}

func TestClientsOfCentrifugeGetWhatIsPublished(t *testing.T) {
	for _, history := range []bool{false, true} {
		t.Run(fmt.Sprintf("history=%v", history), func(t *testing.T) {
			const people = 5
			f := startFakeCentrifuge(t, history)
			s := centrifugeCrowd(t, f, people)
			var whole measure.Sample
			s.Begin(time.Now())
			until(t, s, &whole, func() bool { return whole.Posted >= 40 })
			if history {
				f.setMute(true)
				until(t, s, &whole, func() bool { clients, _ := s.Owed(); return clients > 0 })
				f.setMute(false)
				s.Storm() // what is said meanwhile is recovered
				until(t, s, &whole, func() bool { return whole.Joins == 2*people })
			}
			s.StopPosting()
			until(t, s, &whole, func() bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				clients, _ := s.Owed()
				return clients == 0 && whole.Delivered >= int64(people*len(f.said))
			})
			if want := int64(people * len(f.said)); whole.Delivered != want || whole.Stored.Count() != whole.Counts.Stored {
				t.Errorf("%d deliveries of %d", whole.Delivered, want)
			}
			if history && whole.Refused == 0 {
				t.Error("what was under way when the line broke is not given up")
			}
			if whole.Counts.Stored+whole.Refused != whole.Posted || whole.Latency.Count() != whole.Delivered {
				t.Errorf("posts and answers do not add up: %+v", whole.Counts)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.pongs < people {
				t.Errorf("%d of %d questions whether the line is alive were answered", f.pongs, people)
			}
		})
	}
}
