package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tuitalk/deploy/postgres"
)

const (
	replicationConf = "replication.conf"
	standbySignal   = "standby.signal" // a file in the data makes the server a standby
	// serverNames is how many servers deploy/postgres/replication.conf names:
	// tuitalk1, tuitalk2 and so on.
	serverNames = 3
	// standbyCheck is how often a server is asked what nothing tells by itself.
	standbyCheck = 100 * time.Millisecond
)

// StartStandby makes a copy of the server's data, or uses what an earlier standby
// of it left in the directory, and starts a standby on it. It returns when the
// standby is in step, and from then on the server calls nothing committed that is
// not on the standby's disk as well. The standby is the caller's to close; it has
// the server's role and password and, unless told otherwise, its settings.
// At most two run at a time.
func (p *Postgres) StartStandby(ctx context.Context, options PostgresOptions) (*Postgres, error) {
	ctx, cancel := context.WithTimeout(ctx, postgresPatience)
	defer cancel()
	if options.Bin == "" {
		options.Bin = p.options.Bin
	}
	s := &Postgres{options: options, password: p.password}
	if err := s.prepareStandby(ctx, p); err != nil {
		s.removeDir()
		return nil, fmt.Errorf("prepare the standby: %w", err)
	}
	s.procs = newSpawner()
	err := s.startOnFreePort(ctx)
	if err == nil {
		err = p.follow(ctx, s.name())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the standby: %w", err), s.Close())
	}
	return s, nil
}

// name is the server's application_name when it stands by.
func (p *Postgres) name() string { return "tuitalk" + strconv.Itoa(p.number+1) }

// nextStandby gives the names that are not the server's own in turn.
func (p *Postgres) nextStandby() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := (p.number + 1 + p.standbys%(serverNames-1)) % serverNames
	p.standbys++
	return n
}

// prepareStandby does for a standby what prepare does for a primary.
func (p *Postgres) prepareStandby(ctx context.Context, primary *Postgres) error {
	if err := p.settle(); err != nil {
		return err
	}
	passfile := filepath.Join(p.options.Dir, "passfile")
	if err := errors.Join(p.write(p.passwordFile(), p.password), p.write(passfile, "*:*:*:"+postgresUser+":"+p.password+"\n")); err != nil {
		return err
	}
	if err := p.chooseName(primary); err != nil {
		return err
	}
	settings := maps.Clone(primary.options.Settings)
	if settings == nil {
		settings = make(map[string]string)
	}
	maps.Copy(settings, p.options.Settings)
	settings["primary_conninfo"] = primary.conninfo(p.name(), passfile)
	settings["primary_slot_name"] = p.name()
	p.options.Settings = settings
	if !p.hasData() {
		if err := p.copyData(ctx, primary); err != nil {
			return p.discard(err)
		}
	}
	return errors.Join(p.writeConf(), p.write(filepath.Join(p.dataDir(), replicationConf), postgres.Replication))
}

// chooseName keeps the name with the data: the slot that has kept what the
// standby has missed is called so.
func (p *Postgres) chooseName(primary *Postgres) error {
	file := filepath.Join(p.options.Dir, "number")
	if !p.hasData() {
		p.number = primary.nextStandby()
		return p.write(file, strconv.Itoa(p.number))
	}
	if !p.exists(standbySignal) {
		return fmt.Errorf("in %s are the data of a primary", p.options.Dir)
	}
	var err error
	p.number, err = strconv.Atoi(readString(file))
	return err
}

// conninfo is where a standby finds this server; see deploy/postgres/replication.conf.
func (p *Postgres) conninfo(name, passfile string) string {
	host, port, _ := net.SplitHostPort(p.Addr())
	return fmt.Sprintf("host=%s port=%s user=%s passfile='%s' application_name=%s connect_timeout=3 "+
		"keepalives_idle=2 keepalives_interval=1 keepalives_count=3 tcp_user_timeout=5000", host, port, postgresUser, passfile, name)
}

// copyData takes a base backup. A replication slot keeps for the standby what it
// has missed when it is away.
func (p *Postgres) copyData(ctx context.Context, primary *Postgres) error {
	slot := "'" + p.name() + "'"
	if _, err := primary.ask(ctx, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = "+slot); err != nil {
		return err
	}
	if _, err := primary.ask(ctx, "SELECT pg_create_physical_replication_slot("+slot+", true)"); err != nil {
		return err
	}
	if err := p.run(ctx, "", "pg_basebackup", "--dbname="+p.options.Settings["primary_conninfo"], "--pgdata="+p.dataDir(),
		"--slot="+p.name(), "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--no-password"); err != nil {
		return err
	}
	return p.write(filepath.Join(p.dataDir(), standbySignal), "")
}

// follow makes commits wait for a standby once the one with this name streams.
// Not before: else what writes would stand still while it catches up.
func (p *Postgres) follow(ctx context.Context, name string) error {
	named := " AND application_name = '" + name + "'"
	if err := p.awaitTrue(ctx, streams+named); err != nil {
		return fmt.Errorf("it does not stream from its primary: %w", err)
	}
	if err := p.write(filepath.Join(p.dataDir(), replicationConf), postgres.Replication); err != nil {
		return err
	}
	if err := p.reload(); err != nil {
		return err
	}
	if err := p.awaitTrue(ctx, streams+inStep+named); err != nil {
		return fmt.Errorf("it is not in step: %w", err)
	}
	return nil
}

// Questions that begin with streams tell whether there is such a standby.
const (
	streams = `SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'`
	inStep  = ` AND sync_state IN ('sync', 'quorum')`
)

// AwaitStandby waits until a standby is in step: all that is committed from then
// on is on its disk too.
func (p *Postgres) AwaitStandby(ctx context.Context) error {
	if err := p.awaitTrue(ctx, streams+inStep); err != nil {
		return fmt.Errorf("no standby is in step: %w", err)
	}
	return nil
}

// Promote makes a standby the primary and returns when it can be written. It has
// no standby of its own then, so its commits wait for none until StartStandby.
// The earlier primary must be dead, or must have no other standby, so that
// nothing that it commits is called stored; it cannot be a standby again with its
// data.
func (p *Postgres) Promote(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, postgresPatience)
	defer cancel()
	if !p.exists(standbySignal) {
		return errors.New("promote postgres: it is no standby")
	}
	err := os.Remove(filepath.Join(p.dataDir(), replicationConf))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = p.reload()
	}
	if err == nil {
		err = p.run(ctx, "", "pg_ctl", "promote", "--pgdata="+p.dataDir(), "--wait", "--timeout="+strconv.Itoa(int(postgresPatience.Seconds())))
	}
	if err == nil {
		err = p.awaitTrue(ctx, `SELECT NOT pg_is_in_recovery() AND current_setting('synchronous_standby_names') = ''`)
	}
	if err != nil {
		return fmt.Errorf("promote postgres: %w", err)
	}
	return nil
}

// reload has a running server read its files again.
func (p *Postgres) reload() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil || p.server.exited() {
		return errors.New("it does not run")
	}
	return p.server.signal(syscall.SIGHUP)
}

// awaitTrue asks until the answer is true. Errors: of the context, with what the
// server said last.
func (p *Postgres) awaitTrue(ctx context.Context, question string) error {
	tick := time.NewTicker(standbyCheck)
	defer tick.Stop()
	for {
		answer, err := p.ask(ctx, question)
		if err == nil && answer == "t" {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// ask asks the server with PostgreSQL's own client.
func (p *Postgres) ask(ctx context.Context, question string) (string, error) {
	u := url.URL{Scheme: "postgres", User: url.User(postgresUser), Host: p.Addr(), Path: postgresUser}
	cmd := exec.CommandContext(ctx, psql(p.options.Bin), "-AtXq", "-c", question, u.String())
	cmd.Env = append(os.Environ(), "PGPASSWORD="+p.password)
	out, err := cmd.CombinedOutput()
	if text := strings.TrimSpace(string(out)); err == nil {
		return text, nil
	} else if text != "" {
		return "", fmt.Errorf("%w: %s", err, text)
	}
	return "", err
}
