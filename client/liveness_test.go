package client

import (
	"testing"
	"time"

	"tuitalk/talk"
)

func TestDeadLineIsFound(t *testing.T) {
	r := online(t)
	r.pass(quietTime - time.Millisecond)
	none(t, sent[talk.Ping](r))
	r.pass(2 * time.Millisecond)
	one(t, sent[talk.Ping](r))
	r.answer(1)
	r.pass(idleTime - time.Millisecond) // nothing was said: it is asked less often
	none(t, sent[talk.Ping](r))
	r.pass(2 * time.Millisecond)
	one(t, sent[talk.Ping](r))
	r.answer(1)
	r.get(1, textEntry(6))
	r.pass(quietTime)
	one(t, sent[talk.Ping](r))
	r.pass(answerTime - time.Millisecond)
	r.phase(Online)
	r.pass(time.Millisecond)
	r.phase(Resuming)
	r.pass(spreadTime)
	one(t, take[Dial](r)) // 4.5 s after the last word at the latest
	r.do(Post{Text: "later"})
	none(t, sent[talk.Entry](r))

	r.answer(1) // it was only asleep
	r.phase(Online)
	one(t, sent[talk.Entry](r))
	r.do(Opened{2})
	if h := one(t, take[Hangup](r)); h.Conn != 2 {
		t.Fatalf("%+v", h)
	}
}

// A dead line keeps its place at the server, so that a proxy does not take the
// server for the one with the fewest lines; but not for ever.
func TestDeadLineIsReplaced(t *testing.T) {
	replaced := func(t *testing.T) *rig {
		t.Helper()
		r := online(t)
		r.pass(4500 * time.Millisecond)
		r.phase(Resuming)
		r.open(2)
		r.join(2, 5, 5)
		none(t, take[Hangup](r))
		r.phase(Online)
		return r
	}
	t.Run("dead", func(t *testing.T) {
		r := replaced(t)
		var hung []Hangup
		for range 10 {
			r.pass(time.Second)
			hung = append(hung, take[Hangup](r)...)
			r.answer(2)
		}
		if h := one(t, hung); h.Conn != 1 {
			t.Fatalf("%+v", h)
		}
	})
	t.Run("speaks again", func(t *testing.T) {
		r := replaced(t)
		r.get(1, textEntry(6))
		if h := one(t, take[Hangup](r)); h.Conn != 1 {
			t.Fatalf("%+v", h)
		}
		r.logIs(1, 5)
	})
	t.Run("closed", func(t *testing.T) {
		r := replaced(t)
		r.do(Closed{Conn: 1, Code: talk.CloseSuperseded})
		none(t, take[Dial](r))
		if r.s.State().Session != known().Session {
			t.Error("takes itself for another window")
		}
	})
}

// While one server is silent, what is dialled anew may be led to it as well.
func TestSilentServerIsDialledPast(t *testing.T) {
	r := online(t)
	r.pass(4500 * time.Millisecond)
	r.phase(Resuming)
	dials := len(take[Dial](r))
	r.pass(3 * suspectPause)
	if dials += len(take[Dial](r)); dials != maxTries {
		t.Fatalf("%d dials, not %d", dials, maxTries)
	}
	r.pass(3 * suspectPause)
	none(t, take[Dial](r))
	r.open(4)
	r.join(4, 5, 5)
	r.phase(Online)
	for _, conn := range []ConnID{2, 3, 5} {
		r.do(Opened{conn})
		if h := one(t, take[Hangup](r)); h.Conn != conn {
			t.Fatalf("%+v", h)
		}
	}
}

// Servers that are only busy are not dialled more and more often.
func TestBusyServersAreDialledSeldom(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.pass(handshakeTime - time.Millisecond)
	if got := len(take[Dial](r)); got != 3 {
		t.Fatalf("%d dials before the first is given up", got)
	}
}

// A program that did not run has not heard the answer yet: it asks once more.
func TestLateTickAsksOnceMore(t *testing.T) {
	r := online(t)
	sleep := func() {
		r.t.Helper()
		r.now, r.wake = r.wake.Add(time.Minute), time.Time{}
		r.do(Tick{})
	}
	sleep() // a page in the background has a timer a minute
	one(t, sent[talk.Ping](r))
	sleep()
	one(t, sent[talk.Ping](r))
	r.phase(Online)
	r.answer(1)
	sleep()
	one(t, sent[talk.Ping](r))
	sleep()
	none(t, take[Dial](r))
	sleep() // it is dead
	r.phase(Resuming)
	r.pass(spreadTime)
	one(t, take[Dial](r))
}

// Over a slow network a page of history takes a while, and holds up the answer.
func TestHistoryIsGivenTime(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.open(1)
	r.join(1, 5, 5)
	one(t, sent[talk.Fetch](r))
	r.pass(quietTime + busyAnswer - time.Millisecond)
	r.phase(Online)
	r.get(1, history(5, entryRun(1, 5)...))
	r.pass(quietTime + answerTime)
	r.phase(Resuming)
}

// Who gives up a join only makes more work for a server that is busy.
func TestJoiningIsGivenTime(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.do(Opened{1})
	r.pass(7*time.Second - time.Millisecond)
	none(t, take[Hangup](r))
	r.pass(time.Second)
	one(t, take[Hangup](r))
}

func TestProbe(t *testing.T) {
	r := online(t)
	r.do(Probe{})
	r.do(Probe{})
	one(t, sent[talk.Ping](r))
	r.pass(probeTime)
	r.phase(Resuming)
	r.pass(spreadTime)
	one(t, take[Dial](r))

	r = newRig(t, known(), nil)
	r.do(Start{})
	for conn := ConnID(1); conn < 8; conn++ {
		r.do(Closed{Conn: conn})
		r.done = nil
		r.do(Probe{})
		one(t, take[Dial](r)) // without waiting
	}
}
