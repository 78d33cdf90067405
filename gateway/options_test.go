package gateway_test

import (
	"strings"
	"testing"
	"time"

	"tuitalk/gateway"
	"tuitalk/talk"
)

// TestOptionsThatCannotWork: each is refused at the start, with a sentence.
func TestOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		change func(*gateway.Options)
		says   string
	}{
		{func(o *gateway.Options) { o.ID = talk.UUID{} }, "no id"},
		{func(o *gateway.Options) { o.Log = nil }, "begin with Defaults"},
		{func(o *gateway.Options) { o.Path = "ws" }, "begin with /"},
		{func(o *gateway.Options) { o.Pumps = 0 }, "at least 1"},
		{func(o *gateway.Options) { o.Lanes = 17 }, "1 to 16"},
		{func(o *gateway.Options) { o.Work.Live.Queue = 0 }, "queue of at least 1"},
		{func(o *gateway.Options) { o.FrameBytes = talk.MaxTextBytes }, "frames"},
		{func(o *gateway.Options) { o.RingPackets = 0 }, "ring packets"},
		{func(o *gateway.Options) { o.RingBytes = 0 }, "the ring"},
		{func(o *gateway.Options) { o.AnswerBytes = 1 << 10 }, "list of a full room"},
		{func(o *gateway.Options) { o.MaxQueuedBytes = o.RingBytes }, "max queued bytes"},
		{func(o *gateway.Options) { o.SendBuffer = 1 }, "kernel's buffers"},
		{func(o *gateway.Options) { o.MinRate = -1 }, "least rate"},
		{func(o *gateway.Options) { o.RecentCount = 0 }, "recent entry"},
		{func(o *gateway.Options) { o.ResumeMax = o.RecentCount - 1 }, "could never join"},
		{func(o *gateway.Options) { o.QueueBytes = 0 }, "wait for the store"},
		{func(o *gateway.Options) { o.PongWait = 0 }, "must be positive"},
		{func(o *gateway.Options) { o.RoomLinger = -1 }, "not be negative"},
		{func(o *gateway.Options) { o.RequestWait = time.Millisecond }, "at least 1s"},
		{func(o *gateway.Options) { o.SlowAfter = time.Millisecond }, "at least as long"},
		{func(o *gateway.Options) { o.LeaseLost = time.Second }, "allow longer"},
		{func(o *gateway.Options) { o.Limits.AutoSlowMin, o.Limits.AutoSlowMax = 2, 1 }, "slow mode"},
	} {
		o := testOptions(t)
		tc.change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("says %v, want one line with %q", err, tc.says)
		}
	}
	o := testOptions(t)
	o.ResumeMax = o.RecentCount
	if err := o.Validate(); err != nil {
		t.Errorf("as many as a room keeps: %v", err)
	}
}

// TestResumeOfAsFewAsARoomKeeps: with the least that is allowed, who is far behind
// joins at the room's recent entries.
func TestResumeOfAsFewAsARoomKeeps(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) { o.RecentCount, o.ResumeMax = 4, 4 })
	w := hello(t, n.addr)
	w.join(1, "witness")
	for _, text := range []string{"1", "2", "3", "4", "5", "6"} {
		w.postStored(1, text)
	}
	first, err := n.store.After(t.Context(), 1, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	a := hello(t, n.addr)
	a.say(talk.JoinRoom{RoomID: 1, UUID: a.uuid, Username: "ada", Resume: true, AfterSeq: 1, AfterID: first[0].ID})
	expect[talk.Joined](a)
	g := expect[talk.Gap](a)
	end, ok, err := n.store.EntryAt(t.Context(), 1, g.To)
	if err != nil || !ok || g.From != 2 || g.To < g.From || gapEnd(g) != end {
		t.Errorf("left out is %+v", g)
	}
	a.heardText("6")
}
