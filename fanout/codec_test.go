package fanout_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
	"tuitalk/talk"
)

func samples() []*fanout.Note {
	u := talk.UUID{0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xfe}
	return []*fanout.Note{
		{},
		{Room: -1, Count: 301},
		fanouttest.Note(1<<31-1, 1<<40),
		{Room: fanout.FleetRoom, Renamed: []fanout.Renamed{{UUID: u, Name: "grace", Room: -3}, {}}},
		{Room: 7, Entered: []fanout.Entered{{UUID: u, Session: u, Gateway: u, Epoch: 1<<63 - 1}, {}}, Renamed: []fanout.Renamed{{UUID: u}}},
		{Room: 7, Stored: []fanout.Stored{{Author: u, ID: u, Seq: 1<<63 - 1}, {Seq: 1}}, Renamed: []fanout.Renamed{{UUID: u}}},
		{Room: -8, Stored: []fanout.Stored{{Author: u, Seq: 1}}},
		{Room: 4, Behind: u},
		{Room: fanout.FleetRoom, Renamed: []fanout.Renamed{{UUID: u, Name: "grace", Room: 3}}, Behind: talk.UUID{15: 1}},
		{Room: -1 << 31, Gone: []fanout.Gone{{Author: u, ID: u}, {}}},
		{Room: 3, Count: 1, Gone: []fanout.Gone{{Author: u}}, Entries: []talk.Entry{
			{Kind: talk.KindJoined, RoomID: 3, Author: u, Name: "ada", UnixTime: 1<<64 - 1, ID: u, Seq: 1<<63 - 1},
			{Kind: talk.KindPosted, RoomID: 3, Author: u, Name: "", Text: strings.Repeat("é", 2000), SentAt: 1<<64 - 1, Pending: true},
		}},
	}
}

func TestNoteForm(t *testing.T) {
	for _, n := range samples() {
		data := fanout.AppendNote([]byte("before"), n)
		got, err := fanout.DecodeNote(string(data[len("before"):]))
		if err != nil {
			t.Errorf("%+v: %v", n, err)
		} else if !reflect.DeepEqual(got, n) {
			t.Errorf("wrote %+v\nread  %+v", n, got)
		}
	}
}

// TestRenamedOfAnOlderNode: it did not say in which room.
func TestRenamedOfAnOlderNode(t *testing.T) {
	old := "\x01\x00\x00\x00\x00\x00\x01" + strings.Repeat("u", 16) + "\x03ada"
	n, err := fanout.DecodeNote(old)
	if err != nil || len(n.Renamed) != 1 || n.Renamed[0].Name != "ada" || n.Renamed[0].Room != fanout.FleetRoom {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestEntryForm(t *testing.T) {
	for _, n := range samples() {
		for _, e := range n.Entries {
			got, err := fanout.DecodeEntry(string(fanout.AppendEntry(nil, &e)))
			if err != nil {
				t.Errorf("%+v: %v", e, err)
			} else if got != e {
				t.Errorf("wrote %+v\nread  %+v", e, got)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(fanout.AppendNote(nil, samples()[len(samples())-1]))
	for name, c := range map[string]struct {
		data string
		want error
	}{
		"nothing":            {"", fanout.ErrGarbled},
		"a later version":    {"\x02" + good[1:], fanout.ErrVersion},
		"something behind":   {good + "x", fanout.ErrGarbled},
		"a room over int32":  {"\x01\x80\x80\x80\x80\x10\x00\x00\x00", fanout.ErrGarbled},
		"an endless varint":  {"\x01" + strings.Repeat("\x80", 20), fanout.ErrGarbled},
		"a varint over 64":   {"\x01\x00" + strings.Repeat("\xff", 9) + "\x02\x00\x00", fanout.ErrGarbled},
		"too many entries":   {"\x01\x00\x00\xff\xff\xff\x7f" + strings.Repeat("x", 100), fanout.ErrGarbled},
		"too many gone":      {"\x01\x00\x00\x00\x04" + strings.Repeat("x", 100), fanout.ErrGarbled},
		"an unknown flag":    {"\x01\x00\x00\x01\x40" + strings.Repeat("\x00", 36) + "\x00", fanout.ErrGarbled},
		"an unknown kind":    {"\x01\x00\x00\x01\x03" + strings.Repeat("\x00", 35) + "\x00", fanout.ErrGarbled},
		"a seq of zero":      {"\x01\x00\x00\x01\x10" + strings.Repeat("\x00", 36) + "\x00", fanout.ErrGarbled},
		"stored at no seq":   {"\x01\x00\x00\x00\x00\x00\x00\x01" + strings.Repeat("\x00", 33), fanout.ErrGarbled},
		"nothing is stored":  {"\x01\x00\x00\x00\x00\x00\x00\x00", fanout.ErrGarbled},
		"rooms of nobody":    {"\x01\x00\x00\x00\x00\x00\x00\x00\x00", fanout.ErrGarbled},
		"behind nothing":     {"\x01\x00\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("\x00", 16), fanout.ErrGarbled},
		"a room too few":     {"\x01\x00\x00\x00\x00\x00\x01" + strings.Repeat("\x00", 17) + "\x00\x00", fanout.ErrGarbled},
		"a name beyond data": {"\x01\x00\x00\x01\x00" + strings.Repeat("\x00", 33) + "\x05\x00\x00", fanout.ErrGarbled},
	} {
		if n, err := fanout.DecodeNote(c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: got %+v, %v, want %v", name, n, err, c.want)
		}
	}
	for i := range good {
		if n, err := fanout.DecodeNote(good[:i]); err == nil {
			t.Errorf("the first %d of %d bytes decode to %+v", i, len(good), n)
		}
	}
}

func FuzzDecodeNote(f *testing.F) {
	for _, n := range samples() {
		f.Add(string(fanout.AppendNote(nil, n)))
	}
	f.Fuzz(func(t *testing.T, data string) {
		n, err := fanout.DecodeNote(data)
		if err != nil {
			return
		}
		if size := n.Size(); size > 200+8*len(data) {
			t.Fatalf("%d bytes of data took %d bytes of memory", len(data), size)
		}
		again, err := fanout.DecodeNote(string(fanout.AppendNote(nil, n)))
		if err != nil || !reflect.DeepEqual(n, again) {
			t.Fatalf("read %+v\nthen %+v, %v", n, again, err)
		}
	})
}

func FuzzDecodeEntry(f *testing.F) {
	for _, n := range samples() {
		for i := range n.Entries {
			f.Add(string(fanout.AppendEntry(nil, &n.Entries[i])))
		}
	}
	f.Fuzz(func(t *testing.T, data string) {
		e, err := fanout.DecodeEntry(data)
		if err != nil {
			return
		}
		again, err := fanout.DecodeEntry(string(fanout.AppendEntry(nil, &e)))
		if err != nil || e != again {
			t.Fatalf("read %+v\nthen %+v, %v", e, again, err)
		}
	})
}

func BenchmarkAppendNote(b *testing.B) {
	note := fanouttest.Note(1, 1)
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = fanout.AppendNote(buf[:0], note)
	}
}

func BenchmarkDecodeNote(b *testing.B) {
	data := string(fanout.AppendNote(nil, fanouttest.Note(1, 1)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fanout.DecodeNote(data); err != nil {
			b.Fatal(err)
		}
	}
}
