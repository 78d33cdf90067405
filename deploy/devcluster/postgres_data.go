package devcluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
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

// prepare makes the database cluster and the database if they are missing.
func (p *Postgres) prepare(ctx context.Context) error {
	if err := p.locate(); err != nil {
		return err
	}
	if p.isStandby() {
		return fmt.Errorf("in %s are the data of a standby", p.options.Dir)
	}
	if p.hasData() {
		p.password = readString(p.passwordFile())
		return p.writeConf()
	}
	return p.initialize(ctx)
}

// locate finds the programs, the user and the directory.
func (p *Postgres) locate() (err error) {
	if p.options.Bin, err = postgresBin(p.options.Bin); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if p.user, err = credentialOf("postgres"); err != nil {
			return err
		}
	}
	return p.makeDir()
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

// makeDir makes the directory so that the server's user can use it.
func (p *Postgres) makeDir() (err error) {
	if p.options.Dir == "" {
		if p.options.Dir, err = os.MkdirTemp("", "tuitalk-postgres-"); err != nil {
			return err
		}
		p.temporary = true
	}
	if p.options.Dir, err = filepath.Abs(p.options.Dir); err != nil {
		return err
	}
	if err := os.MkdirAll(p.options.Dir, 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(p.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	log.Close()
	return errors.Join(p.chown(p.options.Dir), p.chown(p.LogFile()))
}

// chown makes a file the server's.
func (p *Postgres) chown(name string) error {
	if p.user == nil {
		return nil
	}
	return os.Chown(name, int(p.user.Uid), int(p.user.Gid))
}

// makeData has PostgreSQL's programs make what initialize promises.
func (p *Postgres) makeData(ctx context.Context) error {
	p.password = newPassword()
	if err := p.write(p.passwordFile(), p.password); err != nil {
		return err
	}
	if err := os.RemoveAll(p.dataDir()); err != nil {
		return err
	}
	if err := p.run(ctx, "", "initdb", "--pgdata="+p.dataDir(), "--username="+postgresUser, "--pwfile="+p.passwordFile(),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"); err != nil {
		return p.discard(err)
	}
	if err := p.writeConf(); err != nil {
		return p.discard(err)
	}
	if err := p.run(ctx, "CREATE DATABASE "+postgresUser+"\n", "postgres", "--single", "-D", p.dataDir(), "postgres"); err != nil {
		return p.discard(err)
	}
	return nil
}

func newPassword() string { return rand.Text() }

// discard removes a database cluster that is not whole, so that the next start
// begins anew.
func (p *Postgres) discard(err error) error {
	return errors.Join(err, os.RemoveAll(p.dataDir()))
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

// exchange puts the copy in the place of the data, and the data aside. Neither waits
// for a standby: the primary not until it has one again.
func (p *Postgres) exchange() error {
	aside := p.asideDir()
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Mkdir(aside, 0o700); err != nil {
		return err
	}
	return errors.Join(
		p.chown(aside),
		p.write(filepath.Join(aside, "password"), p.password),
		os.Rename(p.dataDir(), filepath.Join(aside, "data")),
		os.Rename(p.copyDir(), p.dataDir()),
		removeIfThere(filepath.Join(aside, "data", replicationConf)),
		removeIfThere(filepath.Join(p.dataDir(), replicationConf)),
	)
}

func removeIfThere(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writeConf writes the settings of deploy/postgres and has them included once:
// those for replication if there is a file with them.
func (p *Postgres) writeConf() error {
	const include = "include 'tuitalk.conf'\ninclude_if_exists '" + replicationConf + "'\n"
	if err := p.write(filepath.Join(p.dataDir(), "tuitalk.conf"), postgres.Conf); err != nil {
		return err
	}
	main := filepath.Join(p.dataDir(), "postgresql.conf")
	text := readString(main)
	if strings.HasSuffix(text, include) {
		return nil
	}
	return p.write(main, text+include)
}

func (p *Postgres) write(name, text string) error {
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		return err
	}
	return p.chown(name)
}

// settings are those for a server that shares a machine, as name=value; the
// later ones win.
func (p *Postgres) settings() []string {
	all := []string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=" + p.dataDir(),
		"shared_buffers=128MB", "max_wal_size=1GB", "min_wal_size=80MB",
		"dynamic_shared_memory_type=mmap", // in its folder: a killed server's in /dev/shm would stay there
	}
	for _, name := range slices.Sorted(maps.Keys(p.options.Settings)) {
		all = append(all, name+"="+p.options.Settings[name])
	}
	return all
}

// run runs one of PostgreSQL's programs to its end.
func (p *Postgres) run(ctx context.Context, input, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, postgresProgram(p.options.Bin, program), args...)
	cmd.Dir = p.options.Dir
	cmd.Stdin = strings.NewReader(input)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.user}
	cmd.WaitDelay = time.Second // pg_basebackup's own child has its output, and ends with the server only
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(out))
	}
	return nil
}

func (p *Postgres) dataDir() string { return filepath.Join(p.options.Dir, "data") }

func (p *Postgres) passwordFile() string { return filepath.Join(p.options.Dir, "password") }

func (p *Postgres) copyDir() string { return filepath.Join(p.options.Dir, "copy") }

func (p *Postgres) asideDir() string { return filepath.Join(p.options.Dir, "before") }

func (p *Postgres) exists(name string) bool {
	_, err := os.Stat(filepath.Join(p.dataDir(), name))
	return err == nil
}

// hasData tells whether an earlier server has left its data.
func (p *Postgres) hasData() bool { return p.exists("PG_VERSION") }

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

func postgresBin(bin string) (string, error) {
	if bin != "" {
		return bin, nil
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", errors.New("no PostgreSQL is installed (Debian: apt-get install postgresql)")
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return postgresVersion(a) - postgresVersion(b) })
	return filepath.Dir(newest), nil
}

func postgresVersion(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// postgresProgram is the path of one of PostgreSQL's programs. Where the server in
// bin is a link, only the directory that it leads to has them all.
func postgresProgram(bin, name string) string {
	if server, err := filepath.EvalSymlinks(filepath.Join(bin, "postgres")); err == nil {
		beside := filepath.Join(filepath.Dir(server), name)
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	return filepath.Join(bin, name)
}

// psql is PostgreSQL's own client: with the server's programs, else in PATH.
func psql(bin string) string {
	if server, err := filepath.EvalSymlinks(filepath.Join(bin, "postgres")); err == nil {
		beside := filepath.Join(filepath.Dir(server), "psql")
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	return "psql"
}

func credentialOf(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uerr, gerr)
}
