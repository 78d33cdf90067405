package client

import (
	"syscall/js"

	"tuitalk/talk"
)

// appendLine appends a line of a state: bincode in hexadecimal, since the program
// in the browser has no JSON.
func appendLine(dst []byte, m talk.Message) []byte {
	const digits = "0123456789abcdef"
	frame, _ := talk.Append(nil, talk.ExtendedBincode, m) // all of these have that form
	for _, b := range frame {
		dst = append(dst, digits[b>>4], digits[b&0x0f])
	}
	return dst
}

// decodeLine reads a line, also one of an older version, which was JSON.
func decodeLine(line []byte) (talk.Message, error) {
	if len(line) > 0 && line[0] == '{' {
		return decodeOldLine(string(line))
	}
	frame, ok := unhex(line)
	if !ok {
		return nil, ErrDamaged
	}
	return talk.Decode(talk.ExtendedBincode, frame)
}

// unhex reads pairs of hexadecimal digits.
func unhex(text []byte) (bytes []byte, ok bool) {
	if len(text)%2 != 0 {
		return nil, false
	}
	bytes = make([]byte, len(text)/2)
	for i, c := range text {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return nil, false
		}
		bytes[i/2] = bytes[i/2]<<4 | c
	}
	return bytes, true
}

// decodeOldLine reads JSON with what the browser has for it.
func decodeOldLine(line string) (m talk.Message, err error) {
	thrown := try(func() {
		parsed := js.Global().Get("JSON").Call("parse", line)
		switch {
		case parsed.Get("Hello").Type() == js.TypeObject:
			m, err = oldHello(parsed.Get("Hello"))
		case parsed.Get("JoinRoom").Type() == js.TypeObject:
			m, err = oldJoinRoom(parsed.Get("JoinRoom"))
		case parsed.Get("PostMessage").Type() == js.TypeObject:
			m, err = oldPost(parsed.Get("PostMessage").Get("message"))
		default:
			err = ErrDamaged
		}
	})
	if thrown != nil {
		return nil, ErrDamaged
	}
	return m, err
}

func oldHello(fields js.Value) (talk.Message, error) {
	m := talk.Hello{Client: textOf(fields, "client")}
	secret, ok := unhex([]byte(textOf(fields, "secret")))
	if !ok || len(secret) != 0 && len(secret) != len(m.Secret) {
		return nil, ErrDamaged
	}
	copy(m.Secret[:], secret)
	var err error
	m.Session, err = uuidOf(fields, "session")
	return m, err
}

func oldJoinRoom(fields js.Value) (talk.Message, error) {
	u, err := uuidOf(fields, "uuid")
	return talk.JoinRoom{RoomID: int32(fields.Get("room_id").Int()), UUID: u, Username: textOf(fields, "username")}, err
}

func oldPost(fields js.Value) (talk.Message, error) {
	m := talk.Entry{Kind: talk.KindPosted, RoomID: int32(fields.Get("room_id").Int()), Name: textOf(fields, "username"),
		Text: textOf(fields, "text"), UnixTime: uint64(fields.Get("unixtime").Float())}
	var err error
	if m.Author, err = uuidOf(fields, "uuid"); err == nil {
		m.ID, err = uuidOf(fields, "id")
	}
	return m, err
}

// textOf is a field that is text, empty if it is not there.
func textOf(fields js.Value, name string) string {
	if v := fields.Get(name); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// uuidOf is a field that is a UUID, zero if it is not there.
func uuidOf(fields js.Value, name string) (talk.UUID, error) {
	text := textOf(fields, name)
	if text == "" {
		return talk.UUID{}, nil
	}
	return talk.ParseUUID(text)
}
