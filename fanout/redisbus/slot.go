package redisbus

import "strconv"

const (
	// partitions is how many parts the rooms fall into. Each has its own slot,
	// so that a node subscribes to all its rooms of a partition in one command.
	// It is the same on every node of a fleet, for ever.
	partitions = 128

	slots = 16384 // of a Redis Cluster
)

// partitionOf is the partition of a room.
func partitionOf(room int32) int {
	return int(uint32(room) * 2654435769 >> (32 - 7)) // 2^32 / golden ratio; 2^7 partitions
}

// tags holds each partition's hash tag. The slot of tag i lies in the i-th of
// 128 equal ranges, so that any even split of the slots over masters is an even
// split of the partitions.
var tags = makeTags()

// tagSlots holds the slot of each tag.
var tagSlots = func() (all [partitions]uint16) {
	for i, tag := range tags {
		all[i] = slotOf(tag)
	}
	return all
}()

func makeTags() (all [partitions]string) {
	missing := partitions
	for n := int64(0); missing > 0; n++ {
		tag := strconv.FormatInt(n, 36)
		if i := int(slotOf(tag)) * partitions / slots; all[i] == "" {
			all[i] = tag
			missing--
		}
	}
	return all
}

// slotOf is CRC-16/XMODEM modulo the number of slots, as Redis has it.
func slotOf(tag string) uint16 {
	var crc uint16
	for i := range len(tag) {
		crc ^= uint16(tag[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc % slots
}
