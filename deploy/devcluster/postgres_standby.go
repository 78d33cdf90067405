package devcluster

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
	options.Settings = mergeSettings(p.options.Settings, options.Settings)
	s := &Postgres{options: options, password: p.password}
	err := s.settle()
	if err == nil {
		err = s.chooseName(p)
	}
	if err != nil {
		s.removeDir()
		return nil, fmt.Errorf("prepare the standby: %w", err)
	}
	s.procs = newSpawner()
	if err := s.standBy(ctx, p); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// mergeSettings returns both, of which the later win.
func mergeSettings(all ...map[string]string) map[string]string {
	merged := make(map[string]string)
	for _, m := range all {
		maps.Copy(merged, m)
	}
	return merged
}

// standBy makes a server that does not run the standby of another, which runs,
// and returns when it is in step. Data of an earlier primary are replaced; see
// copyData.
func (p *Postgres) standBy(ctx context.Context, primary *Postgres) error {
	if err := p.prepareStandby(ctx, primary); err != nil {
		return fmt.Errorf("prepare the standby: %w", err)
	}
	err := p.startOnFreePort(ctx)
	if err == nil {
		err = primary.follow(ctx, p.name())
	}
	if err != nil {
		return fmt.Errorf("start the standby: %w", err)
	}
	return nil
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

// prepareStandby makes the files of a standby, where it has not left its own.
func (p *Postgres) prepareStandby(ctx context.Context, primary *Postgres) error {
	passfile := filepath.Join(p.options.Dir, "passfile")
	if err := errors.Join(p.write(p.passwordFile(), p.password), p.write(passfile, "*:*:*:"+postgresUser+":"+p.password+"\n")); err != nil {
		return err
	}
	conninfo := primary.conninfo(p.name(), passfile)
	p.mu.Lock()
	p.options.Settings = mergeSettings(p.options.Settings,
		map[string]string{"primary_conninfo": conninfo, "primary_slot_name": p.name()})
	p.mu.Unlock()
	kept, err := primary.keepsFor(ctx, p.name())
	if err != nil {
		return err
	}
	if !p.isStandby() || !kept {
		if err := p.copyData(ctx, primary, conninfo); err != nil {
			return err
		}
	}
	return errors.Join(p.writeConf(), p.write(filepath.Join(p.dataDir(), replicationConf), postgres.Replication))
}

// keepsFor tells whether the server still has all that a standby has missed.
func (p *Postgres) keepsFor(ctx context.Context, name string) (bool, error) {
	answer, err := p.ask(ctx, "SELECT count(*) > 0 FROM pg_replication_slots WHERE slot_name = '"+name+"' AND wal_status IS DISTINCT FROM 'lost'")
	return answer == "t", err
}

// chooseName keeps the name with the data: the slot that has kept what the
// standby has missed is called so.
func (p *Postgres) chooseName(primary *Postgres) error {
	file := filepath.Join(p.options.Dir, "number")
	if !p.hasData() {
		p.number = primary.nextStandby()
		return p.write(file, strconv.Itoa(p.number))
	}
	if !p.isStandby() {
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

// copyData takes a base backup. It is made aside and put in place when it is
// whole, as a standby's: at no moment do the copy's data look like a primary's. A
// replication slot keeps for the standby what it has missed when it is away.
func (p *Postgres) copyData(ctx context.Context, primary *Postgres, conninfo string) error {
	slot, aside := "'"+p.name()+"'", p.dataDir()+".new"
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if _, err := primary.ask(ctx, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = "+slot); err != nil {
		return err
	}
	if _, err := primary.ask(ctx, "SELECT pg_create_physical_replication_slot("+slot+", true)"); err != nil {
		return err
	}
	if err := p.run(ctx, "", "pg_basebackup", "--dbname="+conninfo, "--pgdata="+aside,
		"--slot="+p.name(), "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--no-password"); err != nil {
		return errors.Join(err, os.RemoveAll(aside))
	}
	if err := p.write(filepath.Join(aside, standbySignal), ""); err != nil {
		return err
	}
	if err := os.RemoveAll(p.dataDir()); err != nil {
		return err
	}
	return os.Rename(aside, p.dataDir())
}

// follow makes commits wait for a standby once the one with this name streams.
// Not before: else what writes would stand still while it catches up.
func (p *Postgres) follow(ctx context.Context, name string) error {
	if err := p.awaitTrue(ctx, streams+named(name)); err != nil {
		return fmt.Errorf("it does not stream from its primary: %w", err)
	}
	if err := p.write(filepath.Join(p.dataDir(), replicationConf), postgres.Replication); err != nil {
		return err
	}
	if err := p.reload(); err != nil {
		return err
	}
	if err := p.awaitTrue(ctx, streams+inStep+named(name)); err != nil {
		return fmt.Errorf("it is not in step: %w", err)
	}
	return nil
}

// Questions that begin with streams tell whether there is such a standby.
const (
	streams = `SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'`
	inStep  = ` AND sync_state IN ('sync', 'quorum')`
)

func named(name string) string { return " AND application_name = '" + name + "'" }

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
// nothing that it commits is called stored; see PostgresPair for what becomes of it.
func (p *Postgres) Promote(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, postgresPatience)
	defer cancel()
	if !p.isStandby() {
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

// awaitTrue asks until the answer is true. Errors: it is dead; of the context, with
// what the server said last.
func (p *Postgres) awaitTrue(ctx context.Context, question string) error {
	tick := time.NewTicker(standbyCheck)
	defer tick.Stop()
	for {
		answer, err := p.ask(ctx, question)
		if err == nil && answer == "t" {
			return nil
		}
		if err != nil && p.State() == Dead {
			return fmt.Errorf("%s is dead: %w", p.Addr(), err)
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
