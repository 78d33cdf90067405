package talk

// Append appends m as one frame's payload in the given form. On an error dst
// comes back as it was. ErrForm: m, or a part of it that changes its meaning,
// does not exist in this form (a variant of the extended form, a pending
// Entry, Fetch.BeforeSeq, JoinRoom.Resume, a History within a History). Other
// extended fields are left out of the original's forms. Text that is not valid
// UTF-8 is written with U+FFFD in its place, since no peer would read it.
func Append(dst []byte, form Form, m Message) ([]byte, error) {
	if !exists(form, m) {
		return dst, ErrForm
	}
	if form.IsBinary() {
		return appendBincode(dst, m, form.IsExtended()), nil
	}
	return appendJSON(dst, m, form.IsExtended()), nil
}

// AppendEntry is Append for an Entry, without boxing it: in bincode it does not
// allocate when dst has room. A pending entry has no original form; then dst
// comes back as it was.
func AppendEntry(dst []byte, form Form, e *Entry) []byte {
	switch {
	case e.Pending && !form.IsExtended():
		return dst
	case form.IsBinary():
		return appendBincodeEntry(dst, e, form.IsExtended())
	default:
		return appendJSONEntry(dst, e, form.IsExtended())
	}
}

// Decode reads one frame's payload. JSON and Extended read the same superset.
// It refuses what is larger than MaxServerFrameBytes; a server holds its clients
// to MaxFrameBytes before.
// The result keeps no reference to data. An error wraps one of the sentinels
// of this package, names the field, and quotes nothing of the input.
func Decode(form Form, data []byte) (m Message, err error) {
	if len(data) > MaxServerFrameBytes {
		return nil, ErrTooLarge
	}
	if form.IsBinary() {
		m, err = decodeBincode(data, form.IsExtended())
	} else {
		m, err = decodeJSON(data)
	}
	if join, ok := m.(JoinRoom); ok && !join.Resume {
		join.AfterID, join.AfterTime = UUID{}, 0 // say nothing without after_seq
		return join, err
	}
	return m, err
}

// DecodeFromClient is Decode for a server, whose clients may be hostile: before it
// reads a frame it refuses one that would cost far more than its bytes and is no
// client's message. It is held to MaxFrameBytes.
func DecodeFromClient(form Form, data []byte) (Message, error) {
	switch {
	case len(data) > MaxFrameBytes:
		return nil, ErrTooLarge
	case form.IsBinary() && eventsClaimed(data) > MaxClientParts:
		return nil, ErrTooManyParts
	case !form.IsBinary() && !hasFewParts(data):
		return nil, ErrTooManyParts
	}
	return Decode(form, data)
}

// hasFewParts holds JSON to MaxClientParts in one pass, and so to as many levels. It
// need not be right about what is no JSON: Decode stops where it ceases to be some.
func hasFewParts(data []byte) bool {
	parts, inString := 0, false
	for i := 0; i < len(data) && parts <= MaxClientParts; i++ {
		switch c := data[i]; {
		case c == '"':
			inString = !inString
		case !inString && (c == '{' || c == '[' || c == ','):
			parts++
		case inString && c == '\\':
			i++ // what is escaped does not end the string
		}
	}
	return parts <= MaxClientParts
}

// FirstForm is the form of a connection whose first frame has this payload. For
// text it is JSON: a Hello in it changes to Extended.
func FirstForm(binary bool, data []byte) Form {
	switch {
	case !binary:
		return JSON
	case len(data) >= 4 && get32(data) == uint32(TagHello):
		return ExtendedBincode
	}
	return Bincode
}

// exists tells whether m can be written in form without losing its meaning.
func exists(form Form, m Message) bool {
	if m == nil || !hasJSON && !form.IsBinary() {
		return false
	}
	original := !form.IsExtended()
	if original && m.Tag() > LastOriginalTag {
		return false
	}
	switch m := m.(type) {
	case Entry:
		return !original || !m.Pending
	case Fetch:
		return !original || m.BeforeSeq == 0
	case JoinRoom:
		return !original || !m.Resume
	case History:
		for _, event := range m.Text {
			if !inHistory(event) || !exists(form, event) {
				return false
			}
		}
	}
	return true
}

// inHistory tells whether m may stand in a History: any of the original's
// variants but another History.
func inHistory(m Message) bool {
	return m != nil && m.Tag() != TagHistory && m.Tag() <= LastOriginalTag
}

// fieldError is a decoding error with the place where it arose.
type fieldError struct {
	field string // as in PostMessage.message.text
	err   error
}

func (e *fieldError) Error() string { return e.field + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// within notes that err arose in the variant or field of this name.
func within(name string, err error) error {
	if inner, ok := err.(*fieldError); ok {
		return &fieldError{name + "." + inner.field, inner.err}
	}
	return &fieldError{name, err}
}
