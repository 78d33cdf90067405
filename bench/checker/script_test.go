package checker

import (
	"testing"

	"tuitalk/talk"
)

// script writes a small history by hand: everybody is in room 1, and times are
// in milliseconds.
type script struct {
	t   *testing.T
	w   *Writer
	log []Entry
}

const scriptRoom = 1

func uuidOf(n int) (id talk.UUID) {
	id[0], id[15] = byte(n), byte(n>>8)
	return id
}

func newScript(t *testing.T, clients int) *script {
	s := &script{t: t, w: NewWriter()}
	for i := range clients {
		c := s.w.Client("client " + string(rune('a'+i)))
		s.event(0, c, Event{Verb: Attached})
		s.event(0, c, Event{Verb: Identified, ID: uuidOf(100 + i)})
		s.event(0, c, Event{Verb: Named, Hash: Hash("name")})
		s.event(0, c, Event{Verb: Entered, Room: scriptRoom})
		s.event(0, c, Event{Verb: Up, Room: scriptRoom})
		s.event(0, c, Event{Verb: Restarted, Room: scriptRoom})
	}
	return s
}

func (s *script) event(ms int64, client int32, e Event) {
	e.At, e.Client = ms*1000, client
	s.w.Event(e)
}

// post makes client's message the next one of the store.
func (s *script) post(ms int64, client int32) Entry {
	seq := len(s.log) + 1
	e := Entry{
		Room: scriptRoom, Seq: int64(seq), Author: uuidOf(100 + int(client)), ID: uuidOf(seq), Name: Hash("name"),
		Kind: talk.KindPosted, Text: uint64(seq), UnixTime: uint64(ms / 1000),
	}
	s.log = append(s.log, e)
	s.event(ms, client, Event{Verb: Sent, Room: scriptRoom, ID: e.ID, Hash: e.Text})
	return e
}

func (s *script) show(ms int64, client int32, e Entry) {
	s.event(ms, client, Event{Verb: Shown, Entry: s.w.Entry(e)})
}

func (s *script) line(ms int64, client int32, v Verb) {
	s.event(ms, client, Event{Verb: v, Room: scriptRoom})
}

// end lets the clients end and reads the store.
func (s *script) end(ms int64, clients int, up ...bool) *Recording {
	s.event(ms, -1, Event{Verb: Head, Room: scriptRoom, Seq: int64(len(s.log))})
	for i := range clients {
		s.event(ms, int32(i), Event{Verb: Ended, Flag: len(up) <= i || up[i]})
	}
	s.read(ms)
	s.w.Finish()
	return decoded(s.t, s.w.Take(nil))
}

func (s *script) read(ms int64) {
	s.event(ms, -1, Event{Verb: Reading, Room: scriptRoom})
	for _, e := range s.log {
		s.event(ms, -1, Event{Verb: Kept, Entry: s.w.Entry(e)})
	}
}
