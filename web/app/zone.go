package app

import "time"

// Years whose changes of the clocks are known; outside of them the nearest
// known offset counts.
const (
	zoneFirst = 2020
	zoneLast  = 2050
)

// Zone makes a location of what the browser knows about the user's clock: the
// offset east of Greenwich, in seconds, at a time. (The runtime's own
// time.Local has one offset only, which is wrong for half of the year.)
func Zone(offset func(unix int64) int) *time.Location {
	at := time.Date(zoneFirst, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	end := time.Date(zoneLast+1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	const step = 28 * 24 * 3600 // no clock is changed twice within four weeks
	offsets := []int{offset(at)}
	var changes []int64
	for ; at < end; at += step {
		before, after := offset(at), offset(at+step)
		if before == after {
			continue
		}
		changes = append(changes, changeBetween(at, at+step, before, offset))
		offsets = append(offsets, after)
	}
	loc, err := time.LoadLocationFromTZData("Local", zoneData(changes, offsets))
	if err != nil {
		return time.FixedZone("Local", offsets[0])
	}
	return loc
}

// changeBetween finds the second at which the offset is no longer that of low.
func changeBetween(low, high int64, before int, offset func(int64) int) int64 {
	for high-low > 1 {
		middle := low + (high-low)/2
		if offset(middle) == before {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// zoneData writes a TZif file (RFC 8536, version 2, its 32-bit part empty): the
// changes, and the offsets in force before the first and after each of them.
func zoneData(changes []int64, offsets []int) []byte {
	var kinds []int // distinct offsets
	kindOf := make([]byte, len(offsets))
	for i, o := range offsets {
		k := 0
		for k < len(kinds) && kinds[k] != o {
			k++
		}
		if k == len(kinds) {
			kinds = append(kinds, o)
		}
		kindOf[i] = byte(k)
	}
	const name = "Local\x00"
	data := zoneHeader(nil, 0, 0, 0)
	data = zoneHeader(data, len(changes), len(kinds), len(name))
	for _, at := range changes {
		data = bigEndian(data, uint64(at), 8)
	}
	data = append(data, kindOf[1:]...)
	for _, o := range kinds {
		data = bigEndian(data, uint64(o), 4)
		data = append(data, 0, 0) // not known as summer time, name at 0
	}
	data = append(data, name...)
	return append(data, "\n\n"...) // no rule for what comes after
}

func zoneHeader(data []byte, changes, kinds, nameBytes int) []byte {
	data = append(data, "TZif2"...)
	data = append(data, make([]byte, 15)...) // reserved
	for _, n := range [...]int{0, 0, 0, changes, kinds, nameBytes} {
		data = bigEndian(data, uint64(n), 4)
	}
	return data
}

func bigEndian(data []byte, v uint64, size int) []byte {
	for ; size > 0; size-- {
		data = append(data, byte(v>>(8*(size-1))))
	}
	return data
}
