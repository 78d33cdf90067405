package checker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"tuitalk/talk"
)

// ErrTruncated says that a recording does not reach its end. What comes with it
// is good.
var ErrTruncated = errors.New("the recording is cut off")

// ErrDamaged says that a recording makes no sense.
var ErrDamaged = errors.New("the recording is damaged")

// magic begins a file; its last byte is the version of the form. Those before had
// fewer verbs, and are read as well.
const (
	magic        = "TTHIST\x00\x03"
	oldestReadBy = 1
)

// Tags of records that are no events.
const (
	tagEntry     = 200
	tagClient    = 201
	tagFault     = 202
	tagFaultOver = 203
	tagEnd       = 204
)

// verb is how an event is written and told: the fields that it has, in order.
//
//	c client  t time  r room  s seq  i id  h hash  e entry  f flag  n number  u unixtime
type verb struct{ fields, says string }

var verbs = [256]verb{
	Attached:     {"ct", "its program starts"},
	Identified:   {"cti", "is user %i"},
	Named:        {"cth", "takes a name"},
	Entered:      {"ctr", "goes to room %r"},
	Left:         {"ctr", "leaves room %r"},
	Up:           {"ctr", "is live in room %r"},
	Down:         {"ctrs", "loses its line to room %r"},
	Ended:        {"ctf", "ends"},
	Original:     {"ct", "speaks the original's form"},
	Killed:       {"ct", "is killed for good"},
	Session:      {"cti", "is session %i"},
	Restarted:    {"ctrsf", "shows room %r anew, behind %s"},
	Cleared:      {"ct", "clears what it shows"},
	Shown:        {"cte", "shows %e"},
	Older:        {"cte", "shows, of what was before, %e"},
	Trimmed:      {"cts", "drops what is before %s"},
	PendingShown: {"cte", "shows as pending %e"},
	PendingGone:  {"cte", "shows no longer as pending %e"},
	Heard:        {"ctef", "shows %e"},
	Sent:         {"ctrihf", "sends %i to room %r"},
	Accepted:     {"ctri", "is told: accepted %i"},
	Stored:       {"ctrsi", "is told: stored %i as %s"},
	Refused:      {"ctrif", "is told: refused %i"},
	Withdrawn:    {"ctri", "is told: withdrawn %i"},
	Retried:      {"ctri", "retries %i"},
	Discarded:    {"ctri", "discards %i"},
	Owed:         {"ctri", "still has %i in its outbox"},
	Streams:      {"ctrs", "has a line on which room %r comes from behind %s"},
	Strayed:      {"ctse", "is sent, behind %s, %e"},
	Leaked:       {"ctref", "is sent, on a line to room %r, %e"},
	Listed:       {"ctrshnf", "is told who is in room %r as of %s: %n people"},
	Counted:      {"ctrn", "is told that room %r has %n members"},
	Asked:        {"ctrsf", "asks for room %r (question %s)"},
	Answered:     {"cts", "is answered question %s"},
	Dropped:      {"ctsf", "has lost the connection of question %s"},
	AskedBefore:  {"ctrsun", "asks for %n entries of room %r before second %u (question %s)"},
	Page:         {"cts", "gets a part of the answer to question %s"},
	Paged:        {"cte", "gets in it %e"},
	Outsider:     {"ti", "user %i is not recorded"},
	Head:         {"trs", "room %r has %s entries"},
	Reading:      {"trs", "room %r is read, behind %s"},
	Kept:         {"te", "the store has %e"},
	Taken:        {"te", "the store had, until it went back, %e"},
}

const (
	maxLabel = 4096    // bytes of a label, of the name of a fault or its evidence
	maxTime  = 1 << 53 // microseconds from 1970: 285 years
	maxSeq   = 1 << 60
)

// Decode reads a recording. It keeps no reference to data. When the error wraps
// ErrTruncated, the recording holds what was there.
func Decode(data []byte) (*Recording, error) {
	d := decoder{data: data}
	if err := d.start(); err != nil {
		return &Recording{}, err
	}
	for !d.ended {
		record := d.data
		if err := d.record(); err != nil {
			return &d.rec, fmt.Errorf("record at byte %d: %w", len(data)-len(record), err)
		}
	}
	if len(d.data) > 0 {
		return &d.rec, fmt.Errorf("%d bytes behind the end: %w", len(d.data), ErrDamaged)
	}
	return &d.rec, nil
}

type decoder struct {
	data  []byte
	rec   Recording
	last  int64 // time of the last event
	ended bool
	err   error // of the record being read
}

func (d *decoder) start() error {
	if len(d.data) < len(magic) {
		return fmt.Errorf("head: %w", ErrTruncated)
	}
	if string(d.data[:len(magic)-1]) != magic[:len(magic)-1] {
		return fmt.Errorf("this is no recording: %w", ErrDamaged)
	}
	if v := d.data[len(magic)-1]; v < oldestReadBy || v > magic[len(magic)-1] {
		return fmt.Errorf("this is a recording of version %d: %w", v, ErrDamaged)
	}
	d.data = d.data[len(magic):]
	return nil
}

func (d *decoder) record() error {
	tag := d.byte()
	if d.err != nil {
		return d.err
	}
	switch tag {
	case tagEntry:
		d.entry()
	case tagClient:
		d.rec.Clients = appendIf(d, d.rec.Clients, d.text())
	case tagFault:
		f := Fault{At: d.time(0), Held: d.flag(), What: d.text(), Evidence: d.text()}
		d.rec.Faults = appendIf(d, d.rec.Faults, f)
	case tagFaultOver:
		i, at := d.index(len(d.rec.Faults)), d.time(0)
		if d.err == nil {
			d.rec.Faults[i].Over = at
		}
	case tagEnd:
		if n := d.uint(); d.err == nil && n != uint64(len(d.rec.Events)) {
			return ErrDamaged
		}
		d.ended = d.err == nil
	default:
		d.event(Verb(tag))
	}
	return d.err
}

// appendIf appends what was read without an error.
func appendIf[T any](d *decoder, list []T, item T) []T {
	if d.err != nil {
		return list
	}
	return append(list, item)
}

func (d *decoder) entry() {
	e := Entry{Kind: talk.Kind(d.byte()), Room: d.room(), Seq: d.seq(), UnixTime: d.uint(), SentAt: d.uint()}
	e.Author, e.ID, e.Text, e.Name = d.uuid(), d.uuid(), d.hash(), d.hash()
	if e.Kind > talk.KindPosted || e.Kind == talk.KindPosted-1 {
		d.fail(ErrDamaged)
	}
	d.rec.Entries = appendIf(d, d.rec.Entries, e)
}

func (d *decoder) event(v Verb) {
	fields := verbs[v].fields
	if fields == "" {
		d.fail(ErrDamaged)
		return
	}
	e := Event{Verb: v, Client: -1}
	for i := range len(fields) {
		switch fields[i] {
		case 'c':
			e.Client = d.index(len(d.rec.Clients))
		case 't':
			e.At = d.time(d.last)
		case 'r':
			e.Room = d.room()
		case 's':
			e.Seq = d.seq()
		case 'i':
			e.ID = d.uuid()
		case 'h':
			e.Hash = d.hash()
		case 'e':
			e.Entry = d.index(len(d.rec.Entries))
		case 'f':
			e.Flag = d.flag()
		case 'n':
			e.Entry = d.room()
		case 'u':
			e.Hash = d.uint()
		}
	}
	if d.err == nil {
		d.last = e.At
		d.rec.Events = append(d.rec.Events, e)
	}
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// take is the next n bytes; on an error it is n zeros.
func (d *decoder) take(n int) []byte {
	if d.err == nil && len(d.data) >= n {
		b := d.data[:n]
		d.data = d.data[n:]
		return b
	}
	d.fail(ErrTruncated)
	return make([]byte, n)
}

func (d *decoder) byte() byte { return d.take(1)[0] }

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.data)
	switch {
	case d.err != nil:
		return 0
	case n == 0:
		d.fail(ErrTruncated)
		return 0
	case n < 0:
		d.fail(ErrDamaged)
		return 0
	}
	d.data = d.data[n:]
	return v
}

// int is a number of either sign, written with the sign in the lowest bit.
func (d *decoder) int() int64 {
	v := d.uint()
	return int64(v>>1) ^ -int64(v&1)
}

// time is a time as the difference from another.
func (d *decoder) time(since int64) int64 {
	at := since + d.int()
	if at < -maxTime || at > maxTime {
		d.fail(ErrDamaged)
	}
	return at
}

func (d *decoder) seq() int64 {
	v := d.int()
	if v < 0 || v > maxSeq {
		d.fail(ErrDamaged)
	}
	return v
}

func (d *decoder) room() int32 {
	v := d.int()
	if v < math.MinInt32 || v > math.MaxInt32 {
		d.fail(ErrDamaged)
	}
	return int32(v)
}

// index is a number below n.
func (d *decoder) index(n int) int32 {
	v := d.uint()
	if v >= uint64(n) {
		d.fail(ErrDamaged)
		return 0
	}
	return int32(v)
}

func (d *decoder) flag() bool {
	b := d.byte()
	if b > 1 {
		d.fail(ErrDamaged)
	}
	return b == 1
}

func (d *decoder) uuid() talk.UUID { return talk.UUID(d.take(len(talk.UUID{}))) }
func (d *decoder) hash() uint64    { return binary.LittleEndian.Uint64(d.take(8)) }

func (d *decoder) text() string {
	n := d.uint()
	if n > maxLabel {
		d.fail(ErrDamaged)
		return ""
	}
	return string(d.take(int(n)))
}
