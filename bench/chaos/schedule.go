package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tuitalk/bench/coordinator"
	"tuitalk/deploy/devcluster"
)

// Schedule is faults one after the other, under the load of a coordinator's run. A seed alone
// does not repeat the victims: which gateway is taken also depends on how many
// people each holds at that moment. The evidence names who it was.
type Schedule struct {
	Cluster *devcluster.Cluster // nil: all faults are Commands
	Faults  []Fault
	Calm    time.Duration // before the first fault, between two, and after the last
	Seed    uint64        // of what faults choose
	Tell    func(format string, args ...any)

	rng *rand.Rand // of follow
}

// During is for coordinator.Options.
func (s *Schedule) During(ctx context.Context, c *coordinator.Coordinator) error {
	return s.follow(ctx, c)
}

// faultStream is what the random choices of faults have of a seed; virtual users have
// other streams.
const faultStream = 1 << 40

// Pair is two random faults of a seed: the same ones each time. Their victims are
// not, as with a Schedule.
func Pair(seed uint64) []Fault {
	rng := rand.New(rand.NewPCG(seed, 7))
	all := Faults()
	var pair []Fault
	for range 2 {
		f := all[rng.IntN(len(all))]
		f.Hold = min(f.Hold, 5*time.Second)
		pair = append(pair, f)
	}
	return pair
}

// Choose returns the faults that a list names: names with commas; "all" are
// Faults, "links" LinkFaults, "watchdog" WatchdogFaults.
func Choose(list string) (chosen []Fault, err error) {
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.TrimSpace(name); name {
		case "all":
			chosen = append(chosen, Faults()...)
		case "links":
			chosen = append(chosen, LinkFaults()...)
		case "watchdog":
			chosen = append(chosen, WatchdogFaults()...)
		default:
			f, err := Find(name)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, f)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("no fault is named")
	}
	return chosen, nil
}

// Fleet sets what a cluster needs so that it can have all the faults. An error
// says that no cluster can.
func Fleet(opts *devcluster.ClusterOptions, faults []Fault) error {
	if opts.Isolated = 0; anyOf(faults, LinkFaults()) {
		opts.Isolated = devcluster.EveryGateway
	}
	opts.Watchdog = anyOf(faults, WatchdogFaults())
	unwatched := []Fault{{Name: "gateway-freeze"}}
	if opts.Watchdog && anyOf(faults, unwatched) {
		return errors.New("gateway-freeze is for gateways without a watchdog: leave it out, or the faults that need one")
	}
	return nil
}

func anyOf(faults, of []Fault) bool {
	return slices.ContainsFunc(faults, func(f Fault) bool {
		return slices.ContainsFunc(of, func(o Fault) bool { return f.Name == o.Name })
	})
}

// ParseHook reads a fault that consists of commands, for a fleet elsewhere:
// "name: break it; mend it" with an optional time between, as in
// "db 20s: ssh db systemctl stop postgresql; ssh db systemctl start postgresql".
func ParseHook(text string) (Fault, error) {
	head, commands, ok := strings.Cut(text, ":")
	do, undo, two := strings.Cut(commands, ";")
	words := strings.Fields(head)
	if !ok || !two || len(words) == 0 || len(words) > 2 || strings.TrimSpace(do) == "" || strings.TrimSpace(undo) == "" {
		return Fault{}, fmt.Errorf("%q is not as in \"db 20s: ssh db systemctl stop postgresql; ssh db systemctl start postgresql\"", text)
	}
	hold := 5 * time.Second
	if len(words) == 2 {
		var err error
		if hold, err = time.ParseDuration(words[1]); err != nil || hold < 0 {
			return Fault{}, fmt.Errorf("%q: %q is no duration, as 20s", text, words[1])
		}
	}
	return Command(words[0], hold, strings.TrimSpace(do), strings.TrimSpace(undo)), nil
}
