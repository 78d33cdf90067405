package redisbus

import (
	"strings"
	"testing"
)

func TestSlotOf(t *testing.T) {
	for tag, want := range map[string]uint16{"": 0, "123456789": 0x31c3, "foo": 12182, "user1000": 3443} {
		if got := slotOf(tag); got != want {
			t.Errorf("slot of %q is %d, want %d", tag, got, want)
		}
	}
}

// Every node of a fleet must agree on these, also across versions.
func TestTagsStay(t *testing.T) {
	const first = "14 10 6u 18 6l 6h 6d 7z"
	if got := strings.Join(tags[:8], " "); got != first {
		t.Errorf("the first tags are %q, want %q", got, first)
	}
	for room, want := range map[int32]int{0: 0, 1: 79, 2: 30, 42: 122, -1: 48, 1<<31 - 1: 112} {
		if got := partitionOf(room); got != want {
			t.Errorf("room %d is in partition %d, want %d", room, got, want)
		}
	}
}

func TestTagsAreEven(t *testing.T) {
	for masters := 1; masters <= 32; masters++ {
		count := make([]int, masters)
		for _, slot := range tagSlots {
			count[int(slot)*masters/slots]++
		}
		for i, n := range count {
			if n < partitions/masters-1 || n > partitions/masters+2 {
				t.Errorf("of %d masters, number %d has %d partitions", masters, i, n)
			}
		}
	}
}

func TestRoomsAreEven(t *testing.T) {
	for _, step := range []int32{1, 2, 3, 7, 100, 128, 1000, 65536} {
		const rooms = 128 * 100
		var count [partitions]int
		for i := range int32(rooms) {
			count[partitionOf(i*step)]++
		}
		for i, n := range count {
			if n > 4*rooms/partitions {
				t.Errorf("step %d: partition %d has %d of %d rooms", step, i, n, rooms)
			}
		}
	}
}
