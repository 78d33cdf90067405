package redisbus

import (
	"sync"
	"time"

	"tuitalk/fanout"
)

// peers are the nodes that were heard, and what this one says of itself.
type peers struct {
	mu     sync.Mutex
	known  bool
	status fanout.Status
	heard  map[nodeID]fanout.Peer
}

// Announce implements fanout.Fleet.
func (b *Bus) Announce(status fanout.Status) {
	b.peers.mu.Lock()
	defer b.peers.mu.Unlock()
	b.peers.known, b.peers.status = true, status
}

// Peers implements fanout.Fleet.
func (b *Bus) Peers() []fanout.Peer {
	b.peers.mu.Lock()
	defer b.peers.mu.Unlock()
	now := time.Now()
	all := make([]fanout.Peer, 0, len(b.peers.heard))
	for _, peer := range b.peers.heard {
		if now.Sub(peer.Heard) < fanout.PeerMemory {
			all = append(all, peer)
		}
	}
	return all
}

func (p *peers) own(number uint64) probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	return probe{number: number, known: p.known, status: p.status}
}

func (p *peers) onStatus(from nodeID, said probe, now time.Time) {
	if !said.known {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.heard == nil {
		p.heard = make(map[nodeID]fanout.Peer)
	}
	p.heard[from] = fanout.Peer{Status: said.status, Heard: now}
}

func (p *peers) forget(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for from, peer := range p.heard {
		if now.Sub(peer.Heard) >= fanout.PeerMemory {
			delete(p.heard, from)
		}
	}
}
