//go:build !race

package talk

import "testing"

func TestAllocations(t *testing.T) {
	buf := make([]byte, 0, 64<<10)
	full := entryOf(KindPosted, func(e *Entry) {
		e.ID, e.Seq, e.SentAt, e.Round, e.Text = id, 1<<62, now, 9, controls()+"schön 😀"
	})
	for _, form := range everyForm {
		for _, kind := range []Kind{KindJoined, KindLeft, KindRenamed, KindPosted} {
			e := full
			e.Kind = kind
			most := 0.0
			if !form.IsBinary() {
				most = 3 // what the library returns, and what its text methods return
			}
			if n := testing.AllocsPerRun(100, func() { buf = AppendEntry(buf[:0], form, &e) }); n > most {
				t.Errorf("AppendEntry, form %d, kind %d: %v allocations", form, kind, n)
			}
		}
		data := AppendEntry(nil, form, &full)
		decode := func() {
			if _, err := Decode(form, data); err != nil {
				t.Fatal(err)
			}
		}
		// The name, the text, the Entry; in JSON also what the library reads into.
		if n := testing.AllocsPerRun(100, decode); n > 5 || form.IsBinary() && n > 3 {
			t.Errorf("Decode, form %d: %v allocations", form, n)
		}
	}
	for name, m := range extended {
		if n := testing.AllocsPerRun(100, func() { buf, _ = Append(buf[:0], ExtendedBincode, m) }); n != 0 {
			t.Errorf("Append %s: %v allocations", name, n)
		}
	}
	for _, text := range []string{benchEntry.Text, "schön, 漢字\nund 😀 é́"} {
		if n := testing.AllocsPerRun(100, func() { CleanText(text) }); n != 0 {
			t.Errorf("CleanText(%q): %v allocations", text, n)
		}
	}
}
