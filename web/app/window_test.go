package app

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tuitalk/client/view"
	"tuitalk/talk"
)

func TestTheWindowFollowsTheEnd(t *testing.T) {
	s := joined(t, 100)
	for i := 101; i <= 3000; i++ {
		s.say(ada, "ada", "message "+strconv.Itoa(i))
		if i%7 == 0 {
			s.frame()
			if n := len(s.el("log").children); n > 500 {
				t.Fatalf("%d rows are in the page", n)
			}
		}
	}
	s.frame()
	got := s.texts()
	if got[len(got)-1] != "message 3000" || !slices.Equal(got, numbered(3001-len(got), 3000)) {
		t.Errorf("the page shows %s … %s", got[0], got[len(got)-1])
	}
}

func TestWhoReadsFurtherUpIsNotMoved(t *testing.T) {
	s := joined(t, 100)
	first := s.el("log").children[3]
	s.scrolled(Scrolled{Above: 5000, View: 800, Below: 2000, First: first.ref})
	for range 2000 {
		s.say(ada, "ada", "new")
		s.frame()
	}
	if !slices.Contains(s.el("log").children, first) {
		t.Error("the row in view has left the page")
	}
	if n := len(s.el("log").children); n > 500 {
		t.Errorf("%d rows are in the page", n)
	}
	if s.dom.live {
		t.Error("the page believes that it shows the newest row")
	}
	if s.el("jump").hidden() || s.el("jump").text() != "↓ 2000 new messages" {
		t.Errorf("the button says %q", s.el("jump").text())
	}
	s.handle(Clicked{Act: "jump"})
	if s.dom.scroll != ScrollEnd || !s.dom.live {
		t.Error("the button does not go to the end")
	}
	s.scrolled(Scrolled{Above: 5000, View: 800, Following: true})
	if !s.el("jump").hidden() {
		t.Error("at the end the button is still there")
	}
}

// scrollUp plays a user who scrolls up to the first entry of the room, with
// rows of 40 pixels.
func scrollUp(t *testing.T, s *stage, check func()) {
	t.Helper()
	const height, view = 40, 800
	for range 1000 {
		rows := s.el("log").children
		if s.session.Complete() && strings.HasSuffix(s.texts()[0], " 1") {
			return
		}
		// The view stands five rows below the first row in the page.
		s.scrolled(Scrolled{
			Above: 5 * height, View: view, Below: (len(rows)-5)*height - view, First: rows[5].ref,
		})
		s.answerFetch(1)
		s.frame()
		check()
	}
	t.Fatal("the first message never came")
}

func TestScrollingUpLoadsAllInTime(t *testing.T) {
	s := joined(t, 2500)
	scrollUp(t, s, func() {
		got := s.texts()
		first, err := strconv.Atoi(strings.TrimPrefix(got[0], "message "))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, numbered(first, first+len(got)-1)) {
			t.Fatalf("the page has a hole: %v", got)
		}
		if len(got) > 500 {
			t.Fatalf("%d rows are in the page", len(got))
		}
	})
	// And down again to the end.
	for range 1000 {
		rows := s.el("log").children
		if got := s.texts(); got[len(got)-1] == "message 2500" {
			if !s.dom.live {
				t.Error("the page does not know that it shows the newest row")
			}
			return
		}
		s.scrolled(Scrolled{
			Above: (len(rows) - 25) * 40, View: 800, Below: 200, First: rows[len(rows)-25].ref,
		})
	}
	t.Fatal("the last message never came")
}

func TestFindShowsOlderAndOlderPlaces(t *testing.T) {
	s := joined(t, 100)
	for i := range 1000 {
		s.say(ada, "ada", "filler "+strconv.Itoa(i))
	}
	s.frame()
	for _, want := range []string{"message 99", "message 98"} {
		line := "/search"
		if want == "message 99" {
			line = "/search SAGE 9"
		}
		s.enter(line)
		if s.dom.row == nil || s.dom.row.all("text")[0].text() != want {
			t.Fatalf("%s shows %v", line, s.dom.row)
		}
		if hits := s.el("log").all("hit"); len(hits) != 1 || hits[0] != s.dom.row {
			t.Errorf("%d rows are marked", len(hits))
		}
	}
	s.enter("a line that waits")
	s.enter("/search line THAT")
	if s.dom.row == nil || s.dom.row.all("text")[0].text() != "a line that waits" {
		t.Errorf("what is unsent is not found: %v", s.dom.row)
	}
	s.enter("/search nowhere")
	if !strings.Contains(s.notices(), "“nowhere” comes no more") {
		t.Errorf("the notice is %q", s.notices())
	}
}

func TestUnreadLineCanBeJumpedTo(t *testing.T) {
	s := joined(t, 50)
	s.handle(Attention{Kind: "blur", Shown: true})
	for range 600 {
		s.say(ada, "ada", "missed")
	}
	s.frame()
	s.scrolled(Scrolled{Above: 9000, View: 800, First: s.el("log").children[200].ref, Following: true})
	if s.el("rise").hidden() {
		t.Error("nothing says that the unread line is above")
	}
	s.handle(Clicked{Act: "unread"})
	if s.dom.row == nil || !strings.Contains(s.dom.row.class, "unread") {
		t.Errorf("the page scrolls to %v", s.dom.row)
	}
}

func TestLongTextsAreFolded(t *testing.T) {
	s := joined(t, 0)
	s.say(ada, "ada", strings.Repeat("line\n", 500)+"end")
	s.frame()
	folded := s.el("log").all("folded")
	if len(folded) != 1 {
		t.Fatal("a text of 501 lines fills the page")
	}
	more := s.el("log").all("more")[0]
	s.handle(Clicked{Act: more.attrs["data-act"], Arg: more.attrs["data-arg"]})
	if len(s.el("log").all("folded")) != 0 || !strings.HasSuffix(s.texts()[0], "end") {
		t.Error("it does not unfold")
	}
}

// Whatever happens, the page shows the rows that there are, in their order,
// and makes no element anew without need.
func TestThePageIsTheRows(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 0))
		s := joined(t, random.IntN(300))
		for range 300 {
			s.disturb(random)
			if random.IntN(3) > 0 {
				continue
			}
			s.frame()
			s.checkRows(seed)
			before := s.dom.made
			s.app.stale |= partRows
			s.frame()
			if s.dom.made != before {
				t.Fatalf("seed %d: %d elements were made without need", seed, s.dom.made-before)
			}
		}
	}
}

// disturb lets something happen.
func (s *stage) disturb(random *rand.Rand) {
	who := []struct {
		id   talk.UUID
		name string
	}{{ada, "ada"}, {bob, "bob"}, {me, "me"}}[random.IntN(3)]
	switch random.IntN(9) {
	case 0, 1:
		s.say(who.id, who.name, "said")
	case 2:
		s.next(talk.Entry{Kind: talk.KindJoined, Author: who.id, Name: who.name})
	case 3:
		s.next(talk.Entry{Kind: talk.KindLeft, Author: who.id, Name: who.name})
	case 4:
		s.enter("mine")
	case 5:
		rows := s.el("log").children
		if len(rows) > 0 {
			at := random.IntN(len(rows))
			s.scrolled(Scrolled{
				Above: 40 * at, View: 800, Below: max(0, 40*(len(rows)-at)-800),
				First: rows[at].ref, Following: random.IntN(2) == 0,
			})
		}
	case 6:
		s.answerFetch(1)
	case 7:
		s.handle(Attention{Kind: "blur", Shown: true, Focused: random.IntN(2) == 0})
	case 8:
		if out := s.session.Outbox(); len(out) > 0 {
			s.next(talk.Entry{Kind: talk.KindPosted, Author: me, Name: "me", Text: out[0].Text, ID: out[0].ID})
		}
	}
}

// checkRows compares the page with the rows that the window holds.
func (s *stage) checkRows(seed uint64) {
	s.t.Helper()
	w, rows := &s.app.window, s.el("log").children
	if len(rows) != len(w.shown) || len(rows) > 500 {
		s.t.Fatalf("seed %d: %d rows in the page, %d in the window", seed, len(rows), len(w.shown))
	}
	if len(rows) == 0 {
		return
	}
	lo := s.app.view.Rows.Index(w.shown[0].key)
	for i, e := range rows {
		row := s.app.view.Rows.At(lo + i)
		if row.Key != w.shown[i].key || e.ref != w.shown[i].ref {
			s.t.Fatalf("seed %d: row %d of the page is %v, want %v", seed, i, w.shown[i].key, row.Key)
		}
		if row.Kind == view.RowEntry && e.attrs["data-seq"] != strconv.FormatInt(row.Key.Seq, 10) {
			s.t.Fatalf("seed %d: row %d shows entry %s, want %d", seed, i, e.attrs["data-seq"], row.Key.Seq)
		}
	}
	if last := lo + len(rows); w.live != (last == s.app.view.Rows.Len()) {
		s.t.Fatalf("seed %d: live is %t at row %d of %d", seed, w.live, last, s.app.view.Rows.Len())
	}
}
