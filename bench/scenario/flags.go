package scenario

import (
	"encoding"
	"flag"
	"fmt"
	"math"
	"strconv"
)

// Choice is what a command line says of the scenario: the name of one, and the
// fields that it changes.
type Choice struct {
	name    string
	changes []change // in the order in which they were given
}

type change struct{ field, text string }

// field is one that a flag can change. The flag has the name of the field in
// JSON, with - for _.
type field struct {
	name, usage string
	of          func(*Scenario) any
}

// fields are all of them but for the names, in the order of the help.
var fields = []field{
	{"clients", "connections in all", func(s *Scenario) any { return &s.Clients }},
	{"rooms", "rooms in which they talk", func(s *Scenario) any { return &s.Rooms }},
	{"first-room", "number of the first room, the others follow; 0: rooms that no run had before", func(s *Scenario) any { return &s.FirstRoom }},
	{"zipf", "0: rooms of one size; else the k-th has a share like 1/k^`s`", func(s *Scenario) any { return &s.Zipf }},
	{"idle", "of the clients, how many sit in rooms of their own where nothing is said", func(s *Scenario) any { return &s.Idle }},
	{"idle-room", "members of each of these rooms", func(s *Scenario) any { return &s.IdleRoom }},
	{"rate", "messages posted per second, by all together", func(s *Scenario) any { return &s.Rate }},
	{"size", "`bytes` of each text", func(s *Scenario) any { return &s.Size }},
	{"arrivals", "poisson (as independent people do) or constant (at equal distances)", func(s *Scenario) any { return &s.Arrivals }},
	{"hops", "clients per second that change the room", func(s *Scenario) any { return &s.Hops }},
	{"renames", "clients per second that take another name (-speak session)", func(s *Scenario) any { return &s.Renames }},
	{"returns", "clients per second that hang up without a word and come back", func(s *Scenario) any { return &s.Returns }},
	{"fetches", "clients per second that load older history", func(s *Scenario) any { return &s.Fetches }},
	{"fetch-limit", "entries of each such page", func(s *Scenario) any { return &s.FetchLimit }},
	{"ends", "clients per second that go for good, and are followed by somebody new", func(s *Scenario) any { return &s.Ends }},
	{"originals", "`share` of the clients that speak the original's forms, JSON or bincode, as in 0.02", func(s *Scenario) any { return &s.Originals }},
	{"windows", "`share` of the clients that are the second window of another one's user, as in 0.02", func(s *Scenario) any { return &s.Windows }},
	{"slow", "`share` of the clients that read slowly, as in 0.02; what they are shown is in no latency", func(s *Scenario) any { return &s.Slow }},
	{"slow-bytes", "`bytes` per second that such a one reads", func(s *Scenario) any { return &s.SlowBytes }},
	{"connects", "new connections per second at the start; 0: as fast as it goes", func(s *Scenario) any { return &s.Connects }},
	{"warm-up", "how long there is load before it is measured", func(s *Scenario) any { return &s.WarmUp }},
	{"duration", "how long the load is measured", func(s *Scenario) any { return &s.Duration }},
	{"settle", "how long everybody may take at the end to have everything", func(s *Scenario) any { return &s.Settle }},
	{"speak", "what clients are: session (what users run), wire (cheaper, for the highest loads)\nor centrifuge (the JSON protocol of that server)", func(s *Scenario) any { return &s.Speak }},
	{"form", "how session and wire write messages: bincode (what users run) or json", func(s *Scenario) any { return &s.Form }},
	{"check", "record what everybody lives through, and check it: nothing lost, doubled, reordered, forged", func(s *Scenario) any { return &s.Check }},
	{"seed", "of everything random but for the time that things take", func(s *Scenario) any { return &s.Seed }},
}

// FlagNames are the flags that Flags makes, in the order of the help.
func FlagNames() []string {
	names := []string{"scenario"}
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

// Flags gives a command line a flag for the scenario, of which name is the
// default, and one for each of its fields. The defaults that the help shows are
// those of that scenario.
func Flags(flags *flag.FlagSet, name string) (*Choice, error) {
	s, err := Load(name)
	if err != nil {
		return nil, err
	}
	c := &Choice{name: name}
	flags.StringVar(&c.name, "scenario", name, "a preset (`name`; list shows them), or a FILE.json that says what it has different from small")
	for _, f := range fields {
		flags.Var(&setting{c, f, textOf(f.of(&s))}, f.name, f.usage)
	}
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
	for _, change := range c.changes {
		for _, f := range fields {
			if f.name != change.field {
				continue
			}
			if err := put(f.of(&s), change.text); err != nil {
				return s, fmt.Errorf("-%s: %w", f.name, err)
			}
		}
	}
	return s, s.Validate()
}

// setting is the flag of a field. What is entered is read at once, so that what
// is no number is refused with the flag's name, and again over the scenario.
type setting struct {
	choice *Choice
	field  field
	text   string
}

func (v *setting) String() string {
	if v == nil {
		return ""
	}
	return v.text
}

func (v *setting) Set(text string) error {
	var scratch Scenario
	if err := put(v.field.of(&scratch), text); err != nil {
		return err
	}
	v.text = text
	v.choice.changes = append(v.choice.changes, change{v.field.name, text})
	return nil
}

// IsBoolFlag lets -check stand alone.
func (v *setting) IsBoolFlag() bool {
	if v.choice == nil {
		return false
	}
	_, is := v.field.of(&Scenario{}).(*bool)
	return is
}

// put reads text into a field.
func put(field any, text string) (err error) {
	switch p := field.(type) {
	case *int:
		*p, err = strconv.Atoi(text)
	case *int32:
		var v int64
		v, err = strconv.ParseInt(text, 10, 32)
		*p = int32(v)
	case *uint64:
		*p, err = strconv.ParseUint(text, 10, 64)
	case *float64:
		if *p, err = strconv.ParseFloat(text, 64); math.IsNaN(*p) || math.IsInf(*p, 0) {
			err = strconv.ErrRange
		}
	case *bool:
		*p, err = strconv.ParseBool(text)
	case *Arrivals:
		*p = Arrivals(text)
	case *Speech:
		*p = Speech(text)
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	}
	if err != nil {
		return fmt.Errorf("%q is no number that fits", text)
	}
	return nil
}

func textOf(field any) string {
	switch p := field.(type) {
	case *int:
		return strconv.Itoa(*p)
	case *int32:
		return strconv.Itoa(int(*p))
	case *uint64:
		return strconv.FormatUint(*p, 10)
	case *float64:
		return strconv.FormatFloat(*p, 'g', -1, 64)
	case *bool:
		return strconv.FormatBool(*p)
	case *Arrivals:
		return string(*p)
	case *Speech:
		return string(*p)
	case fmt.Stringer:
		return p.String()
	}
	return ""
}
