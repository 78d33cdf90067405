package limits

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// Config says how much is allowed. 0 is no bound, so the zero value allows all.
type Config struct {
	MaxConns int // of the process

	// Unidentified bounds the connections that have not said who they are.
	Unidentified int
	// Of an address, and of the network around an IPv6 address.
	PerAddress, PerNetwork int
	UnidentifiedPerAddress int
	Accepts                Rate // connections that one address may open

	Connection Rates // messages of one connection
	Backlog    int   // messages of one connection that wait for their turn; more are refused
	Control    Rate  // pings, pongs and pieces of messages of one connection
	Identity   Rates
	Address    Rates
	Network    Rates
	Room       Rates
	Process    Rates

	// What is read of older history, by bytes: it gives way to what is said now.
	History, HistoryNetwork, HistoryAddress Rates

	// Refusals is what a connection may be refused before it is closed; a refusal
	// that the client could not have avoided costs less than 1, see Client.Refused.
	Refusals Rate

	SlowMode map[int32]time.Duration // rooms in which each may speak once in so long
	// SlowPerAddress is how often all of one address together may speak in that time;
	// 0: each user counts for himself only.
	SlowPerAddress int
	// AutoSlow bounds how long each has to wait in a room that is over its budget.
	AutoSlowMin, AutoSlowMax time.Duration

	// Strikes are the connections of one address that may be closed for flooding
	// before it is kept out.
	Strikes Rate
	// KeepOut is for how long somebody is kept out the first time; it doubles each
	// time up to KeepOutMax. 0: nobody is.
	KeepOut, KeepOutMax time.Duration
}

// networkShare is how many addresses' budgets an IPv6 /48 has by default.
const networkShare = 4

// Default suits a gateway that takes so many connections.
func Default(maxConns int) Config {
	c := Config{
		Accepts: Rate{200, 2000},
		Connection: Rates{
			Messages: Rate{5, 20},
			Bytes:    Rate{32 << 10, 256 << 10},
		},
		Backlog:  40,
		Control:  Rate{5, 40},
		Identity: Rates{Messages: Rate{10, 60}, Bytes: Rate{64 << 10, 512 << 10}},
		Address:  Rates{Messages: Rate{1000, 2000}, Bytes: Rate{512 << 10, 1 << 20}},
		Room:     Rates{Messages: Rate{100, 500}, Bytes: Rate{256 << 10, 1 << 20}},
		Process:  Rates{Messages: Rate{10000, 20000}, Bytes: processBytes()},

		Refusals:    Rate{1, 60},
		AutoSlowMin: 5 * time.Second, AutoSlowMax: time.Minute,
		SlowPerAddress: 8,
		Strikes:        Rate{1.0 / 60, 5},
		KeepOut:        15 * time.Second, KeepOutMax: 10 * time.Minute,
	}
	c.SetConns(maxConns, min(4000, max(1, maxConns/2)))
	c.SetHistory(float64(runtime.NumCPU()) * historyPerCore)
	return c
}

// processBytes is what all together may say: what the messages of a process have when
// people type them. It costs many times as much, as it is stored and shown to others.
func processBytes() Rate {
	bytes := max(2<<20, float64(runtime.NumCPU())*(1<<20))
	return Rate{bytes, bytes}
}

// historyPerCore is how many bytes a second of older history are read by default for
// each core: a tenth of what it could do. What is said now needs the rest, and so do
// the kernel and the clients' machines.
const historyPerCore = 4 << 20

// SetHistory sets how many bytes a second of older history all together may read. One
// address gets half of it, and a quarter of a second's worth comes at once.
func (c *Config) SetHistory(perSecond float64) {
	rate := func(r float64) Rates { return Rates{Bytes: Rate{r, max(historyBurst, r/4)}} }
	if perSecond <= 0 {
		c.History, c.HistoryNetwork, c.HistoryAddress = Rates{}, Rates{}, Rates{}
		return
	}
	c.History, c.HistoryNetwork, c.HistoryAddress = rate(perSecond), rate(perSecond), rate(perSecond/2)
}

// historyBurst is the least that comes at once: a few answers of short messages.
const historyBurst = 1 << 20

// SetConns sets how many connections there may be in all and of one address (0:
// no bound), and what follows from it. A network, which anybody can rent, does not
// get all of them unless an address does.
func (c *Config) SetConns(most, perAddress int) {
	c.MaxConns, c.PerAddress = most, perAddress
	c.PerNetwork = min(networkShare*perAddress, max(perAddress, most/2))
	c.Unidentified = max(1, most/4)
	c.UnidentifiedPerAddress = 0
	if perAddress > 0 {
		c.UnidentifiedPerAddress = max(1, perAddress/4)
	}
	c.SetAddress(c.Address)
}

// SetAddress sets what one address may say, and what follows from it for the
// network around it.
func (c *Config) SetAddress(r Rates) {
	times := func(r Rate) Rate { return Rate{networkShare * r.PerSecond, networkShare * r.Burst} }
	c.Address, c.Network = r, Rates{times(r.Messages), times(r.Bytes)}
}

// Unlimited allows everything but more connections than there can be.
func Unlimited(maxConns int) Config { return Config{MaxConns: maxConns} }

// mostSlowPerAddress is more than anybody can speak.
const mostSlowPerAddress = 1_000_000

// Validate reports the first setting that cannot be.
func (c *Config) Validate() error {
	if c.MaxConns < 1 {
		return fmt.Errorf("max connections must be at least 1, not %d (is the limit on open files too low?)", c.MaxConns)
	}
	if c.SlowPerAddress > mostSlowPerAddress {
		return fmt.Errorf("an address may speak at most %d times as often as a user in slow mode, not %d; 0 is no bound", mostSlowPerAddress, c.SlowPerAddress)
	}
	if c.Backlog < 0 || c.SlowPerAddress < 0 || c.PerAddress < 0 || c.PerNetwork < 0 || c.Unidentified < 0 || c.UnidentifiedPerAddress < 0 {
		return errors.New("bounds of connections and of the backlog must not be negative; 0 is no bound")
	}
	rates := []Rate{c.Accepts, c.Control, c.Refusals, c.Strikes}
	for _, r := range []Rates{c.Connection, c.Identity, c.Address, c.Network, c.Room, c.Process, c.History, c.HistoryNetwork, c.HistoryAddress} {
		rates = append(rates, r.Messages, r.Bytes)
	}
	for _, r := range rates {
		if err := r.validate(); err != nil {
			return err
		}
	}
	switch {
	case c.KeepOut < 0 || c.KeepOut > 0 && c.KeepOut > c.KeepOutMax:
		return fmt.Errorf("nobody can be kept out for %v the first time and for at most %v later: begin with that or less, 0 is not at all", c.KeepOut, c.KeepOutMax)
	case c.AutoSlowMin < 0 || c.AutoSlowMin > c.AutoSlowMax:
		return fmt.Errorf("slow mode cannot begin at %v and end at %v: the first is the shorter one", c.AutoSlowMin, c.AutoSlowMax)
	}
	for room, every := range c.SlowMode {
		if every <= 0 || every > MaxSlowMode {
			return fmt.Errorf("slow mode of room %d must be above 0 and at most %v, not %v", room, MaxSlowMode, every)
		}
	}
	return nil
}

// MaxSlowMode is the slowest: a client must be able to wait for its turn.
const MaxSlowMode = time.Hour
