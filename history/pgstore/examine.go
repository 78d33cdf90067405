package pgstore

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
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
	"42501": "the user in -store has not the rights that a gateway needs: let the role own the database, or GRANT CONNECT ON DATABASE … and ALL ON SCHEMA … TO it",
	"53300": "PostgreSQL has no connection left: raise max_connections above 10 for each gateway and what others need",
	"57P03": "PostgreSQL is starting or stopping: try again, and look into its log if that goes on",
	"08P01": "what answers at -store does not speak as PostgreSQL does, or refuses the settings of a session, as PgBouncer does: take search_path and other settings out of the address (ALTER ROLE … SET), or name PostgreSQL itself in -store",
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
	p, err := openPool(ctx, config, 2, &f, false)
	if err != nil {
		return "", err
	}
	defer p.Close()
	e, err := examine(ctx, p)
	if err != nil {
		return "", remedied(err)
	}
	return e.judge()
}

// examined is what a database says of itself.
type examined struct {
	release, encoding, user, schema string
	version, known                  int
	mayCreate, owns                 bool
	lacking, changed                []string // rights and parts of the schema
}

// neededRights are those at the tables of a schema that has this program's version.
const neededRights = `(VALUES ('rooms', 'SELECT, INSERT, UPDATE'), ('entries', 'SELECT, INSERT'), ('members', 'SELECT, INSERT, UPDATE, DELETE'),
	('sessions', 'SELECT, INSERT, UPDATE, DELETE'), ('leases', 'SELECT, INSERT, UPDATE, DELETE'), ('turns', 'SELECT, INSERT, UPDATE, DELETE'),
	('probes', 'SELECT, INSERT, UPDATE')) AS needed(name, rights)`

// schemaParts are the columns, unique keys and functions of the schema, as text.
const schemaParts = `WITH home AS (SELECT relnamespace AS id FROM pg_class WHERE oid = to_regclass('tuitalk_schema'))
	SELECT format('column %s.%s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod)) AS part
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = (SELECT id FROM home) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
	UNION ALL SELECT format('unique key %s %s', x.indexrelid::regclass, regexp_replace(pg_get_indexdef(x.indexrelid), '^.* USING ', ''))
		FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid WHERE c.relnamespace = (SELECT id FROM home) AND x.indisunique AND x.indisvalid
	UNION ALL SELECT format('function %s %s', p.proname, encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex'))
		FROM pg_proc p WHERE p.pronamespace = (SELECT id FROM home)`

// knownParts are those of this program's version, one a line.
//
//go:embed schema.txt
var knownParts string

func examine(ctx context.Context, p pool) (e examined, err error) {
	if err := p.checkPooler(ctx); err != nil { // before anything is prepared
		return e, err
	}
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
	if e.version < e.known {
		err = p.query(ctx, func(r row) error { return r.Scan(&e.owns) },
			`SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('tuitalk_schema')`)
		return e, err
	}
	err = p.query(ctx, func(r row) error { return r.Scan(&e.lacking) }, `SELECT coalesce(array_agg(privilege || ' on ' || name), '{}')
		FROM `+neededRights+`, unnest(string_to_array(rights, ', ')) AS privilege
		WHERE to_regclass(name) IS NOT NULL AND NOT has_table_privilege(to_regclass(name), privilege)`)
	if err != nil || e.version > e.known {
		return e, err
	}
	e.changed, err = changedParts(ctx, p)
	return e, err
}

// changedParts are those of the schema that somebody has taken away or made otherwise.
// More than there must be is no harm.
func changedParts(ctx context.Context, p pool) (changed []string, err error) {
	known := strings.Split(strings.TrimSpace(knownParts), "\n")
	err = p.query(ctx, func(r row) error { return r.Scan(&changed) },
		`SELECT coalesce(array_agg(part), '{}') FROM unnest($1::text[]) AS part WHERE part NOT IN (SELECT part FROM (`+schemaParts+`) AS there)`, known)
	return changed, err
}

func (e examined) judge() (string, error) {
	switch {
	case e.encoding != "UTF8":
		return "", fmt.Errorf("%w: it has the encoding %s, in which not every message can be kept: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", errUnusable, e.encoding)
	case e.version > e.known:
		return "", fmt.Errorf("%w: its schema has version %d and this program knows %d: use the newer program", history.ErrSchema, e.version, e.known)
	case e.version < e.known && e.schema == "":
		return "", fmt.Errorf("no schema of the search_path is there for the user %s: CREATE SCHEMA public, GRANT ALL ON SCHEMA … TO %s, or correct search_path", e.user, e.user)
	case e.version < e.known && !e.mayCreate:
		return "", fmt.Errorf("the user %s may make no tables in the schema %s: GRANT ALL ON SCHEMA %s TO %s, or let the role own the database", e.user, e.schema, e.schema, e.user)
	case e.version > 0 && e.version < e.known && !e.owns:
		return "", fmt.Errorf("the user %s may not bring the schema from version %d to %d, as another role owns its tables: let it own them (REASSIGN OWNED), or start a gateway with the owner in -store once", e.user, e.version, e.known)
	case len(e.lacking) > 0:
		return "", fmt.Errorf("the user %s has not the rights that a gateway needs (%s): let it own the tables (REASSIGN OWNED), or GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %s TO %s", e.user, shorten(e.lacking), e.schema, e.user)
	case len(e.changed) > 0:
		return "", fmt.Errorf("%w: its schema has version %d and was changed by hand, as this is missing or different: %s: put it back as history/pgstore/migrations makes it, or restore a backup", errUnusable, e.version, shorten(e.changed))
	case e.version == 0:
		return fmt.Sprintf("PostgreSQL %s answers; the first gateway makes the tables", e.release), nil
	case e.version < e.known:
		return fmt.Sprintf("PostgreSQL %s answers; the first gateway brings the schema from version %d to %d", e.release, e.version, e.known), nil
	}
	return fmt.Sprintf("PostgreSQL %s answers; the schema has version %d", e.release, e.version), nil
}

// shorten lists the first of many.
func shorten(list []string) string {
	const most = 3
	if len(list) > most {
		return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
	}
	return strings.Join(list, ", ")
}

// sentence is an error in words for an operator: a remedy, and the cause without what
// the libraries between say again and again.
type sentence struct {
	says string
	err  error
}

func (s sentence) Error() string { return s.says }
func (s sentence) Unwrap() error { return s.err }

// remedied makes a sentence of an error, unless it is one.
func remedied(err error) error {
	if errors.Is(err, errUnusable) || errors.Is(err, history.ErrSchema) {
		return err
	}
	return sentence{fmt.Sprintf("%s (%s)", remedyFor(err), cause(err)), err}
}

// cause is what the server, or the network, says.
func cause(err error) string {
	if pe := (*pgconn.PgError)(nil); errors.As(err, &pe) {
		return pe.Message
	}
	var said []string
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(line)
		if at := strings.Index(line, connectPrefix); at >= 0 {
			line = ""
		}
		if line != "" && !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return err.Error()
	}
	return strings.Join(said, "; ")
}

// connectPrefix begins a line of pgx that names user and database.
const connectPrefix = "failed to connect to `"

// remedyFor begins the sentence about an error.
func remedyFor(err error) string {
	if pe := (*pgconn.PgError)(nil); errors.As(err, &pe) {
		if said, known := refusals[pe.Code]; known {
			return said
		}
		return "PostgreSQL refuses: its log tells more"
	}
	var lookup *net.DNSError
	switch {
	case errors.Is(err, errReadOnly):
		return "only a standby answers: start the primary, promote a standby, or name all servers in -store"
	case errors.Is(err, errNoSecond):
		return poolTooSmall
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
