package talk

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// appendJSON writes what exists has approved. Field order is that of the
// original's declaration, then the extended fields; jsonShapes reads the same.
func appendJSON(dst []byte, m Message, extended bool) []byte {
	switch m := m.(type) {
	case Entry:
		return appendJSONEntry(dst, &m, extended)
	case JoinRoom:
		return appendJSONJoinRoom(dst, &m, extended)
	case LeaveRoom:
		dst = appendInt(dst, `{"LeaveRoom":{"room_id":`, int64(m.RoomID))
		dst = appendUUID(dst, `,"uuid":`, &m.UUID)
		dst = appendString(dst, `,"username":`, m.Username)
		dst = appendUint(dst, `,"unixtime":`, m.UnixTime)
	case ChangeName:
		dst = appendUUID(dst, `{"ChangeName":{"uuid":`, &m.UUID)
		dst = appendString(dst, `,"username":`, m.Username)
		dst = appendString(dst, `,"old_username":`, m.OldUsername)
		dst = appendUint(dst, `,"unixtime":`, m.UnixTime)
		dst = optionalUUID(dst, extended, `,"id":`, &m.ID)
	case Fetch:
		dst = appendInt(dst, `{"Fetch":{"room_id":`, int64(m.RoomID))
		dst = appendInt(dst, `,"limit":`, m.Limit)
		dst = appendUint(dst, `,"fetch_before":`, m.FetchBefore)
		dst = optionalInt(dst, extended, `,"before_seq":`, m.BeforeSeq)
	case LocalError:
		dst = appendString(dst, `{"LocalError":{"message":`, m.Message)
	case History:
		return appendJSONHistory(dst, &m, extended)
	case Error:
		return appendJSONError(dst, &m, extended)
	default:
		return appendJSONExtended(dst, m)
	}
	return append(dst, `}}`...)
}

// appendJSONExtended writes the variants that the original does not have.
func appendJSONExtended(dst []byte, m Message) []byte {
	switch m := m.(type) {
	case Hello:
		return appendJSONHello(dst, &m)
	case Welcome:
		return appendJSONWelcome(dst, &m)
	case Joined:
		return appendJSONJoined(dst, &m)
	case Accepted:
		dst = appendInt(dst, `{"Accepted":{"room_id":`, int64(m.RoomID))
		dst = appendUUID(dst, `,"id":`, &m.ID)
	case Stored:
		dst = appendInt(dst, `{"Stored":{"room_id":`, int64(m.RoomID))
		dst = appendUUID(dst, `,"id":`, &m.ID)
		dst = appendInt(dst, `,"seq":`, m.Seq)
	case Withdrawn:
		dst = appendInt(dst, `{"Withdrawn":{"room_id":`, int64(m.RoomID))
		dst = appendUUID(dst, `,"uuid":`, &m.UUID)
		dst = appendUUID(dst, `,"id":`, &m.ID)
	case Presence:
		dst = appendInt(dst, `{"Presence":{"room_id":`, int64(m.RoomID))
		dst = appendInt(dst, `,"member_count":`, int64(m.MemberCount))
	case Reconnect:
		dst = appendUint(dst, `{"Reconnect":{"within_ms":`, uint64(m.WithinMS))
	case Gap:
		dst = appendInt(dst, `{"Gap":{"room_id":`, int64(m.RoomID))
		dst = appendInt(dst, `,"from":`, m.From)
		dst = appendInt(dst, `,"to":`, m.To)
	case Ping:
		dst = appendUint(dst, `{"Ping":{"n":`, uint64(m.N))
	case Pong:
		dst = appendUint(dst, `{"Pong":{"n":`, uint64(m.N))
	}
	return append(dst, `}}`...)
}

func appendJSONJoinRoom(dst []byte, m *JoinRoom, extended bool) []byte {
	dst = appendInt(dst, `{"JoinRoom":{"room_id":`, int64(m.RoomID))
	dst = appendUUID(dst, `,"uuid":`, &m.UUID)
	dst = appendString(dst, `,"username":`, m.Username)
	dst = appendUint(dst, `,"unixtime":`, m.UnixTime)
	if extended && m.Resume {
		dst = appendInt(dst, `,"after_seq":`, m.AfterSeq)
		dst = optionalUUID(dst, true, `,"after_id":`, &m.AfterID)
	}
	return append(dst, `}}`...)
}

// appendJSONEntry writes an entry under the variant of its kind.
func appendJSONEntry(dst []byte, e *Entry, extended bool) []byte {
	tag := e.Tag()
	switch tag {
	case TagUserJoined:
		dst = append(dst, `{"UserJoined":{"uuid":`...)
	case TagUserLeft:
		dst = append(dst, `{"UserLeft":{"uuid":`...)
	case TagUsernameChanged:
		dst = append(dst, `{"UsernameChanged":{"uuid":`...)
	default:
		dst = append(dst, `{"PostMessage":{"message":{"uuid":`...)
	}
	dst = appendUUID(dst, "", &e.Author)
	dst = appendString(dst, `,"username":`, e.Name)
	switch tag {
	case TagUsernameChanged:
		dst = appendString(dst, `,"old_username":`, e.Text)
	case TagPostMessage:
		dst = appendString(dst, `,"text":`, e.Text)
	}
	if tag != TagUsernameChanged {
		dst = appendInt(dst, `,"room_id":`, int64(e.RoomID))
	}
	dst = appendUint(dst, `,"unixtime":`, e.UnixTime)
	if extended {
		dst = appendJSONEntryExtras(dst, e, tag)
	}
	if tag == TagPostMessage {
		return append(dst, `}}}`...)
	}
	return append(dst, `}}`...)
}

func appendJSONEntryExtras(dst []byte, e *Entry, tag Tag) []byte {
	if tag == TagUsernameChanged {
		dst = appendInt(dst, `,"room_id":`, int64(e.RoomID))
	}
	dst = optionalUUID(dst, true, `,"id":`, &e.ID)
	dst = optionalInt(dst, true, `,"seq":`, e.Seq)
	dst = optionalUint(dst, true, `,"sent_at":`, e.SentAt)
	dst = optionalTrue(dst, true, `,"pending":true`, e.Pending)
	return optionalInt(dst, true, `,"round":`, int64(e.Round))
}

func appendJSONHistory(dst []byte, m *History, extended bool) []byte {
	dst = append(dst, `{"History":{"text":[`...)
	for i, event := range m.Text {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSON(dst, event, extended)
	}
	dst = append(dst, ']')
	dst = optionalInt(dst, extended, `,"room_id":`, int64(m.RoomID))
	dst = optionalInt(dst, extended, `,"before_seq":`, m.BeforeSeq)
	dst = optionalTrue(dst, extended, `,"more":true`, m.More)
	dst = optionalTrue(dst, extended, `,"complete":true`, m.Complete)
	return append(dst, `}}`...)
}

func appendJSONError(dst []byte, m *Error, extended bool) []byte {
	dst = appendString(dst, `{"Error":{"code":`, string(m.Code))
	dst = appendString(dst, `,"message":`, m.Message)
	dst = optionalUUID(dst, extended, `,"id":`, &m.ID)
	dst = optionalTrue(dst, extended, `,"retry":true`, m.Retry)
	dst = optionalUint(dst, extended, `,"retry_ms":`, uint64(m.RetryMS))
	return append(dst, `}}`...)
}

func appendJSONHello(dst []byte, m *Hello) []byte {
	dst = appendString(dst, `{"Hello":{"client":`, m.Client)
	if !m.Secret.IsZero() {
		dst = append(dst, `,"secret":"`...)
		dst = append(m.Secret.appendTo(dst), '"')
	}
	dst = optionalUUID(dst, true, `,"session":`, &m.Session)
	return append(dst, `}}`...)
}

func appendJSONWelcome(dst []byte, m *Welcome) []byte {
	dst = appendUUID(dst, `{"Welcome":{"uuid":`, &m.UUID)
	dst = appendString(dst, `,"server":`, m.Server)
	dst = appendInt(dst, `,"limits":{"text_bytes":`, int64(m.Limits.TextBytes))
	dst = appendInt(dst, `,"name_bytes":`, int64(m.Limits.NameBytes))
	dst = appendInt(dst, `,"name_clusters":`, int64(m.Limits.NameClusters))
	dst = appendInt(dst, `,"frame_bytes":`, int64(m.Limits.FrameBytes))
	dst = appendInt(dst, `,"fetch_entries":`, int64(m.Limits.FetchEntries))
	return append(dst, `}}}`...)
}

func appendJSONJoined(dst []byte, m *Joined) []byte {
	dst = appendInt(dst, `{"Joined":{"room_id":`, int64(m.RoomID))
	dst = appendInt(dst, `,"head_seq":`, m.HeadSeq)
	dst = appendInt(dst, `,"after_seq":`, m.AfterSeq)
	dst = append(dst, `,"members":[`...)
	for i := range m.Members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendUUID(dst, `{"uuid":`, &m.Members[i].UUID)
		dst = appendString(dst, `,"username":`, m.Members[i].Username)
		dst = append(dst, '}')
	}
	dst = appendInt(dst, `],"member_count":`, int64(m.MemberCount))
	dst = optionalUUID(dst, true, `,"head_id":`, &m.HeadID)
	dst = optionalTrue(dst, true, `,"reset":true`, m.Reset)
	return append(dst, `}}`...)
}

// Those below are called once per field of every message; inlined there they
// would add 8 KB to the browser's program and save next to no time.

//go:noinline
func appendInt(dst []byte, key string, v int64) []byte {
	return strconv.AppendInt(append(dst, key...), v, 10)
}

//go:noinline
func appendUint(dst []byte, key string, v uint64) []byte {
	return strconv.AppendUint(append(dst, key...), v, 10)
}

//go:noinline
func appendUUID(dst []byte, key string, u *UUID) []byte {
	dst = append(append(dst, key...), '"')
	return append(u.appendTo(dst), '"')
}

// The optional ones write nothing in the original's form, nor a zero value.

//go:noinline
func optionalInt(dst []byte, extended bool, key string, v int64) []byte {
	if !extended || v == 0 {
		return dst
	}
	return appendInt(dst, key, v)
}

//go:noinline
func optionalUint(dst []byte, extended bool, key string, v uint64) []byte {
	if !extended || v == 0 {
		return dst
	}
	return appendUint(dst, key, v)
}

//go:noinline
func optionalUUID(dst []byte, extended bool, key string, u *UUID) []byte {
	if !extended || u.IsZero() {
		return dst
	}
	return appendUUID(dst, key, u)
}

//go:noinline
func optionalTrue(dst []byte, extended bool, keyAndTrue string, v bool) []byte {
	if !extended || !v {
		return dst
	}
	return append(dst, keyAndTrue...)
}

// appendString writes key and s with serde_json's escapes: the short ones where
// there are any, \u00xx for the other C0 controls, all else as it is.
func appendString(dst []byte, key string, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	dst = append(append(dst, key...), '"')
	for {
		n := plain(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		dst = appendEscape(dst, s[n])
		s = s[n+1:]
	}
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		c = 'b'
	case '\f':
		c = 'f'
	case '\n':
		c = 'n'
	case '\r':
		c = 'r'
	case '\t':
		c = 't'
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0x0f])
	}
	return append(dst, '\\', c)
}
