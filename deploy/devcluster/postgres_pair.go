package devcluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// PostgresPair is a PostgreSQL server and one that stands by for it, or a server
// alone. Which is which is never remembered but read from their data, so that it
// is right whoever has promoted one, and after any crash: see role. The old
// primary never comes back as a second one: it is started as the standby of the
// new one or not at all.
//
// Its methods may be called from several goroutines.
type PostgresPair struct {
	servers []*Postgres // one or two

	changing sync.Mutex // held while servers are started or promoted; taken before a server's mu
}

// StartPostgresPair starts servers with what an earlier pair has left in their
// directories, else with a fresh database: one, or two of which one stands by. It
// returns when the primary can be written and the standby is in step.
func StartPostgresPair(ctx context.Context, options ...PostgresOptions) (*PostgresPair, error) {
	pair := &PostgresPair{}
	for i, o := range options {
		p := &Postgres{options: o, number: i}
		if err := p.locate(); err != nil {
			return nil, errors.Join(fmt.Errorf("prepare postgres: %w", err), p.removeDir(), pair.Close())
		}
		p.procs = newProcStarter()
		pair.servers = append(pair.servers, p)
	}
	err := pair.prepare(ctx)
	if err == nil {
		err = pair.Start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, pair.Close())
	}
	return pair, nil
}

// prepare makes the database if neither server has left one.
func (pair *PostgresPair) prepare(ctx context.Context) error {
	first := pair.Primary()
	if !first.hasData() {
		if err := first.initialize(ctx); err != nil {
			return fmt.Errorf("prepare postgres: %w", err)
		}
	}
	if len(pair.servers) == 1 && (first.isStandby() || first.exists(replicationConf)) {
		return fmt.Errorf("prepare postgres: in %s are the data of one of two servers", first.options.Dir)
	}
	password := readString(first.passwordFile())
	for _, p := range pair.servers {
		p.password = password
	}
	return first.writeConf()
}

// Primary is the server that may be written, dead or alive.
func (pair *PostgresPair) Primary() *Postgres {
	first, second := pair.servers[0], pair.servers[len(pair.servers)-1]
	if second.outranks(first) {
		return second
	}
	return first
}

// Standby is the other server, nil if there is none. After a promotion it is the
// old primary until Start.
func (pair *PostgresPair) Standby() *Postgres {
	primary := pair.Primary()
	for _, p := range pair.servers {
		if p != primary {
			return p
		}
	}
	return nil
}

// DSN is the URL of the database with all servers, for pgstore.Open.
func (pair *PostgresPair) DSN() string {
	hosts := make([]string, len(pair.servers))
	for i, p := range pair.servers {
		hosts[i] = p.Addr()
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(postgresUser, pair.servers[0].password),
		Host: strings.Join(hosts, ","), Path: postgresUser}
	if len(hosts) > 1 {
		u.RawQuery = "target_session_attrs=read-write"
	}
	return u.String()
}

// Start starts what is dead: the primary, and the other as its standby. It
// returns when the standby is in step.
func (pair *PostgresPair) Start(ctx context.Context) error {
	if err := pair.start(ctx, pair.Primary()); err != nil {
		return err
	}
	if s := pair.Standby(); s != nil {
		return pair.start(ctx, s)
	}
	return nil
}

// start starts one server as what it has to be now. What an old primary has that
// the new one has not was never called stored, and goes.
func (pair *PostgresPair) start(ctx context.Context, p *Postgres) error {
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
	defer cancel()
	pair.changing.Lock()
	defer pair.changing.Unlock()
	primary := pair.Primary()
	switch {
	case p == primary && p.isStandby():
		return errors.New("start postgres: no server is a primary")
	case p == primary:
		return p.startOnFreePort(ctx)
	case primary.State() == Dead:
		return fmt.Errorf("start postgres: %s stands by, and its primary %s is dead", p.Addr(), primary.Addr())
	case p.isStandby() && p.State() != Dead:
		return primary.follow(ctx, p.name())
	case !p.hasData(), p.isStandby():
		return p.standBy(ctx, primary)
	case p.timeline() == primary.timeline():
		return fmt.Errorf("start postgres: in %s and %s are the data of primaries on one timeline", p.options.Dir, primary.options.Dir)
	}
	if err := p.Kill(); err != nil {
		return err
	}
	return p.standBy(ctx, primary)
}

// trouble tells why a server is to be started: it is dead, or an old primary, or
// a standby that was started and has not come into step.
func (pair *PostgresPair) trouble(p *Postgres) string {
	primary := pair.Primary()
	switch {
	case p.State() == Dead:
		return died
	case p != primary && p.hasData() && !p.isStandby():
		return "is an old primary"
	case p != primary && !primary.exists(replicationConf):
		return "is not waited for"
	}
	return ""
}

// Promote makes the standby the primary and returns when it can be written. The
// old primary is ended first if it lives. Until Start brings it back as a standby
// commits wait for nobody. A standby that may not have all that the primary has
// called committed is not promoted.
func (pair *PostgresPair) Promote(ctx context.Context) error {
	pair.changing.Lock()
	defer pair.changing.Unlock()
	standby := pair.Standby()
	if standby == nil {
		return errors.New("promote postgres: there is no standby")
	}
	if standby.State() == Dead {
		return errors.New("promote postgres: the standby is dead")
	}
	primary := pair.Primary()
	if err := primary.waitsFor(ctx, standby.name()); err != nil {
		return fmt.Errorf("promote postgres: %w", err)
	}
	if err := primary.Kill(); err != nil {
		return err
	}
	return standby.Promote(ctx)
}

// Stop ends the primary and then the standby, which gets all that it has written.
func (pair *PostgresPair) Stop(ctx context.Context, mode StopMode) error {
	pair.changing.Lock()
	defer pair.changing.Unlock()
	err := pair.Primary().Stop(ctx, mode)
	if s := pair.Standby(); s != nil {
		err = errors.Join(err, s.Stop(ctx, mode))
	}
	return err
}

// Close ends all servers, whatever their state, and removes temporary directories.
func (pair *PostgresPair) Close() error {
	var errs []error
	for _, p := range pair.servers {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// Backup copies the primary's data as they are now, in place of an earlier copy. It
// tells when the copy was begun: it has all that was committed before.
func (pair *PostgresPair) Backup(ctx context.Context) (begun time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, postgresTimeout)
	defer cancel()
	pair.changing.Lock()
	defer pair.changing.Unlock()
	p := pair.Primary()
	passfile := filepath.Join(p.options.Dir, "passfile")
	begun = time.Now()
	err = os.RemoveAll(p.copyDir())
	if err == nil {
		err = p.write(passfile, "*:*:*:"+postgresUser+":"+p.password+"\n")
	}
	if err == nil {
		err = p.run(ctx, "", "pg_basebackup", "--dbname="+p.conninfo("copy", passfile), "--pgdata="+p.copyDir(),
			"--wal-method=stream", "--checkpoint=fast", "--no-sync", "--no-password")
	}
	if err != nil {
		return begun, fmt.Errorf("copy the data of postgres: %w", err)
	}
	return begun, nil
}

// GoBack ends all servers, as a loss of power would, puts the last Backup in the
// place of the primary's data, and starts them again: the standby with a copy of
// its own. What was committed since is lost to them; Before has it.
func (pair *PostgresPair) GoBack(ctx context.Context) error {
	if err := pair.putBack(); err != nil {
		return fmt.Errorf("set postgres back: %w", err)
	}
	return pair.Start(ctx)
}

func (pair *PostgresPair) putBack() error {
	pair.changing.Lock()
	defer pair.changing.Unlock()
	primary, standby := pair.Primary(), pair.Standby()
	if _, err := os.Stat(primary.copyDir()); err != nil {
		return err
	}
	for _, p := range pair.servers {
		if err := p.Kill(); err != nil {
			return err
		}
	}
	if err := primary.exchange(); err != nil || standby == nil {
		return err
	}
	return os.RemoveAll(standby.dataDir())
}

// Before starts a server with what the primary had until the last GoBack, to be
// read. It is the caller's to close.
func (pair *PostgresPair) Before(ctx context.Context) (*Postgres, error) {
	for _, p := range pair.servers {
		if _, err := os.Stat(p.asideDir()); err == nil {
			return StartPostgres(ctx, PostgresOptions{Dir: p.asideDir(), Bin: p.options.Bin, Settings: map[string]string{"fsync": "off"}})
		}
	}
	return nil, errors.New("start postgres as it was: it was not set back")
}
