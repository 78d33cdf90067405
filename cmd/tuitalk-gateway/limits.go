package main

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tuitalk/gateway/limits"
)

// addLimits adds the flags of all budgets.
func (c *config) addLimits(f *flag.FlagSet, d limits.Config) {
	c.budgets = d
	b := &c.budgets
	f.StringVar(&c.limits, "limits", "default", "default, or none: no budget of any kind but -max-conns, for load tests only")

	f.IntVar(&b.MaxConns, "max-conns", d.MaxConns, "connections that are taken at most; the default leaves room below the limit on open files. A quarter of them may be\nby clients that have not said who they are; when there are more, or all places are taken, the oldest such of the\naddress with most of them gives way")
	f.Func("max-conns-per-address", fmt.Sprintf("connections that one client address (of IPv6 a /64) may have, from accept on; 0 for no bound. A /48 may have four\ntimes as many, but at most half of -max-conns. An office or a network behind one address wants twice its users, as all may come here when others fail.\nBehind a balancer that -trusted-proxies does not name, all users have its address (default 4000, but at most half of\n-max-conns; here %d)", d.PerAddress), func(s string) (err error) {
		b.PerAddress, err = strconv.Atoi(s)
		c.perAddressSet = true
		return err
	})
	f.Float64Var(&b.Accepts.PerSecond, "connect-rate", d.Accepts.PerSecond, "connections a second that one address may open in the long run; ten seconds' worth of them at once")

	f.Float64Var(&b.Connection.Messages.PerSecond, "flood-rate", d.Connection.Messages.PerSecond, "messages a second that one connection may send in the long run; a user with several has twice as much for all")
	f.Float64Var(&b.Connection.Messages.Burst, "flood-burst", d.Connection.Messages.Burst, "messages that one connection may send at once")
	f.IntVar(&b.Backlog, "flood-delayed", d.Backlog, "messages beyond that which are delayed; more are refused, and who goes on is closed and kept out")
	f.Float64Var(&b.Address.Messages.PerSecond, "flood-rate-address", d.Address.Messages.PerSecond, "messages a second that one address (of IPv6 a /64; a /48 has four times as much) may send; 0 for no bound. Who sends\nless than his share of it is served first")
	f.Float64Var(&b.Address.Bytes.PerSecond, "flood-bytes-address", d.Address.Bytes.PerSecond, "the same in `bytes`")
	f.Float64Var(&b.Room.Messages.PerSecond, "flood-rate-room", d.Room.Messages.PerSecond, "messages a second in one room; 0 for no bound. Beyond it the room is in slow mode: each may speak once in 5s, or\nless often if they are many, up to 1m, until 30s after it was the last time too much")
	f.Float64Var(&b.Process.Messages.PerSecond, "flood-rate-total", d.Process.Messages.PerSecond, "messages a second that this gateway takes; 0 for no bound. Addresses below their share of it are served first")
	f.Float64Var(&b.Process.Bytes.PerSecond, "flood-bytes-total", d.Process.Bytes.PerSecond, "the same in `bytes`; the default is 1 MiB for each core, at least 2 MiB")
	f.IntVar(&c.historyRate, "history-rate", int(d.History.Bytes.PerSecond), "`bytes` a second of older history that all together may read, one address half of it; 0 for no bound. What is said\nnow goes before it, and who reads little before who reads much; the default is 4 MiB for each core")
	f.StringVar(&c.slowMode, "slow-mode", "", "rooms in which each user may speak only once in a time, as 7=10s,9=1m")
	f.IntVar(&b.SlowPerAddress, "slow-mode-address", d.SlowPerAddress, "how often all users of one address together may speak in that time, and in a room that is in slow mode by itself\n(of IPv6 a /64; a /48 has four times as much): identities are free. 0 for no bound, where many users share an address")
	f.DurationVar(&b.KeepOut, "keep-out", d.KeepOut, "who is closed for flooding is kept out for so long, twice as long each further time, up to 10m: the user at once, his\naddress when that happened to more than a tenth of its connections (and 5); 0 for nobody")
}

// checkLimits puts the settings of budgets together.
func (c *config) checkLimits() error {
	b := &c.budgets
	if c.limits == "none" {
		*b = limits.Unlimited(b.MaxConns)
		return b.Validate()
	}
	if b.Connection.Messages.PerSecond <= 0 {
		return errors.New("-flood-rate must be above 0; -limits none turns all limits off")
	}
	if b.Accepts.PerSecond > 0 && b.Accepts.PerSecond < 0.1 {
		return errors.New("-connect-rate must be at least 0.1, ten seconds' worth of which is one connection; 0 is no bound")
	}
	if b.KeepOut > b.KeepOutMax {
		return fmt.Errorf("-keep-out %v is longer than the %v that it grows to: shorten it", b.KeepOut, b.KeepOutMax)
	}
	if b.Connection.Messages.Burst < 1 || b.Backlog < 1 {
		return errors.New("-flood-burst and -flood-delayed must be at least 1")
	}
	if b.PerAddress < 0 {
		return errors.New("-max-conns-per-address must not be negative; 0 is no bound")
	}
	most := min(4000, max(1, b.MaxConns/2))
	if c.perAddressSet {
		most = b.PerAddress
	}
	b.SetConns(b.MaxConns, most)
	b.Accepts.Burst = 10 * b.Accepts.PerSecond
	own := b.Connection.Messages
	b.Identity.Messages = limits.Rate{PerSecond: 2 * own.PerSecond, Burst: 3 * own.Burst}
	setBurst(&b.Address.Messages, 2)
	setBurst(&b.Address.Bytes, 2)
	setBurst(&b.Room.Messages, 5)
	setBurst(&b.Process.Messages, 2)
	setBurst(&b.Process.Bytes, 1)
	b.SetAddress(b.Address)
	if c.historyRate < 0 {
		return errors.New("-history-rate must not be negative; 0 is no bound")
	}
	b.SetHistory(float64(c.historyRate))
	var err error
	if b.SlowMode, err = parseSlowMode(c.slowMode); err != nil {
		return err
	}
	return b.Validate()
}

// setBurst lets so many seconds' worth come at once.
func setBurst(r *limits.Rate, seconds float64) { r.Burst = max(1, seconds*r.PerSecond) }

func parseSlowMode(list string) (map[int32]time.Duration, error) {
	rooms := map[int32]time.Duration{}
	for _, item := range fields(list) {
		room, every, ok := strings.Cut(item, "=")
		n, err := strconv.ParseInt(room, 10, 32)
		d, durationErr := time.ParseDuration(every)
		if !ok || err != nil || durationErr != nil || d <= 0 || d > limits.MaxSlowMode {
			return nil, fmt.Errorf("-slow-mode: %q is not ROOM=TIME with a time up to %v, as 7=10s", item, limits.MaxSlowMode)
		}
		rooms[int32(n)] = d
	}
	return rooms, nil
}
