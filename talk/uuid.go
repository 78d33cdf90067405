package talk

// UUID is a 16-byte identifier. The zero value means "none".
type UUID [16]byte

// IsZero reports whether u is the zero UUID.
func (u UUID) IsZero() bool { return u == UUID{} }

// Version is the UUID's version nibble: ProvenVersion for users who prove who
// they are, 4 for those that the original's clients make for themselves.
func (u UUID) Version() int { return int(u[6] >> 4) }

// Proven reports whether somebody can only be this user who has its secret. With
// any other UUID everybody can say that it is his.
func (u UUID) Proven() bool { return u.Version() == ProvenVersion }

// String formats u in lower case with hyphens.
func (u UUID) String() string {
	var b [uuidLen]byte
	return string(u.appendTo(b[:0]))
}

// uuidLen is the length of the text form.
const uuidLen = 36

// uuidAt tells where in the text form each byte's two digits stand.
var uuidAt = [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

const hexDigits = "0123456789abcdef"

func (u *UUID) appendTo(b []byte) []byte {
	text := [uuidLen]byte{8: '-', 13: '-', 18: '-', 23: '-'}
	for i, at := range uuidAt {
		text[at] = hexDigits[u[i]>>4]
		text[at+1] = hexDigits[u[i]&0x0f]
	}
	return append(b, text[:]...)
}

// ParseUUID reads the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, of either case.
func ParseUUID(s string) (UUID, error) {
	if len(s) != uuidLen {
		return UUID{}, ErrBadUUID
	}
	var text [uuidLen]byte
	copy(text[:], s)
	return parseUUID(&text)
}

func parseUUID(text *[uuidLen]byte) (UUID, error) {
	var u UUID
	var bad byte
	for i, at := range uuidAt {
		high, low := hexValue[text[at]], hexValue[text[at+1]]
		bad |= high | low
		u[i] = high<<4 | low
	}
	if bad > 0x0f || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return UUID{}, ErrBadUUID
	}
	return u, nil
}

// hexValue is the value of a hexadecimal digit of either case, 0xff for any
// other byte.
var hexValue = func() (value [256]byte) {
	for i := range value {
		value[i] = 0xff
	}
	for i := range 10 {
		value['0'+i] = byte(i)
	}
	for i := range 6 {
		value['a'+i] = byte(10 + i)
		value['A'+i] = byte(10 + i)
	}
	return value
}()

// MakeUUID turns 16 random bytes into a UUID of the given version.
func MakeUUID(version int, random [16]byte) UUID {
	u := UUID(random)
	u[6] = u[6]&0x0f | byte(version)<<4
	u[8] = u[8]&0x3f | 0x80
	return u
}
