package devcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Backup copies the primary's data as they are now, in place of an earlier copy. It
// tells when the copy was begun: it has all that was committed before.
func (pair *PostgresPair) Backup(ctx context.Context) (begun time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, postgresPatience)
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
		p.give(aside),
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

func (p *Postgres) copyDir() string  { return filepath.Join(p.options.Dir, "copy") }
func (p *Postgres) asideDir() string { return filepath.Join(p.options.Dir, "before") }
