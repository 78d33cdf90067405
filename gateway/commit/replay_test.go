package commit

import (
	"testing"
	"time"
)

func TestReplayIsFasterThanItWasSaid(t *testing.T) {
	t.Parallel()
	const hour = 3600
	now := time.Unix(1_800_000_000, 0)
	today := uint64(now.Unix())
	for name, c := range map[string]struct {
		first, entry uint64
		at           time.Duration // since the first was found
		due          bool
	}{
		"the first":                         {today - 40, today - 40, 0, true},
		"of its second":                     {today - 40, today - 40, 0, true},
		"of the next second":                {today - 40, today - 39, 0, false},
		"of the next second, a bit later":   {today - 40, today - 39, 334 * time.Millisecond, true},
		"said just now":                     {today - 40, today, 13 * time.Second, false},
		"said just now, a bit later":        {today - 40, today, 14 * time.Second, true},
		"said since":                        {today - 40, today + 5, 15100 * time.Millisecond, true},
		"after an hour":                     {today - hour, today, 59 * time.Second, false},
		"after an hour, in time":            {today - hour, today, 61 * time.Second, true},
		"of a clock that is ahead":          {today - 1, today + hour, time.Second, true},
		"all of a clock that is ahead":      {today + hour, today + 2*hour, 0, true},
		"behind what has no time":           {0, today, 50 * time.Second, false},
		"behind what has no time, but soon": {0, today, 61 * time.Second, true},
	} {
		var r schedule
		if !r.due(c.first, now) {
			t.Errorf("%s: the first entry is not due", name)
		}
		if got := r.due(c.entry, now.Add(c.at)); got != c.due {
			t.Errorf("%s: due %v", name, got)
		}
	}
}

// TestReplayOfASilence: what was said long after the entry before it, or seems to
// be since a clock was wrong, waits no longer than a silence takes.
func TestReplayOfASilence(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	today := uint64(now.Unix())
	for _, first := range []uint64{0, today - 3600, today - 40} {
		var r schedule
		if !r.due(first, now) || r.due(today, now) || r.due(today, now.Add(replaySilence-1)) {
			t.Errorf("behind an entry of %d: due before the silence is over", first)
		}
		if later := now.Add(replaySilence); !r.due(today, later) || r.speed != replaySpeed {
			t.Errorf("behind an entry of %d: not due when the silence is over, at speed %v", first, r.speed)
		}
	}
}
