package talk

import (
	"strings"
	"unicode/utf8"
)

// What a vector's count can claim is bounded by the size of its smallest item.
const (
	minEvent  = 4 + 8      // an empty LocalError
	minMember = 8 + 16 + 8 // one without a name
)

// appendBincode writes what exists has approved.
func appendBincode(dst []byte, m Message, extended bool) []byte {
	return appendFields(put32(dst, uint32(m.Tag())), m, extended)
}

func appendBincodeEntry(dst []byte, e *Entry, extended bool) []byte {
	return appendEntryFields(put32(dst, uint32(e.Tag())), e, extended)
}

// appendEvents appends the vector of a History. In the extended form each event
// stands behind its size, so that a reader gets over what it does not know.
func appendEvents(dst []byte, events []Message, extended bool) []byte {
	dst = put64(dst, uint64(len(events)))
	for _, event := range events {
		if !extended {
			dst = appendBincode(dst, event, false)
			continue
		}
		start := len(dst)
		dst = appendBincode(put64(dst, 0), event, true)
		put64(dst[:start], uint64(len(dst)-start-8))
	}
	return dst
}

func appendMembers(dst []byte, members []Member) []byte {
	dst = put64(dst, uint64(len(members)))
	for i := range members {
		dst = appendMember(dst, &members[i])
	}
	return dst
}

// bincodeReader takes values from the front of rest. The first failure sticks:
// every later read returns a zero value.
type bincodeReader struct {
	rest     []byte
	err      error
	extended bool
}

func decodeBincode(data []byte, extended bool) (Message, error) {
	r := bincodeReader{rest: data, extended: extended}
	m := r.message()
	if r.err == nil && len(r.rest) > 0 && !extended {
		r.err = ErrSyntax // see "Bincode" in the package comment
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

// fail refuses the named field of the variant being read.
func (r *bincodeReader) fail(field string, err error) {
	if r.err == nil {
		r.err = within(field, err)
		r.rest = nil
	}
}

// within notes where a failure arose, if there is one.
func (r *bincodeReader) within(name string) {
	if r.err != nil {
		r.err = within(name, r.err)
	}
}

func (r *bincodeReader) message() Message {
	number := r.take(4)
	if number == nil {
		r.err = ErrSyntax
		return nil
	}
	tag := get32(number)
	if tag >= uint32(len(variantNames)) || !r.extended && tag > uint32(LastOriginalTag) {
		r.err = ErrUnknownVariant
		return nil
	}
	m := r.variant(Tag(tag))
	r.within(variantNames[tag])
	return m
}

// count reads how many items of at least that size follow.
func (r *bincodeReader) count(field string, size int) int {
	count := r.uint64(field)
	if count > uint64(len(r.rest)/size) {
		r.fail(field, ErrSyntax)
		return 0
	}
	return int(count)
}

// events reads the vector of a History. Memory grows with the events that were
// read. Those that the reader does not know are left out in the extended form.
func (r *bincodeReader) events(field string) (events []Message) {
	for range r.count(field, minEvent) {
		m, err := r.event()
		if err == ErrUnknownVariant && r.extended {
			continue
		}
		if err != nil {
			r.err, r.rest = nil, nil
			r.fail(field, err)
			return nil
		}
		events = append(events, m)
	}
	return events
}

// eventsClaimed is how many messages a History says that it has; 0: it is none.
func eventsClaimed(data []byte) uint64 {
	if len(data) < minEvent || get32(data) != uint32(TagHistory) {
		return 0
	}
	return get64(data[4:])
}

func (r *bincodeReader) event() (Message, error) {
	one := bincodeReader{rest: r.rest, extended: r.extended}
	if r.extended {
		size := r.uint64("")
		if one.rest = r.take(size); uint64(len(one.rest)) != size || r.err != nil {
			return nil, ErrSyntax
		}
	}
	if len(one.rest) >= 4 && get32(one.rest) == uint32(TagHistory) {
		return nil, ErrWrongType
	}
	m := one.message()
	if one.err == nil && !inHistory(m) {
		return nil, ErrWrongType
	}
	if !r.extended {
		r.rest = one.rest
	}
	return m, one.err
}

func (r *bincodeReader) members(field string) []Member {
	count := r.count(field, minMember)
	if count == 0 {
		return nil
	}
	members := make([]Member, count)
	for i := range members {
		r.member(&members[i])
		if r.err != nil {
			r.within(field)
			return nil
		}
	}
	return members
}

// option tells whether an optional field is there. A message of an older writer
// may end before it.
func (r *bincodeReader) option(field string) bool {
	if r.err != nil || len(r.rest) == 0 {
		return false
	}
	return r.bool(field)
}

func (r *bincodeReader) bool(field string) bool {
	b := r.take(1)
	if b == nil || b[0] > 1 {
		r.fail(field, ErrSyntax)
		return false
	}
	return b[0] == 1
}

// Those below are called once per field of every message; inlined there they
// would add kilobytes to the browser's program and save next to no time.

// take returns the next n bytes, nil if there are not so many.
//
//go:noinline
func (r *bincodeReader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

//go:noinline
func (r *bincodeReader) uint32(field string) uint32 {
	b := r.take(4)
	if b == nil {
		r.fail(field, ErrSyntax)
		return 0
	}
	return get32(b)
}

//go:noinline
func (r *bincodeReader) uint64(field string) uint64 {
	b := r.take(8)
	if b == nil {
		r.fail(field, ErrSyntax)
		return 0
	}
	return get64(b)
}

//go:noinline
func (r *bincodeReader) int32(field string) int32 { return int32(r.uint32(field)) }

//go:noinline
func (r *bincodeReader) int64(field string) int64 { return int64(r.uint64(field)) }

func (r *bincodeReader) string(field string) string {
	size := r.uint64(field)
	b := r.take(size)
	switch {
	case uint64(len(b)) != size:
		r.fail(field, ErrSyntax)
	case !utf8.Valid(b):
		r.fail(field, ErrNotUTF8)
	}
	return string(b)
}

func (r *bincodeReader) uuid(field string) (u UUID) {
	r.bytes(field, u[:], ErrBadUUID)
	return u
}

func (r *bincodeReader) secret(field string) (s Secret) {
	r.bytes(field, s[:], ErrBadSecret)
	return s
}

// bytes reads a vector of bytes whose size is known.
func (r *bincodeReader) bytes(field string, to []byte, wrongSize error) {
	size := r.uint64(field)
	switch b := r.take(uint64(len(to))); {
	case r.err == nil && size != uint64(len(to)):
		r.fail(field, wrongSize)
	case b == nil:
		r.fail(field, ErrSyntax)
	default:
		copy(to, b)
	}
}

// The integers are written and read here, since encoding/binary would bring all
// of reflect into the browser's program.

func put32(dst []byte, v uint32) []byte {
	return append(dst, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func put64(dst []byte, v uint64) []byte {
	return put32(put32(dst, uint32(v)), uint32(v>>32))
}

func get32(b []byte) uint32 {
	_ = b[3]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func get64(b []byte) uint64 { return uint64(get32(b)) | uint64(get32(b[4:]))<<32 }

func putBytes(dst, b []byte) []byte {
	return append(put64(dst, uint64(len(b))), b...)
}

func putString(dst []byte, s string) []byte {
	s = validText(s)
	return append(put64(dst, uint64(len(s))), s...)
}

// validText is s as a peer can read it.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// The optional ones are serde's Option: a byte 1 and the value, or a byte 0.

//go:noinline
func option32(dst []byte, some bool, v uint32) []byte {
	if !some {
		return append(dst, 0)
	}
	return put32(append(dst, 1), v)
}

//go:noinline
func option64(dst []byte, some bool, v uint64) []byte {
	if !some {
		return append(dst, 0)
	}
	return put64(append(dst, 1), v)
}

//go:noinline
func optionBytes(dst []byte, some bool, b []byte) []byte {
	if !some {
		return append(dst, 0)
	}
	return putBytes(append(dst, 1), b)
}

//go:noinline
func optionBool(dst []byte, some, v bool) []byte {
	if !some {
		return append(dst, 0)
	}
	if v {
		return append(dst, 1, 1)
	}
	return append(dst, 1, 0)
}
