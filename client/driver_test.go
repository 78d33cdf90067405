package client

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/talk"
)

// scriptedDialer makes lines that a test answers for.
type scriptedDialer struct{ lines []*scriptedLine }

type scriptedLine struct {
	conn    ConnID
	deliver func(Event)
	sent    []talk.Message
	closed  bool
}

func (d *scriptedDialer) Dial(conn ConnID, _ string, deliver func(Event)) Line {
	l := &scriptedLine{conn: conn, deliver: deliver}
	d.lines = append(d.lines, l)
	return l
}

func (l *scriptedLine) Send(m talk.Message) error {
	l.sent = append(l.sent, m)
	return nil
}

func (l *scriptedLine) Close() {
	if !l.closed {
		l.closed = true
		go l.deliver(Closed{Conn: l.conn})
	}
}

// slowDisk saves when it is told to.
type slowDisk struct {
	mu    sync.Mutex
	kept  []State
	gate  chan error // what the next Save answers
	saves int
}

func (d *slowDisk) Load() (State, error) { return State{}, nil }
func (d *slowDisk) Close() error         { return nil }
func (d *slowDisk) Save(st State) error {
	d.mu.Lock()
	d.saves++
	d.mu.Unlock()
	if err := <-d.gate; err != nil {
		return err
	}
	d.mu.Lock()
	d.kept = append(d.kept, st)
	d.mu.Unlock()
	return nil
}

// loop hands the driver what has happened, until nothing does.
func loop(d *Driver) (all Outcome) {
	for {
		synctest.Wait()
		select {
		case ev := <-d.Events():
			o := d.Handle(ev)
			all.Change |= o.Change
			all.Notices = append(all.Notices, o.Notices...)
			all.Done = all.Done || o.Done
		default:
			return all
		}
	}
}

func joinedDriver(t *testing.T, st Storage) (*Driver, *scriptedLine) {
	t.Helper()
	s, err := New(Config{Servers: []string{"ws://a/ws"}, Room: 1, Seed: 1}, known())
	if err != nil {
		t.Fatal(err)
	}
	dialer := &scriptedDialer{}
	d := NewDriver(s, dialer, st)
	d.Handle(Start{})
	line := dialer.lines[0]
	d.Handle(Opened{1})
	d.Handle(Received{1, talk.Welcome{UUID: meID}})
	d.Handle(Received{1, talk.Joined{RoomID: 1}})
	if s.Status().Phase != Online {
		t.Fatalf("%+v", s.Status())
	}
	line.sent = nil
	return d, line
}

func TestDriverSavesBeforeItSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{gate: make(chan error)}
		d, line := joinedDriver(t, disk)
		for _, text := range []string{"one", "two", "three"} {
			if o := d.Handle(Post{Text: text}); o.Change&OutboxChanged == 0 || o.Refused {
				t.Fatalf("%+v", o)
			}
		}
		d.Handle(Received{1, talk.Ping{N: 3}})
		loop(d)
		if len(line.sent) != 1 || line.sent[0] != (talk.Pong{N: 3}) {
			t.Fatalf("before the save: %+v", line.sent)
		}
		disk.gate <- nil // only the first is in it
		loop(d)
		disk.gate <- nil // the others go together
		loop(d)
		var said []string
		for _, m := range line.sent[1:] {
			e := m.(talk.Entry)
			said = append(said, e.Text)
			if e.ID.IsZero() || e.ID.Version() != 7 {
				t.Errorf("id %v", e.ID)
			}
		}
		if strings.Join(said, " ") != "one two three" || disk.saves != 2 || len(disk.kept[1].Outbox) != 3 {
			t.Fatalf("%v, %d saves, %+v", said, disk.saves, disk.kept)
		}
		go func() { disk.gate <- nil }() // Close saves
		d.Close()
		d.Close()
		if !line.closed || disk.saves != 3 {
			t.Fatalf("closed: %v, %d saves", line.closed, disk.saves)
		}
	})
}

func TestDriverSendsWhatCannotBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{gate: make(chan error, 9)}
		d, line := joinedDriver(t, disk)
		full := errors.New("no space left on device")
		disk.gate <- full
		d.Handle(Post{Text: "one"})
		o := loop(d)
		if len(o.Notices) != 1 || !strings.Contains(o.Notices[0].Text, "no space left") || len(line.sent) != 1 {
			t.Fatalf("%+v, %+v", o, line.sent)
		}
		disk.gate <- full
		d.Handle(Post{Text: "two"})
		if o := loop(d); len(o.Notices) != 0 || len(line.sent) != 2 {
			t.Fatalf("said twice: %+v", o)
		}
		disk.gate <- nil
		d.Handle(Post{Text: "three"})
		loop(d)
		disk.gate <- full
		d.Handle(Post{Text: "four"})
		if o := loop(d); len(o.Notices) != 1 {
			t.Fatalf("a new failure is not told: %+v", o)
		}
		disk.gate <- nil
		d.Close()
	})
}

func TestDriverTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, line := joinedDriver(t, nil)
		d.Handle(Post{Text: "one"})
		time.Sleep(310 * time.Millisecond)
		if o := loop(d); o.Change&OutboxChanged == 0 || d.session.Outbox()[0].Delivery != Waiting {
			t.Fatalf("%+v", o)
		}
		time.Sleep(5 * time.Second)
		loop(d)
		if last := line.sent[len(line.sent)-1]; last.Tag() != talk.TagPing {
			t.Fatalf("%+v", line.sent)
		}
		d.Close()
	})
}

func TestDriverRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := joinedDriver(t, nil)
		if o := d.Handle(Post{Text: " "}); !o.Refused || len(o.Notices) != 1 {
			t.Fatalf("%+v", o)
		}
		d.Close()
	})
}

func TestDriverQuits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{gate: make(chan error, 9)}
		d, line := joinedDriver(t, disk)
		d.Handle(SetName{Name: "zoe"})
		if o := d.Handle(Quit{}); o.Done {
			t.Fatal("done before it is saved")
		}
		disk.gate <- nil
		if o := loop(d); !o.Done {
			t.Fatal("never done")
		}
		if last := line.sent[len(line.sent)-1]; last.Tag() != talk.TagLeaveRoom || !line.closed {
			t.Fatalf("%+v", line.sent)
		}
		d.Close()
		if disk.saves != 1 || disk.kept[0].Name != "zoe" {
			t.Fatalf("%d saves: %+v", disk.saves, disk.kept)
		}
	})
}

// A line that keeps still does not hold up the end, and one that goes on
// talking to a driver that is closed does not hang.
func TestDriverClosesInAnyCase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, line := joinedDriver(t, nil)
		line.closed = true // it will not deliver Closed
		begin := time.Now()
		d.Close()
		if took := time.Since(begin); took != closeTimeout {
			t.Errorf("took %v", took)
		}
		for range 2 * eventQueue {
			line.deliver(Received{1, talk.Ping{}})
		}
		line.deliver(Closed{Conn: 1})
		synctest.Wait()
	})
}
