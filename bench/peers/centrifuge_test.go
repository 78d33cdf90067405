package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// reply is what centrifuge says, as far as the tests look at it.
type reply struct {
	ID      int `json:"id"`
	Connect *struct {
		Client string `json:"client"`
	} `json:"connect"`
	Subscribe *struct {
		Recoverable  bool              `json:"recoverable"`
		Epoch        string            `json:"epoch"`
		Publications []json.RawMessage `json:"publications"`
	} `json:"subscribe"`
	Publish *struct{} `json:"publish"`
	Push    *struct {
		Channel string `json:"channel"`
		Pub     struct {
			Data   json.RawMessage `json:"data"`
			Offset int             `json:"offset"`
		} `json:"pub"`
	} `json:"push"`
}

// subscriber is a client that speaks the JSON protocol of centrifuge.
type subscriber struct {
	*line
	waiting []string // one frame may hold several replies
}

func (s *subscriber) next() (r reply) {
	s.t.Helper()
	for len(s.waiting) == 0 {
		s.waiting = strings.Split(strings.TrimSpace(s.hear()), "\n")
	}
	text := s.waiting[0]
	s.waiting = s.waiting[1:]
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	return r
}

// subscribe has somebody join. That subscribe was answered is not enough: centrifuge
// passes over subscribers in the moment between its answer and its note of them, so a
// command after it, a publication to nobody, is answered too.
func subscribe(t *testing.T, address, command string) (*subscriber, reply) {
	t.Helper()
	s := &subscriber{line: dial(t, address)}
	s.say(`{"id":1,"connect":{}}`)
	if r := s.next(); r.ID != 1 || r.Connect == nil || r.Connect.Client == "" {
		t.Fatalf("connect was answered by %+v", r)
	}
	s.say(command)
	r := s.next()
	if r.ID != 2 || r.Subscribe == nil {
		t.Fatalf("subscribe was answered by %+v", r)
	}
	s.say(`{"id":3,"publish":{"channel":"room:0","data":{}}}`)
	if p := s.next(); p.ID != 3 || p.Publish == nil {
		t.Fatalf("a publication to nobody was answered by %+v", p)
	}
	return s, r
}

// exchange has ada publish and ben get it.
func exchange(t *testing.T, ada, ben *subscriber, text string, offset int) {
	t.Helper()
	ada.say(`{"id":4,"publish":{"channel":"room:7","data":{"text":"` + text + `"}}}`)
	published, pushed := 0, 0
	for published+pushed < 2 {
		r := ada.next()
		switch {
		case r.ID == 4 && r.Publish != nil:
			published++
		case r.Push != nil:
			pushed++
		default:
			t.Fatalf("the author heard %+v", r)
		}
	}
	r := ben.next()
	if r.Push == nil || r.Push.Channel != "room:7" || string(r.Push.Pub.Data) != `{"text":"`+text+`"}` || r.Push.Pub.Offset != offset {
		t.Fatalf("a member heard %+v, want %s at offset %d", r.Push, text, offset)
	}
}

func TestClientsChatThroughCentrifuge(t *testing.T) {
	for _, kind := range []string{"centrifuge", "centrifuge-batching"} {
		t.Run(kind, func(t *testing.T) {
			address := start(t, kind, "")
			ada, _ := subscribe(t, address, `{"id":2,"subscribe":{"channel":"room:7"}}`)
			ben, r := subscribe(t, address, `{"id":2,"subscribe":{"channel":"room:7"}}`)
			if r.Subscribe.Recoverable {
				t.Fatal("the broker in memory keeps a history")
			}
			exchange(t, ada, ben, "hello", 0)
			exchange(t, ada, ben, "again", 0)
		})
	}
}
