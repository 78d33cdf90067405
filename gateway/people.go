package gateway

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway/commit"
	"tuitalk/history"
	"tuitalk/talk"
)

// People are the same over the fleet: one session is on one gateway, and a name is a
// user's in all rooms. The other nodes are told by notes, which may get lost; of
// sessions the store tells, too.

// fleetNotes is the subscription to what concerns all nodes.
type fleetNotes struct{ subscribed, asking atomic.Bool }

// fleetTimeout bounds an attempt to subscribe.
const fleetTimeout = 5 * time.Second

// subscribeToFleet has a worker subscribe, unless that is done or under way.
func (s *Server) subscribeToFleet() {
	f := &s.fleetNotes
	if f.subscribed.Load() || !f.asking.CompareAndSwap(false, true) {
		return
	}
	ends := func(error) { f.asking.Store(false) }
	run := func(ctx context.Context) {
		defer ends(nil)
		ctx, cancel := context.WithTimeout(ctx, fleetTimeout)
		defer cancel()
		f.subscribed.Store(s.subscribe(ctx, fanout.FleetRoom) == nil)
	}
	if !s.work.closing.Submit(run, ends) {
		ends(nil)
	}
}

// publishEntered tells the other nodes that a session is here now.
func (s *Server) publishEntered(key sessionKey, epoch int64) {
	s.publishNote(&fanout.Note{Room: key.RoomID, Entered: []fanout.Entered{
		{UUID: key.UUID, Session: key.Session, Gateway: s.opts.ID, Epoch: epoch},
	}})
}

// onPeopleNote takes what another node says of people.
func (s *Server) onPeopleNote(n *fanout.Note) {
	for _, e := range n.Entered {
		if c := s.windows.get(sessionID{e.UUID, e.Session}); c != nil {
			c.supersede(history.Session{
				SessionKey: sessionKey{RoomID: n.Room, UUID: e.UUID, Session: e.Session}, Gateway: e.Gateway, Epoch: e.Epoch,
			})
		}
	}
	for _, r := range n.Renamed {
		s.renameHere(r.UUID, r.Name, r.Room)
	}
}

// supersede ends a connection whose session has been entered elsewhere since.
func (c *conn) supersede(by history.Session) {
	older := false
	c.locked(func(u *user) {
		older = u.room != nil && u.room.id == by.RoomID && u.place != placeProvisional &&
			u.epoch < by.Epoch && by.Gateway != c.srv.opts.ID
	})
	if older {
		c.closeFor(reasonSuperseded)
	}
}

// ownSession is a session that this node has, as it was when the store was asked.
type ownSession struct {
	conn    *conn
	key     sessionKey
	epoch   int64
	entered talk.UUID
}

// maxLookUp is how many sessions one query looks up.
const maxLookUp = 1000

// aloneEvery is in how many rounds a gateway without others looks up sessions once: nobody
// is there who could have taken them, and a store that goes back shows it in other ways.
const aloneEvery = 8

func (k *leaseManager) checkSessions(ctx context.Context) error {
	if err := k.checkOwnSessions(ctx); err != nil {
		return err
	}
	return k.syncNames(ctx)
}

// checkOwnSessions compares sessions of this node with the store's, as many at a time as one
// query takes, but at least a shard: all of a small node's each round, those of a
// large one in as many rounds as there are shards.
func (k *leaseManager) checkOwnSessions(ctx context.Context) error {
	if k.rounds++; k.alone && k.rounds%aloneEvery != 0 {
		return nil
	}
	var list []ownSession
	for n := 0; n < connShards && len(list) < maxLookUp; n++ {
		list = k.srv.conns.sessions(k.shard, list)
		k.shard = (k.shard + 1) % connShards
	}
	for len(list) > 0 {
		page := list[:min(maxLookUp, len(list))]
		list = list[len(page):]
		keys := make([]sessionKey, len(page))
		for i := range page {
			keys[i] = page[i].key
		}
		found, err := k.presence.Sessions(ctx, keys)
		if err != nil {
			return err
		}
		var gone []ownSession
		for i := range page {
			if found[i].Gateway.IsZero() {
				gone = append(gone, page[i])
			} else {
				page[i].compare(found[i])
			}
		}
		if err := k.srv.compareGone(ctx, gone); err != nil {
			return err
		}
	}
	return nil
}

// sessions appends the sessions of a shard's connections whose epoch is known.
func (cs *conns) sessions(shard int, list []ownSession) []ownSession {
	for _, c := range cs.inShard(shard) {
		c.locked(func(u *user) {
			if u.place == placeJoined && c.at() == stageSocket {
				list = append(list, ownSession{c, c.sessionKey(u.room), u.epoch, u.entered})
			}
		})
	}
	return list
}

// compare ends a connection whose session is elsewhere, and registers one again whose
// session is gone, or older than it was: the store may have gone back.
func (o *ownSession) compare(found history.Session) {
	c := o.conn
	if found.Epoch > o.epoch {
		c.supersede(found)
		return
	}
	c.locked(func(u *user) {
		same := u.room != nil && u.room.id == o.key.RoomID && u.epoch == o.epoch && c.at() == stageSocket
		if same && found.Epoch < o.epoch {
			c.reregister(true)
		}
	})
}

// announceNames gives the windows that users have in the room the names that entries which
// were placed gave them. It holds for what they say from then on. Windows sit in the
// room, whom the store may not have let in yet, or are about to.
func (r *room) announceNames() {
	var namings []talk.Entry
	var sit []*conn
	r.locked(func() {
		namings, r.newNames = r.newNames, nil
		if len(namings) == 0 {
			return
		}
		for _, c := range r.members {
			if slices.ContainsFunc(namings, func(e talk.Entry) bool { return e.Author == c.membership.uuid }) {
				sit = append(sit, c)
			}
		}
	})
	for i := range namings {
		e := &namings[i]
		for _, c := range slices.Concat(sit, r.srv.windows.of(e.Author)) {
			c.locked(func(u *user) {
				if u.room == r && u.uuid == e.Author {
					u.named(e)
				}
			})
		}
	}
}

// named takes the name that an entry of the user's room gives. Who joined by it is this
// window, or it sits here without the store, which let another one of his in first. A
// name that holds here although the store has not answered is newer, and will be written;
// where the log has it, the store's answer was lost, and what follows there is newer.
func (u *user) named(e *talk.Entry) {
	rn := u.renaming
	if rn != nil && rn.id == e.ID {
		rn.written = true
		u.takeName(rn.knownAs(e))
		return
	}
	held := rn != nil && !rn.written && (rn.applied || e.Kind == talk.KindJoined)
	switch {
	case e.Kind == talk.KindJoined && u.place != placeProvisional:
	case held && rn.applied && e.Seq >= u.namedAt:
		rn.was, u.namedAt = e.Name, e.Seq // if the store refuses his wish
	case !held:
		u.takeName(e.Name, e.Seq)
	}
}

// takeName gives a user another name, unless it has a newer one. seq is that of the
// entry that tells it, 0 for what the store says without one. Who has none takes any: what he
// has seen of names may be of a log that is gone since, in which seqs were higher.
func (u *user) takeName(name string, seq int64) {
	if seq == 0 || seq >= u.namedAt || u.name == "" {
		u.name = name
		u.namedAt = max(u.namedAt, seq)
	}
}

// forgetNamedAt forgets as of when the user has its name: it was a seq of a log that is gone.
// Call with mu held.
func (u *user) forgetNamedAt() {
	u.namedAt = 0
	if u.joining != nil {
		u.joining.satAt = 0
	}
}

// entrySeq is the seq of what a move wrote, 0 for nothing.
func entrySeq(e *talk.Entry) int64 {
	if e == nil {
		return 0
	}
	return e.Seq
}

// renameElsewhere gives a user, who has another name in r now, this name in all other
// rooms too. Who proves nothing may be several people, who keep their names. A change
// that is stored late, or once more, may not be the newest any more: where the log of r
// does not bear it out, only the lease manager tells, who asks the store. at is when it was
// stored.
func (s *Server) renameElsewhere(uuid talk.UUID, name string, r *room, at uint64) {
	if !uuid.Proven() {
		return
	}
	if !s.renames.add(uuid, renamed{name, r.id, at}) {
		return
	}
	if known, _ := r.nameOf(uuid); known == "" || known == name {
		s.renameHere(uuid, name, r.id)
		s.publishNote(&fanout.Note{Room: fanout.FleetRoom, Renamed: []fanout.Renamed{{UUID: uuid, Name: name, Room: r.id}}})
	}
}

// renameHere renames the windows that a user has here in other rooms than but, whose
// log tells it. One that is just registered again keeps the name by which that is asked
// for: what it says meanwhile would stand in its room in front of the new name. The lease manager
// of the node where the name was stored looks after it.
func (s *Server) renameHere(uuid talk.UUID, name string, but int32) {
	for _, c := range s.windows.of(uuid) {
		c.locked(func(u *user) {
			if u.place != placeJoined || u.room.id == but || u.name == name || u.renaming != nil {
				return
			}
			u.name = name
			c.announceName(u.room)
		})
	}
}

// announceName has the store write in a room what the user is called now. Call with mu
// held.
func (c *conn) announceName(r *room) {
	c.srv.commit.Move(commit.Move{
		Move: history.Move{
			Action: history.Rename, Key: c.sessionKey(r), Name: c.user.name,
			Epoch: c.user.epoch, EntryID: newUUID(), Quiet: talk.MaxListed,
		},
		Done: func(a history.Moved) { c.srv.publishMoved(r, a) },
	})
}
