package talk

import (
	"strings"
	"unicode/utf8"
)

// appendBincode writes what exists has approved.
func appendBincode(dst []byte, m Message) []byte {
	if e, ok := m.(Entry); ok {
		return appendBincodeEntry(dst, &e)
	}
	dst = put32(dst, uint32(m.Tag()))
	switch m := m.(type) {
	case JoinRoom:
		return putPresence(dst, m.RoomID, &m.UUID, m.Username, m.UnixTime)
	case LeaveRoom:
		return putPresence(dst, m.RoomID, &m.UUID, m.Username, m.UnixTime)
	case ChangeName:
		dst = putUUID(dst, &m.UUID)
		dst = putString(dst, m.Username)
		dst = putString(dst, m.OldUsername)
		return put64(dst, m.UnixTime)
	case Fetch:
		dst = put32(dst, uint32(m.RoomID))
		dst = put64(dst, uint64(m.Limit))
		return put64(dst, m.FetchBefore)
	case LocalError:
		return putString(dst, m.Message)
	case Error:
		dst = putString(dst, string(m.Code))
		return putString(dst, m.Message)
	case History:
		dst = put64(dst, uint64(len(m.Text)))
		for _, event := range m.Text {
			dst = appendBincode(dst, event)
		}
	}
	return dst
}

func putPresence(dst []byte, room int32, u *UUID, name string, unixTime uint64) []byte {
	dst = put32(dst, uint32(room))
	dst = putUUID(dst, u)
	dst = putString(dst, name)
	return put64(dst, unixTime)
}

// appendBincodeEntry writes an entry under the variant of its kind.
func appendBincodeEntry(dst []byte, e *Entry) []byte {
	tag := e.Tag()
	dst = put32(dst, uint32(tag))
	dst = putUUID(dst, &e.Author)
	dst = putString(dst, e.Name)
	if tag == TagUsernameChanged || tag == TagPostMessage {
		dst = putString(dst, e.Text)
	}
	if tag != TagUsernameChanged {
		dst = put32(dst, uint32(e.RoomID))
	}
	return put64(dst, e.UnixTime)
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

func putUUID(dst []byte, u *UUID) []byte {
	return append(put64(dst, uint64(len(u))), u[:]...)
}

func putString(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return append(put64(dst, uint64(len(s))), s...)
}
