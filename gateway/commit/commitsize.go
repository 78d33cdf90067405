package commit

import "time"

const (
	// commitTime is how long a group commit should take at most: everybody who speaks
	// waits for the one that is under way, and flooders must not make it long.
	commitTime = 10 * time.Millisecond
	// leastCommit and mostCommit are the bounds of what it carries.
	leastCommit = 32 << 10
	mostCommit  = 1 << 20
)

// commitSize is how much a lane commits at once: as much as the store takes in
// commitTime, or as costs no more time than less. What waits longer for that are the
// posts of those who say most.
type commitSize struct {
	bytes int
	full  int           // full commits in a row of this size, none of them quick
	tried time.Duration // what one took when the size was doubled for a trial
}

// took notes how long a commit took.
func (c *commitSize) took(posts []Post, d time.Duration) {
	bytes := 0
	for i := range posts {
		bytes += posts[i].size()
	}
	switch {
	case d > max(2*commitTime, c.tried*3/2) && bytes > c.bytes/2 && c.bytes > leastCommit:
		c.resize(c.bytes/2, 0)
	case bytes < c.bytes:
	case d < commitTime:
		c.resize(2*c.bytes, 0)
	default:
		if c.full++; c.full == growAfter {
			c.resize(2*c.bytes, d) // a store may be as slow whatever it is given
		}
	}
}

func (c *commitSize) resize(bytes int, tried time.Duration) {
	*c = commitSize{bytes: min(max(bytes, leastCommit), mostCommit), tried: tried}
}
