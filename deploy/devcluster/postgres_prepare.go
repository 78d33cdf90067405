package devcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
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

// prepare makes the database cluster and the database if they are missing.
func (p *Postgres) prepare(ctx context.Context) error {
	if err := p.settle(); err != nil {
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

// settle finds the programs, the user and the directory.
func (p *Postgres) settle() (err error) {
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

// hasData tells whether an earlier server has left its data.
func (p *Postgres) hasData() bool { return p.exists("PG_VERSION") }

func (p *Postgres) exists(name string) bool {
	_, err := os.Stat(filepath.Join(p.dataDir(), name))
	return err == nil
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

func postgresVersion(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
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
	return errors.Join(p.give(p.options.Dir), p.give(p.LogFile()))
}

// give makes a file the server's.
func (p *Postgres) give(name string) error {
	if p.user == nil {
		return nil
	}
	return os.Chown(name, int(p.user.Uid), int(p.user.Gid))
}

func (p *Postgres) passwordFile() string { return filepath.Join(p.options.Dir, "password") }

// initialize makes a database cluster with one role, which has a password, and
// one database. It is made aside and put in place when it is whole.
func (p *Postgres) initialize(ctx context.Context) error {
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

// discard removes a database cluster that is not whole, so that the next start
// begins anew.
func (p *Postgres) discard(err error) error {
	return errors.Join(err, os.RemoveAll(p.dataDir()))
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
	return p.give(name)
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

// settings are those for a server that shares a machine, as name=value; the
// later ones win.
func (p *Postgres) settings() []string {
	all := []string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=" + p.dataDir(),
		"shared_buffers=128MB", "max_wal_size=1GB", "min_wal_size=80MB",
	}
	for _, name := range slices.Sorted(maps.Keys(p.options.Settings)) {
		all = append(all, name+"="+p.options.Settings[name])
	}
	return all
}
