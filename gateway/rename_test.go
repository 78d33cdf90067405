package gateway

import (
	"testing"

	"tuitalk/fanout"
	"tuitalk/history"
	"tuitalk/talk"
)

// TestAnOlderChangeDoesNotUndoANewerOne: a change of name waited for the store, and is
// stored in the room where it was asked for when its author has gone to another one.
// It is told elsewhere only if he has no newer name, and that one is told where the
// older was written.
func TestAnOlderChangeDoesNotUndoANewerOne(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		then func(u *user, newer *rename)
		want renamed // in all rooms
	}{
		"it is the newest":               {func(*user, *rename) {}, renamed{"older", 1, 7}},
		"a newer one is stored":          {func(u *user, newer *rename) { u.wishedName, u.name = newer, "newer" }, renamed{"newer", 2, 0}},
		"a newer one waits, and tells":   {func(u *user, newer *rename) { u.wishedName, u.renaming = newer, newer }, renamed{}},
		"a newer one, and he is nowhere": {func(u *user, newer *rename) { u.wishedName, u.room = newer, nil }, renamed{}},
		"a newer one, and he is gone":    {func(u *user, newer *rename) { u.wishedName, u.async = newer, asyncClosed }, renamed{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := bareServer(t)
			bus := fanout.NewHub().Node(s)
			t.Cleanup(func() { _ = bus.Close() })
			s.bus = bus
			was, is := &room{id: 1, srv: s, state: roomOpen}, &room{id: 2, srv: s, state: roomOpen}
			c := &conn{srv: s}
			uuid := talk.Secret{1}.UUID()
			older := &rename{conn: c, m: talk.ChangeName{UUID: uuid}, room: was, name: "older", applied: true}
			newer := &rename{conn: c, m: talk.ChangeName{UUID: uuid}, room: is, name: "newer", applied: true}
			c.user.uuid, c.user.name, c.user.room, c.user.wishedName, c.user.asking = uuid, "older", is, older, older
			tc.then(&c.user, newer)
			if c.user.renaming == newer {
				c.user.asking = newer
			}
			older.onAnswer(0, history.Moved{Applied: true, Entry: &talk.Entry{Kind: talk.KindRenamed, RoomID: 1, Seq: 1, UnixTime: 7, Author: uuid, Name: "older", ID: newUUID()}})
			got := s.renames.all()[uuid]
			if got.name == "newer" {
				got.at = 0 // now
			}
			if got != tc.want {
				t.Errorf("told elsewhere: %+v, want %+v", got, tc.want)
			}
		})
	}
}
