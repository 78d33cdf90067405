package attack

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tuitalk/bench/report"
	"tuitalk/bench/result"
	"tuitalk/bench/tlsconfig"
)

// Options say what is attacked, with what, and who is honest meanwhile.
type Options struct {
	URL     string // the target; "": Program is started for each attack
	Program string // of a gateway
	Args    []string
	Trust   tlsconfig.Policy
	Consent Consent
	PID     int    // of the target's process; 0: unknown
	Admin   string // its address for operators; "": unknown

	Sources []netip.Addr // attackers dial from; none: chosen here for a loopback target
	Honest  []netip.Addr // people dial from

	Attacks               []Attack
	Before, During, After time.Duration
	Quick                 bool    // fewer connections
	People                int     // who talk
	Posts, Joins          float64 // per second, of all together
	Room                  int32   // of the people

	Command, Build string
	Machine        result.Machine
	Tell           func(line string)
	Show           func(report.AttackView)
}

// Defaults are a run of some minutes.
func Defaults() Options {
	return Options{
		Before: 4 * time.Second, During: 10 * time.Second, After: 4 * time.Second,
		People: 4, Posts: 16, Joins: 4, Room: 1_700_000_000, Attacks: List(),
		Tell: func(string) {}, Show: func(report.AttackView) {},
	}
}

// Hurry makes it a run for CI: each attack takes a few seconds, with fewer
// connections. What needs its time is left out, unless all says that it was asked for
// by name; the names of those are returned.
func (o *Options) Hurry(named bool) (leftOut []string) {
	o.Quick, o.Before, o.During, o.After = true, 1500*time.Millisecond, 4*time.Second, 2*time.Second
	var kept []Attack
	for _, a := range o.Attacks {
		if a.Whole && !named {
			leftOut = append(leftOut, fmt.Sprintf("%s is left out by -quick, as it needs %v", a.Name, a.Lasts))
			continue
		}
		if !a.Whole {
			a.Lasts = 0
			a.Groups = slices.Clone(a.Groups)
			for i := range a.Groups {
				if g := &a.Groups[i]; g.Connections > 60 {
					g.Connections = max(60, g.Connections/5)
				}
			}
		}
		kept = append(kept, a)
	}
	o.Attacks = kept
	return leftOut
}

// Choose keeps the attacks of some names, in the order of the list.
func Choose(all []Attack, names []string) (chosen []Attack, err error) {
	known := func(name string) bool {
		return slices.ContainsFunc(all, func(a Attack) bool { return a.Name == name })
	}
	for _, name := range names {
		if !known(name) {
			return nil, fmt.Errorf("%q is no attack; -list shows them", name)
		}
	}
	for _, a := range all {
		if slices.Contains(names, a.Name) {
			chosen = append(chosen, a)
		}
	}
	return chosen, nil
}

// Validate reports the first setting that cannot be.
func (o *Options) Validate() error {
	switch {
	case (o.URL == "") == (o.Program == ""):
		return errors.New("name either a target or a gateway's program that is started")
	case len(o.Attacks) == 0:
		return errors.New("no attack is left")
	case o.People < 2 || o.People > 50:
		return fmt.Errorf("%d people: there must be 2 to 50, as one shows what the other says", o.People)
	case o.Posts <= 0 || o.Posts > 200 || o.Joins <= 0 || o.Joins > 50:
		return errors.New("people post 0 to 200 and join 0 to 50 times a second, not never")
	case o.Before < time.Second || o.During < time.Second || o.After < time.Second:
		return errors.New("each phase takes at least 1s")
	case o.During > maxLasts:
		return fmt.Errorf("an attack takes at most %v", maxLasts)
	}
	return nil
}

// setting tells who is honest.
func (o *Options) setting() string {
	whence := "from the usual address"
	if len(o.Honest) > 0 {
		whence = "from addresses of their own"
	}
	return fmt.Sprintf("%d honest people post %g/s together, newcomers join %g/s, %s; quiet for %v, then the attack (%v unless it says otherwise), then %v afterwards.",
		o.People, o.Posts, o.Joins, whence, o.Before, o.During, o.After)
}

func (o *Options) targetName() string {
	if o.URL != "" {
		return o.URL
	}
	return strings.TrimSpace(o.Program + " " + strings.Join(o.Args, " "))
}
