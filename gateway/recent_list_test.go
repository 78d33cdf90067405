package gateway

import "testing"

func TestRecentKnowsItsEntries(t *testing.T) {
	t.Parallel()
	var r recent
	for seq := int64(1); seq <= 25; seq++ {
		e := &roomEntry{cost: 1}
		e.Seq, e.ID[0] = seq, byte(seq)
		r.add(e, 20, 10)
		oldest := max(1, seq-9)
		for after := int64(0); after <= seq+1; after++ {
			i, ok := r.after(after, seq)
			if ok != (after >= oldest-1) {
				t.Fatalf("after %d of %d: %v", after, seq, ok)
			}
			if ok && after < seq && r.at(i).Seq != after+1 {
				t.Fatalf("after %d comes %d", after, r.at(i).Seq)
			}
		}
		if e, ok := r.entryAt(oldest); !ok || e.ID[0] != byte(oldest) {
			t.Fatalf("entry %d: %v %v", oldest, e, ok)
		}
		if _, ok := r.entryAt(oldest - 1); ok {
			t.Fatal("an entry that is forgotten")
		}
	}
}
