package pgstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"tuitalk/history"
)

// refusals are what a server says for reasons that an operator can mend: the SQLSTATE,
// and a sentence with the remedy.
var refusals = map[string]string{
	"28P01": "PostgreSQL refuses the user or the password in -store: correct it (in an address # / % and a space are written %23 %2F %25 %20), or set it with ALTER ROLE … PASSWORD",
	"28000": "PostgreSQL lets this user not in from here: add a line for user, database and address to pg_hba.conf, and reload it",
	"3D000": "PostgreSQL has no database of that name: CREATE DATABASE … OWNER … ENCODING 'UTF8', or correct the end of -store",
	"42501": "the user in -store has not the rights that a gateway needs: let the role own the database, or GRANT ALL ON SCHEMA … TO it",
	"53300": "PostgreSQL has no connection left: raise max_connections above 10 for each gateway and what others need",
	"57P03": "PostgreSQL is starting or stopping: try again, and look into its log if that goes on",
	"08P01": "what answers at -store does not speak as PostgreSQL does, or refuses the settings of a session, as PgBouncer does: connect the gateways to PostgreSQL itself",
}

// Examine connects to the database at a postgres:// address as a gateway does, changes
// nothing, and says what is there. The error is what keeps a gateway from using it, a
// sentence with the remedy.
func Examine(ctx context.Context, dsn string) (found string, err error) {
	config, err := parse(dsn)
	if err != nil {
		return "", err
	}
	var f fence
	p, err := openPool(ctx, config, 1, &f, false)
	if err != nil {
		return "", err
	}
	defer p.Close()
	e, err := examine(ctx, p)
	if err != nil {
		return "", fmt.Errorf("%s: %w", remedyFor(err), err)
	}
	return e.judge()
}

// examined is what a database says of itself.
type examined struct {
	release, encoding, user, schema string
	version, known                  int
	mayCreate, mayWrite             bool
}

func examine(ctx context.Context, p pool) (e examined, err error) {
	err = p.query(ctx, func(r row) error { return r.Scan(&e.release, &e.encoding, &e.user, &e.schema, &e.mayCreate) },
		`SELECT current_setting('server_version'), current_setting('server_encoding'), current_user::text, coalesce(current_schema(), ''),
			coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)`)
	if err != nil {
		return e, err
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return e, err
	}
	e.known = len(files)
	if e.version, err = schemaVersion(ctx, p); err != nil || e.version == 0 {
		return e, err
	}
	err = p.query(ctx, func(r row) error { return r.Scan(&e.mayWrite) },
		`SELECT bool_and(has_table_privilege(name, 'SELECT') AND has_table_privilege(name, 'INSERT') AND has_table_privilege(name, 'UPDATE')) FROM unnest(ARRAY['rooms', 'entries', 'sessions', 'leases']) AS name`)
	return e, err
}

func (e examined) judge() (string, error) {
	switch {
	case e.encoding != "UTF8":
		return "", fmt.Errorf("the database has the encoding %s, in which not every message can be kept: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", e.encoding)
	case e.version > e.known:
		return "", fmt.Errorf("%w: its schema has version %d and this program knows %d: use the newer program", history.ErrSchema, e.version, e.known)
	case e.version < e.known && e.schema == "":
		return "", fmt.Errorf("no schema of the search_path is there for the user %s: CREATE SCHEMA public, or correct search_path", e.user)
	case e.version < e.known && !e.mayCreate:
		return "", fmt.Errorf("the user %s may make no tables in the schema %s: GRANT ALL ON SCHEMA %s TO %s", e.user, e.schema, e.schema, e.user)
	case e.version > 0 && !e.mayWrite:
		return "", fmt.Errorf("the user %s may not write the tables, which another role owns: let it own them (REASSIGN OWNED), or GRANT ALL ON ALL TABLES, SEQUENCES and FUNCTIONS", e.user)
	case e.version == 0:
		return fmt.Sprintf("PostgreSQL %s answers; the first gateway makes the tables", e.release), nil
	case e.version < e.known:
		return fmt.Sprintf("PostgreSQL %s answers; the first gateway brings the schema from version %d to %d", e.release, e.version, e.known), nil
	}
	return fmt.Sprintf("PostgreSQL %s answers; the schema has version %d", e.release, e.version), nil
}

// remedyFor begins the sentence about an error.
func remedyFor(err error) string {
	if pe := (*pgconn.PgError)(nil); errors.As(err, &pe) {
		if said, known := refusals[pe.Code]; known {
			return said
		}
		return "PostgreSQL refuses: see its log"
	}
	var lookup *net.DNSError
	switch {
	case errors.Is(err, errReadOnly):
		return "only a standby answers: start the primary, promote a standby, or name all servers in -store"
	case errors.Is(err, errNoStandby):
		return "the primary waits for its standby: start it, as deploy/README.md says"
	case errors.Is(err, errOld):
		return "only an old primary answers: name the new one in -store"
	case errors.As(err, &lookup):
		return "the name " + lookup.Name + " in -store leads to no address: correct it, or the name server"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens at -store: start PostgreSQL, let it listen there (listen_addresses), or correct host and port"
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "PostgreSQL does not answer in time: see whether its machine runs and whether a firewall lets this one through"
	case strings.Contains(err.Error(), "tls") || strings.Contains(err.Error(), "x509"):
		return "the TLS connection to PostgreSQL fails: sslrootcert must have signed its certificate, which must name the host in -store; or the server has no TLS (ssl = on)"
	}
	return "PostgreSQL cannot be used"
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
