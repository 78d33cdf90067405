package checker

import (
	"testing"

	"tuitalk/talk"
)

// TestANameThatWasTakenAndNotGivenYetIsNotGivenUp: a user takes a name in one window and
// then another one in the other, which is stored first. What the first one says goes on
// under its own, as it is told that it does, until an entry has given it that.
func TestANameThatWasTakenAndNotGivenYetIsNotGivenUp(t *testing.T) {
	for given, want := range map[bool]int{false: 0, true: 1} {
		s := newScript(t, 1)
		other := s.w.Client("another window")
		for _, e := range []Event{
			{Verb: Attached}, {Verb: Identified, ID: uuidOf(100)}, {Verb: Entered, Room: scriptRoom}, {Verb: Up, Room: scriptRoom}, {Verb: Restarted, Room: scriptRoom},
		} {
			s.event(0, other, e)
		}
		names := func(ms int64, name string) {
			e := Entry{Room: scriptRoom, Seq: int64(len(s.log) + 1), Author: uuidOf(100), ID: uuidOf(50 + len(s.log)), Name: Hash(name), Kind: talk.KindRenamed}
			s.log = append(s.log, e)
			s.show(ms, 0, e)
			s.show(ms, other, e)
		}
		s.event(100, 0, Event{Verb: Named, Hash: Hash("ada")})
		if given {
			names(150, "ada")
		}
		s.event(200, other, Event{Verb: Named, Hash: Hash("eve")})
		names(300, "eve")
		e := s.post(400, 0)
		e.Name = Hash("ada")
		s.log[len(s.log)-1] = e
		s.show(500, 0, e)
		s.show(500, other, e)
		if report := Check(lenient, s.end(1000, 2)); report.Counts[OldName] != want {
			t.Errorf("given: %v: %s", given, report)
		}
	}
}
