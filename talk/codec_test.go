package talk

import (
	"bytes"
	"errors"
	"testing"
)

var everyForm = []Form{JSON, Bincode, Extended, ExtendedBincode}

// TestAppendRefusesWhatAFormLacks holds the original's forms to their bounds:
// what would change its meaning is refused, the rest is left out.
func TestAppendRefusesWhatAFormLacks(t *testing.T) {
	pending := entryOf(KindPosted, func(e *Entry) { e.ID, e.Pending = id, true })
	refused := map[string]Message{
		"pending entry":         pending,
		"pending in a history":  History{Text: []Message{entryOf(KindPosted, nil), pending}},
		"fetch before a seq":    Fetch{BeforeSeq: 1},
		"resume":                JoinRoom{Resume: true},
		"history in a history":  History{Text: []Message{History{}}},
		"nothing in a history":  History{Text: []Message{nil}},
		"extended in a history": History{Text: []Message{Ping{}}},
		"nothing":               nil,
	}
	for tag := LastOriginalTag + 1; int(tag) < len(variantNames); tag++ {
		refused[variantNames[tag]] = extended[variantNames[tag]]
	}
	for name, m := range refused {
		for _, form := range []Form{JSON, Bincode} {
			dst, err := Append([]byte("before"), form, m)
			if !errors.Is(err, ErrForm) || string(dst) != "before" {
				t.Errorf("%s, form %d: %q, %v", name, form, dst, err)
			}
		}
	}
	for _, name := range []string{"history in a history", "nothing in a history", "extended in a history", "nothing"} {
		for _, form := range []Form{Extended, ExtendedBincode} {
			if dst, err := Append(nil, form, refused[name]); !errors.Is(err, ErrForm) || dst != nil {
				t.Errorf("%s, form %d: %q, %v", name, form, dst, err)
			}
		}
	}
	if got := AppendEntry([]byte("before"), JSON, &pending); string(got) != "before" {
		t.Errorf("AppendEntry wrote a pending entry: %q", got)
	}
	if got := AppendEntry([]byte("before"), Bincode, &pending); string(got) != "before" {
		t.Errorf("AppendEntry wrote a pending entry: %q", got)
	}
}

// TestOriginalFormsLackExtras holds what the original's clients get to what
// they know.
func TestOriginalFormsLackExtras(t *testing.T) {
	full := func(e *Entry) { e.ID, e.Seq, e.SentAt, e.Round = id, 5, now, 2 }
	tests := []struct{ full, bare Message }{
		{entryOf(KindJoined, full), entryOf(KindJoined, nil)},
		{entryOf(KindLeft, full), entryOf(KindLeft, nil)},
		{entryOf(KindRenamed, full), entryOf(KindRenamed, nil)},
		{entryOf(KindPosted, full), entryOf(KindPosted, nil)},
		{Error{Code: "a", Message: "b", ID: id, Retry: true, RetryMS: 7}, Error{Code: "a", Message: "b"}},
		{ChangeName{UUID: ada, ID: id}, ChangeName{UUID: ada}},
		{History{Text: []Message{entryOf(KindPosted, full)}, RoomID: 7, BeforeSeq: 3, More: true, Complete: true},
			History{Text: []Message{entryOf(KindPosted, nil)}}},
	}
	for _, test := range tests {
		for _, form := range []Form{JSON, Bincode} {
			got, err := Append(nil, form, test.full)
			if err != nil {
				t.Fatal(err)
			}
			want, err := Append(nil, form, test.bare)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("form %d:\n got %q\nwant %q", form, got, want)
			}
		}
	}
}

func TestDecodeIsBounded(t *testing.T) {
	for _, form := range everyForm {
		if _, err := Decode(form, make([]byte, MaxServerFrameBytes+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("form %d: %v", form, err)
		}
		if _, err := Decode(form, make([]byte, MaxServerFrameBytes)); errors.Is(err, ErrTooLarge) {
			t.Errorf("form %d: %v", form, err)
		}
	}
}

// TestDecodeKeepsNothing changes the frame after it was decoded.
func TestDecodeKeepsNothing(t *testing.T) {
	for _, form := range everyForm {
		e := entryOf(KindPosted, nil)
		data := AppendEntry(nil, form, &e)
		m, err := Decode(form, data)
		if err != nil {
			t.Fatal(err)
		}
		clear(data)
		if m != Message(e) {
			t.Errorf("form %d: %#v", form, m)
		}
	}
}
