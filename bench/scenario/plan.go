package scenario

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Plan says of each client of a scenario where it is and what it does. It is the
// same for the same scenario, in every process. It is not changed once it is
// made, and may be used from anywhere.
type Plan struct {
	first int32
	sizes []int   // members of each room, the talking rooms first
	rooms []int32 // of each client, as index in sizes
	slow  []bool  // of each client
	old   []bool  // of each client: it speaks one of the original's forms
	owner []int32 // of each client: whose user it is, itself unless it is a second window
	other []bool  // of each client: it is not the only window of its user
	talk  int     // rooms in which something is said
}

// Plan deals the clients out. Who is in which room is drawn by the seed, so that
// each worker and each target has a share of every room; how many are in a room
// is not left to chance.
func (s *Scenario) Plan() *Plan {
	p := &Plan{
		first: s.FirstRoom, talk: s.Rooms,
		sizes: append(shares(s.Clients-s.Idle, s.Rooms, s.Zipf), idleRooms(s.Idle, s.IdleRoom)...),
		rooms: make([]int32, s.Clients), slow: make([]bool, s.Clients),
		old: make([]bool, s.Clients), owner: make([]int32, s.Clients), other: make([]bool, s.Clients),
	}
	order := rand.New(rand.NewPCG(s.Seed, 1<<40)).Perm(s.Clients)
	place := 0
	for room, size := range p.sizes {
		for range size {
			client := order[place]
			p.rooms[client] = int32(room)
			p.slow[client] = room < p.talk && every(place, s.Slow)
			place++
		}
	}
	p.divide(s, order)
	return p
}

// divide says who speaks what, and who is whose second window: of the client dealt out
// before, mostly in the same room, or, every other one, of the first one of all rooms.
func (p *Plan) divide(s *Scenario, order []int) {
	for client := range p.owner {
		p.owner[client] = int32(client)
	}
	if s.Speak != Session {
		return
	}
	second := 0
	for place := 1; place < s.Clients-s.Idle; place++ {
		client, before := order[place], order[place-1]
		switch {
		case every(place, s.Originals) && !p.slow[client] && !p.other[client]:
			p.old[client] = true
		case every(place, s.Windows) && !p.old[before] && !p.other[before]:
			if second++; second%2 == 0 && !p.old[order[(place+s.Clients/2)%(s.Clients-s.Idle)]] {
				before = order[(place+s.Clients/2)%(s.Clients-s.Idle)]
			}
			if p.other[before] || before == client {
				continue
			}
			p.owner[client], p.other[client], p.other[before] = int32(before), true, true
		}
	}
}

// every tells whether a place is one of a share of them, at equal distances.
func every(place int, share float64) bool {
	return int(float64(place+1)*share) > int(float64(place)*share)
}

// IsOriginal says whether the client speaks one of the original's forms.
func (p *Plan) IsOriginal(client int) bool { return p.old[client] }

// Owner is the client whose user this one is: itself, unless it is a second window.
func (p *Plan) Owner(client int) int { return int(p.owner[client]) }

// Windows is Owner, and tells whether there are several windows.
func (p *Plan) Windows(client int) (owner int, several bool) {
	return int(p.owner[client]), p.other[client]
}

// Room is where the client begins.
func (p *Plan) Room(client int) int32 { return p.first + p.rooms[client] }

// Talks says whether posts fall to the client. Those in idle rooms say nothing,
// nor do slow readers: how late they read their own answers is no news.
func (p *Plan) Talks(client int) bool { return int(p.rooms[client]) < p.talk && !p.slow[client] }

// IsSlow says whether the client reads slowly.
func (p *Plan) IsSlow(client int) bool { return p.slow[client] }

// Size is how many clients begin in a room, which is counted from 0: the room
// FirstRoom+room.
func (p *Plan) Size(room int) int { return p.sizes[room] }

// Rooms is how many rooms there are, idle ones included. Those with a lower
// number than Talking are the ones in which something is said.
func (p *Plan) Rooms() int { return len(p.sizes) }

// Talking is in how many rooms something is said.
func (p *Plan) Talking() int { return p.talk }

// shares divides n clients over rooms: room k gets a share like 1/k^zipf, and at
// least one client if there are enough.
func shares(n, rooms int, zipf float64) []int {
	sizes := make([]int, rooms)
	weights, sum := make([]float64, rooms), 0.0
	for k := range weights {
		weights[k] = math.Pow(float64(k+1), -zipf)
		sum += weights[k]
	}
	left := n
	for k := range sizes {
		if left >= rooms-k {
			sizes[k] = 1
			left--
		}
	}
	spread := float64(left)
	rest := make([]int, rooms) // rooms by what was cut off from their share, most first
	cut := make([]float64, rooms)
	for k := range sizes {
		whole, part := math.Modf(spread * weights[k] / sum)
		sizes[k] += int(whole)
		left -= int(whole)
		rest[k], cut[k] = k, part
	}
	slices.SortStableFunc(rest, func(a, b int) int {
		switch {
		case cut[a] > cut[b]:
			return -1
		case cut[a] < cut[b]:
			return 1
		}
		return a - b
	})
	for i := range left {
		sizes[rest[i%rooms]]++
	}
	return sizes
}

// idleRooms divides n clients over rooms of so many.
func idleRooms(n, size int) (sizes []int) {
	for ; n > 0 && size > 0; n -= size {
		sizes = append(sizes, min(n, size))
	}
	return sizes
}
