package fanout_test

import (
	"sync/atomic"
	"testing"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
	"tuitalk/talk"
)

func TestMain(m *testing.M) { fanouttest.Main(m) }

func openHub(_ *testing.T, handlers ...fanout.Handler) []fanout.Bus {
	hub := fanout.NewHub()
	buses := make([]fanout.Bus, len(handlers))
	for i, handler := range handlers {
		buses[i] = hub.Node(handler)
	}
	return buses
}

func TestHub(t *testing.T) { fanouttest.Run(t, openHub) }

// A single gateway publishes every entry to nobody.
func TestPublishAloneIsFree(t *testing.T) {
	bus := openHub(t, fanouttest.NewRecorder())[0]
	defer bus.Close()
	if err := bus.Subscribe(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	note := fanouttest.Note(1, 1)
	if n := testing.AllocsPerRun(100, func() {
		if err := bus.Publish(t.Context(), note); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPublishAllocatesNothing(t *testing.T) {
	sink := &counter{}
	buses := openHub(t, sink, sink)
	defer buses[0].Close()
	defer buses[1].Close()
	if err := buses[0].Subscribe(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	note := fanouttest.Note(1, 1)
	if n := testing.AllocsPerRun(10_000, func() {
		if err := buses[1].Publish(t.Context(), note); err != nil {
			t.Fatal(err)
		}
	}); n >= 1 {
		t.Errorf("%v allocations", n)
	}
}

type counter struct{ notes, lost atomic.Int64 }

func (c *counter) Deliver(*fanout.Note) { c.notes.Add(1) }
func (c *counter) Lost(int32)           { c.lost.Add(1) }

func BenchmarkPublishAlone(b *testing.B) {
	bus := openHub(nil, &counter{})[0]
	defer bus.Close()
	note := fanouttest.Note(1, 1)
	b.ReportAllocs()
	for b.Loop() {
		_ = bus.Publish(b.Context(), note)
	}
}

func BenchmarkPublish(b *testing.B) {
	buses := openHub(nil, &counter{}, &counter{}, &counter{})
	note := fanouttest.Note(1, 1)
	for _, bus := range buses {
		defer bus.Close()
		if err := bus.Subscribe(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = buses[0].Publish(b.Context(), note)
	}
}

func TestHubPeers(t *testing.T) {
	buses := openHub(t, &counter{}, &counter{}, &counter{})
	defer buses[0].Close()
	defer buses[1].Close()
	fleet := buses[0].(fanout.Fleet)
	if peers := fleet.Peers(); len(peers) != 0 {
		t.Errorf("peers that said nothing: %v", peers)
	}
	fleet.Announce(fanout.Status{Gateway: talk.UUID{1}})
	for i, bus := range buses[1:] {
		bus.(fanout.Fleet).Announce(fanout.Status{Gateway: talk.UUID{byte(i + 2)}, Store: i == 0})
	}
	peers := fleet.Peers()
	if len(peers) != 2 || peers[0].Status != (fanout.Status{Gateway: talk.UUID{2}, Store: true}) || peers[1].Gateway != (talk.UUID{3}) {
		t.Errorf("peers: %+v", peers)
	}
	if err := buses[2].Close(); err != nil {
		t.Fatal(err)
	}
	if peers := fleet.Peers(); len(peers) != 1 {
		t.Errorf("peers after one closed: %+v", peers)
	}
}
