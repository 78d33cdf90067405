package redisbus

import (
	"math"
	"reflect"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
	"tuitalk/talk"
)

// unconnected returns a bus that has no server.
func unconnected(t testing.TB, handler fanout.Handler) *Bus {
	t.Helper()
	o := Defaults()
	o.Addrs = []string{"127.0.0.1:1"}
	b, err := newBus(o, handler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func want(t testing.TB, b *Bus, rooms ...int32) {
	t.Helper()
	for _, room := range rooms {
		if err := b.Subscribe(t.Context(), room); err != nil {
			t.Fatal(err)
		}
	}
}

func TestChannelNames(t *testing.T) {
	n := makeNames("tuitalk")
	seen := make(map[string]bool)
	for _, room := range []int32{0, 1, -1, 42, math.MaxInt32, math.MinInt32} {
		channel := n.channel(room)
		got, ok := roomOf(channel)
		if !ok || got != room || seen[channel] {
			t.Errorf("%q is of room %d, %v, want %d", channel, got, ok, room)
		}
		seen[channel] = true
	}
	for i := range n {
		for _, name := range []string{n[i].control, n[i].stream, n[i].ids} {
			if _, ok := roomOf(name); ok || seen[name] {
				t.Errorf("%q is not a name of its own", name)
			}
			seen[name] = true
		}
	}
}

func TestReceive(t *testing.T) {
	got := fanouttest.NewRecorder()
	b := unconnected(t, got)
	want(t, b, 7)
	peer := nodeID{9}
	send := func(channel string, kind byte, from nodeID, data []byte) {
		b.onMessage(channel, string(append(appendHeader(nil, kind, from), data...)))
	}
	note := fanouttest.Note(7, 1)
	form := fanout.AppendNote(nil, note)
	channel := b.names.channel(7)
	lost := 0
	loses := func(what string) {
		t.Helper()
		got.AwaitLost(t, 7, lost)
		if lost = got.LostCount(7); len(got.Notes(7)) > 1 {
			t.Errorf("%s was delivered", what)
		}
	}

	send(channel, kindNote, peer, form)
	if n := got.AwaitNotes(t, 7, 1)[0]; !reflect.DeepEqual(n, note) {
		t.Errorf("got %+v, want %+v", n, note)
	}
	send(channel, kindLook, peer, nil)
	loses("a look")
	send(channel, kindNote, peer, form[1:])
	loses("a garbled note")
	send(channel, kindNote, peer, fanout.AppendNote(nil, fanouttest.Note(8, 1)))
	loses("a note of another room")
	send(channel, 'z', peer, form)
	loses("a message of a later version")
	b.onMessage(channel, "n")
	loses("a short message")
	send(b.names[partitionOf(7)].control, kindLookAll, peer, nil)
	loses("a look at everything")

	// None of these means anything to this node.
	send(channel, kindNote, b.id, form)
	send(channel, kindLook, b.id, nil)
	send(b.names.channel(8), kindNote, peer, fanout.AppendNote(nil, fanouttest.Note(8, 1)))
	send(b.names.channel(8), kindLook, peer, nil)
	send(b.names[partitionOf(7)].control, kindLookAll, b.id, nil)
	send(b.names[(partitionOf(7)+1)%partitions].control, kindLookAll, peer, nil)
	send("tuitalk{x}later", kindNote, peer, form)
	send(channel, kindNote, peer, fanout.AppendNote(nil, fanouttest.Note(7, 2)))
	if notes := got.AwaitNotes(t, 7, 2); notes[1].Entries[0].Seq != 2 {
		t.Errorf("got %+v", notes[1])
	}
	if got.Count() != 2 || got.LostCount(7) != lost || got.LostCount(8) != 0 {
		t.Errorf("%d notes, %d and %d lost", got.Count(), got.LostCount(7), got.LostCount(8))
	}
}

func TestPeers(t *testing.T) {
	b := unconnected(t, fanouttest.NewRecorder())
	control := b.names[3].control
	say := func(from nodeID, p probe) {
		b.onMessage(control, string(appendProbe(appendHeader(nil, kindProbe, from), p)))
	}
	status := fanout.Status{Gateway: talk.UUID{1, 2, 3}, Store: true}
	say(nodeID{1}, probe{number: 1, known: true, status: status})
	say(nodeID{2}, probe{number: 1}) // has not announced itself
	say(b.id, probe{number: 1, known: true})
	b.onMessage(control, string(appendHeader(nil, kindProbe, nodeID{4}))+"short")
	if peers := b.Peers(); len(peers) != 1 || peers[0].Status != status {
		t.Errorf("peers: %+v", peers)
	}
	status.Store = false
	say(nodeID{1}, probe{number: 2, known: true, status: status})
	if peers := b.Peers(); len(peers) != 1 || peers[0].Status != status {
		t.Errorf("peers: %+v", peers)
	}
	b.peers.forget(time.Now().Add(fanout.PeerMemory))
	if peers := b.Peers(); len(peers) != 0 {
		t.Errorf("silent peers: %+v", peers)
	}
	b.Announce(status)
	if p := b.peers.own(5); p != (probe{number: 5, known: true, status: status}) {
		t.Errorf("own probe: %+v", p)
	}
}

func FuzzReceive(f *testing.F) {
	note := fanout.AppendNote(nil, fanouttest.Note(7, 1))
	f.Add("tuitalk{1q}7", string(append(appendHeader(nil, kindNote, nodeID{1}), note...)))
	f.Add("tuitalk{1q}~", string(appendProbe(appendHeader(nil, kindProbe, nodeID{1}), probe{number: 1, known: true})))
	f.Add("", "")
	b := unconnected(f, fanouttest.NewRecorder())
	want(f, b, 7)
	f.Fuzz(func(t *testing.T, channel, message string) {
		b.onMessage(channel, message)
		b.onMessage(b.names.channel(7), message)
		b.onMessage(b.names[1].control, message)
	})
}
