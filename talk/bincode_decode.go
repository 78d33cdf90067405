package talk

import "unicode/utf8"

// minBincodeEvent is the size of the smallest event, an empty LocalError. It
// bounds what a vector's count can claim.
const minBincodeEvent = 4 + 8

// bincodeReader takes values from the front of rest. The first failure sticks:
// every later read returns a zero value.
type bincodeReader struct {
	rest []byte
	err  error
}

func decodeBincode(data []byte) (Message, error) {
	r := bincodeReader{rest: data}
	m := r.message()
	if r.err == nil && len(r.rest) > 0 {
		r.err = ErrSyntax // see "Binary frames" in the package comment
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

func (r *bincodeReader) message() Message {
	number := r.take(4)
	if number == nil {
		r.err = ErrSyntax
		return nil
	}
	tag := get32(number)
	if tag > uint32(LastOriginalTag) {
		r.err = ErrUnknownVariant
		return nil
	}
	m := r.variant(Tag(tag))
	if r.err != nil {
		r.err = within(jsonVariants[tag].name, r.err)
	}
	return m
}

func (r *bincodeReader) variant(tag Tag) Message {
	switch tag {
	case TagPostMessage:
		e := r.entry(KindPosted)
		if r.err != nil {
			r.err = within("message", r.err)
		}
		return e
	case TagUserJoined:
		return r.entry(KindJoined)
	case TagUserLeft:
		return r.entry(KindLeft)
	case TagUsernameChanged:
		return r.entry(KindRenamed)
	case TagJoinRoom:
		return JoinRoom(r.presence())
	case TagLeaveRoom:
		p := r.presence()
		return LeaveRoom{RoomID: p.RoomID, UUID: p.UUID, Username: p.Username, UnixTime: p.UnixTime}
	case TagChangeName:
		return ChangeName{UUID: r.uuid("uuid"), Username: r.string("username"),
			OldUsername: r.string("old_username"), UnixTime: r.uint64("unixtime")}
	case TagFetch:
		return Fetch{RoomID: r.int32("room_id"), Limit: int64(r.uint64("limit")),
			FetchBefore: r.uint64("fetch_before")}
	case TagLocalError:
		return LocalError{Message: r.string("message")}
	case TagError:
		return Error{Code: Code(r.string("code")), Message: r.string("message")}
	default:
		return History{Text: r.events()}
	}
}

// presence reads what JoinRoom and LeaveRoom have.
func (r *bincodeReader) presence() JoinRoom {
	return JoinRoom{RoomID: r.int32("room_id"), UUID: r.uuid("uuid"),
		Username: r.string("username"), UnixTime: r.uint64("unixtime")}
}

func (r *bincodeReader) entry(kind Kind) Entry {
	e := Entry{Kind: kind, Author: r.uuid("uuid"), Name: r.string("username")}
	switch kind {
	case KindPosted:
		e.Text = r.string("text")
	case KindRenamed:
		e.Text = r.string("old_username")
	}
	if kind != KindRenamed {
		e.RoomID = r.int32("room_id")
	}
	e.UnixTime = r.uint64("unixtime")
	return e
}

// events reads the vector of a History. Its count claims nothing that is not
// there: memory grows with the events that were read.
func (r *bincodeReader) events() (events []Message) {
	count := r.uint64("text")
	if count > uint64(len(r.rest)/minBincodeEvent) {
		r.fail("text", ErrSyntax)
		return nil
	}
	for range count {
		if len(r.rest) >= 4 && get32(r.rest) == uint32(TagHistory) {
			r.fail("text", ErrWrongType)
			return nil
		}
		m := r.message()
		if r.err != nil {
			r.err = within("text", r.err)
			return nil
		}
		events = append(events, m)
	}
	return events
}

// These are not inlined, as in json_append.go.

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
	size := r.uint64(field)
	switch b := r.take(uint64(len(u))); {
	case r.err == nil && size != uint64(len(u)):
		r.fail(field, ErrBadUUID)
	case b == nil:
		r.fail(field, ErrSyntax)
	default:
		copy(u[:], b)
	}
	return u
}
