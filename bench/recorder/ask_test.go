package recorder_test

import (
	"bytes"
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/recorder"
	"tuitalk/client"
	"tuitalk/talk"
)

// asker is a session with a driver, on lines of which a test is the server.
type asker struct {
	t       *testing.T
	out     bytes.Buffer
	rec     *recorder.Recorder
	who     *recorder.Client
	session *client.Session
	driver  *client.Driver
	sent    []talk.Message
	first   *askerLine
}

// Dial opens a line at once; what is sent over it is kept.
func (a *asker) Dial(conn client.ConnID, _ string, deliver func(client.Event)) client.Line {
	l := askerLine{a, conn, deliver}
	if a.first == nil {
		a.first = &l
	}
	return l
}

type askerLine struct {
	a       *asker
	conn    client.ConnID
	deliver func(client.Event)
}

func (l askerLine) Send(m talk.Message) error { l.a.sent = append(l.a.sent, m); return nil }
func (l askerLine) Close()                    { l.deliver(client.Closed{Conn: l.conn}) }

func newAsker(t *testing.T) *asker {
	a := &asker{t: t}
	a.rec = recorder.New(&a.out)
	a.who = a.rec.Client("asker")
	var err error
	if a.session, err = client.New(client.Config{Servers: []string{"ws://a"}, Name: "ada", Room: 7, History: -1}, client.State{}); err != nil {
		t.Fatal(err)
	}
	a.driver = client.NewDriver(a.session, a.who.Dialer(a), nil)
	a.who.Attach(time.Now(), a.session)
	a.handle(client.Start{}, client.Opened{Conn: 1}, client.Received{Conn: 1, Message: talk.Welcome{UUID: a.session.Me().UUID, Limits: talk.DefaultLimits()}})
	return a
}

func (a *asker) handle(events ...client.Event) {
	for _, ev := range events {
		out := a.driver.Handle(ev)
		a.who.Handled(time.Now(), ev, out.Change)
	}
}

// breaks ends the first line.
func (a *asker) breaks() {
	a.first.Close()
	for ev := range a.driver.Events() {
		a.handle(ev)
		if _, closed := ev.(client.Closed); closed {
			return
		}
	}
}

// lastSent is the last message of its kind that was sent.
func lastSent[M talk.Message](a *asker) (m M) {
	a.t.Helper()
	for i := len(a.sent) - 1; i >= 0; i-- {
		if m, ok := a.sent[i].(M); ok {
			return m
		}
	}
	a.t.Fatalf("no %T was sent", m)
	return m
}

// end is a minute later.
func (a *asker) end() (report *checker.Report, verbs map[checker.Verb]int) {
	a.rec.Head(7, 30)
	a.who.End(time.Now().Add(time.Minute))
	a.driver.Close()
	a.rec.Truth(7, 30, nil)
	if err := a.rec.Close(); err != nil {
		a.t.Fatal(err)
	}
	rec, err := checker.Decode(a.out.Bytes())
	if err != nil {
		a.t.Fatal(err)
	}
	verbs = map[checker.Verb]int{}
	for i := range rec.Events {
		verbs[rec.Events[i].Verb]++
	}
	return checker.Check(checker.Options{}, rec), verbs
}

func TestWhatIsAskedMustBeAnswered(t *testing.T) {
	joined := client.Received{Conn: 1, Message: talk.Joined{RoomID: 7, HeadSeq: 30, AfterSeq: 30}}
	fetch := client.FetchOlder{Limit: 10}
	history := func(a *asker, more bool) client.Event {
		return client.Received{Conn: 1, Message: talk.History{RoomID: 7, BeforeSeq: lastSent[talk.Fetch](a).BeforeSeq, More: more}}
	}
	refusal := client.Received{Conn: 1, Message: talk.Error{Code: talk.CodeUnavailable, Retry: true, RetryMS: 60_000}}
	for name, tc := range map[string]struct {
		do             func(a *asker)
		asked, answers int
		never          int
		dropped        int
	}{
		"join":                      {func(a *asker) {}, 1, 0, 1, 0},
		"join, answered":            {func(a *asker) { a.handle(joined) }, 1, 1, 0, 0},
		"fetch":                     {func(a *asker) { a.handle(joined, fetch) }, 2, 1, 1, 0},
		"fetch, answered":           {func(a *asker) { a.handle(joined, fetch); a.handle(history(a, false)) }, 2, 2, 0, 0},
		"fetch, answered in part":   {func(a *asker) { a.handle(joined, fetch); a.handle(history(a, true)) }, 2, 1, 1, 0},
		"fetch, refused":            {func(a *asker) { a.handle(joined, fetch, refusal) }, 2, 2, 0, 0},
		"fetch, and the line broke": {func(a *asker) { a.handle(joined, fetch); a.breaks() }, 2, 1, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAsker(t)
			tc.do(a)
			report, verbs := a.end()
			if verbs[checker.Dropped] != tc.dropped {
				t.Errorf("%d connections were noted as over", verbs[checker.Dropped])
			}
			if got := report.Counts[checker.NeverAnswered]; got != tc.never || verbs[checker.Asked] != tc.asked || verbs[checker.Answered] != tc.answers {
				t.Errorf("%d asked, %d answered, %d violations; want %d, %d, %d\n%s", verbs[checker.Asked], verbs[checker.Answered], got,
					tc.asked, tc.answers, tc.never, report)
			}
		})
	}
}
