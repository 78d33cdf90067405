package redisbus

import (
	"encoding/binary"
	"strconv"
	"strings"

	"tuitalk/fanout"
)

// A channel of a room is "tuitalk{tag}room", with the number of the room; that
// of a partition is "tuitalk{tag}~". What is published begins with its kind and
// the publisher's id:
//
//	note     on a room's channel: then fanout.AppendNote
//	look     on a room's channel: notes may be missing, look in the store
//	lookAll  on a partition's channel: the same for all its rooms
//	probe    on a partition's channel: then a number of the publisher's, the
//	         status as one byte, and the gateway's name in the leases
const (
	kindNote    = 'n'
	kindLook    = 'l'
	kindLookAll = 'L'
	kindProbe   = 'p'

	headerSize = 1 + 8
	probeSize  = 8 + 1 + 16

	statusStore = 1 // bit of a probe's status: the node reaches the store
	statusKnown = 2 // the node has announced itself
)

// nodeID tells a bus which messages are its own.
type nodeID [8]byte

// names are the channels and keys of each partition.
type names [partitions]struct {
	rooms   string    // what a room's channel begins with
	control string    // the partition's channel
	stream  string    // the spool's entries
	ids     string    // hash of the spooled entries' ids
	trial   [2]string // the same two for trials
}

func makeNames(namespace string) *names {
	var all names
	for i, tag := range tags {
		n := &all[i]
		n.rooms = namespace + "{" + tag + "}"
		n.control = n.rooms + "~"
		n.stream = n.rooms + "spool"
		n.ids = n.rooms + "ids"
		n.trial = [2]string{n.stream + "-trial", n.ids + "-trial"}
	}
	return &all
}

// channel is the channel of a room.
func (n *names) channel(room int32) string {
	return n[partitionOf(room)].rooms + strconv.FormatInt(int64(room), 10)
}

// roomOf reads the room out of its channel. It is false for the channel of a
// partition.
func roomOf(channel string) (room int32, ok bool) {
	n, err := strconv.ParseInt(channel[strings.IndexByte(channel, '}')+1:], 10, 32)
	return int32(n), err == nil
}

func appendHeader(dst []byte, kind byte, id nodeID) []byte {
	return append(append(dst, kind), id[:]...)
}

// splitHeader takes a message apart; ok is false if it is too short.
func splitHeader(message string) (kind byte, id nodeID, rest string, ok bool) {
	if len(message) < headerSize {
		return 0, id, "", false
	}
	copy(id[:], message[1:])
	return message[0], id, message[headerSize:], true
}

// probe is what a node says of itself on a partition's channel.
type probe struct {
	number uint64 // of the sender's probes
	known  bool   // status was announced
	status fanout.Status
}

func appendProbe(dst []byte, p probe) []byte {
	dst = binary.BigEndian.AppendUint64(dst, p.number)
	var flags byte
	if p.status.Store {
		flags |= statusStore
	}
	if p.known {
		flags |= statusKnown
	}
	dst = append(dst, flags)
	return append(dst, p.status.Gateway[:]...)
}

// parseProbe ignores what a newer node may have added.
func parseProbe(data string) (p probe, ok bool) {
	if len(data) < probeSize {
		return probe{}, false
	}
	p.number = binary.BigEndian.Uint64([]byte(data[:8]))
	p.status.Store = data[8]&statusStore != 0
	p.known = data[8]&statusKnown != 0
	copy(p.status.Gateway[:], data[9:])
	return p, true
}
