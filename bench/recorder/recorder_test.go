package recorder_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/recorder"
	"tuitalk/client"
	"tuitalk/fanout/fanouttest"
	"tuitalk/talk"
)

func TestMain(m *testing.M) { fanouttest.Main(m) }

// lonely is a session in room 7 that has just been let in, and its Client.
func lonely(t testing.TB, rec *recorder.Recorder) (*client.Session, func(client.Event)) {
	s, err := client.New(client.Config{Servers: []string{"ws://a"}, Name: "ada", Room: 7, History: -1}, client.State{})
	if err != nil {
		t.Fatal(err)
	}
	who := rec.Client("lonely")
	now := time.Unix(1_700_000_000, 0)
	who.Attach(now, s)
	handle := func(ev client.Event) {
		now = now.Add(time.Millisecond)
		var change client.Change
		for _, e := range s.Handle(now, ev) {
			if c, ok := e.(client.Changed); ok {
				change |= c.What
			}
		}
		who.Handled(now, ev, change)
	}
	handle(client.Start{})
	handle(client.Opened{Conn: 1})
	handle(client.Received{Conn: 1, Message: talk.Welcome{UUID: s.Me().UUID}})
	handle(client.Received{Conn: 1, Message: talk.Joined{RoomID: 7}})
	if s.Status().Phase != client.Online {
		t.Fatal("not online")
	}
	return s, handle
}

func entry(seq int64) talk.Entry {
	return talk.Entry{
		Kind: talk.KindPosted, RoomID: 7, Author: talk.UUID{2}, Name: "ben", Seq: seq, ID: talk.UUID{3, byte(seq), byte(seq >> 8)},
		Text: "a message of sixty-four bytes, which is what the load will be of", UnixTime: 1_700_000_000,
	}
}

func TestRecordingCostsNextToNothing(t *testing.T) {
	rec := recorder.New(io.Discard)
	defer rec.Close()
	s, handle := lonely(t, rec)
	if s.Room() != 7 {
		t.Fatal(s.Room())
	}
	who := rec.Client("idle")
	who.Attach(time.Now(), s)
	pong := client.Event(client.Received{Conn: 1, Message: talk.Pong{N: 1}})
	now := time.Now()
	if n := testing.AllocsPerRun(1000, func() { who.Handled(now, pong, 0) }); n != 0 {
		t.Errorf("an event that changes nothing allocates %v times", n)
	}
	handle(pong)
}

func TestARecordingThatCannotBeWrittenSaysSo(t *testing.T) {
	broken := errors.New("no space left")
	rec := recorder.New(writerFunc(func([]byte) (int, error) { return 0, broken }))
	lonely(t, rec)
	if err := rec.Close(); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if err := rec.Close(); !errors.Is(err, broken) {
		t.Errorf("the second time: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestARecordingThatFallsBehindIsGivenUp(t *testing.T) {
	hold := make(chan struct{})
	var out bytes.Buffer
	rec := recorder.New(writerFunc(func(b []byte) (int, error) {
		<-hold
		return out.Write(b)
	}))
	evidence := strings.Repeat("x", 4000)
	for range 20_000 { // 80 MB
		rec.Fault(time.Now(), "much", true, evidence)
	}
	close(hold)
	if err := rec.Close(); !errors.Is(err, recorder.ErrBehind) {
		t.Errorf("%v", err)
	}
	if _, err := checker.Decode(out.Bytes()); !errors.Is(err, checker.ErrTruncated) {
		t.Errorf("what was written: %v", err)
	}
}

func TestNothingIsWrittenBehindTheEnd(t *testing.T) {
	var out bytes.Buffer
	rec := recorder.New(&out)
	_, handle := lonely(t, rec)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	rec.Head(1, 2)
	handle(client.Received{Conn: 1, Message: entry(1)})
	rec.FaultOver(rec.Fault(time.Now(), "too late", true, ""), time.Now())
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := checker.Decode(out.Bytes())
	if err != nil || len(got.Faults) != 0 || got.Events[len(got.Events)-1].Verb == checker.Head {
		t.Errorf("%v %+v", err, got)
	}
}

func TestManyClientsWriteAtOnce(t *testing.T) {
	var out bytes.Buffer
	rec := recorder.New(&out)
	var all sync.WaitGroup
	for i := range 8 {
		s, err := client.New(client.Config{Servers: []string{"ws://a"}, Room: 7, Seed: uint64(i)}, client.State{})
		if err != nil {
			t.Fatal(err)
		}
		who := rec.Client(fmt.Sprint(i))
		all.Go(func() {
			who.Attach(time.Now(), s)
			for range 500 {
				ev := client.Post{Text: "hello"}
				s.Handle(time.Now(), ev)
				who.Handled(time.Now(), ev, client.OutboxChanged)
				rec.FaultOver(rec.Fault(time.Now(), "x", true, "y"), time.Now())
				if _, _, owed := who.At(); owed == 0 {
					t.Error("nothing is owed")
				}
			}
			who.End(time.Now())
		})
	}
	all.Wait()
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := checker.Decode(out.Bytes())
	if err != nil || len(got.Clients) != 8 || len(got.Faults) != 4000 {
		t.Fatalf("%v: %d clients", err, len(got.Clients))
	}
	sent, owed := 0, 0
	for _, e := range got.Events {
		switch e.Verb {
		case checker.Sent:
			sent++
		case checker.Owed:
			owed++
		}
	}
	if sent != 4000 || owed != 4000 {
		t.Errorf("%d sent, %d owed", sent, owed)
	}
}

// pages is a store that is read in pages.
type pages struct {
	entries []talk.Entry
	stand   bool // it does not get on
	fail    error
}

func (p pages) After(_ context.Context, _ int32, after int64, limit int) ([]talk.Entry, error) {
	switch {
	case p.fail != nil:
		return nil, p.fail
	case p.stand:
		return p.entries[:1], nil
	}
	return p.entries[after:min(after+int64(limit), int64(len(p.entries)))], nil
}

func TestReadStoreReadsAll(t *testing.T) {
	var store pages
	for i := range 2500 {
		store.entries = append(store.entries, entry(int64(i+1)))
	}
	var out bytes.Buffer
	rec := recorder.New(&out)
	if err := rec.ReadStore(t.Context(), store, 7, 100); err != nil {
		t.Fatal(err)
	}
	if err := rec.ReadStore(t.Context(), pages{entries: store.entries, stand: true}, 7, 0); err == nil {
		t.Error("a store that does not get on was read")
	}
	broken := errors.New("the store is away")
	if err := rec.ReadStore(t.Context(), pages{fail: broken}, 7, 0); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := checker.Decode(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if first := got.Entries[got.Events[1].Entry]; got.Events[0].Seq != 100 || first != checker.EntryOf(&store.entries[100]) {
		t.Errorf("%+v %+v", got.Events[0], first)
	}
	if n := len(got.Events); n != 2400+3+1 {
		t.Errorf("%d events", n)
	}
}

// BenchmarkShown shows entries, with and without a record: the difference is
// what it costs.
func BenchmarkShown(b *testing.B) {
	for _, recorded := range []bool{false, true} {
		b.Run(fmt.Sprintf("recorded=%t", recorded), func(b *testing.B) {
			rec := recorder.New(io.Discard)
			defer rec.Close()
			s, handle := lonely(b, rec)
			if !recorded {
				now := time.Unix(1_700_000_001, 0)
				handle = func(ev client.Event) { s.Handle(now, ev) }
			}
			seq := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				if seq++; s.Log().Len() > 10_000 {
					handle(client.Clear{})
				}
				handle(client.Received{Conn: 1, Message: entry(seq)})
			}
		})
	}
}
