//go:build integration

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
)

// server is a small gateway that trusts everybody and says what the test wants,
// also what a real one never would.
type server struct {
	t        *testing.T
	address  string
	listener *http.Server
	serving  sync.WaitGroup

	mu      sync.Mutex
	mute    bool   // take connections and answer nothing
	heard   []byte // every message that any client sent, as JSON
	users   map[*websocket.Conn]talk.Member
	entries []talk.Entry // of the one room
}

// startServer serves on a port that is free, also when it starts again; its end is
// the test's.
func startServer(t *testing.T) *server {
	port, err := devcluster.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, address: fmt.Sprintf("127.0.0.1:%d", port), users: make(map[*websocket.Conn]talk.Member)}
	s.restart()
	t.Cleanup(s.stop)
	return s
}

func (s *server) url() string { return "ws://" + s.address + "/ws" }

func (s *server) serve(l net.Listener) {
	s.listener = &http.Server{Handler: http.HandlerFunc(s.accept)}
	s.serving.Go(func() { _ = s.listener.Serve(l) })
}

// stop breaks every line. The room stays.
func (s *server) stop() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.users {
		_ = c.CloseNow()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

func (s *server) restart() {
	l, err := devcluster.ListenAgain(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.serve(l)
}

func (s *server) accept(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 20)
	s.mu.Lock()
	s.users[c] = talk.Member{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.users, c)
		s.mu.Unlock()
	}()
	for {
		_, data, err := c.Read(context.Background())
		if err != nil {
			return
		}
		m, err := talk.Decode(talk.ExtendedBincode, data)
		if err != nil {
			s.t.Errorf("the client sent %q: %v", data, err)
			return
		}
		s.mu.Lock()
		if s.heard, err = talk.Append(s.heard, talk.Extended, m); err != nil {
			s.t.Error(err)
		}
		if !s.mute {
			s.answer(c, m)
		}
		s.mu.Unlock()
	}
}

func (s *server) answer(c *websocket.Conn, m talk.Message) {
	switch m := m.(type) {
	case talk.Hello:
		u := m.Secret.UUID()
		s.users[c] = talk.Member{UUID: u}
		s.send(c, talk.Welcome{UUID: u, Server: "fake", Limits: talk.DefaultLimits()})
	case talk.JoinRoom:
		s.users[c] = talk.Member{UUID: s.users[c].UUID, Username: m.Username}
		s.join(c, m)
	case talk.Fetch:
		text := []talk.Message{}
		for _, e := range s.entries[max(0, int(m.BeforeSeq-1-m.Limit)) : m.BeforeSeq-1] {
			text = append(text, e)
		}
		s.send(c, talk.History{Text: text, RoomID: m.RoomID, BeforeSeq: m.BeforeSeq, Complete: m.BeforeSeq-1-m.Limit <= 0})
	case talk.Entry:
		m.Author, m.Name = s.users[c].UUID, s.users[c].Username
		s.store(c, m)
	case talk.ChangeName:
		s.users[c] = talk.Member{UUID: m.UUID, Username: m.Username}
		s.store(nil, talk.Entry{Kind: talk.KindRenamed, RoomID: 1, Author: m.UUID, Name: m.Username, Text: m.OldUsername, ID: talk.UUID{1, byte(len(s.entries))}})
	case talk.Ping:
		s.send(c, talk.Pong(m))
	}
}

func (s *server) join(c *websocket.Conn, m talk.JoinRoom) {
	j := talk.Joined{RoomID: m.RoomID, HeadSeq: int64(len(s.entries)), AfterSeq: int64(len(s.entries))}
	if j.HeadSeq > 0 {
		j.HeadID = s.entries[j.HeadSeq-1].ID
	}
	if m.Resume {
		j.AfterSeq = m.AfterSeq
	}
	for _, u := range s.users {
		if u.Username != "" {
			j.Members = append(j.Members, u)
		}
	}
	j.MemberCount = len(j.Members)
	s.send(c, j)
	for _, e := range s.entries[j.AfterSeq:] {
		s.send(c, e)
	}
}

// store gives an entry its place, unless it has one, and sends it to all.
func (s *server) store(from *websocket.Conn, e talk.Entry) {
	e.Round = 0
	same := func(old talk.Entry) bool { return old.ID == e.ID }
	if from != nil {
		if i := slices.IndexFunc(s.entries, same); i >= 0 {
			s.send(from, talk.Stored{RoomID: e.RoomID, ID: e.ID, Seq: s.entries[i].Seq})
			return
		}
	}
	e.Seq, e.UnixTime = int64(len(s.entries)+1), uint64(time.Now().Unix())
	s.entries = append(s.entries, e)
	if from != nil {
		s.send(from, talk.Stored{RoomID: e.RoomID, ID: e.ID, Seq: e.Seq})
	}
	for c := range s.users {
		s.send(c, e)
	}
}

func (s *server) send(c *websocket.Conn, m talk.Message) {
	data, err := talk.Append(nil, talk.ExtendedBincode, m)
	if err != nil {
		s.t.Errorf("encode %T: %v", m, err)
		return
	}
	_ = c.Write(context.Background(), websocket.MessageBinary, data)
}

// say lets somebody say something in the room.
func (s *server) say(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.entries)
	s.store(nil, talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: talk.MakeUUID(8, [16]byte{0xb, byte(len(name))}), Name: name, Text: text,
		ID: talk.UUID{2, byte(n), byte(n >> 8), byte(n >> 16)}})
}

// tell sends something to every client.
func (s *server) tell(m talk.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.users {
		s.send(c, m)
	}
}

// got is what the clients of all times sent, and the secrets among it.
func (s *server) got() (bytes string, secrets []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.heard), secretsIn(s.heard)
}

func secretsIn(heard []byte) (secrets []string) {
	for _, m := range shownSecret.FindAllSubmatch(heard, -1) {
		if secret := string(m[1]); !slices.Contains(secrets, secret) {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

var shownSecret = regexp.MustCompile(`"secret":"([^"]*)"`)

// refuse closes every line as one of somebody who is not who he says.
func (s *server) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.users {
		go c.Close(talk.CloseNotYou, "I do not know you")
	}
}

// has waits until the room's log is made of these texts.
func (s *server) has(want ...string) {
	s.t.Helper()
	var got []string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		got = nil
		for _, e := range s.entries {
			got = append(got, e.Text)
		}
		s.mu.Unlock()
		if slices.Equal(got, want) {
			return
		}
	}
	s.t.Fatalf("the server has %q, want %q", got, want)
}

// hasNobody waits until all have hung up.
func (s *server) hasNobody() {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		n := len(s.users)
		s.mu.Unlock()
		if n == 0 {
			return
		}
	}
	s.t.Error("somebody is still connected")
}

func (s *server) setMute(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mute = on
}
