package gateway

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
// commitTime. What waits longer for that are the posts of those who say most.
type commitSize struct{ bytes int }

// took notes how long a commit took.
func (c *commitSize) took(posts []post, d time.Duration) {
	bytes := 0
	for i := range posts {
		bytes += posts[i].size()
	}
	switch {
	case d > 2*commitTime && bytes > c.bytes/2:
		c.bytes = max(leastCommit, c.bytes/2)
	case d < commitTime && bytes >= c.bytes:
		c.bytes = min(mostCommit, 2*c.bytes)
	}
}
