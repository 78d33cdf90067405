package pgstore

import (
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tuitalk/history"
)

var _ history.Degradable = (*Store)(nil)

// protectionColumns are the settings of a server by which a commit is safe.
const protectionColumns = `current_setting('synchronous_standby_names'), current_setting('synchronous_commit'), current_setting('fsync'),
	floor(extract(epoch FROM clock_timestamp()))::bigint`

// protection is what the primary does for a commit, as it last said. It says so
// with each renewal of the lease, so that a setting that is changed is seen.
type protection struct {
	servers int // in the address
	found   atomic.Pointer[settings]
}

type settings struct {
	standbys, commit, fsync string
	ahead                   time.Duration // its clock, of this machine's
}

func (p *protection) scan(r row) error {
	var s settings
	var now int64
	if err := r.Scan(&s.standbys, &s.commit, &s.fsync, &now); err != nil {
		return err
	}
	s.ahead = time.Until(time.Unix(now, 0)).Truncate(time.Minute)
	p.found.Store(&s)
	return nil
}

// Degraded implements history.Degradable.
func (s *Store) Degraded() (sentences []string) {
	if why := s.preparing.why.Load(); why != nil {
		return []string{"PostgreSQL has not been reached since the start, and whether its schema fits is not known: " + (*why).Error()}
	}
	found := s.protection.found.Load()
	if found == nil {
		return nil
	}
	several := s.protection.servers > 1
	switch {
	case several && found.standbys == "":
		sentences = append(sentences, "-store names several PostgreSQL servers and synchronous_standby_names is empty on the primary: "+
			"stored messages are lost when another one is promoted; set it there, as deploy/README.md says")
	case several && found.commit == "local":
		sentences = append(sentences, "-store names several PostgreSQL servers and synchronous_commit is local: "+
			"stored messages are lost when another one is promoted; take the setting away")
	}
	if found.fsync == "off" {
		sentences = append(sentences, "fsync is off in PostgreSQL: stored messages, or all of the database, are lost when its machine stops; take the setting away")
	}
	if found.ahead.Abs() >= maxSkew {
		sentences = append(sentences, fmt.Sprintf("the clocks of PostgreSQL's machine and of this one differ by %v: "+
			"entries are dated wrongly; set the clock that is wrong (NTP)", found.ahead.Abs()))
	}
	return sentences
}

// maxSkew is how far the clocks may differ before an operator is told.
const maxSkew = time.Minute

// servers counts those that an address names.
func servers(config *pgxpool.Config) int {
	names := map[string]bool{address(config.ConnConfig.Host, config.ConnConfig.Port): true}
	for _, f := range config.ConnConfig.Fallbacks { // the same again without TLS, too
		names[address(f.Host, f.Port)] = true
	}
	return len(names)
}

func address(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
