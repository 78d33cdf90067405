package virtualuser

import (
	"bytes"
	"hash/maphash"

	"tuitalk/talk"
)

// decoded is a message as it came. It is shared by all who got the same bytes,
// and MUST NOT be changed.
type decoded struct {
	message talk.Message // nil: it cannot be read,
	err     error        // for this reason
	stamp   *stamp       // nil: it bears none
}

const (
	cacheSlots = 1 << 10 // a power of two
	cacheBytes = 2 << 10 // larger messages are not kept
)

// decodeCache keeps messages that were decoded lately: what is said in a room comes to
// all of its members in the same bytes.
type decodeCache struct {
	form  talk.Form
	seed  maphash.Seed
	slots []slot
}

type slot struct {
	payload []byte
	decoded decoded
}

func newDecodeCache(form talk.Form) decodeCache {
	return decodeCache{form: form, seed: maphash.MakeSeed(), slots: make([]slot, cacheSlots)}
}

// decode reads a message.
func (m *decodeCache) decode(payload []byte) decoded {
	if !m.toMany(payload) || len(payload) > cacheBytes {
		return m.read(payload)
	}
	s := &m.slots[maphash.Bytes(m.seed, payload)&(cacheSlots-1)]
	if !bytes.Equal(s.payload, payload) {
		s.payload = append(s.payload[:0], payload...)
		s.decoded = m.read(payload)
	}
	return s.decoded
}

// toMany tells messages of which several receivers get the same bytes: entries.
func (m *decodeCache) toMany(payload []byte) bool {
	if m.form.IsBinary() {
		const variant = 4 // bytes
		return len(payload) > variant && (payload[0] == byte(talk.TagPostMessage) ||
			payload[0] >= byte(talk.TagUserJoined) && payload[0] <= byte(talk.TagUsernameChanged))
	}
	const entry, user = `{"PostMessage"`, `{"User`
	return len(payload) > len(entry) && (string(payload[:len(entry)]) == entry || string(payload[:len(user)]) == user)
}

func (m *decodeCache) read(payload []byte) (d decoded) {
	d.message, d.err = talk.Decode(m.form, payload)
	if e, ok := d.message.(talk.Entry); ok && e.Kind == talk.KindPosted {
		if st, ok := readStamp(e.Text); ok {
			d.stamp = &st
		}
	}
	return d
}
