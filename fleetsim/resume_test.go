package fleetsim

import (
	"fmt"
	"testing"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// Who comes back says what he has of the room's log, and goes on just behind that, unless he
// is told to begin anew, or of a Gap. A gateway that is wrong about it loses nobody anything:
// the client drops what it shows, or is shown an entry that it has. So nothing else notices.

// resumes are what a person's lines asked for, and how they were answered. Owned by the
// person's loop.
type resumes struct {
	asked  map[client.ConnID][]talk.JoinRoom // and not answered
	gapDue map[client.ConnID]talk.Gap
	wrong  []string
}

// watchedDialer has a person's dialer tell what goes out.
type watchedDialer struct {
	client.Dialer
	person *person
}

type watchedLine struct {
	client.Line
	person *person
	conn   client.ConnID
}

func (d watchedDialer) Dial(conn client.ConnID, url string, deliver func(client.Event)) client.Line {
	return watchedLine{d.Dialer.Dial(conn, url, deliver), d.person, conn}
}

func (l watchedLine) Send(m talk.Message) error {
	if j, ok := m.(talk.JoinRoom); ok {
		l.person.resumes.ask(l.conn, j)
	}
	return l.Line.Send(m)
}

// begin begins with another program, whose lines are numbered anew.
func (r *resumes) begin() {
	r.asked, r.gapDue = map[client.ConnID][]talk.JoinRoom{}, map[client.ConnID]talk.Gap{}
}

func (r *resumes) ask(conn client.ConnID, m talk.JoinRoom) {
	r.asked[conn] = append(r.asked[conn], m)
}

// heard looks at what came on a line.
func (r *resumes) heard(at time.Duration, conn client.ConnID, m talk.Message) {
	switch m := m.(type) {
	case talk.Joined:
		r.joined(at, conn, &m)
	case talk.Gap:
		delete(r.gapDue, conn)
	case talk.Entry:
		if due, ok := r.gapDue[conn]; ok && m.Seq > 0 && m.RoomID == due.RoomID {
			r.report(at, conn, "it is not told that %d to %d of room %d are left out", due.From, due.To, due.RoomID)
			delete(r.gapDue, conn)
		}
	}
}

// joined looks where a line goes on. What was asked before for the same room may have been
// refused.
func (r *resumes) joined(at time.Duration, conn client.ConnID, m *talk.Joined) {
	delete(r.gapDue, conn)
	last := -1
	for i, j := range r.asked[conn] {
		if j.RoomID != m.RoomID {
			continue
		}
		if last = i; !j.Resume || m.Reset || m.AfterSeq == j.AfterSeq {
			r.asked[conn] = r.asked[conn][i+1:]
			return
		}
	}
	if last < 0 {
		return // the first of two that say the same was refused
	}
	after := r.asked[conn][last].AfterSeq
	r.asked[conn] = nil
	if m.AfterSeq > after {
		r.gapDue[conn] = talk.Gap{RoomID: m.RoomID, From: after + 1, To: m.AfterSeq}
		return
	}
	r.report(at, conn, "it goes on in room %d behind %d, and has it up to %d", m.RoomID, m.AfterSeq, after)
}

func (r *resumes) report(at time.Duration, conn client.ConnID, format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf("at %.3f on %d: ", at.Seconds(), conn)+fmt.Sprintf(format, args...))
}

func TestResumesAreJudged(t *testing.T) {
	t.Parallel()
	joins := func(after int64) talk.JoinRoom { return talk.JoinRoom{RoomID: 1, Resume: true, AfterSeq: after} }
	entry := talk.Entry{RoomID: 1, Seq: 9}
	for name, tc := range map[string]struct {
		asked []talk.JoinRoom
		heard []talk.Message
		wrong int
	}{
		"just behind":               {[]talk.JoinRoom{joins(5)}, []talk.Message{talk.Joined{RoomID: 1, AfterSeq: 5}}, 0},
		"one ahead":                 {[]talk.JoinRoom{joins(5)}, []talk.Message{talk.Joined{RoomID: 1, AfterSeq: 6}, entry}, 1},
		"ahead, and told of a gap":  {[]talk.JoinRoom{joins(5)}, []talk.Message{talk.Joined{RoomID: 1, AfterSeq: 8}, talk.Gap{RoomID: 1, From: 6, To: 8}, entry}, 0},
		"one behind":                {[]talk.JoinRoom{joins(5)}, []talk.Message{talk.Joined{RoomID: 1, AfterSeq: 4}}, 1},
		"anew":                      {[]talk.JoinRoom{joins(5)}, []talk.Message{talk.Joined{RoomID: 1, Reset: true}, entry}, 0},
		"with nothing":              {[]talk.JoinRoom{{RoomID: 1}}, []talk.Message{talk.Joined{RoomID: 1, AfterSeq: 8}, entry}, 0},
		"the first was refused":     {[]talk.JoinRoom{joins(4), joins(5)}, []talk.Message{talk.Joined{RoomID: 1, AfterSeq: 5}, entry}, 0},
		"both were answered":        {[]talk.JoinRoom{joins(4), joins(5)}, []talk.Message{talk.Joined{RoomID: 1, AfterSeq: 4}, talk.Joined{RoomID: 1, AfterSeq: 5}, entry}, 0},
		"of another room":           {[]talk.JoinRoom{{RoomID: 2}, joins(5)}, []talk.Message{talk.Joined{RoomID: 2, AfterSeq: 7}, talk.Joined{RoomID: 1, AfterSeq: 6}, entry}, 1},
		"it was left before it was": {[]talk.JoinRoom{joins(5), {RoomID: 2}}, []talk.Message{talk.Joined{RoomID: 1, AfterSeq: 5}, talk.Joined{RoomID: 2, AfterSeq: 7}, entry}, 0},
	} {
		var r resumes
		r.begin()
		for _, m := range tc.asked {
			r.ask(1, m)
		}
		for _, m := range tc.heard {
			r.heard(0, 1, m)
		}
		if len(r.wrong) != tc.wrong {
			t.Errorf("%s: %q", name, r.wrong)
		}
	}
}
