package scenario

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"time"
)

// Choice is what a command line says of the scenario: the name of one, and the
// fields that it changes.
type Choice struct {
	name  string
	flags *flag.FlagSet
}

// bind gives each field but the names a flag, of which what s has is the default. The
// flag has the name of the field in JSON, with - for _.
func bind(f *flag.FlagSet, s *Scenario) {
	f.IntVar(&s.Clients, "clients", s.Clients, "connections in all")
	f.IntVar(&s.Rooms, "rooms", s.Rooms, "rooms in which they talk")
	f.Var((*roomNumber)(&s.FirstRoom), "first-room", "number of the first room, the others follow; 0: rooms that no run had before")
	f.Float64Var(&s.Zipf, "zipf", s.Zipf, "0: rooms of one size; else the k-th has a share like 1/k^`s`")
	f.IntVar(&s.Idle, "idle", s.Idle, "of the clients, how many sit in rooms of their own where nothing is said")
	f.IntVar(&s.IdleRoom, "idle-room", s.IdleRoom, "members of each of these rooms")
	f.Float64Var(&s.Rate, "rate", s.Rate, "messages posted per second, by all together")
	f.IntVar(&s.Size, "size", s.Size, "`bytes` of each text")
	f.StringVar((*string)(&s.Arrivals), "arrivals", string(s.Arrivals), "poisson (as independent people do) or constant (at equal distances)")
	f.Float64Var(&s.Hops, "hops", s.Hops, "clients per second that change the room")
	f.Float64Var(&s.Renames, "renames", s.Renames, "clients per second that take another name (-speak session)")
	f.Float64Var(&s.Returns, "returns", s.Returns, "clients per second that hang up without a word and come back")
	f.Float64Var(&s.Fetches, "fetches", s.Fetches, "clients per second that load older history")
	f.IntVar(&s.FetchLimit, "fetch-limit", s.FetchLimit, "entries of each such page")
	f.Float64Var(&s.Ends, "ends", s.Ends, "clients per second that go for good, and are followed by somebody new")
	f.Float64Var(&s.Originals, "originals", s.Originals, "`share` of the clients that speak the original's forms, JSON or bincode, as in 0.02")
	f.Float64Var(&s.Windows, "windows", s.Windows, "`share` of the clients that are the second window of another one's user, as in 0.02")
	f.Float64Var(&s.Slow, "slow", s.Slow, "`share` of the clients that read slowly, as in 0.02; what they are shown is in no latency")
	f.IntVar(&s.SlowBytes, "slow-bytes", s.SlowBytes, "`bytes` per second that such a one reads")
	f.Float64Var(&s.Connects, "connects", s.Connects, "new connections per second at the start; 0: as fast as it goes")
	f.DurationVar((*time.Duration)(&s.WarmUp), "warm-up", s.WarmUp.Std(), "how long there is load before it is measured")
	f.DurationVar((*time.Duration)(&s.Duration), "duration", s.Duration.Std(), "how long the load is measured")
	f.DurationVar((*time.Duration)(&s.Settle), "settle", s.Settle.Std(), "how long everybody may take at the end to have everything")
	f.StringVar((*string)(&s.Speak), "speak", string(s.Speak), "what clients are: session (what users run), wire (cheaper, for the highest loads)\nor centrifuge (the JSON protocol of that server)")
	f.StringVar((*string)(&s.Form), "form", string(s.Form), "how session and wire write messages: bincode (what users run) or json")
	f.BoolVar(&s.Check, "check", s.Check, "record what everybody lives through, and check it: nothing lost, doubled, reordered, forged")
	f.Uint64Var(&s.Seed, "seed", s.Seed, "of everything random but for the time that things take")
}

// roomNumber is the flag of a room's number.
type roomNumber int32

func (n *roomNumber) String() string { return strconv.Itoa(int(*n)) }

// Set takes a number that fits.
func (n *roomNumber) Set(text string) error {
	v, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is no number that fits", text)
	}
	*n = roomNumber(v)
	return nil
}

// Flags gives a command line a flag for the scenario, of which name is the
// default, and one for each of its fields. The defaults that the help shows are
// those of that scenario.
func Flags(flags *flag.FlagSet, name string) (*Choice, error) {
	s, err := Load(name)
	if err != nil {
		return nil, err
	}
	c := &Choice{name: name, flags: flags}
	flags.StringVar(&c.name, "scenario", name, "a preset (`name`; list shows them), or a FILE.json that says what it has different from small")
	bind(flags, &s)
	return c, nil
}

// Name is that of the chosen scenario.
func (c *Choice) Name() string { return c.name }

// Scenario is the chosen one with its changes, and right.
func (c *Choice) Scenario() (Scenario, error) {
	s, err := Load(c.name)
	if err != nil {
		return s, err
	}
	fields := flag.NewFlagSet("", flag.ContinueOnError)
	bind(fields, &s)
	c.flags.Visit(func(given *flag.Flag) {
		if fields.Lookup(given.Name) != nil {
			err = errors.Join(err, fields.Set(given.Name, given.Value.String()))
		}
	})
	if err != nil {
		return s, err
	}
	return s, s.Validate()
}
