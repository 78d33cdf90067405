package devcluster

import (
	"path/filepath"
	"strconv"
	"strings"
)

// isStandby tells whether the data are a standby's. PostgreSQL itself removes the
// mark in a promotion.
func (p *Postgres) isStandby() bool { return p.hasData() && p.exists(standbySignal) }

// outranks tells which of two servers is the primary: the one whose data are no
// standby's and, if that holds for both, since one was promoted and the other does
// not know, the one on the later timeline.
func (p *Postgres) outranks(other *Postgres) bool {
	switch {
	case p == other || !p.hasData() || p.isStandby():
		return false
	case !other.hasData() || other.isStandby():
		return true
	}
	return p.timeline() > other.timeline()
}

// timeline of a primary's data. A promotion begins a new one, and writes its
// history file before it removes the standby's mark; the control file follows
// only later.
func (p *Postgres) timeline() int64 {
	last := int64(1) // the first one has no file
	files, _ := filepath.Glob(filepath.Join(p.dataDir(), "pg_wal", "*.history"))
	for _, f := range files {
		n, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(f), ".history"), 16, 64)
		if err == nil {
			last = max(last, n)
		}
	}
	return last
}
