package gateway_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/talk"
)

// backup saves a database beside its running gateways, and restores it under them.
type backup struct{ save, restore func() }

// sqliteBackup is one of a SQLite file.
func sqliteBackup(t *testing.T, path string) backup {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	run := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := db.ExecContext(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
	saved := filepath.Join(t.TempDir(), "saved.db")
	return backup{
		save: func() { run("VACUUM INTO '" + saved + "'") },
		restore: func() {
			run("ATTACH '"+saved+"' AS saved", "BEGIN IMMEDIATE")
			for _, table := range []string{"sessions", "members", "entries", "rooms"} {
				run("DELETE FROM main."+table, "INSERT INTO main."+table+" SELECT * FROM saved."+table)
			}
			run("COMMIT", "DETACH saved")
		},
	}
}

// gone chats before and behind a backup, and restores it. What is said behind it is
// lost. It returns the room's people: an author, somebody else of the extended form,
// and a client of the original's.
func (b backup) gone(t *testing.T, n, other *node) (author, reader, original *peer) {
	t.Helper()
	author, reader, original = hello(t, n.addr), hello(t, other.addr), dial(t, n.addr, talk.JSON)
	author.join(1, "ada")
	reader.join(1, "bob")
	original.join(1, "cy")
	author.chat([]*peer{reader, original}, "kept 1", "kept 2")
	b.save()
	author.chat([]*peer{reader, original}, "lost 1", "lost 2", "lost 3", "lost 4")
	b.restore()
	return author, reader, original
}

// chat says texts, and waits until everybody has been shown them.
func (p *peer) chat(others []*peer, texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		p.post(1, text)
		p.heardText(text)
		for _, o := range others {
			o.heardText(text)
		}
	}
}

// joinsAnew waits until p is asked to move, and comes back with the log's end that it
// had. It returns what the room's log is then.
func (p *peer) joinsAnew(addr string, last history.Head) (*peer, []talk.Entry) {
	p.t.Helper()
	if m := expect[talk.Reconnect](p); !m.Reset {
		p.t.Error("nobody says that what it has is not the room's log")
	}
	for {
		q := dial(p.t, addr, talk.Extended)
		q.hello(talk.Hello{Secret: p.secret, Session: newID(4), Client: "test"})
		q.say(talk.JoinRoom{RoomID: 1, UUID: q.uuid, Username: "again", UnixTime: 1, Resume: true, AfterSeq: last.Seq, AfterID: last.ID, AfterTime: last.UnixTime})
		j := expect[talk.Joined](q)
		if !j.Reset { // the node has not noticed it yet; it will, and says Reconnect
			expect[talk.Reconnect](q)
			continue
		}
		_ = p.ws.CloseNow()
		q.say(talk.Fetch{RoomID: 1, Limit: 100, BeforeSeq: j.AfterSeq + 1})
		h := expect[talk.History](q)
		return q, entriesOf(h)
	}
}

func entriesOf(h talk.History) (list []talk.Entry) {
	for _, m := range h.Text {
		if e, ok := m.(talk.Entry); ok {
			list = append(list, e)
		}
	}
	return list
}

// posted returns the texts of posts.
func posted(entries []talk.Entry) (texts []string) {
	for _, e := range entries {
		if e.Kind == talk.KindPosted {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// headOf is the newest entry of room 1.
func headOf(t *testing.T, log history.Log) history.Head {
	t.Helper()
	heads, err := log.Heads(t.Context(), []int32{1})
	if err != nil {
		t.Fatal(err)
	}
	return heads[0]
}

// wantAlarm checks what the operator of a node is told.
func wantAlarm(t *testing.T, n *node) {
	t.Helper()
	if n.metric(t, "tuitalk_store_went_back_total", "") == 0 {
		t.Error("no metric says that the store has gone back")
	}
	if !slices.ContainsFunc(n.server.Degraded(), func(s string) bool { return strings.Contains(s, "went back") }) {
		t.Errorf("degraded: %q", n.server.Degraded())
	}
}

// storeGoesBack: people chat, the store goes back under two gateways, and people go
// on. Everybody is shown what the store has, in order, and an alarm goes out.
func storeGoesBack(t *testing.T, one, two *node, b backup) {
	author, reader, original := b.gone(t, one, two)
	id := author.post(1, "after 1")
	for expect[talk.Stored](author).ID != id {
	}
	original.heardText("after 1")
	lost := history.Head{Seq: 100, ID: newID(4)}
	a, shown := author.joinsAnew(one.addr, lost)
	if got := posted(shown); !slices.Equal(got, []string{"kept 1", "kept 2", "after 1"}) {
		t.Errorf("the author is shown %q", got)
	}
	r, shown := reader.joinsAnew(two.addr, lost)
	if got := posted(shown); !slices.Equal(got, []string{"kept 1", "kept 2", "after 1"}) {
		t.Errorf("the reader is shown %q", got)
	}
	a.chat([]*peer{r, original}, "after 2")
	r.post(1, "after 3")
	for _, p := range []*peer{a, r, original} {
		p.heardText("after 3")
	}
	wantAlarm(t, one)
	wantAlarm(t, two)
	wantLog(t, one.store)
}

// wantLog checks that the log of room 1 has no gap.
func wantLog(t *testing.T, log history.Log) {
	t.Helper()
	entries, err := log.After(t.Context(), 1, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if e.Seq != int64(i)+1 {
			t.Errorf("entry %d has seq %d", i+1, e.Seq)
		}
	}
}

// sqliteFleet is two gateways on one file.
func sqliteFleet(t *testing.T) (one, two *node, way *cutStore, b backup) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "talk.db")
	way = &cutStore{Store: openStore(t, path)}
	t.Cleanup(func() { _ = way.Close() })
	hub := fanout.NewHub()
	return startOn(t, way, hub, nil), startOn(t, way, hub, nil), way, sqliteBackup(t, path)
}

func TestStoreGoesBack(t *testing.T) {
	t.Parallel()
	one, two, _, b := sqliteFleet(t)
	storeGoesBack(t, one, two, b)
}

// TestStoreGoesBackUnnoticed: nobody says anything after it; the lower head tells.
func TestStoreGoesBackUnnoticed(t *testing.T) {
	t.Parallel()
	one, two, _, b := sqliteFleet(t)
	author, reader, _ := b.gone(t, one, two)
	for p, n := range map[*peer]*node{author: one, reader: two} {
		_, shown := p.joinsAnew(n.addr, history.Head{Seq: 100, ID: newID(4)})
		if got := posted(shown); !slices.Equal(got, []string{"kept 1", "kept 2"}) {
			t.Errorf("shown %q", got)
		}
	}
}

// TestStoreGoesBackAndBeyond: when the node asks for the head, the store has more
// entries than were lost, of somebody else who told nobody.
func TestStoreGoesBackAndBeyond(t *testing.T) {
	t.Parallel()
	one, two, way, b := sqliteFleet(t)
	author, reader, original := hello(t, one.addr), hello(t, two.addr), dial(t, one.addr, talk.JSON)
	author.join(1, "ada")
	reader.join(1, "bob")
	original.join(1, "cy")
	author.chat([]*peer{reader, original}, "kept")
	b.save()
	author.chat([]*peer{reader, original}, "lost")
	lost := headOf(t, one.store)
	var more []talk.Entry
	for i := range 3 {
		more = append(more, talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: newID(4), ID: newID(4), Name: "dee", Text: fmt.Sprintf("more %d", i)})
	}
	way.headless.Store(true) // nobody asks in between
	b.restore()
	if _, err := way.Append(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	way.headless.Store(false)
	_, shown := author.joinsAnew(one.addr, lost)
	want := []string{"kept", "more 0", "more 1", "more 2"}
	if got := posted(shown); !slices.Equal(got, want) {
		t.Errorf("the author is shown %q", got)
	}
	for _, text := range want[1:] {
		original.heardText(text)
	}
	wantAlarm(t, one)
}

// TestStoreGoesBackAndNothingIsMixed: what the store has behind the entries that it has
// lost is shown to nobody who was shown those. His log would end as the store's does,
// and he would never be reset.
func TestStoreGoesBackAndNothingIsMixed(t *testing.T) {
	t.Parallel()
	one, two, _, b := sqliteFleet(t)
	author, reader, _ := b.gone(t, one, two)
	restored := headOf(t, one.store)
	var more []talk.Entry
	for i := range 10 {
		more = append(more, talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: newID(4), ID: newID(4), Name: "dee", Text: fmt.Sprintf("more %d", i)})
	}
	if _, err := one.store.Append(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	log, err := one.store.After(t.Context(), 1, restored.Seq, 100)
	if err != nil {
		t.Fatal(err)
	}
	for p, n := range map[*peer]*node{author: one, reader: two} {
		n.server.Deliver(&fanout.Note{Room: 1, Entries: log})
		for asked := false; !asked; {
			switch m := p.hear().(type) {
			case talk.Reconnect:
				asked = true
			case talk.Entry:
				t.Errorf("%q is shown as entry %d behind what the store has lost", m.Text, m.Seq)
			}
		}
	}
}

// TestStoreDidNotGoBack: what is being stored while heads are compared, and entries
// that are said again long after, raise no alarm.
func TestStoreDidNotGoBack(t *testing.T) {
	t.Parallel()
	one, two, _, _ := sqliteFleet(t)
	a, b := hello(t, one.addr), hello(t, two.addr)
	a.join(1, "ada")
	b.join(1, "bob")
	stop := time.Now().Add(4 * time.Second) // longer than between two comparisons
	for i := 0; time.Now().Before(stop); i++ {
		text := fmt.Sprint(i)
		a.post(1, text)
		b.heardText(text)
	}
	log, err := one.store.After(t.Context(), 1, 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	one.server.Deliver(&fanout.Note{Room: 1, Entries: log}) // late, and no longer kept
	a.post(1, "on")
	b.heardText("on")
	time.Sleep(time.Second) // a doubt has been looked into by then
	for _, n := range []*node{one, two} {
		if n.metric(t, "tuitalk_store_went_back_total", "") != 0 || len(n.server.Degraded()) != 0 {
			t.Errorf("an alarm: %q", n.server.Degraded())
		}
	}
}

// TestMembersWhenTheStoreGoesBack: who came since the backup is there, who left since
// leaves again, in a room that nobody looks at, too.
func TestMembersWhenTheStoreGoesBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "talk.db")
	store := openStore(t, path)
	t.Cleanup(func() { _ = store.Close() })
	hub, b := fanout.NewHub(), sqliteBackup(t, path)
	short := func(o *gateway.Options) { o.Grace = 4 * time.Second }
	one, two := startOn(t, store, hub, short), startOn(t, store, hub, short)
	stays, leaves, lonely := hello(t, one.addr), hello(t, two.addr), hello(t, two.addr)
	stays.join(1, "stays")
	leaves.join(1, "leaves")
	lonely.join(2, "lonely")
	stays.chat([]*peer{leaves}, "kept")
	b.save()
	leaves.say(talk.LeaveRoom{RoomID: 1, UUID: leaves.uuid, Username: "leaves"})
	lonely.say(talk.LeaveRoom{RoomID: 2, UUID: lonely.uuid, Username: "lonely"})
	waitPresence(t, one, 1, leaves.uuid, joinedAs("leaves"), leftAs("leaves"))
	waitPresence(t, one, 2, lonely.uuid, joinedAs("lonely"), leftAs("lonely"))
	comes := hello(t, two.addr)
	comes.join(1, "comes")
	stays.chat([]*peer{comes}, "lost")
	b.restore()
	for p, n := range map[*peer]*node{stays: one, comes: two} {
		p.joinsAnew(n.addr, history.Head{Seq: 100, ID: newID(4)})
	}
	waitPresence(t, one, 1, leaves.uuid, joinedAs("leaves"), leftAs("leaves"))
	waitPresence(t, one, 2, lonely.uuid, joinedAs("lonely"), leftAs("lonely"))
	waitPresence(t, one, 1, comes.uuid, joinedAs("comes"))
	waitPresence(t, one, 1, stays.uuid, joinedAs("stays"))
	room, err := store.Room(t.Context(), 1, talk.MaxListed)
	if err != nil || room.Count != 2 {
		t.Errorf("%+v, %v", room, err)
	}
}

// mumStore does not tell whether it has gone back, and counts how often it is asked.
type mumStore struct {
	gateStore
	mumTo atomic.Int64 // EntryAt of entries up to this one is not answered
	looks atomic.Int64 // so often
	reads atomic.Int64 // calls of After
}

func (s *mumStore) EntryAt(ctx context.Context, room int32, seq int64) (history.Head, bool, error) {
	if seq <= s.mumTo.Load() {
		s.looks.Add(1)
		return history.Head{}, false, history.ErrUnavailable
	}
	return s.gateStore.EntryAt(ctx, room, seq)
}

func (s *mumStore) After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error) {
	s.reads.Add(1)
	return s.gateStore.After(ctx, room, after, limit)
}

// looked waits until somebody has looked so many times more whether it has gone back.
func (s *mumStore) looked(t *testing.T, times int64) {
	t.Helper()
	want := s.looks.Load() + times
	awaitTrue(t, "a look whether the store has gone back", func() bool { return s.looks.Load() >= want })
}

// TestADoubtAsksOnce: while a room doubts its store and nothing is placed in it, nobody
// reads again and again what is behind its head: neither who fills its gaps, nor who
// comes back with more than it shows. When the doubt is over, both go on.
func TestADoubtAsksOnce(t *testing.T) {
	t.Parallel()
	store := &mumStore{gateStore: gateStore{openStore(t, filepath.Join(t.TempDir(), "talk.db")), new(gate)}}
	t.Cleanup(func() { _ = store.Close() })
	n := startOn(t, store, fanout.NewHub(), nil)
	author := hello(t, n.addr)
	author.join(1, "ada")
	author.chat(nil, "shown")
	head := headOf(t, store)
	var more []talk.Entry
	for i := range 2 {
		more = append(more, talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: newID(4), ID: newID(4), Name: "dee", Text: fmt.Sprintf("more %d", i)})
	}
	if _, err := store.Append(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	log, err := store.After(t.Context(), 1, head.Seq, 10)
	if err != nil {
		t.Fatal(err)
	}
	store.mumTo.Store(head.Seq)
	reached, release := store.hold(t, false, func(op string, _ int32) bool { return op == "After" })
	n.server.Deliver(&fanout.Note{Room: 1, Entries: log[1:]}) // the one before it is missing
	await(t, "a look into the hole", reached)
	strange := talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: newID(4), ID: newID(4), Name: "eve", Text: "strange", Seq: head.Seq}
	n.server.Deliver(&fanout.Note{Room: 1, Entries: []talk.Entry{strange}})
	store.looked(t, 1)
	before := store.reads.Load()
	release()
	store.looked(t, 2)
	back := func() *peer {
		p := hello(t, n.addr)
		p.say(talk.JoinRoom{RoomID: 1, UUID: p.uuid, Username: "bob", UnixTime: 1, Resume: true, AfterSeq: log[1].Seq, AfterID: log[1].ID})
		return p
	}
	if e := expect[talk.Error](back()); e.Code != talk.CodeUnavailable || !e.Retry {
		t.Errorf("who comes back is told %+v", e)
	}
	if reads := store.reads.Load() - before; reads > 3 {
		t.Errorf("the store was read %d times while nothing could be placed", reads)
	}
	store.mumTo.Store(0)
	author.heardText("more 0")
	author.heardText("more 1")
	if j := expect[talk.Joined](back()); j.Reset {
		t.Error("who comes back is reset although the store has not gone back")
	}
}

// TestPendingWhenTheStoreGoesBack: gateways hold what was accepted while the store is away,
// and what comes back is an older store. What was accepted is stored behind what that one
// has, once and in order, and shown to everybody so, also if the spool has lost it.
func TestPendingWhenTheStoreGoesBack(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"the spool has them": false, "the spool has lost them": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "talk.db")
			store := openStore(t, path)
			t.Cleanup(func() { _ = store.Close() })
			f, b := &spoolFleet{t, store, fanout.NewHub(), fanouttest.NewSpool(10000)}, sqliteBackup(t, path)
			one, two := f.gateway(nil), f.gateway(nil)
			author, reader, original := hello(t, one.addr), hello(t, two.addr), dial(t, one.addr, talk.JSON)
			author.join(1, "ada")
			reader.join(1, "bob")
			original.join(1, "cy")
			author.chat([]*peer{reader, original}, "kept 1", "kept 2")
			b.save()
			author.chat([]*peer{reader, original}, "lost 1", "lost 2")
			f.cut(one, two)
			author.accept(1, "held 1", "held 2")
			reader.heardPending("held 1")
			reader.heardPending("held 2")
			b.restore()
			if lost {
				f.lose()
			}
			takeNothing := func(yes bool) {
				one.way.lost.Store(yes)
				two.way.lost.Store(yes)
			}
			takeNothing(lost) // so that the rooms are read again before it is stored: nobody else has it
			f.mend(one, two)
			for _, n := range []*spoolNode{one, two} {
				n.awaitMetric(t, "tuitalk_store_went_back_total", "", func(v float64) bool { return v > 0 })
			}
			takeNothing(false)
			want := []string{"kept 1", "kept 2", "held 1", "held 2", "after"}
			end := history.Head{Seq: 100, ID: newID(4)}
			a, ofAuthor := author.joinsAnew(one.addr, end)
			r, ofReader := reader.joinsAnew(two.addr, end)
			awaitTrue(t, "what was held to be stored", func() bool {
				log, _, err := store.Before(t.Context(), 1, 0, 100)
				return err == nil && slices.Contains(posted(log), "held 2")
			})
			a.post(1, "after")
			for p, shown := range map[*peer][]talk.Entry{a: ofAuthor, r: ofReader} {
				if got := append(posted(shown), p.storedUntil("after")...); !slices.Equal(got, want) {
					t.Errorf("shown is %q, want %q", got, want)
				}
			}
			if got := original.entriesUntil("after"); !slices.Equal(got, want[2:]) {
				t.Errorf("the original's client is shown %q, want %q", got, want[2:])
			}
			wantAlarm(t, one.node)
			wantAlarm(t, two.node)
			f.wantLog(1, want...)
			awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
		})
	}
}

// storedUntil reads the posts that are shown as stored up to one.
func (p *peer) storedUntil(text string) (texts []string) {
	p.t.Helper()
	for !slices.Contains(texts, text) {
		if e := expect[talk.Entry](p); e.Kind == talk.KindPosted && !e.Pending {
			texts = append(texts, e.Text)
		}
	}
	return texts
}
