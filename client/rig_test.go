package client

import (
	"strconv"
	"testing"
	"time"

	"tuitalk/talk"
)

// rig drives a Session by hand, in virtual time, and keeps what it wanted done.
type rig struct {
	t    *testing.T
	s    *Session
	now  time.Time
	wake time.Time
	done []Effect // since the last clear
	disk State
}

var (
	mySecret    = talk.Secret{31: 1}
	meID        = mySecret.UUID()
	otherSecret = talk.Secret{31: 2}
	otherID     = otherSecret.UUID()
)

func testUUID(name string) talk.UUID {
	hash := random(0)
	for _, c := range []byte(name) {
		hash = random(hash.next()) + random(c)
	}
	return hash.uuid()
}

func known() State {
	return State{Secret: mySecret, Name: "ada", Session: testUUID("session"), Room: 1}
}

func newRig(t *testing.T, state State, change func(*Config)) *rig {
	t.Helper()
	cfg := Config{Servers: []string{"ws://a/ws"}, Room: 1, Seed: 1}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg, state)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, s: s, now: time.Unix(1_700_000_000, 0)}
}

// online is a rig whose session is joined to room 1, on connection 1, with five
// entries in the log.
func online(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.join(1, 5, 5)
	r.get(1, history(5, entryRun(1, 5)...))
	if got := r.s.Status().Phase; got != Online || r.s.Log().Len() != 5 {
		t.Fatalf("phase %d with %d entries", got, r.s.Log().Len())
	}
	r.done = nil
	return r
}

func (r *rig) do(ev Event) {
	r.t.Helper()
	for _, e := range r.s.Handle(r.now, ev) {
		switch e := e.(type) {
		case WakeAt:
			if !e.At.After(r.now) {
				r.t.Fatalf("asks to be woken at once after %#v", ev)
			}
			r.wake = e.At
		case Save:
			r.disk = r.s.State()
		}
		r.done = append(r.done, e)
	}
	log := r.s.Log()
	for i := 1; i < log.Len(); i++ {
		if log.At(i).Seq != log.At(i-1).Seq+1 {
			r.t.Fatalf("seq %d follows %d", log.At(i).Seq, log.At(i-1).Seq)
		}
	}
}

// pass lets time go by, with its Ticks.
func (r *rig) pass(d time.Duration) {
	r.t.Helper()
	end := r.now.Add(d)
	for !r.wake.IsZero() && !r.wake.After(end) {
		r.now, r.wake = r.wake, time.Time{}
		r.do(Tick{})
	}
	r.now = end
}

func (r *rig) get(conn ConnID, messages ...talk.Message) {
	r.t.Helper()
	for _, m := range messages {
		r.do(Received{conn, m})
	}
}

// open answers a dial and says welcome.
func (r *rig) open(conn ConnID) {
	r.t.Helper()
	r.do(Opened{conn})
	r.get(conn, talk.Welcome{UUID: meID, Server: "node", Limits: talk.DefaultLimits()})
}

// join answers the JoinRoom for the room that is shown.
func (r *rig) join(conn ConnID, after, head int64) {
	r.t.Helper()
	r.get(conn, talk.Joined{
		RoomID: r.s.Room(), AfterSeq: after, HeadSeq: head, HeadID: seqID(head), HeadTime: uint64(head), MemberCount: 2,
		Members: []talk.Member{{UUID: meID, Username: "ada"}, {UUID: otherID, Username: "bob"}},
	})
}

// answer keeps a line alive.
func (r *rig) answer(conn ConnID) { r.get(conn, talk.Pong{}) }

func seqID(seq int64) talk.UUID { return testUUID("entry " + strconv.FormatInt(seq, 10)) }

func textEntry(seq int64) talk.Entry {
	return talk.Entry{
		Kind: talk.KindPosted, RoomID: 1, Author: otherID, Name: "bob", Seq: seq,
		Text: "text " + strconv.FormatInt(seq, 10), UnixTime: uint64(seq), ID: seqID(seq),
	}
}

func entryRun(from, to int64) (all []talk.Entry) {
	for seq := from; seq <= to; seq++ {
		all = append(all, textEntry(seq))
	}
	return all
}

func history(upTo int64, list ...talk.Entry) talk.History {
	h := talk.History{RoomID: 1, BeforeSeq: upTo + 1}
	for _, e := range list {
		h.Text = append(h.Text, e)
	}
	return h
}

// own is an entry that the user posted, as the room shows it.
func own(seq int64, id talk.UUID, text string) talk.Entry {
	e := textEntry(seq)
	e.Author, e.Name, e.ID, e.Text = meID, "ada", id, text
	return e
}

// take returns the effects of one type since the last take of any type, and
// forgets the others.
func take[E Effect](r *rig) (found []E) {
	for _, e := range r.done {
		if e, ok := e.(E); ok {
			found = append(found, e)
		}
	}
	r.done = nil
	return found
}

// sent returns the messages of one type that were sent since the last take.
func sent[M talk.Message](r *rig) (found []M) {
	for _, e := range take[Send](r) {
		if m, ok := e.Message.(M); ok {
			found = append(found, m)
		}
	}
	return found
}

// one fails unless there is exactly one.
func one[T any](t *testing.T, list []T) T {
	t.Helper()
	if len(list) != 1 {
		t.Fatalf("%d of %T, not one: %+v", len(list), *new(T), list)
	}
	return list[0]
}

func none[T any](t *testing.T, list []T) {
	t.Helper()
	if len(list) > 0 {
		t.Fatalf("there should be none: %+v", list)
	}
}

func (r *rig) phase(want Phase) {
	r.t.Helper()
	if got := r.s.Status().Phase; got != want {
		r.t.Fatalf("phase %d, not %d", got, want)
	}
}

// logIs checks the seqs of the log's ends.
func (r *rig) logIs(from, to int64) {
	r.t.Helper()
	log := r.s.Log()
	n := log.Len()
	if int64(n) != to-from+1 || n > 0 && (log.At(0).Seq != from || log.At(n-1).Seq != to) {
		r.t.Fatalf("the log has %d entries, not those from %d to %d", n, from, to)
	}
}

func (r *rig) outboxIs(want ...Delivery) []Outgoing {
	r.t.Helper()
	out := r.s.Outbox()
	if len(out) != len(want) {
		r.t.Fatalf("the outbox has %d entries, not %d: %+v", len(out), len(want), out)
	}
	for i, o := range out {
		if o.Delivery != want[i] {
			r.t.Fatalf("entry %d of the outbox is %d, not %d: %+v", i, o.Delivery, want[i], o)
		}
	}
	return out
}
