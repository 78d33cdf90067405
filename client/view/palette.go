package view

import (
	"strings"

	"tuitalk/talk"
)

// RGB is a colour, 8 bits a channel, in sRGB.
type RGB struct{ R, G, B uint8 }

// The backgrounds that the name colours are made for: every colour of
// NameColor has a contrast of at least 4.5:1 (WCAG 2) to all of its variant's
// backgrounds between these two.
var (
	DarkBackground  = [2]RGB{{0x00, 0x00, 0x00}, {0x30, 0x30, 0x30}}
	LightBackground = [2]RGB{{0xee, 0xee, 0xee}, {0xff, 0xff, 0xff}}
)

// The name colours. All are members of xterm's 6×6×6 cube, so a terminal with
// 256 colours shows exactly the same ones as a browser.
var (
	darkNames = [16]RGB{
		{0x5f, 0xaf, 0xff}, {0xff, 0xaf, 0x5f}, {0x87, 0xd7, 0x87}, {0xff, 0x87, 0xd7},
		{0xff, 0xd7, 0x5f}, {0xaf, 0x87, 0xff}, {0x5f, 0xd7, 0xaf}, {0xff, 0x87, 0x87},
		{0x87, 0xd7, 0xd7}, {0xd7, 0x87, 0xff}, {0xaf, 0xd7, 0x5f}, {0xff, 0x87, 0x5f},
		{0x87, 0xaf, 0xff}, {0xd7, 0xd7, 0x5f}, {0xff, 0x87, 0xaf}, {0x5f, 0xd7, 0xff},
	}
	lightNames = [16]RGB{
		{0x00, 0x5f, 0xaf}, {0x87, 0x5f, 0x00}, {0x00, 0x5f, 0x00}, {0xaf, 0x00, 0xaf},
		{0x5f, 0x5f, 0x00}, {0x5f, 0x00, 0xd7}, {0x00, 0x5f, 0x5f}, {0xd7, 0x00, 0x00},
		{0x5f, 0x5f, 0xaf}, {0x87, 0x00, 0x87}, {0x00, 0x5f, 0x87}, {0xaf, 0x00, 0x00},
		{0x00, 0x00, 0xaf}, {0x87, 0x5f, 0x87}, {0xaf, 0x00, 0x5f}, {0x87, 0x00, 0xaf},
	}
)

// NameColor is the colour of a user's name on a dark or light background: the
// same for one UUID everywhere and always.
func NameColor(u talk.UUID, dark bool) RGB {
	h := uint32(2166136261) // FNV-1a
	for _, b := range u {
		h = (h ^ uint32(b)) * 16777619
	}
	h ^= h >> 16
	if dark {
		return darkNames[h%uint32(len(darkNames))]
	}
	return lightNames[h%uint32(len(lightNames))]
}

// nameTags finds names that people can mistake for each other: those of one
// talk.Skeleton, but of different UUIDs. The zero value is ready for use. It is fed with everyone
// whose name is shown (see); tag then tells them apart.
type nameTags struct {
	seen map[string]*nameOwners
}

// nameOwners are the users who were seen whose names look alike.
type nameOwners struct {
	first talk.UUID
	more  []talk.UUID // besides first; at most maxNameOwners
}

// maxNameOwners bounds how many users of one name are kept; with so many every
// one of them has a long tag anyway.
const maxNameOwners = 64

// see takes note that u is shown as name. It reports whether that changes a
// tag, so that a view that keeps names has to make them anew.
func (t *nameTags) see(u talk.UUID, name string) bool {
	key := talk.Skeleton(name)
	b := t.seen[key]
	if b == nil {
		if t.seen == nil {
			t.seen = make(map[string]*nameOwners)
		}
		t.seen[key] = &nameOwners{first: u}
		return false
	}
	if b.first == u || len(b.more) >= maxNameOwners {
		return false
	}
	for _, m := range b.more {
		if m == u {
			return false
		}
	}
	b.more = append(b.more, u)
	return true
}

// tag is "" when nobody else was seen under a name like this one, else the
// shortest beginning of u, at least four digits, that tells u from them.
func (t *nameTags) tag(u talk.UUID, name string) string {
	b := t.seen[talk.Skeleton(name)]
	if b == nil {
		return ""
	}
	id := strings.ReplaceAll(u.String(), "-", "")
	need := 0
	for i := -1; i < len(b.more); i++ {
		other := b.first
		if i >= 0 {
			other = b.more[i]
		}
		if other == u {
			continue
		}
		need = max(need, 4, 1+commonHex(u, other))
	}
	return id[:min(need, len(id))]
}

// commonHex counts the leading hexadecimal digits that a and b share.
func commonHex(a, b talk.UUID) int {
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		if a[i]>>4 == b[i]>>4 {
			return 2*i + 1
		}
		return 2 * i
	}
	return 2 * len(a)
}
