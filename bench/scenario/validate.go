package scenario

import (
	"fmt"
	"math"
	"time"

	"tuitalk/talk"
)

// Bounds of what makes sense.
const (
	maxClients = 10_000_000
	maxRooms   = 1_000_000 // idle ones included
	maxZipf    = 10
	minSlow    = 64 // bytes per second, below which a connection is taken for dead
)

// rule is true for a scenario that is wrong, and says how. It names the flag,
// which is the field's name in JSON with - for _.
type rule struct {
	wrong bool
	says  string
}

// Validate finds the first number that is wrong, and says so in one sentence
// that names its flag.
func (s *Scenario) Validate() error {
	for _, rules := range [][]rule{s.people(), s.acts(), s.course()} {
		for _, r := range rules {
			if r.wrong {
				return fmt.Errorf("%s", r.says)
			}
		}
	}
	return nil
}

func (s *Scenario) people() []rule {
	talking := s.Clients - s.Idle
	rooms := s.Rooms
	if s.Idle > 0 && s.IdleRoom > 0 {
		rooms += (s.Idle + s.IdleRoom - 1) / s.IdleRoom
	}
	return []rule{
		{s.Clients < 1 || s.Clients > maxClients, says("-clients %d: there must be 1 to %d clients", s.Clients, maxClients)},
		{s.Idle < 0 || s.Idle > s.Clients, says("-idle %d: 0 to all of the %d clients can be idle", s.Idle, s.Clients)},
		{s.Idle > 0 && s.IdleRoom < 1, says("-idle-room %d: an idle room has at least 1 member", s.IdleRoom)},
		{talking > 0 && s.Rooms < 1, says("-rooms %d: there must be at least 1 room", s.Rooms)},
		{talking > 0 && s.Rooms > talking, says("-rooms %d: there are only %d clients to fill them", s.Rooms, talking)},
		{s.Rooms < 0, says("-rooms %d: it must not be negative", s.Rooms)},
		{s.FirstRoom < 0, says("-first-room %d: rooms have positive numbers", s.FirstRoom)},
		{rooms > maxRooms, says("-rooms %d: there may be %d rooms, those of idle clients included", s.Rooms, maxRooms)},
		{int64(s.FirstRoom)+int64(rooms) > math.MaxInt32, says("-first-room %d: the last room's number would be above %d", s.FirstRoom, math.MaxInt32)},
		{!within(s.Zipf, 0, maxZipf), says("-zipf %v: the exponent must be 0 (rooms of one size) to %d", s.Zipf, maxZipf)},
		{!(s.Slow >= 0 && s.Slow < 1), says("-slow %v: the share of slow readers must be 0 to below 1", s.Slow)},
		{s.Slow > 0 && s.SlowBytes < minSlow, says("-slow-bytes %d: a slow reader reads at least %d bytes a second", s.SlowBytes, minSlow)},
	}
}

func (s *Scenario) acts() []rule {
	talking := s.Clients - s.Idle
	return []rule{
		{!within(s.Rate, 0, 1e8), says("-rate %v: messages per second must be 0 to 100 million", s.Rate)},
		{s.Rate > 0 && talking < 1, says("-rate %v: all clients are idle, so nobody can post", s.Rate)},
		{s.Size < MinSize || s.Size > talk.MaxTextBytes, says("-size %d: a text has %d (what measuring needs) to %d bytes", s.Size, MinSize, talk.MaxTextBytes)},
		{s.Arrivals != Poisson && s.Arrivals != Constant, says("-arrivals %q is neither %s nor %s", s.Arrivals, Poisson, Constant)},
		{!within(s.Hops, 0, 1e6), says("-hops %v: they are per second, 0 to a million", s.Hops)},
		{s.Hops > 0 && s.Rooms < 2, says("-hops %v: there is no other room to go to, as -rooms is %d", s.Hops, s.Rooms)},
		{!within(s.Returns, 0, 1e6), says("-returns %v: they are per second, 0 to a million", s.Returns)},
		{!within(s.Fetches, 0, 1e6), says("-fetches %v: they are per second, 0 to a million", s.Fetches)},
		{s.Fetches > 0 && (s.FetchLimit < 1 || s.FetchLimit > talk.MaxFetch), says("-fetch-limit %d: a fetch takes 1 to %d entries", s.FetchLimit, talk.MaxFetch)},
		{!within(s.Renames, 0, 1e6), says("-renames %v: they are per second, 0 to a million", s.Renames)},
		{!within(s.Ends, 0, 1e6), says("-ends %v: they are per second, 0 to a million", s.Ends)},
		{!within(s.Originals, 0, 1), says("-originals %v: the share must be 0 to 1", s.Originals)},
		{!within(s.Windows, 0, 0.5), says("-windows %v: the share must be 0 to 0.5", s.Windows)},
		{s.Speak != Session && s.Speak != Wire && s.Speak != Centrifuge, says("-speak %q is none of %s, %s, %s", s.Speak, Session, Wire, Centrifuge)},
		{s.Form != Bincode && s.Form != JSON && s.Form != "", says("-form %q is none of %s, %s", s.Form, Bincode, JSON)},
		{s.Check && s.Speak != Session, says("-check: histories are recorded of -speak %s only; add -check=false", Session)},
	}
}

func (s *Scenario) course() []rule {
	return []rule{
		{!within(s.Connects, 0, 1e6), says("-connects %v: new connections per second must be 0 (no limit) to a million", s.Connects)},
		{s.WarmUp < 0, says("-warm-up %v: it must not be negative", s.WarmUp)},
		{s.Duration.Std() < time.Second, says("-duration %v: at least 1s must be measured", s.Duration)},
		{s.Settle < 0, says("-settle %v: it must not be negative", s.Settle)},
	}
}

// within is false also for what is no number.
func within(v, low, high float64) bool { return v >= low && v <= high }

func says(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// Locate gives a scenario that has no FirstRoom rooms that most likely no run
// had before: a history that holds what others said cannot be checked.
func (s *Scenario) Locate(now time.Time) {
	if s.FirstRoom > 0 {
		return
	}
	// a stretch of 4,096 rooms for each second, which comes again after 5 days
	const low, stretch, stretches = 1 << 20, 1 << 12, 1<<19 - 1<<9
	s.FirstRoom = int32(low + stretch*(now.Unix()%stretches))
}
