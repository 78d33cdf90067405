package pgstore

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"tuitalk/history"
)

// migrations are applied in the order of their names, each once: the n-th leads
// to schema version n. A published one is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrationLock is the key of the advisory lock ("TuiT").
const migrationLock = 0x54756954

// lockWait bounds the wait for a table that somebody else uses, a dump for hours.
// Whoever comes behind a change of the schema waits for it: for that long all
// gateways would stand still.
const lockWait = `SET LOCAL lock_timeout = '1s'`

// lockNotAvailable is the SQLSTATE of a wait that took longer.
const lockNotAvailable = "55P03"

// migrate brings the schema to this program's version. A schema that has it
// already is only read, so that a gateway needs no right to change it.
func migrate(ctx context.Context, p pool) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	if version, err := schemaVersion(ctx, p); err != nil || version == len(files) {
		return err
	}
	err = p.script(ctx, func(exec func(string) error, version func() (int, error)) error {
		if err := exec(fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d);
			CREATE TABLE IF NOT EXISTS tuitalk_schema (version int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())`, migrationLock)); err != nil {
			return err
		}
		have, err := version()
		if err != nil {
			return err
		}
		if have > len(files) {
			return fmt.Errorf("%w: its schema has version %d and this program knows %d; use the newer program",
				history.ErrSchema, have, len(files))
		}
		if err := exec(lockWait); err != nil { // but for the other gateways, above
			return err
		}
		for i, file := range files[have:] {
			text, err := migrations.ReadFile(file)
			if err != nil {
				return err
			}
			if err := exec(string(text)); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if err := exec(fmt.Sprintf(`INSERT INTO tuitalk_schema (version) VALUES (%d)`, have+i+1)); err != nil {
				return err
			}
		}
		return nil
	})
	if state(err) == lockNotAvailable {
		return fmt.Errorf("%w: its schema cannot be changed while another program uses it, such as pg_dump; start again when that has ended: %v",
			history.ErrUnavailable, err)
	}
	return err
}

// schemaVersion is 0 for an empty database.
func schemaVersion(ctx context.Context, p pool) (version int, err error) {
	exists := false
	err = p.query(ctx, func(r row) error { return r.Scan(&exists) }, `SELECT to_regclass('tuitalk_schema') IS NOT NULL`)
	if err != nil || !exists {
		return 0, err
	}
	err = p.query(ctx, func(r row) error { return r.Scan(&version) }, `SELECT coalesce(max(version), 0) FROM tuitalk_schema`)
	return version, err
}
