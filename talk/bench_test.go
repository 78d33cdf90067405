package talk

import (
	"testing"

	gojson "github.com/goccy/go-json"
)

// A message of the length that people write, and the frame that it makes.
var benchEntry = Entry{
	Kind: KindPosted, RoomID: 7, Author: UUID{1, 2, 3, 4, 5, 6, 0x80, 8, 0x89}, Name: "ada",
	Text:     "the analytical engine weaves algebraic patterns, just as the loom weaves flowers",
	UnixTime: 1_760_000_000, ID: UUID{9, 8, 7, 6, 5, 4, 0x40, 2, 0x81}, Seq: 123_456,
}

// peer is the same frame as a struct for goccy/go-json, which the codec here is
// measured against.
type peer struct {
	PostMessage struct {
		Message peerMessage `json:"message"`
	}
}

type peerMessage struct {
	UUID     string `json:"uuid"`
	Username string `json:"username"`
	Text     string `json:"text"`
	RoomID   int32  `json:"room_id"`
	UnixTime uint64 `json:"unixtime"`
	ID       string `json:"id,omitempty"`
	Seq      int64  `json:"seq,omitempty"`
}

func peerOf(e *Entry, form Form) *peer {
	var p peer
	p.PostMessage.Message = peerMessage{UUID: e.Author.String(), Username: e.Name, Text: e.Text,
		RoomID: e.RoomID, UnixTime: e.UnixTime}
	if form == Extended {
		p.PostMessage.Message.ID, p.PostMessage.Message.Seq = e.ID.String(), e.Seq
	}
	return &p
}

// entryOfPeer ends in what Decode ends in; only UTF-8 goes unchecked.
func entryOfPeer(p *peer) (m Message, err error) {
	from := &p.PostMessage.Message
	e := Entry{Kind: KindPosted, RoomID: from.RoomID, Name: from.Username, Text: from.Text,
		UnixTime: from.UnixTime, Seq: from.Seq}
	if e.Author, err = ParseUUID(from.UUID); err == nil && from.ID != "" {
		e.ID, err = ParseUUID(from.ID)
	}
	return e, err
}

var benchForms = []struct {
	name string
	form Form
}{{"json", JSON}, {"extended", Extended}, {"bincode", Bincode}}

func BenchmarkAppend(b *testing.B) {
	for _, f := range benchForms {
		b.Run("talk/"+f.name, func(b *testing.B) {
			buf := make([]byte, 0, 4096)
			b.SetBytes(int64(len(AppendEntry(nil, f.form, &benchEntry))))
			b.ReportAllocs()
			for b.Loop() {
				buf = AppendEntry(buf[:0], f.form, &benchEntry)
			}
		})
		if f.form == Bincode {
			continue
		}
		b.Run("goccy/"+f.name, func(b *testing.B) {
			p := peerOf(&benchEntry, f.form)
			b.SetBytes(int64(len(AppendEntry(nil, f.form, &benchEntry))))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := gojson.Marshal(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, f := range benchForms {
		data := AppendEntry(nil, f.form, &benchEntry)
		b.Run("talk/"+f.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(f.form, data); err != nil {
					b.Fatal(err)
				}
			}
		})
		if f.form == Bincode {
			continue
		}
		b.Run("goccy/"+f.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				var p peer
				if err := gojson.Unmarshal(data, &p); err != nil {
					b.Fatal(err)
				}
				if _, err := entryOfPeer(&p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkClean(b *testing.B) {
	for _, text := range []struct{ name, text string }{
		{"ascii", benchEntry.Text},
		{"german", "Die Maschine webt algebraische Muster, so wie der Webstuhl Blüten webt – schön, nicht?"},
		{"emoji", "schön 👩🏽‍❤️‍💋‍👨🏽 👨‍👩‍👧‍👦 🏳️‍🌈 é́́ ok"},
	} {
		b.Run(text.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				CleanText(text.text)
			}
		})
	}
}
