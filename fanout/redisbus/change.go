package redisbus

// change is what a session is about to alter for one partition.
type change struct {
	part    *partition
	control bool // subscribe to the partition's own channel
	adds    []int32
	drops   []int32
}

// channelsPerCommand keeps a server from being busy with one command for long.
const channelsPerCommand = 1024

// collect takes what is to be done on a session.
func (p *partition) collect(s *session) (c change, any bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.part = p
	if p.session != s {
		return c, false
	}
	if p.control == off {
		p.control, c.control = adding, true
	}
	for _, room := range p.dirty {
		seat, known := p.seats[room]
		switch {
		case !known:
			continue
		case seat.wanted && seat.phase == off:
			seat.phase = adding
			c.adds = append(c.adds, room)
		case !seat.wanted && seat.phase == on:
			seat.phase = dropping
			c.drops = append(c.drops, room)
		case !seat.wanted && seat.phase == off:
			delete(p.seats, room)
			p.notifyWaiters(room)
			continue
		}
		p.seats[room] = seat
	}
	p.dirty = p.dirty[:0]
	return c, c.control || len(c.adds)+len(c.drops) > 0
}

// commands turns the change into commands: few, whatever the number of rooms.
func (c *change) commands(n *names) []subscription {
	var all []subscription
	add := func(end bool, channels []string) {
		for len(channels) > 0 {
			size := min(len(channels), channelsPerCommand)
			all = append(all, subscription{end: end, channels: channels[:size]})
			channels = channels[size:]
		}
	}
	var channels []string
	if c.control {
		channels = append(channels, n[c.part.index].control)
	}
	for _, room := range c.adds {
		channels = append(channels, n.channel(room))
	}
	add(false, channels)
	channels = nil
	for _, room := range c.drops {
		channels = append(channels, n.channel(room))
	}
	add(true, channels)
	return all
}

// applyChange notes that the change is made. It returns the rooms that may have
// missed notes, whether more is to be done, and whether the partition has just
// become live.
func (p *partition) applyChange(s *session, c change) (lost []int32, again, alive bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session != s {
		return nil, false, false
	}
	if c.control {
		p.control = on
	}
	for _, room := range c.adds {
		seat := p.seats[room]
		seat.phase = on
		if seat.owed && seat.wanted {
			lost = append(lost, room)
		}
		seat.owed = false
		if !seat.wanted {
			p.dirty = append(p.dirty, room)
		}
		p.seats[room] = seat
		p.notifyWaiters(room)
	}
	for _, room := range c.drops {
		seat := p.seats[room]
		if seat.wanted {
			seat.phase = off
			p.seats[room] = seat
			p.dirty = append(p.dirty, room)
		} else {
			delete(p.seats, room)
		}
		p.notifyWaiters(room)
	}
	alive = !p.live && p.control == on
	p.live = p.control == on
	return lost, len(p.dirty) > 0, alive
}

// notifyWaiters wakes those who wait for a room. mu is held.
func (p *partition) notifyWaiters(room int32) {
	if w := p.waits[room]; w != nil {
		delete(p.waits, room)
		close(w.settled)
	}
}
