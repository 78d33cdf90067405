package recorder_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/recorder"
	"tuitalk/client"
	"tuitalk/talk"
)

// TestOnlyWhatStraysOnALineIsNoted: one line that is whole, one on which an entry
// is missing and comes late, a new one, and one that another room follows on.
func TestOnlyWhatStraysOnALineIsNoted(t *testing.T) {
	for name, tc := range map[string]struct {
		frames []client.Received
		want   []int64 // of each event: minus the base of a line, the seq that strayed, or, of a leak, that with the line's room
	}{
		"whole":            {received(1, entry(1), entry(2), entry(3)), nil},
		"left out":         {received(1, entry(1), entry(3), entry(4)), []int64{0, 3}},
		"late":             {received(1, entry(2), entry(1), entry(3)), []int64{0, 2, 1}},
		"twice":            {received(1, entry(1), entry(1), entry(2), entry(2)), []int64{0, 1, 2}},
		"openly left out":  {received(1, entry(1), talk.Gap{RoomID: 7, From: 2, To: 9}, entry(10)), nil},
		"joined again":     {received(1, entry(1), talk.Joined{RoomID: 7, AfterSeq: 4}, entry(5)), nil},
		"the other line":   {slices.Concat(received(1, entry(1)), received(2, talk.Joined{RoomID: 7, AfterSeq: 3}, entry(4)), received(1, entry(2))), nil},
		"two lines stray":  {slices.Concat(received(2, talk.Joined{RoomID: 7, AfterSeq: 3}, entry(5)), received(1, entry(2)), received(2, entry(4))), []int64{-3, 5, 0, 2, -3, 4}},
		"a line strays on": {received(1, entry(2), talk.Joined{RoomID: 7, AfterSeq: 4}, entry(6)), []int64{0, 2, -4, 6}},
		"of another room":  {received(1, talk.Joined{RoomID: 8}, entry(5)), []int64{8005}},
		"not stored":       {received(1, talk.Entry{Kind: talk.KindPosted, RoomID: 7, Pending: true}), nil},
		"not joined":       {received(3, entry(9)), []int64{-9009}},
		"joined long ago":  {slices.Concat(joinedLines(2, 20), received(3, entry(9)), received(22, entry(4))), []int64{-9004}},
		"old of another":   {received(1, talk.History{RoomID: 8, Text: []talk.Message{entry(3)}}), []int64{8003}},
	} {
		var out bytes.Buffer
		rec := recorder.New(&out)
		who := rec.Client("somebody")
		who.Overheard(time.Now(), 1, talk.Joined{RoomID: 7})
		for _, f := range tc.frames {
			who.Overheard(time.Now(), f.Conn, f.Message)
		}
		if err := rec.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := checker.Decode(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var noted []int64
		for _, e := range got.Events {
			switch e.Verb {
			case checker.Streams:
				noted = append(noted, -e.Seq)
			case checker.Strayed:
				noted = append(noted, got.Entries[e.Entry].Seq)
			case checker.Leaked:
				where := int64(e.Room) * 1000
				if e.Flag {
					where = -9000 - 2*got.Entries[e.Entry].Seq
				}
				noted = append(noted, where+got.Entries[e.Entry].Seq)
			case checker.Listed:
			default:
				t.Errorf("%s: event %d", name, e.Verb)
			}
		}
		if !slices.Equal(noted, tc.want) {
			t.Errorf("%s: noted %v, want %v", name, noted, tc.want)
		}
	}
}

func received(conn client.ConnID, frames ...talk.Message) (all []client.Received) {
	for _, m := range frames {
		all = append(all, client.Received{Conn: conn, Message: m})
	}
	return all
}

func TestWholeLinesCostNothing(t *testing.T) {
	rec := recorder.New(new(bytes.Buffer))
	defer rec.Close()
	who := rec.Client("somebody")
	who.Overheard(time.Now(), 1, talk.Joined{RoomID: 7})
	now, seq := time.Now(), int64(0)
	frames := make([]talk.Message, 1200)
	for i := range frames {
		frames[i] = entry(int64(i + 1))
	}
	if n := testing.AllocsPerRun(1000, func() {
		who.Overheard(now, 1, frames[seq])
		seq++
	}); n != 0 {
		t.Errorf("an entry that is the next one allocates %v times", n)
	}
}

// joinedLines are so many lines, from that one on, which join one after the other.
func joinedLines(first client.ConnID, n int) (all []client.Received) {
	for i := range n {
		all = append(all, received(first+client.ConnID(i), talk.Joined{RoomID: 7, AfterSeq: 3})...)
	}
	return all
}
