package sqlitestore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"tuitalk/history"
)

// migrations are applied in the order of their names, each once: the n-th leads
// to schema version n. A published one is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks a database file as this program's ("TuiT").
const applicationID = 0x54756954

// migrate brings the schema to this program's version, in one transaction.
func migrate(ctx context.Context, conn *sql.Conn) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	if err := migrateFrom(ctx, conn, files); err != nil {
		_, rerr := conn.ExecContext(ctx, `ROLLBACK`)
		if noTransaction(rerr) {
			rerr = nil
		}
		return errors.Join(err, rerr)
	}
	_, err = conn.ExecContext(ctx, `COMMIT`)
	return err
}

func migrateFrom(ctx context.Context, conn *sql.Conn, files []string) error {
	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return err
	}
	if version > len(files) {
		return fmt.Errorf("%w: its schema has version %d and this program knows %d; use the newer program",
			history.ErrSchema, version, len(files))
	}
	for _, file := range files[version:] {
		text, err := migrations.ReadFile(file)
		if err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if version == len(files) {
		return nil
	}
	_, err = conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d`, applicationID, len(files)))
	return err
}

// schemaVersion is 0 for an empty file.
func schemaVersion(ctx context.Context, conn *sql.Conn) (int, error) {
	var version, application, tables int
	for _, q := range []struct {
		to  *int
		sql string
	}{
		{&version, `PRAGMA user_version`},
		{&application, `PRAGMA application_id`},
		{&tables, `SELECT count(*) FROM sqlite_schema`},
	} {
		if err := conn.QueryRowContext(ctx, q.sql).Scan(q.to); err != nil {
			return 0, err
		}
	}
	if tables > 0 && application != applicationID {
		return 0, fmt.Errorf("%w: it is a database of another program", history.ErrSchema)
	}
	return version, nil
}
