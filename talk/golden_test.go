package talk

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const (
	adaText = "67e55044-10b1-426f-9247-bb680e5fe0c8" // version 4: of a client of the original
	benText = "b58ec876-c5b7-8146-9e66-92e1053b159b" // version 8: that of benSecret
	idText  = "5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"
	now     = 1_760_000_000
)

var (
	ada = mustUUID(adaText)
	ben = mustUUID(benText)
	id  = mustUUID(idText)
)

func mustUUID(s string) UUID {
	u, err := ParseUUID(s)
	if err != nil {
		panic(err)
	}
	return u
}

// entryOf is ada's entry of the golden vectors.
func entryOf(kind Kind, change func(*Entry)) Entry {
	e := Entry{Kind: kind, RoomID: 7, Author: ada, Name: "ada", UnixTime: now}
	switch kind {
	case KindPosted:
		e.Text = "hello"
	case KindRenamed:
		e.Name, e.Text = "lovelace", "ada"
	}
	if change != nil {
		change(&e)
	}
	return e
}

// controls are all of C0, DEL and two of C1.
func controls() string {
	var b strings.Builder
	for c := range rune(0x20) {
		b.WriteRune(c)
	}
	return b.String() + "\x7f\u0080\u009f"
}

// original are the vectors in both of the original's forms.
var original = map[string]Message{
	"JoinRoom":       JoinRoom{RoomID: 7, UUID: ada, Username: "ada", UnixTime: now},
	"LeaveRoom":      LeaveRoom{RoomID: 7, UUID: ada, Username: "ada", UnixTime: now},
	"ChangeName":     ChangeName{UUID: ada, Username: "lovelace", OldUsername: "ada", UnixTime: now},
	"Fetch":          Fetch{RoomID: 7, Limit: 50, FetchBefore: now},
	"Fetch-least":    Fetch{RoomID: -1 << 31, Limit: -1 << 63},
	"Fetch-greatest": Fetch{RoomID: 1<<31 - 1, Limit: 1<<63 - 1, FetchBefore: 1<<64 - 1},
	"LocalError":     LocalError{Message: "Input too long"},
	"UserJoined":     entryOf(KindJoined, nil),
	"UserLeft":       entryOf(KindLeft, nil),
	// The room is no part of the original's UsernameChanged.
	"UsernameChanged": entryOf(KindRenamed, func(e *Entry) { e.RoomID = 0 }),
	"History": History{Text: []Message{
		entryOf(KindJoined, nil), entryOf(KindPosted, nil),
		entryOf(KindRenamed, func(e *Entry) { e.RoomID = 0 }), entryOf(KindLeft, nil),
	}},
	"History-empty": History{},
	"Error":         Error{Code: CodeBadText, Message: "A message has at most 4000 bytes."},
	"PostMessage":   entryOf(KindPosted, nil),
	"PostMessage-least": entryOf(KindPosted, func(e *Entry) {
		e.Name, e.Text, e.RoomID, e.UnixTime = "", "", -1<<31, 0
	}),
	"PostMessage-greatest": entryOf(KindPosted, func(e *Entry) { e.RoomID, e.UnixTime = 1<<31-1, 1<<64-1 }),
	"PostMessage-escapes": entryOf(KindPosted, func(e *Entry) {
		e.Text = controls() + `"quoted" \back\ /slash/`
	}),
	"PostMessage-unicode": entryOf(KindPosted, func(e *Entry) {
		e.Name = "Åda\u200d"
		e.Text = "ß Ω Ж א ع ह ไ 漢字 한글 \u2028\u2029 e\u0301 " +
			"👩\U0001f3fd\u200d❤\ufe0f\u200d💋\u200d👨\U0001f3fd " +
			"🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f \ufeff\uffff\U0010ffff"
	}),
}

// extended are the vectors in the extended form.
var extended = map[string]Message{
	"JoinRoom":           JoinRoom{RoomID: 7, UUID: ben, Username: "ben", Resume: true, AfterSeq: 41, AfterID: id, AfterTime: now},
	"JoinRoom-fromstart": JoinRoom{RoomID: 7, UUID: ben, Username: "ben", Resume: true},
	"ChangeName":         ChangeName{UUID: ben, Username: "benjamin", OldUsername: "ben", ID: id},
	"Fetch":              Fetch{RoomID: 7, Limit: 50, BeforeSeq: 42},
	"UserJoined":         entryOf(KindJoined, func(e *Entry) { e.ID, e.Seq = id, 1 }),
	"UserLeft":           entryOf(KindLeft, func(e *Entry) { e.ID, e.Seq = id, 1<<63-1 }),
	"UsernameChanged":    entryOf(KindRenamed, func(e *Entry) { e.ID, e.Seq = id, 42 }),
	"History": History{RoomID: 7, BeforeSeq: 3, More: true, Complete: true, Text: []Message{
		entryOf(KindJoined, func(e *Entry) { e.ID, e.Seq = id, 1 }),
		entryOf(KindPosted, func(e *Entry) { e.ID, e.Seq = id, 2 }),
	}},
	"Error":       Error{Code: CodeFlood, Message: "Slowly, please.", ID: id, Retry: true, RetryMS: 1500},
	"PostMessage": entryOf(KindPosted, func(e *Entry) { e.ID, e.Seq = id, 42 }),
	"PostMessage-sent": entryOf(KindPosted, func(e *Entry) {
		e.Author, e.Name, e.UnixTime, e.ID, e.Round = ben, "ben", 0, id, 3
	}),
	"PostMessage-pending": entryOf(KindPosted, func(e *Entry) {
		e.ID, e.SentAt, e.Pending = id, now-1, true
	}),
	"PostMessage-stored-late": entryOf(KindPosted, func(e *Entry) { e.ID, e.Seq, e.SentAt = id, 43, now-1 }),
	"Hello":                   Hello{Client: "golden/1", Secret: benSecret, Session: id},
	"Hello-least":             Hello{},
	"Welcome":                 Welcome{UUID: ben, Server: "gateway-1", Limits: DefaultLimits()},
	"Joined": Joined{RoomID: 7, HeadSeq: 42, HeadID: id, HeadTime: now, AfterSeq: 41, Reset: true, MemberCount: 2,
		Members: []Member{{ada, "ada"}, {ben, "ben"}}},
	"Joined-empty":   Joined{},
	"Joined-unknown": Joined{RoomID: 7, HeadSeq: 42, AfterSeq: 42, MembersUnknown: true},
	"Accepted":       Accepted{RoomID: 7, ID: id},
	"Stored":         Stored{RoomID: 7, ID: id, Seq: 42},
	"Withdrawn":      Withdrawn{RoomID: 7, UUID: ben, ID: id},
	"Presence":       Presence{RoomID: 7, MemberCount: 301},
	"Reconnect":      Reconnect{WithinMS: 5000, Reset: true},
	"Gap":            Gap{RoomID: 7, From: 43, To: 9000, ToID: id, ToTime: now},
	"Gap-noid":       Gap{RoomID: 7, From: 43, To: 9000},
	"Ping":           Ping{N: 1<<32 - 1},
	"Pong":           Pong{},
}

// goldenForms are the endings of the files.
var goldenForms = []struct {
	ending   string
	form     Form
	messages map[string]Message
}{
	{".json", JSON, original},
	{".bincode", Bincode, original},
	{".extended.json", Extended, extended},
	{".extended.bin", ExtendedBincode, extended},
}

func TestGolden(t *testing.T) {
	files := map[string]bool{"README.md": true, "generate.py": true}
	for _, g := range goldenForms {
		for name, m := range g.messages {
			files[name+g.ending] = true
			t.Run(name+g.ending, func(t *testing.T) {
				want, err := os.ReadFile(filepath.Join("testdata/golden", name+g.ending))
				if err != nil {
					t.Fatal(err)
				}
				got, err := Append([]byte("before"), g.form, m)
				if err != nil || string(got) != "before"+string(want) {
					t.Errorf("Append: %v\n got %q\nwant %q", err, got, want)
				}
				back, err := Decode(g.form, want)
				if err != nil || !reflect.DeepEqual(back, m) {
					t.Errorf("Decode: %v\n got %#v\nwant %#v", err, back, m)
				}
				if e, ok := m.(Entry); ok && !bytes.Equal(AppendEntry(nil, g.form, &e), want) {
					t.Errorf("AppendEntry: %q", AppendEntry(nil, g.form, &e))
				}
			})
		}
	}
	dir, err := os.ReadDir("testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range dir {
		if !files[file.Name()] {
			t.Errorf("no message belongs to %s", file.Name())
		}
	}
}

// TestEveryVariantIsGolden holds the vectors to the whole enum.
func TestEveryVariantIsGolden(t *testing.T) {
	for tag, name := range variantNames {
		messages := extended
		if Tag(tag) == TagLeaveRoom || Tag(tag) == TagLocalError {
			messages = original // they have no extended field
		}
		if m, ok := messages[name]; !ok || m.Tag() != Tag(tag) {
			t.Errorf("%s: the vector is %#v", name, m)
		}
		if m, ok := original[name]; Tag(tag) <= LastOriginalTag && (!ok || m.Tag() != Tag(tag)) {
			t.Errorf("%s: the original's vector is %#v", name, m)
		}
	}
}

// TestEveryFieldIsGolden holds the extended vectors to the fields that are
// declared: each stands in one of them.
func TestEveryFieldIsGolden(t *testing.T) {
	var all strings.Builder
	for _, g := range goldenForms {
		for name := range g.messages {
			if g.form.IsBinary() {
				continue
			}
			data, err := os.ReadFile(filepath.Join("testdata/golden", name+g.ending))
			if err != nil {
				t.Fatal(err)
			}
			all.Write(data)
		}
	}
	for name, fields := range declared() {
		for _, f := range fields {
			if !strings.Contains(all.String(), `"`+f.name+`":`) {
				t.Errorf("%s: no vector has %s", name, f.name)
			}
		}
	}
}
