package talk

import "testing"

// A message of the length that people write, and the frame that it makes.
var benchEntry = Entry{
	Kind: KindPosted, RoomID: 7, Author: UUID{1, 2, 3, 4, 5, 6, 0x80, 8, 0x89}, Name: "ada",
	Text:     "the analytical engine weaves algebraic patterns, just as the loom weaves flowers",
	UnixTime: 1_760_000_000, ID: UUID{9, 8, 7, 6, 5, 4, 0x40, 2, 0x81}, Seq: 123_456,
}

var benchForms = []struct {
	name string
	form Form
}{{"json", JSON}, {"extended", Extended}, {"bincode", Bincode}, {"extended-bincode", ExtendedBincode}}

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
	}
}

// BenchmarkDecodeCostly is what a hostile frame costs a server that is not paid for it.
func BenchmarkDecodeCostly(b *testing.B) {
	for name, frame := range costlyFrames() {
		data := []byte(frame)
		for _, by := range []struct {
			name   string
			decode func(Form, []byte) (Message, error)
		}{{"Decode", Decode}, {"DecodeFromClient", DecodeFromClient}} {
			b.Run(by.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_, _ = by.decode(JSON, data)
				}
			})
		}
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
