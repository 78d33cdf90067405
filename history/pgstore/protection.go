package pgstore

import (
	"net"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"

	"tuitalk/history"
)

var _ history.Degradable = (*Store)(nil)

// protectionColumns are the settings of a server by which a commit is safe.
const protectionColumns = `current_setting('synchronous_standby_names'), current_setting('synchronous_commit'), current_setting('fsync')`

// protection is what the primary does for a commit, as it last said. It says so
// with each renewal of the lease, so that a setting that is changed is seen.
type protection struct {
	servers int // in the address
	found   atomic.Pointer[settings]
}

type settings struct{ standbys, commit, fsync string }

func (p *protection) scan(r row) error {
	var s settings
	if err := r.Scan(&s.standbys, &s.commit, &s.fsync); err != nil {
		return err
	}
	p.found.Store(&s)
	return nil
}

// Degraded implements history.Degradable.
func (s *Store) Degraded() (sentences []string) {
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
	return sentences
}

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
