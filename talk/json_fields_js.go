package talk

import "strings"

// shape is what a JSON object of the wire has: the fields in the order in which
// they are written, of which the first ones are required.
type shape struct {
	required, optional string // names, apart by spaces

	fields []string // all of them
	keys   []string // the same, as most writers have them: `"room_id":`
	needed int      // how many of them are required
}

func (s *shape) parse() {
	s.fields = strings.Fields(s.required)
	s.needed = len(s.fields)
	s.fields = append(s.fields, strings.Fields(s.optional)...)
	for _, name := range s.fields {
		s.keys = append(s.keys, `"`+name+`":`)
	}
}

// entryExtras are the extended fields of an entry, always optional: an event of
// the original's form lacks them.
const entryExtras = "id seq sent_at pending round"

// jsonVariants are the enum as JSON names it. Bincode takes the names for its
// errors.
var jsonVariants = [...]struct {
	name string
	shape
}{
	TagJoinRoom:        {"JoinRoom", shape{required: "room_id uuid username unixtime", optional: "after_seq after_id"}},
	TagLeaveRoom:       {"LeaveRoom", shape{required: "room_id uuid username unixtime"}},
	TagChangeName:      {"ChangeName", shape{required: "uuid username old_username unixtime", optional: "id"}},
	TagFetch:           {"Fetch", shape{required: "room_id limit fetch_before", optional: "before_seq"}},
	TagLocalError:      {"LocalError", shape{required: "message"}},
	TagUserJoined:      {"UserJoined", shape{required: "uuid username room_id unixtime", optional: entryExtras}},
	TagUserLeft:        {"UserLeft", shape{required: "uuid username room_id unixtime", optional: entryExtras}},
	TagUsernameChanged: {"UsernameChanged", shape{required: "uuid username old_username unixtime", optional: "room_id " + entryExtras}},
	TagHistory:         {"History", shape{required: "text", optional: "room_id before_seq more complete"}},
	TagError:           {"Error", shape{required: "code message", optional: "id retry retry_ms"}},
	TagPostMessage:     {"PostMessage", shape{required: "message"}},
	TagHello:           {"Hello", shape{optional: "client secret session"}},
	TagWelcome:         {"Welcome", shape{required: "uuid server limits"}},
	TagJoined:          {"Joined", shape{required: "room_id head_seq after_seq members member_count", optional: "head_id reset"}},
	TagAccepted:        {"Accepted", shape{required: "room_id id"}},
	TagStored:          {"Stored", shape{required: "room_id id seq"}},
	TagWithdrawn:       {"Withdrawn", shape{required: "room_id uuid id"}},
	TagPresence:        {"Presence", shape{required: "room_id member_count"}},
	TagReconnect:       {"Reconnect", shape{required: "within_ms"}},
	TagGap:             {"Gap", shape{required: "room_id from to"}},
	TagPing:            {"Ping", shape{required: "n"}},
	TagPong:            {"Pong", shape{required: "n"}},
}

// The objects within variants.
var (
	postShape   = shape{required: "uuid username text room_id unixtime", optional: entryExtras}
	limitsShape = shape{required: "text_bytes name_bytes name_clusters frame_bytes fetch_entries"}
	memberShape = shape{required: "uuid username"}
)

func init() {
	for i := range jsonVariants {
		jsonVariants[i].parse()
	}
	for _, s := range []*shape{&postShape, &limitsShape, &memberShape} {
		s.parse()
	}
}

// object is the reading of one JSON object, field by field:
//
//	o := r.object(&memberShape)
//	for r.field(&o) {
//		switch o.name() {
//
// The loop MUST run until field returns false, which also adds the field's name
// to an error.
type object struct {
	shape *shape
	seen  uint32 // a bit for each of shape.fields
	at    int    // the field that is being read, -1 for none of the shape
	next  int    // the field that probably follows
	begun bool
}

// name is the field before whose value the reader stands.
func (o *object) name() string { return o.shape.fields[o.at] }

// object enters an object.
func (r *jsonReader) object(s *shape) object {
	if r.peek() != '{' {
		r.failType()
	} else {
		r.at++
	}
	return object{shape: s, at: -1}
}

// field goes on to the next field that the shape has and returns true before
// its value, which the caller MUST read. At the end of the object, or after a
// failure, it returns false.
func (r *jsonReader) field(o *object) bool {
	for r.err == nil {
		o.at = -1
		if r.take('}') {
			r.finish(o)
			break
		}
		if o.begun {
			r.need(',')
		}
		o.begun = true
		if o.at = r.name(o.shape, o.next); o.at < 0 {
			r.skip(1)
			continue
		}
		o.next = o.at + 1
		if o.seen&(1<<o.at) != 0 {
			r.fail(ErrDuplicate)
			break
		}
		o.seen |= 1 << o.at
		if o.at >= o.shape.needed && r.peek() == 'n' && r.literal("null") {
			continue // as if it were absent
		}
		return true
	}
	if r.err != nil && o.at >= 0 {
		r.err = within(o.name(), r.err)
	}
	return false
}

// name consumes a key and its colon and returns which field of the shape it is,
// -1 for one that the shape does not have.
func (r *jsonReader) name(s *shape, expected int) int {
	if expected < len(s.keys) && r.literal(s.keys[expected]) {
		return expected // as most writers have it: in order, without space
	}
	key := r.key()
	r.need(':')
	for i, name := range s.fields {
		if string(key) == name {
			return i
		}
	}
	return -1
}

// finish checks that every required field came.
func (r *jsonReader) finish(o *object) {
	for i := range o.shape.needed {
		if o.seen&(1<<i) == 0 {
			o.at = i
			r.fail(ErrMissingField)
			return
		}
	}
}

// array enters an array and tells whether it has an element.
func (r *jsonReader) array() bool {
	if r.peek() != '[' {
		r.failType()
		return false
	}
	r.at++
	return !r.take(']') && r.err == nil
}

// element goes on to the next element of an array and tells whether there is one.
func (r *jsonReader) element() bool {
	if r.take(']') {
		return false
	}
	r.need(',')
	return r.err == nil
}

func (r *jsonReader) string() string { return string(r.quoted()) }

func (r *jsonReader) uuid() UUID {
	text := r.quoted()
	if len(text) != uuidLen {
		r.fail(ErrBadUUID)
		return UUID{}
	}
	u, err := parseUUID((*[uuidLen]byte)(text))
	if err != nil {
		r.fail(err)
	}
	return u
}

func (r *jsonReader) secret() Secret {
	s, err := parseSecret(r.quoted())
	if err != nil {
		r.fail(err)
	}
	return s
}

func (r *jsonReader) uint(max uint64) uint64 {
	negative, magnitude := r.integer()
	if negative || magnitude > max {
		r.fail(ErrOutOfRange)
		return 0
	}
	return magnitude
}

// int reads a two's complement number of that many bits.
func (r *jsonReader) int(bits int) int64 {
	negative, magnitude := r.integer()
	limit := uint64(1) << (bits - 1) // the magnitude of the least
	switch {
	case negative && magnitude <= limit:
		return -int64(magnitude)
	case !negative && magnitude < limit:
		return int64(magnitude)
	}
	r.fail(ErrOutOfRange)
	return 0
}

func (r *jsonReader) int32() int32   { return int32(r.int(32)) }
func (r *jsonReader) int64() int64   { return r.int(64) }
func (r *jsonReader) uint32() uint32 { return uint32(r.uint(1<<32 - 1)) }
func (r *jsonReader) uint64() uint64 { return r.uint(1<<64 - 1) }

// count reads a number of things: not negative, and an int everywhere.
func (r *jsonReader) count() int { return int(r.uint(1<<31 - 1)) }

func (r *jsonReader) bool() bool {
	if c := r.peek(); c == 't' && r.literal("true") {
		return true
	} else if c != 'f' || !r.literal("false") {
		r.failType()
	}
	return false
}
