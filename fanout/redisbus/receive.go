package redisbus

import (
	"time"

	"tuitalk/fanout"
)

// Reasons why a room is reported lost, as the metrics name them.
type lostReason string

const (
	lostOverflow   lostReason = "overflow"     // the handler was too slow
	lostReconnect  lostReason = "resubscribed" // the subscription was interrupted
	lostPublisher  lostReason = "publisher"    // a publisher says so
	lostUnreadable lostReason = "unreadable"   // the message makes no sense to this version
)

func (b *Bus) markLost(reason lostReason, rooms ...int32) {
	for _, room := range rooms {
		b.lane(room).MarkLost(room)
	}
	b.metrics.losses(reason, len(rooms))
}

// onMessage is called from a connection's read loop and MUST NOT block.
func (b *Bus) onMessage(channel, message string) {
	kind, from, rest, ok := splitHeader(message)
	if p := b.controls[channel]; p != nil {
		if ok {
			b.onControl(p, kind, from, rest)
		}
		return
	}
	room, named := roomOf(channel)
	if !named || ok && from == b.id || !b.parts[partitionOf(room)].wants(room) {
		return
	}
	switch {
	case ok && kind == kindNote:
		b.deliver(room, rest)
	case ok && kind == kindLook:
		b.markLost(lostPublisher, room)
	default:
		b.markLost(lostUnreadable, room)
	}
}

func (b *Bus) deliver(room int32, data string) {
	note, err := fanout.DecodeNote(data)
	if err != nil || note.Room != room {
		b.markLost(lostUnreadable, room)
		return
	}
	b.metrics.received.Inc()
	if !b.lane(room).Put(note) {
		b.metrics.losses(lostOverflow, 1)
	}
}

// onControl takes a message of a partition's own channel.
func (b *Bus) onControl(p *partition, kind byte, from nodeID, rest string) {
	switch kind {
	case kindProbe:
		probe, ok := parseProbe(rest)
		switch {
		case !ok:
		case from == b.id:
			b.onEcho(probe.number)
		default:
			b.peers.onStatus(from, probe, time.Now())
		}
	case kindLookAll:
		if from != b.id {
			b.markLost(lostPublisher, p.rooms()...)
		}
	}
}
