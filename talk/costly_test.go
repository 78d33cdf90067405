package talk

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// filled is a frame of just about the most bytes that a client may send.
func filled(head, item, tail string) string {
	return head + strings.Repeat(item, (MaxFrameBytes-len(head)-len(tail))/len(item)) + tail
}

// costlyFrames each took milliseconds to read, far more than their bytes are worth.
func costlyFrames() map[string]string {
	var names strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&names, `,"%d":0`, i)
	}
	const levels = 9980
	return map[string]string{
		"history of numbers": filled(`{"History":{"text":[0`, `,0`, `]}}`),
		"history of arrays":  filled(`{"History":{"text":[[]`, `,[]`, `]}}`),
		"levels":             `{"Ping":{"x":` + strings.Repeat(`{"":`, levels) + `0` + strings.Repeat(`}`, levels) + `}}`,
		"names":              `{"Ping":{"n":1` + names.String() + `}}`,
		"members":            filled(`{"Joined":{"members":[{}`, `,{}`, `]}}`),
		"known names":        `{"Ping":` + strings.Repeat(`{"text":`, 7000) + `!`,
		"behind quotes":      filled(`{"Ping":{"x\"\\":"\"[{\\","y":[0`, `,0`, `]}}`),
	}
}

// TestFromClientRefusesBeforeReading: nothing is made of a frame with too many parts.
func TestFromClientRefusesBeforeReading(t *testing.T) {
	tooMany := func(form Form, data []byte) {
		if len(data) > MaxFrameBytes {
			t.Fatalf("%d bytes are no client's", len(data))
		}
		var err error
		allocations := testing.AllocsPerRun(5, func() { _, err = DecodeFromClient(form, data) })
		if !errors.Is(err, ErrTooManyParts) || allocations > 0 {
			t.Errorf("%.60q: %v, %v allocations", data, err, allocations)
		}
	}
	for _, frame := range costlyFrames() {
		tooMany(JSON, []byte(frame))
		tooMany(Extended, []byte(frame))
	}
	for _, form := range []Form{Bincode, ExtendedBincode} {
		m := History{Text: make([]Message, MaxClientParts+1)}
		for i := range m.Text {
			m.Text[i] = LocalError{}
		}
		data, err := Append(nil, form, m)
		if err != nil {
			t.Fatal(err)
		}
		tooMany(form, data)
		data, _ = Append(nil, form, History{Text: m.Text[1:]})
		if _, err := DecodeFromClient(form, data); err != nil {
			t.Errorf("as many as there may be: %v", err)
		}
	}
	if _, err := DecodeFromClient(Extended, make([]byte, MaxFrameBytes+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a frame that is too long: %v", err)
	}
}

// TestFromClientLeavesRoomToGrow: every message of a client, with as many fields again
// as there ever were and more, is read as before.
func TestFromClientLeavesRoomToGrow(t *testing.T) {
	var fields strings.Builder
	for i := range MaxClientParts - 16 {
		fmt.Fprintf(&fields, `,"zz%d":"{[,"`, i)
	}
	for _, m := range []Message{
		JoinRoom{RoomID: 7, UUID: ada, Username: "ada", UnixTime: now, Resume: true, AfterSeq: 1, AfterID: id},
		LeaveRoom{RoomID: 7, UUID: ada, Username: "ada", UnixTime: now},
		ChangeName{UUID: ada, Username: "lovelace", OldUsername: "ada", UnixTime: now, ID: id},
		Fetch{RoomID: 7, Limit: 50, FetchBefore: now, BeforeSeq: 9},
		LocalError{Message: "Input too long"},
		entryOf(KindPosted, func(e *Entry) { e.ID, e.Seq, e.SentAt, e.Pending, e.Round = id, 5, now, true, 2 }),
		Hello{Client: "golden/1", Secret: Secret{1}, Session: id},
		Ping{N: 1}, Pong{N: 1},
	} {
		data, err := Append(nil, Extended, m)
		if err != nil {
			t.Fatal(err)
		}
		end := strings.Index(string(data), "}")
		grown := string(data[:end]) + fields.String() + string(data[end:])
		for _, frame := range []string{string(data), grown} {
			if got, err := DecodeFromClient(Extended, []byte(frame)); err != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("%.80s: %v, %#v", frame, err, got)
			}
		}
	}
}

// TestHistoryIsReadUpToTheFirstBadMessage: what follows it costs no allocations.
func TestHistoryIsReadUpToTheFirstBadMessage(t *testing.T) {
	for _, name := range []string{"history of numbers", "history of arrays"} {
		data := []byte(costlyFrames()[name])
		var err error
		if n := testing.AllocsPerRun(5, func() { _, err = Decode(JSON, data) }); n > 64 || !errors.Is(err, ErrWrongType) {
			t.Errorf("%s: %v, %v allocations", name, err, n)
		}
	}
}

// TestPlaceOfAFaultIsShort, however deep it lies.
func TestPlaceOfAFaultIsShort(t *testing.T) {
	_, err := Decode(JSON, []byte(costlyFrames()["known names"]))
	if want := "Ping.text.text.text: " + ErrSyntax.Error(); err == nil || err.Error() != want {
		t.Errorf("%.200v, want %s", err, want)
	}
}
