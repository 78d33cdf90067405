package main

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"tuitalk/talk"
)

// guest is a client that speaks TuiTalk's extended form.
type guest struct {
	*line
	uuid talk.UUID
	name string
}

func (g *guest) send(m talk.Message) {
	g.t.Helper()
	text, err := talk.Append(nil, talk.Extended, m)
	if err != nil {
		g.t.Fatal(err)
	}
	g.say(string(text))
}

func (g *guest) next() talk.Message {
	g.t.Helper()
	text := g.hear()
	m, err := talk.Decode(talk.Extended, []byte(text))
	if err != nil {
		g.t.Fatalf("%s: %v", text, err)
	}
	return m
}

func enter(t *testing.T, address, name string, room int32) *guest {
	t.Helper()
	g := &guest{line: dial(t, address), name: name}
	var secret talk.Secret
	_, _ = rand.Read(secret[:])
	g.send(talk.Hello{Client: "test/1", Secret: secret})
	welcome, ok := g.next().(talk.Welcome)
	if !ok || welcome.UUID != secret.UUID() {
		t.Fatalf("Hello was answered by %+v", welcome)
	}
	g.uuid = welcome.UUID
	g.join(room)
	return g
}

func (g *guest) join(room int32) {
	g.t.Helper()
	g.send(talk.JoinRoom{RoomID: room, UUID: g.uuid, Username: g.name})
	if joined, ok := g.next().(talk.Joined); !ok || joined.RoomID != room {
		g.t.Fatalf("JoinRoom was answered by %+v", joined)
	}
}

func (g *guest) post(room int32, n byte, text string) talk.UUID {
	g.t.Helper()
	id := talk.MakeUUID(4, [16]byte{n})
	g.send(talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: g.uuid, Name: g.name, Text: text, ID: id})
	return id
}

func TestClientsChat(t *testing.T) {
	for _, kind := range []string{"gorilla", "floor"} {
		t.Run(kind, func(t *testing.T) {
			address := start(t, kind, "")
			ada, ben, eve := enter(t, address, "ada", 7), enter(t, address, "ben", 7), enter(t, address, "eve", 8)
			text := `a "room_id":9,"id":"quoted" \ text` + strings.Repeat("!", 300)
			before := uint64(time.Now().Unix())
			for seq := int64(1); seq <= 3; seq++ {
				id := ada.post(7, byte(seq), text)
				heard := ben.hear()
				m, err := talk.Decode(talk.Extended, []byte(heard))
				e, ok := m.(talk.Entry)
				if err != nil || !ok || e.UnixTime < before {
					t.Fatalf("a member heard %s: %v", heard, err)
				}
				want := talk.Entry{
					Kind: talk.KindPosted, RoomID: 7, Author: ada.uuid, Name: "ada", Text: text, UnixTime: e.UnixTime, ID: id, Seq: seq,
				}
				if same := string(talk.AppendEntry(nil, talk.Extended, &want)); heard != same {
					t.Fatalf("a member heard\n%s, a gateway sends\n%s", heard, same)
				}
				if own := ada.next(); own != talk.Message(want) {
					t.Fatalf("the author heard %+v, want %+v", own, want)
				}
				if stored := ada.next(); stored != (talk.Stored{RoomID: 7, ID: id, Seq: seq}) {
					t.Fatalf("the author heard %+v", stored)
				}
			}
			eve.send(talk.Ping{N: 4}) // nothing came before its answer
			if pong := eve.next(); pong != (talk.Pong{N: 4}) {
				t.Fatalf("somebody in another room heard %+v", pong)
			}
		})
	}
}

func TestMembersComeAndGo(t *testing.T) {
	for _, kind := range []string{"gorilla", "floor"} {
		t.Run(kind, func(t *testing.T) {
			address := start(t, kind, "")
			ada, ben, eve := enter(t, address, "ada", -1), enter(t, address, "ben", -1), enter(t, address, "eve", -1)
			ada.send(talk.LeaveRoom{RoomID: -1, UUID: ada.uuid})
			ada.send(talk.Ping{N: 1})
			if pong := ada.next(); pong != (talk.Pong{N: 1}) {
				t.Fatalf("somebody who left heard %+v", pong)
			}
			ben.ws.Close()
			eve.post(-1, 1, "who is here?")
			if e, ok := eve.next().(talk.Entry); !ok || e.Seq != 1 {
				t.Fatalf("the last member heard %+v", e)
			}
			eve.next() // Stored
			ada.join(-1)
			eve.post(-1, 2, "and now?")
			if e, ok := ada.next().(talk.Entry); !ok || e.Seq != 2 || e.Text != "and now?" {
				t.Fatalf("somebody who came back heard %+v", e)
			}
		})
	}
}

// A member whose socket is full gets everything in order when it reads.
func TestFloorKeepsWhatASocketDoesNotTake(t *testing.T) {
	address := start(t, "floor", "")
	author, slow := enter(t, address, "ada", 1), enter(t, address, "ben", 1)
	const posts = 800 // of 4,000 bytes: more than the kernel keeps for one who does not read
	for n := range posts {
		author.post(1, byte(n), fmt.Sprintf("%04d%s", n, strings.Repeat("x", 3900)))
		author.next()
		author.next()
	}
	for n := range posts {
		if e, ok := slow.next().(talk.Entry); !ok || e.Seq != int64(n+1) || !strings.HasPrefix(e.Text, fmt.Sprintf("%04d", n)) {
			t.Fatalf("message %d: %.100s", n, fmt.Sprintf("%d %s", e.Seq, e.Text))
		}
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct{ kind, want string }{
		{"", `-kind "" is none of centrifuge, centrifuge-batching, centrifuge-redis, gorilla, floor`},
		{"centrifuge-redis", "centrifuge-redis needs -redis host:port"},
	} {
		if _, err := open(c.kind, ""); err == nil || err.Error() != c.want {
			t.Errorf("open(%q): %v, want %s", c.kind, err, c.want)
		}
	}
}
