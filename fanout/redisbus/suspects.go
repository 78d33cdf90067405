package redisbus

// suspectRooms keeps which rooms' notes may not have reached the other nodes, so that
// they can be told to look in the store. It is bounded: beyond so many rooms it
// is the whole partition. Its partition's mu guards it.
//
// Besides notes that failed, it suspects those published shortly before a
// partition changed its master: a master that is cut off, and does not know it
// yet, takes them without an error and hands them to nobody.
type suspectRooms struct {
	recent, older roomSet // published to, in this span of time and the one before
	doubt         roomSet
}

// roomSet is a set of at most maxSuspectRooms rooms, or of all.
type roomSet struct {
	rooms map[int32]struct{}
	all   bool
}

const maxSuspectRooms = 64

func (s *roomSet) add(room int32) {
	if _, ok := s.rooms[room]; ok || s.all {
		return
	}
	if len(s.rooms) == maxSuspectRooms {
		s.addAll()
		return
	}
	if s.rooms == nil {
		s.rooms = make(map[int32]struct{})
	}
	s.rooms[room] = struct{}{}
}

func (s *roomSet) addAll() { s.rooms, s.all = nil, true }

func (s *roomSet) merge(other roomSet) {
	if other.all {
		s.addAll()
	}
	for room := range other.rooms {
		s.add(room)
	}
}

func (s *roomSet) empty() bool { return !s.all && len(s.rooms) == 0 }

// suspectRecent doubts everything published of late.
func (l *suspectRooms) suspectRecent() {
	l.doubt.merge(l.recent)
	l.doubt.merge(l.older)
	l.recent, l.older = roomSet{}, roomSet{}
}

// route returns the session on which to publish to a room, nil if there is none.
func (p *partition) route(room int32) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session == nil {
		p.ledger.doubt.add(room)
	} else {
		p.ledger.recent.add(room)
	}
	return p.session
}

// markSuspect notes that others may not have got what was published to a room.
func (p *partition) markSuspect(room int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ledger.doubt.add(room)
}

// markAllSuspect does so for all rooms of the partition.
func (p *partition) markAllSuspect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ledger.doubt.addAll()
}

// rotateSuspects begins a new span of time.
func (p *partition) rotateSuspects() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ledger.recent, p.ledger.older = roomSet{}, p.ledger.recent
}

// takeSuspects hands over the doubtful rooms and the session on which to tell the
// others, if there is one.
func (p *partition) takeSuspects() (roomSet, *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.live || p.ledger.doubt.empty() {
		return roomSet{}, nil
	}
	doubt := p.ledger.doubt
	p.ledger.doubt = roomSet{}
	return doubt, p.session
}
