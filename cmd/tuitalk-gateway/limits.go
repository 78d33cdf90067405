package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tuitalk/cmd/setting"
	"tuitalk/gateway/limits"
)

// addLimits adds the flags of all budgets.
func (c *config) addLimits(f *setting.Flags, d limits.Config) {
	c.budgets = d
	b := &c.budgets
	f.WordVar(&c.limits, "limits", "default", "default, or none: no budget of any kind but -max-conns, for load tests only", "default", "none")

	f.IntVar(&b.MaxConns, "max-conns", d.MaxConns, "connections that are taken at most; the default leaves room below the limit on open files. A quarter of them may be\nby clients that have not said who they are; when there are more, or all places are taken, the oldest such of the\naddress with most of them gives way", setting.AtLeast(1))
	f.Local("max-conns", "")
	f.Local("max-conns-per-address", fmt.Sprintf("here %d", d.PerAddress))
	f.Local("flood-bytes-total", "")
	f.Local("history-rate", "")
	f.Func("max-conns-per-address", "connections that one client address (of IPv6 a /64) may have, from accept on; 0 for no bound. A /48 may have four\ntimes as many, but at most half of -max-conns. An office or a network behind one address wants twice its users, as all may come here when others fail.\nBehind a balancer that -trusted-proxies does not name, all users have its address (default 4000, but at most half of\n-max-conns)", func(s string) (err error) {
		c.perAddressSet = true
		if b.PerAddress, err = strconv.Atoi(s); err != nil || b.PerAddress < 0 {
			return fmt.Errorf("%q is not a whole number of 0 or more, as 4000; 0 is no bound", setting.Shown(s))
		}
		return nil
	})
	f.Float64Var(&b.Accepts.PerSecond, "connect-rate", d.Accepts.PerSecond, "connections a second that one address may open in the long run; ten seconds' worth of them at once", checkConnectRate)

	f.Float64Var(&b.Connection.Messages.PerSecond, "flood-rate", d.Connection.Messages.PerSecond, "messages a second that one connection may send in the long run; a user with several has twice as much for all", checkFloodRate)
	f.Float64Var(&b.Connection.Messages.Burst, "flood-burst", d.Connection.Messages.Burst, "messages that one connection may send at once", setting.AtLeast(1.0))
	f.IntVar(&b.Backlog, "flood-delayed", d.Backlog, "messages beyond that which are delayed; more are refused, and who goes on is closed and kept out", setting.AtLeast(1))
	f.Float64Var(&b.Address.Messages.PerSecond, "flood-rate-address", d.Address.Messages.PerSecond, "messages a second that one address (of IPv6 a /64; a /48 has four times as much) may send; 0 for no bound. Who sends\nless than his share of it is served first", setting.NotNegative)
	f.Float64Var(&b.Address.Bytes.PerSecond, "flood-bytes-address", d.Address.Bytes.PerSecond, "the same in `bytes`", setting.NotNegative)
	f.Float64Var(&b.Room.Messages.PerSecond, "flood-rate-room", d.Room.Messages.PerSecond, "messages a second in one room; 0 for no bound. Beyond it the room is in slow mode: each may speak once in 5s, or\nless often if they are many, up to 1m, until 30s after it was the last time too much", setting.NotNegative)
	f.Float64Var(&b.Process.Messages.PerSecond, "flood-rate-total", d.Process.Messages.PerSecond, "messages a second that this gateway takes; 0 for no bound. Addresses below their share of it are served first", setting.NotNegative)
	f.Float64Var(&b.Process.Bytes.PerSecond, "flood-bytes-total", d.Process.Bytes.PerSecond, "the same in `bytes`; the default is 1 MiB for each core, at least 2 MiB", setting.NotNegative)
	f.IntVar(&c.historyRate, "history-rate", int(d.History.Bytes.PerSecond), "`bytes` a second of older history that all together may read, one address half of it; 0 for no bound. What is said\nnow goes before it, and who reads little before who reads much; the default is 4 MiB for each core", setting.NotNegative)
	f.StringVar(&c.slowMode, "slow-mode", "", "rooms in which each user may speak only once in a time, as 7=10s,9=1m", c.parseSlowMode)
	f.IntVar(&b.SlowPerAddress, "slow-mode-address", d.SlowPerAddress, "how often all users of one address together may speak in that time, and in a room that is in slow mode by itself\n(of IPv6 a /64; a /48 has four times as much): identities are free. 0 for no bound, where many users share an address", setting.NotNegative)
	f.DurationVar(&b.KeepOut, "keep-out", d.KeepOut, "who is closed for flooding is kept out for so long, twice as long each further time, up to 10m: the user at once, his\naddress when that happened to more than a tenth of its connections (and 5); 0 for nobody", setting.NotNegative)
}

// checkLimits puts the settings of budgets together.
func (c *config) checkLimits() error {
	b := &c.budgets
	if c.limits == "none" {
		*b = limits.Unlimited(b.MaxConns)
		return b.Validate()
	}
	if b.KeepOut > b.KeepOutMax {
		return fmt.Errorf("-keep-out %v is longer than the %v that it grows to: shorten it", b.KeepOut, b.KeepOutMax)
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
	b.SetHistory(float64(c.historyRate))
	b.SlowMode = c.slowRooms
	if err := b.Validate(); err != nil {
		return fmt.Errorf("-flood-rate, -flood-burst and the other limits: %w", err)
	}
	return nil
}

func checkConnectRate(perSecond float64) error {
	if perSecond < 0 || perSecond > 0 && perSecond < 0.1 {
		return errors.New("must be at least 0.1, ten seconds' worth of which is one connection; 0 is no bound")
	}
	return nil
}

func checkFloodRate(perSecond float64) error {
	if perSecond <= 0 {
		return fmt.Errorf("must be above 0, and is %v; -limits none turns all limits off", perSecond)
	}
	return nil
}

// setBurst lets so many seconds' worth come at once.
func setBurst(r *limits.Rate, seconds float64) { r.Burst = max(1, seconds*r.PerSecond) }

func (c *config) parseSlowMode(list string) error {
	c.slowRooms = map[int32]time.Duration{}
	for _, item := range fields(list) {
		room, every, ok := strings.Cut(item, "=")
		n, err := strconv.ParseInt(room, 10, 32)
		d, durationErr := time.ParseDuration(every)
		if !ok || err != nil || durationErr != nil || d <= 0 || d > limits.MaxSlowMode {
			return fmt.Errorf("%q is not ROOM=TIME with a time up to %v, as 7=10s", item, limits.MaxSlowMode)
		}
		c.slowRooms[int32(n)] = d
	}
	return nil
}
