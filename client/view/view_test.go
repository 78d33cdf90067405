package view

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

func TestInputHistory(t *testing.T) {
	var h InputHistory
	for _, line := range []string{"one", "two", "two", "three"} {
		h.Add(line)
	}
	shown := "new"
	for i, c := range []struct {
		by   int
		want string
		ok   bool
	}{
		{+1, "new", false}, {-1, "three", true}, {-1, "two", true}, {-1, "one", true}, {-1, "one", false},
		{+1, "two", true}, {+1, "three", true}, {+1, "new", true}, {+1, "new", false}, {-1, "three", true},
	} {
		got, ok := h.Move(c.by, shown)
		if ok {
			shown = got
		}
		if ok != c.ok || shown != c.want {
			t.Fatalf("step %d shows %q, %t; want %q, %t", i, shown, ok, c.want, c.ok)
		}
	}
	if _, ok := h.Move(+1, "three!"); ok {
		t.Error("an old input that was changed is not a new one")
	}
	if got, _ := h.Move(-1, "three!"); got != "three" {
		t.Errorf("above a changed input stands %q", got)
	}
	if got, _ := h.Move(+1, "three"); got != "three!" {
		t.Errorf("the changed input became %q", got)
	}
	for i := range 3 * maxInputs {
		h.Add(strconv.Itoa(i))
	}
	if len(h.lines) != maxInputs || h.lines[maxInputs-1] != strconv.Itoa(3*maxInputs-1) {
		t.Errorf("%d inputs are kept", len(h.lines))
	}
}

// TestSearch looks into all that is shown, stored or not, both ways.
func TestSearch(t *testing.T) {
	r := online(t, nil, 30)
	r.says(dora, "the first Straße")
	r.says(dora, "the SECOND straße")
	r.get(talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: dora.UUID, Name: "dora", Text: "a pending STRAßE", Pending: true, ID: talk.UUID{7}})
	r.do(client.Post{Text: "an unsent straße"})
	end := r.view.Rows.Len() - 1
	texts := []string{"an unsent straße", "a pending STRAßE", "the SECOND straße", "the first Straße"}
	row, say := r.view.Find(" STRAßE", end)
	for i, want := range texts {
		if row < 0 {
			t.Fatalf("%q is not found: %s", want, say)
		}
		if found := r.view.Rows.At(row); found.Text() != want || found.Key != r.view.Search.Found() {
			t.Fatalf("place %d is %q, want %q", i, found.Text(), want)
		}
		row, say = r.view.Find("", 0)
	}
	if row >= 0 || !strings.Contains(say, "no more further up") {
		t.Errorf("beyond the oldest: %d, %q", row, say)
	}
	if row, _ = r.view.FindNext(+1, 0); row < 0 || r.view.Rows.At(row).Text() != texts[2] {
		t.Errorf("not the newer place, but row %d", row)
	}
	if row, _ := r.view.Find("first", r.view.Rows.Index(RowKey{Kind: RowEntry, Seq: 20})); row >= 0 {
		t.Errorf("a search upwards found row %d further down", row)
	}
	if row, _ := r.view.Find("message 20", r.view.Rows.Index(RowKey{Kind: RowEntry, Seq: 20})); row < 0 {
		t.Error("a search does not begin with the row that it is given")
	}
	r.view.Search.End()
	if row, say := r.view.Find("", end); row >= 0 || !strings.Contains(say, "/search <text>") {
		t.Errorf("without a text: %d, %q", row, say)
	}
	r = online(t, nil, 300)
	if _, say := r.view.Find("nowhere", r.view.Rows.Len()-1); !strings.Contains(say, "/fetch 500") {
		t.Errorf("in a part of a log: %q", say)
	}
}

func TestUnreadLine(t *testing.T) {
	r := online(t, nil, 5)
	r.says(dora, "read")
	r.unreadIs(0, 0)
	r.view.Attend(false)
	r.says(talk.Member{UUID: meSecret.UUID(), Username: "me"}, "mine")
	r.unreadIs(0, 0)
	r.says(dora, "missed")
	r.says(dora, "missed too")
	if r.unreadIs(8, 2); !r.news.Unread || r.news.Said != 1 || r.news.Last.Text != "missed too" {
		t.Errorf("the news are %+v", r.news)
	}
	if !r.view.Attend(true) {
		t.Error("who comes back changes nothing")
	}
	r.says(dora, "seen")
	r.unreadIs(8, 0) // it stays
	r.view.Attend(false)
	r.says(dora, "missed again")
	r.unreadIs(11, 1)
	if row := r.view.UnreadRow(); row < 0 || r.view.Rows.At(row).Kind != RowUnread {
		t.Errorf("the line is row %d", row)
	}
	r.enter("/clear")
	r.unreadIs(0, 0)
	r.enter("/fetch 10")
	r.answer(0)
	if r.unreadIs(0, 0); r.view.UnreadRow() >= 0 {
		t.Error("what was cleared away is unread again")
	}
}

// TestReadMarkIsKept over other rooms and over a restart; nothing is new to who
// was never here.
func TestReadMarkIsKept(t *testing.T) {
	prefs := make(memory)
	r := online(t, prefs, 5)
	r.unreadIs(0, 0)
	r.goTo(2, 3)
	r.unreadIs(0, 0)
	r.goTo(1, 8)
	r.unreadIs(6, 0) // the user sees them now
	r.view.Attend(false)
	r.goTo(2, 9)
	r.unreadIs(4, 6)
	if r.view.Save(); prefs["read.1"] != "8" || prefs["read.2"] != "3" {
		t.Errorf("kept: %v", prefs)
	}
	r = online(t, prefs, 20)
	r.unreadIs(9, 0)
	prefs["read.1"] = "50" // another window has read on
	if r.view.Save(); prefs["read.1"] != "50" {
		t.Errorf("the mark went back to %s", prefs["read.1"])
	}
	for _, kept := range []string{"", "x", "-3"} {
		r = online(t, memory{"read.1": kept}, 5)
		r.unreadIs(0, 0)
	}
	r = online(t, memory{"read.1": "900"}, 5) // the store went back
	r.view.Attend(false)
	r.says(dora, "new")
	r.unreadIs(6, 1)
}

// TestUnreadBeforeTheHistoryCame: what comes live is not taken for all that was
// missed.
func TestUnreadBeforeTheHistoryCame(t *testing.T) {
	r := newRig(t, memory{"read.1": "3"})
	r.view.Attend(true)
	r.do(client.Start{})
	r.do(client.Opened{Conn: r.conn})
	r.get(talk.Welcome{UUID: meSecret.UUID(), Limits: talk.DefaultLimits()})
	r.join(6)
	r.says(dora, "live")
	r.view.Attend(true)
	r.unreadIs(0, 0)
	for i, m := range r.sent {
		if _, ok := m.(talk.Fetch); ok {
			r.sent = r.sent[:i+1]
		}
	}
	r.answer(0)
	r.unreadIs(4, 0)
}

// TestUnreadOverANewLog: the log begins anew while the user is away, as after a
// long outage, and he has still missed what he has missed.
func TestUnreadOverANewLog(t *testing.T) {
	r := online(t, nil, 5)
	r.view.Attend(false)
	r.says(dora, "missed")
	r.get(talk.Gap{RoomID: 1, From: 7, To: 40})
	r.join(50)
	r.answer(0)
	r.unreadIs(6, 45)
}

func TestDraftsAreKept(t *testing.T) {
	prefs := make(memory)
	r := online(t, prefs, 1)
	r.view.SetDraft("for one", 3)
	r.goTo(2, 0)
	if d := r.view.Draft(); d != (Draft{}) {
		t.Errorf("room 2 has the draft %+v", d)
	}
	r.view.SetDraft("for two", 7)
	r.goTo(1, 1)
	if d := r.view.Draft(); d != (Draft{"for one", 3}) {
		t.Errorf("room 1 has the draft %+v", d)
	}
	if r.view.Unsaved() {
		t.Error("nothing has changed, and it is unsaved")
	}
	r.view.SetDraft("for one!", 8)
	if !r.view.Unsaved() {
		t.Error("a changed draft is saved already")
	}
	r.view.Save()
	again := online(t, prefs, 1)
	if d := again.view.Draft(); d != (Draft{"for one!", 8}) {
		t.Errorf("at the next start the draft is %+v", d)
	}
	again.view.SetDraft("", 0)
	if again.view.Save(); prefs["draft.1"] != "" || prefs["draft.2"] != "for two" {
		t.Errorf("kept: %q", prefs)
	}
	if d := newRig(t, memory{"draft.1": "a\x1b[1m\x00b"}).view.Draft(); d.Text != talk.CleanText("a\x1b[1m\x00b") {
		t.Errorf("a draft is %q", d.Text)
	}
}

// full is Prefs on a full disk.
type full struct{ memory }

func (full) SetPref(bool, string, string) error { return errors.New("the disk is full") }

func TestSaveSaysOnceThatItCannot(t *testing.T) {
	r := online(t, full{make(memory)}, 1)
	for i := range 3 {
		r.view.SetDraft(strconv.Itoa(i), 1)
		r.view.Save()
		r.says(dora, "go on")
	}
	if len(r.told) != 1 || !strings.Contains(r.told[0], "cannot be kept here: the disk is full") {
		t.Errorf("told %q", r.told)
	}
}

func TestSubmit(t *testing.T) {
	r := online(t, nil, 3)
	for line, says := range map[string]string{
		"/room 1": "in room 1 already", "/fetch 5": "nothing older",
	} {
		if in := r.enter(line); in.Action != Tell || !strings.Contains(in.Text, says) {
			t.Errorf("%s answers %+v", line, in)
		}
	}
	for _, line := range []string{"/names x", "/retry", "/discard 2"} {
		if in, err := r.view.Submit(line); err == nil {
			t.Errorf("%s is %+v", line, in)
		}
	}
	if in := r.enter("  "); in.Action != Nothing {
		t.Errorf("a blank line is %+v", in)
	}
	for _, text := range []string{"one", "two"} {
		r.enter(text)
		r.get(talk.Error{ID: r.session.Outbox()[len(r.session.Outbox())-1].ID, Code: talk.CodeRefused, Message: "no"})
	}
	if in := r.enter("/retry"); in.Action != Act || len(in.Events) != 2 {
		t.Errorf("/retry is %+v", in)
	}
	var back []string
	for line, ok := r.view.Inputs.Move(-1, ""); ok; line, ok = r.view.Inputs.Move(-1, line) {
		back = append(back, line)
	}
	if !slices.Equal(back[:3], []string{"/retry", "two", "one"}) || len(back) != 5 || slices.Contains(back, "/names x") {
		t.Errorf("remembered: %q", back)
	}
}

// TestFetchSaysWhatCame, and who did not ask is told nothing.
func TestFetchSaysWhatCame(t *testing.T) {
	r := online(t, nil, 300)
	r.enter("/fetch 7")
	if r.news.Say != "" {
		t.Errorf("before anything came: %q", r.news.Say)
	}
	r.answer(0)
	if r.news.Say != "7 older entries were loaded above." {
		t.Errorf("said %q", r.news.Say)
	}
	r.enter("/clear")
	r.enter("/fetch 1")
	r.answer(0)
	if r.news.Say != "1 older entry was loaded above." {
		t.Errorf("said %q", r.news.Say)
	}
	for _, ev := range []client.Event{client.FetchOlder{Limit: 5}, r.view.Older()} {
		r.do(ev)
		r.answer(0)
		if r.news.Say != "" {
			t.Errorf("said %q", r.news.Say)
		}
	}
}

func TestWantsOlder(t *testing.T) {
	near := func() bool { return true }
	r := online(t, nil, 300)
	if r.view.WantsOlder(func() bool { return false }) || !r.view.WantsOlder(near) || r.view.WantsOlder(near) {
		t.Fatal("it is not asked once, near the top")
	}
	r.do(client.FetchOlder{Limit: PageEntries})
	if r.view.WantsOlder(near) || r.view.Top() != TopLoading {
		t.Error("it is asked again while it loads")
	}
	r.answer(0)
	if !r.view.WantsOlder(near) {
		t.Error("the next older ones are not asked for")
	}
	r.do(client.FetchOlder{Limit: PageEntries})
	r.get(talk.Error{Code: talk.CodeBadLimit, Message: "no"})
	if r.view.WantsOlder(near) || r.view.Top() != TopMore {
		t.Error("what failed is asked for again at once")
	}
	if r.view.Scrolled(); !r.view.WantsOlder(near) {
		t.Error("what failed is not asked for again by who scrolls")
	}
	r.enter("/clear")
	if r.view.WantsOlder(near) || r.view.Top() != TopCleared {
		t.Error("a log that was cleared is filled again")
	}
	r.do(client.Closed{Conn: r.conn})
	r.view.Scrolled()
	if r.view.WantsOlder(near) {
		t.Error("it asks without a line")
	}
	if empty := online(t, nil, 0); empty.view.Top() != TopEmpty || empty.view.WantsOlder(near) {
		t.Errorf("of an empty room the top is %d", empty.view.Top())
	}
	if whole := online(t, nil, 3); whole.view.Top() != TopBegins || whole.view.WantsOlder(near) {
		t.Errorf("of a whole room the top is %d", whole.view.Top())
	}
}

// TestNamesThatLookAlike: also where only one of them is in the list, and the
// other has gone after a word long ago.
func TestNamesThatLookAlike(t *testing.T) {
	r := online(t, nil, 1)
	other := talk.Member{UUID: talk.MakeUUID(8, [16]byte{0xdd}), Username: "d0ra"}
	if _, tag := r.view.Name(dora.UUID, "dora"); tag != "" {
		t.Errorf("alone she has the tag %q", tag)
	}
	r.seq++
	e := entry(r.seq, 9, talk.KindPosted, other, "hi")
	e.RoomID = 1
	out := client.Outcome{}
	for _, effect := range r.session.Handle(r.now, client.Received{Conn: r.conn, Message: e}) {
		if c, ok := effect.(client.Changed); ok {
			out.Change |= c.What
		}
	}
	r.view.Update(nil, out)
	if !r.view.Settle() || r.view.Settle() {
		t.Error("it is not told once that names are shown in another way")
	}
	for _, who := range []talk.Member{dora, other} {
		if name, tag := r.view.Name(who.UUID, who.Username); len(tag) < 4 || name != who.Username {
			t.Errorf("%s is shown as %s with the tag %q", who.Username, name, tag)
		}
	}
	r.goTo(2, 0)
	if _, tag := r.view.Name(dora.UUID, "dora"); tag != "" {
		t.Errorf("in another room she has the tag %q", tag)
	}
}

func TestMembersBeginWithTheUser(t *testing.T) {
	r := online(t, nil, 0)
	if m := r.view.Members(); len(m) != 2 || m[0].UUID != meSecret.UUID() || m[1] != dora {
		t.Errorf("listed: %+v", m)
	}
	if _, found := r.view.Complete("me", 2); len(found) != 0 {
		t.Errorf("the user's own name is offered: %q", found)
	}
	r.goTo(-4, 0)
	if start, found := r.view.Complete("/room ", 6); start != 6 || !slices.Equal(found, []string{"-4", "1"}) {
		t.Errorf("rooms: %d, %q", start, found)
	}
	for i := range 2 * maxRooms {
		r.view.visit(int32(i + 10))
	}
	if len(r.view.Rooms()) != maxRooms {
		t.Errorf("%d rooms are remembered", len(r.view.Rooms()))
	}
}

// TestSaidAt: what waited for the store is shown with the time when it was said.
func TestSaidAt(t *testing.T) {
	e := entry(1, 0, talk.KindPosted, dora, "hi")
	if got := SaidAt(&e, time.UTC).Unix(); got != noon {
		t.Errorf("said at %d", got)
	}
	if e.SentAt = noon - 90; SaidAt(&e, time.UTC).Unix() != noon-90 {
		t.Errorf("said at %d", SaidAt(&e, time.UTC).Unix())
	}
}
