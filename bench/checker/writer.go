package checker

import "encoding/binary"

// Writer writes a recording into memory, from where Take takes it. It belongs
// to one goroutine at a time.
type Writer struct {
	buf   []byte
	last  int64 // time of the last event
	cache []known

	clients, faults, entries, events int
}

// known is an entry that was written lately.
type known struct {
	entry Entry
	index int32 // -1: none
}

// cacheSize is how many entries are known at most; a power of two. One that is
// forgotten is written again, which costs room and does no harm.
const cacheSize = 1 << 14

// NewWriter begins a recording.
func NewWriter() *Writer {
	w := &Writer{buf: []byte(magic), cache: make([]known, cacheSize)}
	for i := range w.cache {
		w.cache[i].index = -1
	}
	return w
}

// Take returns what was written since the last Take, and lets the next be
// written into spare.
func (w *Writer) Take(spare []byte) []byte {
	b := w.buf
	w.buf = spare[:0]
	return b
}

// Len is how many bytes wait to be taken.
func (w *Writer) Len() int { return len(w.buf) }

// Client adds a client and returns its index.
func (w *Writer) Client(label string) int32 {
	w.buf = append(w.buf, tagClient)
	w.text(label)
	w.clients++
	return int32(w.clients - 1)
}

// Entry returns the index of an entry, and writes it down if it must.
func (w *Writer) Entry(e Entry) int32 {
	slot := &w.cache[slotOf(&e)]
	if slot.index >= 0 && slot.entry == e {
		return slot.index
	}
	w.buf = append(w.buf, tagEntry, byte(e.Kind))
	w.int(int64(e.Room))
	w.int(e.Seq)
	w.buf = binary.AppendUvarint(w.buf, e.UnixTime)
	w.buf = binary.AppendUvarint(w.buf, e.SentAt)
	w.buf = append(w.buf, e.Author[:]...)
	w.buf = append(w.buf, e.ID[:]...)
	w.buf = binary.LittleEndian.AppendUint64(w.buf, e.Text)
	w.buf = binary.LittleEndian.AppendUint64(w.buf, e.Name)
	*slot = known{e, int32(w.entries)}
	w.entries++
	return slot.index
}

func slotOf(e *Entry) uint64 {
	h := uint64(e.Seq)
	if e.Seq == 0 {
		h = binary.LittleEndian.Uint64(e.ID[:8])
	}
	h = (h ^ uint64(uint32(e.Room))<<32) * 0x9e3779b97f4a7c15
	return h >> 40 & (cacheSize - 1)
}

// Event writes an event. Its client and entry must have been written before.
func (w *Writer) Event(e Event) {
	w.buf = append(w.buf, byte(e.Verb))
	fields := verbs[e.Verb].fields
	for i := range len(fields) {
		switch fields[i] {
		case 'c':
			w.buf = binary.AppendUvarint(w.buf, uint64(e.Client))
		case 't':
			w.int(e.At - w.last)
			w.last = e.At
		case 'r':
			w.int(int64(e.Room))
		case 's':
			w.int(e.Seq)
		case 'i':
			w.buf = append(w.buf, e.ID[:]...)
		case 'h':
			w.buf = binary.LittleEndian.AppendUint64(w.buf, e.Hash)
		case 'e':
			w.buf = binary.AppendUvarint(w.buf, uint64(e.Entry))
		case 'f':
			w.flag(e.Flag)
		case 'n':
			w.int(int64(e.Entry))
		case 'u':
			w.buf = binary.AppendUvarint(w.buf, e.Hash)
		}
	}
	w.events++
}

// Fault writes a mark, without its Over, and returns its number.
func (w *Writer) Fault(f Fault) int {
	w.buf = append(w.buf, tagFault)
	w.int(f.At)
	w.flag(f.Held)
	w.text(f.What)
	w.text(f.Evidence)
	w.faults++
	return w.faults - 1
}

// FaultOver says when a fault was undone.
func (w *Writer) FaultOver(fault int, at int64) {
	w.buf = append(w.buf, tagFaultOver)
	w.buf = binary.AppendUvarint(w.buf, uint64(fault))
	w.int(at)
}

// Finish ends the recording: one without is known to be cut off.
func (w *Writer) Finish() {
	w.buf = append(w.buf, tagEnd)
	w.buf = binary.AppendUvarint(w.buf, uint64(w.events))
}

// int writes the sign in the lowest bit.
func (w *Writer) int(v int64) { w.buf = binary.AppendUvarint(w.buf, uint64(v)<<1^uint64(v>>63)) }

func (w *Writer) flag(f bool) {
	b := byte(0)
	if f {
		b = 1
	}
	w.buf = append(w.buf, b)
}

func (w *Writer) text(s string) {
	s = s[:min(len(s), maxLabel)]
	w.buf = binary.AppendUvarint(w.buf, uint64(len(s)))
	w.buf = append(w.buf, s...)
}
