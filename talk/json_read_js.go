package talk

// maxDepth bounds the nesting of values that are ignored.
const maxDepth = 64

// jsonReader walks over one frame of valid UTF-8. The first failure sticks:
// every later read returns a zero value, and loops end.
type jsonReader struct {
	data    []byte
	at      int
	err     error
	nested  int    // how many messages are being read, one within the other
	scratch []byte // of unescape
}

func (r *jsonReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// failType refuses the value that comes next: it is another type than the one
// wanted, or no value at all.
func (r *jsonReader) failType() {
	switch c := r.peek(); {
	case c == '{', c == '[', c == '"', c == '-', c >= '0' && c <= '9', c == 't', c == 'f', c == 'n':
		r.fail(ErrWrongType)
	default:
		r.fail(ErrSyntax)
	}
}

// peek skips white space and returns the next byte, 0 at the end or after a
// failure.
func (r *jsonReader) peek() byte {
	if r.err != nil {
		return 0
	}
	for r.at < len(r.data) {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

// take consumes c if it comes next.
func (r *jsonReader) take(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.at++
	return true
}

// need consumes a byte of the grammar.
func (r *jsonReader) need(c byte) {
	if !r.take(c) {
		r.fail(ErrSyntax)
	}
}

// literal consumes one of true, false and null if it comes next.
func (r *jsonReader) literal(word string) bool {
	if r.err != nil || len(r.data)-r.at < len(word) || string(r.data[r.at:r.at+len(word)]) != word {
		return false
	}
	r.at += len(word)
	return true
}

// integer reads a number without fraction and exponent.
func (r *jsonReader) integer() (negative bool, magnitude uint64) {
	c := r.peek()
	if c != '-' && (c < '0' || c > '9') {
		r.failType()
		return false, 0
	}
	if negative = c == '-'; negative {
		r.at++
	}
	start := r.at
	for ; r.at < len(r.data) && r.data[r.at]-'0' <= 9; r.at++ {
		digit := uint64(r.data[r.at] - '0')
		if magnitude > (1<<64-1-digit)/10 {
			r.fail(ErrOutOfRange)
			return false, 0
		}
		magnitude = magnitude*10 + digit
	}
	switch digits := r.at - start; {
	case digits == 0, digits > 1 && r.data[start] == '0':
		r.fail(ErrSyntax)
	case r.next('.'), r.next('e'), r.next('E'), negative && magnitude == 0: // serde_json: floats
		r.fail(ErrWrongType)
	}
	return negative, magnitude
}

// number consumes a number of JSON's grammar.
func (r *jsonReader) number() bool {
	if r.data[r.at] == '-' {
		r.at++
	}
	if r.next('0') {
		// No digit may follow, and none is read as part of this number.
	} else if !r.digits() {
		return false
	}
	if r.next('.') && !r.digits() {
		return false
	}
	if r.next('e') || r.next('E') {
		if !r.next('+') {
			r.next('-')
		}
		return r.digits()
	}
	return true
}

// next consumes c if it stands right here.
func (r *jsonReader) next(c byte) bool {
	if r.at >= len(r.data) || r.data[r.at] != c {
		return false
	}
	r.at++
	return true
}

// digits consumes digits, at least one.
func (r *jsonReader) digits() bool {
	start := r.at
	for r.at < len(r.data) && r.data[r.at]-'0' <= 9 {
		r.at++
	}
	return r.at > start
}

// skip consumes any value, to ignore it.
func (r *jsonReader) skip(depth int) {
	if depth > maxDepth {
		r.fail(ErrTooDeep)
		return
	}
	switch c := r.peek(); {
	case c == '{':
		r.skipAll('}', depth)
	case c == '[':
		r.skipAll(']', depth)
	case c == '"':
		r.quoted()
	case c == '-' || c >= '0' && c <= '9':
		if !r.number() {
			r.fail(ErrSyntax)
		}
	default:
		if !r.literal("true") && !r.literal("false") && !r.literal("null") {
			r.fail(ErrSyntax)
		}
	}
}

// skipAll is skip for an object or an array, which ends with end.
func (r *jsonReader) skipAll(end byte, depth int) {
	r.at++
	if r.take(end) {
		return
	}
	for r.err == nil {
		if end == '}' {
			r.key()
			r.need(':')
		}
		r.skip(depth + 1)
		if r.take(end) {
			return
		}
		r.need(',')
	}
}

// key reads the key of an object's field.
func (r *jsonReader) key() []byte {
	if r.peek() != '"' {
		r.fail(ErrSyntax)
		return nil
	}
	return r.quoted()
}
