package devcluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
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
		if err := p.settle(); err != nil {
			return nil, errors.Join(fmt.Errorf("prepare postgres: %w", err), p.removeDir(), pair.Close())
		}
		p.procs = newSpawner()
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
	ctx, cancel := context.WithTimeout(ctx, postgresPatience)
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

// waitsFor returns an error unless what this server calls committed is on the
// standby's disk too. One that is dead or stopped cannot be asked: its files tell.
func (p *Postgres) waitsFor(ctx context.Context, name string) error {
	errNot := errors.New("the primary does not wait for the standby")
	if !p.exists(replicationConf) {
		return errNot
	}
	if p.State() != Running {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	answer, err := p.ask(ctx, streams+inStep+named(name))
	switch {
	case err != nil:
		return fmt.Errorf("the primary lives and does not tell whether it waits for the standby: %w", err)
	case answer != "t":
		return errNot
	}
	return nil
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
