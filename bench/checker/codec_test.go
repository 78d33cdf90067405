package checker

import (
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tuitalk/talk"
)

// encode writes a recording down again.
func encode(rec *Recording) []byte {
	w := NewWriter()
	for _, label := range rec.Clients {
		w.Client(label)
	}
	for i := range rec.Entries {
		slot := &w.cache[slotOf(&rec.Entries[i])]
		slot.index = -1 // each as often as it was there
		w.Entry(rec.Entries[i])
	}
	for _, e := range rec.Events {
		w.Event(e)
	}
	for _, f := range rec.Faults {
		n := w.Fault(f)
		if f.Over != 0 {
			w.FaultOver(n, f.Over)
		}
	}
	w.Finish()
	return w.Take(nil)
}

func same(a, b *Recording) bool {
	return slices.Equal(a.Clients, b.Clients) && slices.Equal(a.Entries, b.Entries) &&
		slices.Equal(a.Events, b.Events) && slices.Equal(a.Faults, b.Faults)
}

func TestRoundTripOfEveryVerb(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	id := func() (u talk.UUID) {
		for i := range u {
			u[i] = byte(rng.Uint32())
		}
		return u
	}
	w := NewWriter()
	want := &Recording{Clients: []string{"", "a client\nof two lines", "c"}}
	for _, label := range want.Clients {
		w.Client(label)
	}
	for i := range 50 {
		e := Entry{
			Seq: rng.Int64N(maxSeq), UnixTime: rng.Uint64(), SentAt: rng.Uint64(), Text: rng.Uint64(), Name: rng.Uint64(),
			Author: id(), ID: id(), Room: int32(rng.Uint32()), Kind: []talk.Kind{0, 1, 2, 4}[i%4],
		}
		want.Entries = append(want.Entries, e)
		if got := w.Entry(e); int(got) != i || w.Entry(e) != got {
			t.Fatalf("entry %d has index %d", i, got)
		}
	}
	for v, form := range verbs {
		for range 20 {
			e := Event{Verb: Verb(v), Client: -1}
			for _, f := range form.fields {
				switch f {
				case 'c':
					e.Client = rng.Int32N(3)
				case 't':
					e.At = rng.Int64N(2*maxTime) - maxTime
				case 'r':
					e.Room = int32(rng.Uint32())
				case 's':
					e.Seq = rng.Int64N(maxSeq + 1)
				case 'i':
					e.ID = id()
				case 'h':
					e.Hash = rng.Uint64()
				case 'e':
					e.Entry = rng.Int32N(50)
				case 'f':
					e.Flag = rng.IntN(2) == 0
				case 'n':
					e.Entry = int32(rng.Uint32())
				case 'u':
					e.Hash = rng.Uint64()
				}
			}
			if form.fields != "" {
				want.Events = append(want.Events, e)
				w.Event(e)
			}
		}
	}
	want.Faults = []Fault{{What: "killed", Evidence: "gone", Held: true, At: 5, Over: 9}, {What: "cut", At: -7}}
	for i, f := range want.Faults {
		if n := w.Fault(f); n != i {
			t.Fatalf("fault %d has number %d", i, n)
		}
	}
	w.FaultOver(0, 9)
	w.Finish()
	got := decoded(t, w.Take(nil))
	if !same(got, want) {
		t.Errorf("what was read is not what was written:\n%+v\n%+v", got, want)
	}
}

func TestWriterIsTakenPieceByPiece(t *testing.T) {
	whole := history(4, shapes[0])
	rec := decoded(t, whole)
	w := NewWriter()
	var out, spare []byte
	for _, label := range rec.Clients {
		w.Client(label)
	}
	for i, e := range rec.Entries {
		w.Entry(e)
		if i%3 == 0 {
			piece := w.Take(spare)
			out = append(out, piece...)
			spare = piece
		}
	}
	for _, e := range rec.Events {
		w.Event(e)
	}
	w.Finish()
	out = append(out, w.Take(nil)...)
	if w.Len() != 0 || !same(decoded(t, out), rec) {
		t.Error("the pieces are not the whole")
	}
}

func TestCutAndDamagedRecordings(t *testing.T) {
	good := history(1, shapes[1])
	rec := decoded(t, good)
	for n := 0; n < len(good); n += 1 + n/50 {
		part, err := Decode(good[:n])
		if !errors.Is(err, ErrTruncated) {
			t.Fatalf("%d of %d bytes: %v", n, len(good), err)
		}
		if !slices.Equal(part.Events, rec.Events[:len(part.Events)]) {
			t.Fatalf("%d of %d bytes: other events", n, len(good))
		}
	}
	id := make([]byte, 16)
	for name, records := range map[string][]byte{
		"an unknown record":       {99},
		"a client that is none":   {byte(Attached), 1, 0},
		"an entry that is none":   {byte(Shown), 0, 0, 0},
		"a fault that is none":    {tagFaultOver, 0, 0},
		"a room out of range":     {byte(Entered), 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"a negative seq":          {byte(Trimmed), 0, 0, 1},
		"a flag of two":           {byte(Ended), 0, 0, 2},
		"a number without end":    {byte(Trimmed), 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"a time out of range":     {byte(Attached), 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"a label without measure": {tagClient, 0xff, 0xff, 0x7f},
		"an entry of no kind":     slices.Concat([]byte{tagEntry, 3, 0, 0, 0, 0}, id, id, id),
		"too few events":          {tagEnd, 1},
		"bytes behind the end":    {tagEnd, 0, 0},
	} {
		data := append([]byte(magic), tagClient, 0)
		if _, err := Decode(append(data, records...)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, head := range []string{"TTHISTORY and more", "TTHIST\x00\x00", "TTHIST\x00\x04"} {
		if _, err := Decode([]byte(head)); !errors.Is(err, ErrDamaged) {
			t.Errorf("head %q: %v", head, err)
		}
	}
}

// golden is a recording of version 1. What reads it must go on doing so.
const golden = `
5454484953540001c908636c69656e742061c804020201006400000000000000000000000000000001000000000000000000
0000000000000100000000000000861b638ebaadbcc401000002000064000000000000000000000000000000030000861b63
8ebaadbcc404000002060000021400000200002800c08db70102010000000000000000000000000000000100000000000000
002a00d00f0202010000000000000000000000000000001600d00f000700a0b02402d8043d80b5180202080000003e000200
3f0000ca80a8c30101046b696c6c04676f6e65cb00c0c2cf01cc0e
`

func TestGoldenRecording(t *testing.T) {
	s := newScript(t, 1)
	e := s.post(1500, 0)
	s.event(1501, 0, Event{Verb: Stored, Room: scriptRoom, Seq: 1, ID: e.ID})
	s.show(1502, 0, e)
	n := s.w.Fault(Fault{What: "kill", Evidence: "gone", Held: true, At: 1_600_000})
	s.w.FaultOver(n, 1_700_000)
	s.event(1800, 0, Event{Verb: Down, Room: scriptRoom, Seq: 300})
	want := s.end(2000, 1, false)
	data, err := hex.DecodeString(strings.Join(strings.Fields(golden), ""))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(data); err != nil || !same(got, want) {
		t.Errorf("%v\n%x", err, encode(want))
	}
}

// golden2 is a recording of version 2, with the verbs that version 1 had not.
const golden2 = `
5454484953540002c9036f6c64c8040e0080e2cfaa0600010000000000000000000000000000000000000000000000000000
00000000000200000000000000030000000000000001000a0900021b000200015d00020e0281e2cfaa06645e0002025f0000
005200021000015300020e18558e68f46a145a2702015400020eda040a0002cc0a
`

func TestGoldenRecordingOfVersion2(t *testing.T) {
	w := NewWriter()
	c := w.Client("old")
	say := func(e Event) {
		e.Client = c
		w.Event(e)
	}
	e := w.Entry(Entry{Room: 7, Kind: talk.KindPosted, Author: uuidOf(1), Text: 2, Name: 3, UnixTime: 1_700_000_000})
	say(Event{Verb: Attached, At: 5})
	say(Event{Verb: Original, At: 6})
	say(Event{Verb: Heard, At: 7, Entry: e, Flag: true})
	say(Event{Verb: AskedBefore, At: 8, Room: 7, Seq: 1, Entry: 50, Hash: 1_700_000_001})
	say(Event{Verb: Page, At: 9, Seq: 1})
	say(Event{Verb: Paged, At: 9, Entry: e})
	say(Event{Verb: Leaked, At: 10, Room: 8, Entry: e, Flag: true})
	say(Event{Verb: Listed, At: 11, Room: 7, Seq: 12, Hash: MemberHash(uuidOf(1), "ada"), Entry: 1, Flag: true})
	say(Event{Verb: Counted, At: 12, Room: 7, Entry: 301})
	say(Event{Verb: Killed, At: 13})
	w.Finish()
	want := decoded(t, w.Take(nil))
	data, err := hex.DecodeString(strings.Join(strings.Fields(golden2), ""))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(data); err != nil || !same(got, want) {
		t.Errorf("%v\n%x", err, encode(want))
	}
}

// golden3 is a recording of version 3, with the verb that version 2 had not.
const golden3 = `54544849535400 03 c9036f6c64 01000a 0b000401000000000000000000000000000000 cc02`

func TestGoldenRecordingOfVersion3(t *testing.T) {
	w := NewWriter()
	c := w.Client("old")
	w.Event(Event{Verb: Attached, Client: c, At: 5})
	w.Event(Event{Verb: Session, Client: c, At: 7, ID: uuidOf(1)})
	w.Finish()
	want := w.Take(nil)
	data, err := hex.DecodeString(strings.Join(strings.Fields(golden3), ""))
	if err != nil || !slices.Equal(data, want) {
		t.Errorf("%v\n%x", err, want)
	}
	if _, err := Decode(data); err != nil {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	for seed, sh := range shapes {
		sh.clients, sh.steps = 2, 12
		f.Add(history(uint64(seed), sh))
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := Decode(data)
		if err != nil && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrDamaged) {
			t.Fatalf("an error of neither kind: %v", err)
		}
		report := Check(Options{}, rec)
		if again := Check(Options{}, rec); !reflect.DeepEqual(report, again) {
			t.Fatal("a second check says something else")
		}
		_ = report.String()
		if err != nil {
			return
		}
		if again, err := Decode(encode(rec)); err != nil || !same(rec, again) {
			t.Fatalf("written and read again it is another: %v", err)
		}
	})
}
