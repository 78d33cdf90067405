package fanout

import (
	"encoding/binary"
	"errors"

	"tuitalk/talk"
)

// Version is the first byte of every encoded Note and entry. It changes when
// an older node could misread what follows.
const Version = 1

var (
	// ErrVersion: the data is of a form that this node does not know.
	ErrVersion = errors.New("the note has an unknown version")
	// ErrGarbled: the data is not a note.
	ErrGarbled = errors.New("the note is garbled")
)

// The form, all integers as varints of encoding/binary:
//
//	note   version, room (signed), count, entries n, n × entry, gone n, n × (author 16, id 16), [people, [stored, [rooms, [behind]]]]
//	people entered n, n × (uuid 16, session 16, gateway 16, epoch), renamed n, n × (uuid 16, name n, n bytes)
//	stored n, n × (author 16, id 16, seq)
//	rooms  n, n × room (signed), of renamed
//	behind 16
//	entry  flags, author 16, id 16, unixtime, [seq], [sent at], name n, n bytes, text n, n bytes
//	alone  version, room (signed), entry
//
// An entry has its note's room. Round is between a client and its server, and
// is not carried.
const (
	flagKind    = 0x07 // talk.Kind
	flagPending = 0x08
	flagSeq     = 0x10 // seq follows; else it is 0
	flagSentAt  = 0x20 // sent at follows; else it is 0
	flagKnown   = 0x3f

	uuidSize     = 16
	minEntrySize = 1 + 2*uuidSize + 1 + 1 + 1
	goneSize     = 2 * uuidSize
	minEntered   = 3*uuidSize + 1
	minRenamed   = uuidSize + 1
	minStored    = 2*uuidSize + 1
	minRoom      = 1
)

// AppendNote appends the note's binary form.
func AppendNote(dst []byte, n *Note) []byte {
	dst = append(dst, Version)
	dst = binary.AppendVarint(dst, int64(n.Room))
	dst = binary.AppendUvarint(dst, uint64(n.Count))
	dst = binary.AppendUvarint(dst, uint64(len(n.Entries)))
	for i := range n.Entries {
		dst = appendEntry(dst, &n.Entries[i])
	}
	dst = binary.AppendUvarint(dst, uint64(len(n.Gone)))
	for i := range n.Gone {
		dst = append(dst, n.Gone[i].Author[:]...)
		dst = append(dst, n.Gone[i].ID[:]...)
	}
	behind := !n.Behind.IsZero()
	rooms := behind || len(n.Renamed) > 0
	stored := rooms || len(n.Stored) > 0
	if stored || len(n.Entered) > 0 {
		dst = appendPeople(dst, n)
	}
	if stored {
		dst = appendStored(dst, n.Stored)
	}
	if rooms {
		dst = appendRooms(dst, n.Renamed)
	}
	if behind {
		dst = append(dst, n.Behind[:]...)
	}
	return dst
}

func appendRooms(dst []byte, list []Renamed) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for i := range list {
		dst = binary.AppendVarint(dst, int64(list[i].Room))
	}
	return dst
}

func appendStored(dst []byte, list []Stored) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for i := range list {
		dst = append(dst, list[i].Author[:]...)
		dst = append(dst, list[i].ID[:]...)
		dst = binary.AppendUvarint(dst, uint64(list[i].Seq))
	}
	return dst
}

func appendPeople(dst []byte, n *Note) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(n.Entered)))
	for i := range n.Entered {
		e := &n.Entered[i]
		dst = append(dst, e.UUID[:]...)
		dst = append(dst, e.Session[:]...)
		dst = append(dst, e.Gateway[:]...)
		dst = binary.AppendUvarint(dst, uint64(e.Epoch))
	}
	dst = binary.AppendUvarint(dst, uint64(len(n.Renamed)))
	for i := range n.Renamed {
		dst = append(dst, n.Renamed[i].UUID[:]...)
		dst = appendString(dst, n.Renamed[i].Name)
	}
	return dst
}

// AppendEntry appends the binary form of an entry that stands alone.
func AppendEntry(dst []byte, e *talk.Entry) []byte {
	dst = append(dst, Version)
	dst = binary.AppendVarint(dst, int64(e.RoomID))
	return appendEntry(dst, e)
}

func appendEntry(dst []byte, e *talk.Entry) []byte {
	flags := byte(e.Kind) & flagKind
	if e.Pending {
		flags |= flagPending
	}
	if e.Seq != 0 {
		flags |= flagSeq
	}
	if e.SentAt != 0 {
		flags |= flagSentAt
	}
	dst = append(dst, flags)
	dst = append(dst, e.Author[:]...)
	dst = append(dst, e.ID[:]...)
	dst = binary.AppendUvarint(dst, e.UnixTime)
	if e.Seq != 0 {
		dst = binary.AppendUvarint(dst, uint64(e.Seq))
	}
	if e.SentAt != 0 {
		dst = binary.AppendUvarint(dst, e.SentAt)
	}
	dst = appendString(dst, e.Name)
	return appendString(dst, e.Text)
}

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// DecodeNote reads what AppendNote wrote. Names and texts of the result share
// data's memory. It takes memory only in proportion to data.
func DecodeNote(data string) (*Note, error) {
	r := reader{rest: data}
	r.version()
	n := &Note{Room: r.room()}
	n.Count = r.count(int(^uint32(0)>>1), 0)
	if entries := r.count(len(r.rest), minEntrySize); entries > 0 {
		n.Entries = make([]talk.Entry, entries)
		for i := range n.Entries {
			n.Entries[i].RoomID = n.Room
			r.entry(&n.Entries[i])
		}
	}
	if gone := r.count(len(r.rest), goneSize); gone > 0 {
		n.Gone = make([]Gone, gone)
		for i := range n.Gone {
			n.Gone[i] = Gone{Author: r.uuid(), ID: r.uuid()}
		}
	}
	if len(r.rest) > 0 {
		r.people(n)
	}
	if len(r.rest) > 0 {
		r.stored(n)
	}
	if len(r.rest) > 0 {
		r.rooms(n)
	}
	if len(r.rest) > 0 {
		if n.Behind = r.uuid(); n.Behind.IsZero() {
			r.fail(ErrGarbled) // there is one form of each note
		}
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return n, nil
}

func (r *reader) people(n *Note) {
	if entered := r.count(len(r.rest), minEntered); entered > 0 {
		n.Entered = make([]Entered, entered)
		for i := range n.Entered {
			n.Entered[i] = Entered{UUID: r.uuid(), Session: r.uuid(), Gateway: r.uuid()}
			if n.Entered[i].Epoch = int64(r.uint()); n.Entered[i].Epoch < 0 {
				r.fail(ErrGarbled)
			}
		}
	}
	if renamed := r.count(len(r.rest), minRenamed); renamed > 0 {
		n.Renamed = make([]Renamed, renamed)
		for i := range n.Renamed {
			n.Renamed[i] = Renamed{UUID: r.uuid(), Name: r.string(), Room: FleetRoom}
		}
	}
	if r.err == nil && n.Entered == nil && n.Renamed == nil && r.rest == "" {
		r.fail(ErrGarbled) // there is one form of each note
	}
}

func (r *reader) stored(n *Note) {
	count := r.count(len(r.rest), minStored)
	if count == 0 {
		if r.rest == "" {
			r.fail(ErrGarbled) // there is one form of each note
		}
		return
	}
	n.Stored = make([]Stored, count)
	for i := range n.Stored {
		n.Stored[i] = Stored{Author: r.uuid(), ID: r.uuid(), Seq: int64(r.uint())}
		if n.Stored[i].Seq <= 0 {
			r.fail(ErrGarbled)
		}
	}
}

// rooms are those of renamed; a node of before they were said leaves all of them out.
func (r *reader) rooms(n *Note) {
	if r.count(len(r.rest), minRoom) != len(n.Renamed) || len(n.Renamed) == 0 && r.rest == "" {
		r.fail(ErrGarbled)
		return
	}
	for i := range n.Renamed {
		n.Renamed[i].Room = r.room()
	}
}

// DecodeEntry reads what AppendEntry wrote, in the same way.
func DecodeEntry(data string) (talk.Entry, error) {
	r := reader{rest: data}
	r.version()
	e := talk.Entry{RoomID: r.room()}
	r.entry(&e)
	if err := r.end(); err != nil {
		return talk.Entry{}, err
	}
	return e, nil
}

// reader takes values off the front of rest until the first error.
type reader struct {
	rest string
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = ""
}

func (r *reader) end() error {
	if len(r.rest) != 0 {
		r.fail(ErrGarbled)
	}
	return r.err
}

func (r *reader) take(n int) string {
	if n > len(r.rest) {
		r.fail(ErrGarbled)
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) byte() byte {
	if s := r.take(1); s != "" {
		return s[0]
	}
	return 0
}

func (r *reader) version() {
	if v := r.byte(); r.err == nil && v != Version {
		r.fail(ErrVersion)
	}
}

func (r *reader) uint() uint64 {
	var v uint64
	for shift := 0; ; shift += 7 {
		b := r.byte()
		if r.err != nil || shift == 63 && b > 1 {
			r.fail(ErrGarbled)
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

func (r *reader) room() int32 {
	u := r.uint()
	v := int64(u>>1) ^ -int64(u&1)
	if v != int64(int32(v)) {
		r.fail(ErrGarbled)
	}
	return int32(v)
}

// count reads how many things follow. Things of a size must fit into total
// bytes; without one, total is the greatest count.
func (r *reader) count(total, size int) int {
	v := r.uint()
	if size > 0 {
		total /= size
	}
	if v > uint64(total) {
		r.fail(ErrGarbled)
		return 0
	}
	return int(v)
}

func (r *reader) uuid() (u talk.UUID) {
	copy(u[:], r.take(uuidSize))
	return u
}

func (r *reader) string() string { return r.take(r.count(len(r.rest), 1)) }

func (r *reader) entry(e *talk.Entry) {
	flags := r.byte()
	e.Kind = talk.Kind(flags & flagKind)
	if flags&^flagKnown != 0 || e.Kind > talk.KindRenamed && e.Kind != talk.KindPosted {
		r.fail(ErrGarbled)
		return
	}
	e.Pending = flags&flagPending != 0
	e.Author, e.ID = r.uuid(), r.uuid()
	e.UnixTime = r.uint()
	if flags&flagSeq != 0 {
		seq := r.uint()
		if e.Seq = int64(seq); e.Seq <= 0 {
			r.fail(ErrGarbled)
		}
	}
	if flags&flagSentAt != 0 {
		if e.SentAt = r.uint(); e.SentAt == 0 {
			r.fail(ErrGarbled)
		}
	}
	e.Name, e.Text = r.string(), r.string()
}
