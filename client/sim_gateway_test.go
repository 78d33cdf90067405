package client

import (
	"slices"
	"time"

	"tuitalk/talk"
)

// fleet is the servers' side: one store and the gateways before it.
type fleet struct {
	w     *world
	rooms map[int32]*simRoom
	seats []*seat // of open connections
	down  bool    // the store is away
	spool bool    // and there is a spool to go on with
}

const simGrace = 30 * time.Second

// simRoom is one room's log, and who is there.
type simRoom struct {
	id     int32
	log    []talk.Entry // log[i] has seq i+1
	seqs   map[entryKey]int64
	spool  []talk.Entry
	shown  time.Time // pending entries have reached everybody by then
	queue  []queued  // waiting for the commit under way
	busy   bool
	people map[talk.UUID]string
	stays  map[stayKey]*stay
}

type stayKey struct{ uuid, session talk.UUID }

// stay is one session in a room.
type stay struct {
	seat *seat // nil when its connection is gone
	left time.Time
}

type queued struct {
	entry talk.Entry
	seat  *seat
}

func newFleet(w *world) *fleet { return &fleet{w: w, rooms: map[int32]*simRoom{}} }

func (f *fleet) room(id int32) *simRoom {
	r := f.rooms[id]
	if r == nil {
		r = &simRoom{
			id: id, seqs: map[entryKey]int64{},
			people: map[talk.UUID]string{}, stays: map[stayKey]*stay{},
		}
		f.rooms[id] = r
	}
	return r
}

// append gives an entry its seq, unless it has one.
func (f *fleet) append(r *simRoom, e talk.Entry) (seq int64) {
	key := entryKey{e.Author, e.ID}
	if seq := r.seqs[key]; seq > 0 {
		return seq
	}
	e.Seq, e.Pending, e.Round = int64(len(r.log)+1), false, 0
	e.UnixTime = uint64(f.w.now.Unix())
	r.log = append(r.log, e)
	r.seqs[key] = e.Seq
	f.w.logf("store  room %d seq %d %q", r.id, e.Seq, e.Text)
	for _, s := range f.seats {
		if s.in == r {
			s.flow()
		}
	}
	return e.Seq
}

// post queues an entry for the room's next commit.
func (f *fleet) post(r *simRoom, e talk.Entry, s *seat) {
	r.queue = append(r.queue, queued{e, s})
	if !r.busy {
		r.busy = true
		f.w.after(f.w.upTo(4*time.Millisecond), func() { f.commit(r) })
	}
}

// commit stores, spools or sends back what waits.
func (f *fleet) commit(r *simRoom) {
	batch := r.queue
	if f.w.bug == reordersOne && len(batch) > 0 && !f.w.faults && !sameAuthor(batch) {
		f.w.after(4*time.Millisecond, func() { f.commit(r) }) // wait for two by one author
		return
	}
	r.queue, r.busy = nil, false
	if !f.down {
		f.drain(r)
		f.bugs(r, batch)
	}
	for _, q := range batch {
		q.seat.unstored--
		switch {
		case q.entry.Round < q.seat.minRound:
			q.seat.refuse(talk.Error{Code: talk.CodeOutOfTurn, Message: "later", ID: q.entry.ID, Retry: true})
		case !f.down:
			seq := f.append(r, q.entry)
			q.seat.send(talk.Stored{RoomID: r.id, ID: q.entry.ID, Seq: seq})
			if f.w.chance(20) {
				q.seat.send(talk.Stored{RoomID: r.id, ID: q.entry.ID, Seq: seq})
			}
		case f.spool:
			f.accept(r, q)
		default:
			q.seat.holdBack(q.entry, talk.CodeUnavailable)
		}
	}
	for _, q := range batch {
		q.seat.proceed()
	}
}

// bugs breaks what the store promises.
func (f *fleet) bugs(r *simRoom, batch []queued) {
	if len(batch) == 0 || f.w.faults || batch[0].entry.Text == "" {
		return
	}
	switch f.w.bug {
	case losesOne:
		r.seqs[entryKey{batch[0].entry.Author, batch[0].entry.ID}] = int64(len(r.log))
	case doublesOne:
		again := batch[0].entry
		again.ID = f.w.uuid()
		f.append(r, again)
	case reordersOne:
		for i := 1; i < len(batch); i++ {
			if batch[i].seat == batch[i-1].seat {
				batch[i], batch[i-1] = batch[i-1], batch[i]
				break
			}
		}
	default:
		return
	}
	f.w.bug = noBug
}

// sameAuthor tells whether two neighbours in a batch come from one window.
func sameAuthor(batch []queued) bool {
	for i := 1; i < len(batch); i++ {
		if batch[i].seat == batch[i-1].seat {
			return true
		}
	}
	return false
}

// accept puts an entry into the spool and shows it as pending.
func (f *fleet) accept(r *simRoom, q queued) {
	e := q.entry
	if seq := r.seqs[entryKey{e.Author, e.ID}]; seq > 0 {
		q.seat.send(talk.Stored{RoomID: r.id, ID: e.ID, Seq: seq})
		return
	}
	known := slices.ContainsFunc(r.spool, func(o talk.Entry) bool { return o.ID == e.ID && o.Author == e.Author })
	if !known {
		r.spool = append(r.spool, e)
		e.Pending, e.Round = true, 0
		r.shown = f.w.now.Add(time.Second)
		for _, s := range f.seats {
			if s.in == r {
				f.w.after(f.w.upTo(30*time.Millisecond), func() { s.sendIn(r, e) })
			}
		}
	}
	q.seat.send(talk.Accepted{RoomID: r.id, ID: e.ID})
}

// drain stores what was spooled, before anything newer.
func (f *fleet) drain(r *simRoom) {
	for _, e := range r.spool {
		seq := f.append(r, e)
		for _, s := range f.seats {
			if s.in == r && s.uuid == e.Author {
				s.send(talk.Stored{RoomID: r.id, ID: e.ID, Seq: seq})
			}
		}
	}
	r.spool = nil
}

// restore brings the store back.
func (f *fleet) restore() {
	f.down = false
	for _, r := range f.rooms {
		f.drain(r)
	}
}

// enter puts a session into a room.
func (f *fleet) enter(s *seat, r *simRoom, name string) {
	key := stayKey{s.uuid, s.session}
	if old := r.stays[key]; old != nil && old.seat != nil && old.seat != s {
		seat := old.seat
		old.seat = nil
		seat.in = nil
		seat.wire.close(talk.CloseSuperseded, "newer")
	}
	r.stays[key] = &stay{seat: s}
	old, here := r.people[s.uuid]
	r.people[s.uuid] = name
	switch {
	case !here:
		f.system(r, talk.Entry{Kind: talk.KindJoined, Author: s.uuid, Name: name})
	case old != name:
		f.system(r, talk.Entry{Kind: talk.KindRenamed, Author: s.uuid, Name: name, Text: old})
	}
}

// depart takes a session out of a room, at once or after the grace.
func (f *fleet) depart(s *seat, r *simRoom, now bool) {
	key := stayKey{s.uuid, s.session}
	st := r.stays[key]
	if st == nil || st.seat != s {
		return
	}
	st.seat, st.left = nil, f.w.now
	if now {
		f.remove(r, key)
		return
	}
	f.w.after(simGrace, func() {
		if r.stays[key] == st && st.seat == nil {
			f.remove(r, key)
		}
	})
}

func (f *fleet) remove(r *simRoom, key stayKey) {
	delete(r.stays, key)
	for other := range r.stays {
		if other.uuid == key.uuid {
			return
		}
	}
	name := r.people[key.uuid]
	delete(r.people, key.uuid)
	f.system(r, talk.Entry{Kind: talk.KindLeft, Author: key.uuid, Name: name})
}

// system appends an entry that no user has posted.
func (f *fleet) system(r *simRoom, e talk.Entry) {
	e.RoomID, e.ID = r.id, f.w.uuid()
	f.append(r, e)
}

func (r *simRoom) idAt(seq int64) talk.UUID { return r.log[seq-1].ID }

func (r *simRoom) members() (all []talk.Member) {
	for id, name := range r.people {
		all = append(all, talk.Member{UUID: id, Username: name})
	}
	return all
}
