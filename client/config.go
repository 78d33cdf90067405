package client

import (
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"tuitalk/talk"
)

// Config is what a Session is told at its start.
type Config struct {
	Servers []string // URLs, ws:// or wss://; the first is tried first
	Name    string   // as the user wants to be called; "": State.Name, else a made-up one
	Room    int32    // to begin in; pass State.Room to come back to where the user was
	Client  string   // program and version, for the server's logs; default "tuitalk"
	History int      // entries loaded on joining; default 100; negative: none
	Keep    int      // entries kept in the log, the newest; default 200,000
	Seed    uint64   // of jitter and made-up ids; 0: a random one
}

const (
	defaultHistory = 100
	defaultKeep    = 200_000
)

// fill checks the configuration and puts in the defaults.
func (c *Config) fill() error {
	if len(c.Servers) == 0 {
		return errors.New("no server is given")
	}
	for _, url := range c.Servers {
		if !strings.HasPrefix(url, "ws://") && !strings.HasPrefix(url, "wss://") {
			return errors.New("a server's address begins with ws:// or wss://, not as in " + talk.CleanName(url))
		}
	}
	if c.Client == "" {
		c.Client = "tuitalk"
	}
	if c.History == 0 {
		c.History = defaultHistory
	}
	c.History = max(0, min(c.History, talk.MaxFetch))
	if c.Keep <= 0 {
		c.Keep = defaultKeep
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	return nil
}

// State is what survives a restart.
type State struct {
	Secret  talk.Secret // proves who the user is, to these servers and no others; zero: one is made
	Name    string
	Session talk.UUID // names this window; zero: one is made
	Room    int32
	Outbox  []OutboxEntry // of all rooms, in the order of posting
}

// OutboxEntry is a text that was posted and, as far as is known, not stored yet.
type OutboxEntry struct {
	ID     talk.UUID
	RoomID int32
	Text   string
	At     time.Time // when the user posted it; kept in whole seconds
	Author talk.UUID // as whom it was posted; zero: as who the user is
}
