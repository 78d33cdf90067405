package pgstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"tuitalk/talk"
)

// sessionSettings hold for every connection unless the address says otherwise. They are
// set once it stands: PgBouncer refuses them in the first message.
var sessionSettings = map[string]string{
	"default_transaction_isolation": "read committed", // each statement of a function gets a fresh snapshot

	// A frozen gateway must not hold locks.
	"idle_in_transaction_session_timeout": "1s",
	"tcp_user_timeout":                    "3s",
	"client_connection_check_interval":    "1s",

	// Always by index, planned once: see "Planning" in the package comment.
	"plan_cache_mode":   "force_generic_plan",
	"enable_seqscan":    "off",
	"enable_bitmapscan": "off",
	"enable_hashjoin":   "off",
	"enable_mergejoin":  "off",
	"jit":               "off",
}

// pool is a pool of connections.
type pool struct{ *pgxpool.Pool }

// row is a row of an answer.
type row interface{ Scan(...any) error }

// parse reads a postgres:// address. Its errors do not hold the password.
func parse(dsn string) (*pgxpool.Config, error) {
	u, err := url.Parse(dsn)
	if (err != nil || u.User == nil) && hasRawSecret(dsn) {
		return nil, errors.New("the user or the password in the address has a # / ? % or space, which must be written %23 %2F %3F %25 %20")
	}
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, errors.New("the address must have the form postgres://user:password@host:port/database")
	}
	config, err := pgxpool.ParseConfig(dsn)
	if errors.Is(err, fs.ErrNotExist) { // a certificate, which may come while a machine boots
		return nil, missingFile(withoutSecrets(err.Error(), u))
	}
	if err != nil {
		return nil, errors.New(withoutSecrets(err.Error(), u))
	}
	return config, nil
}

// hasRawSecret tells whether what stands before the @ of an address, which could not be
// read as one, has a character in it that ends a user or a password in an address.
func hasRawSecret(dsn string) bool {
	_, rest, _ := strings.Cut(dsn, "://")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return false
	}
	secret := rest[:at]
	if _, parameters, ok := strings.Cut(secret, "?"); ok && strings.Contains(parameters, "=") {
		return false // the @ is in a parameter
	}
	_, err := url.PathUnescape(secret)
	return err != nil || strings.ContainsAny(secret, "#/? ")
}

// missingFile is an error without secrets about a file that is not there.
type missingFile string

func (m missingFile) Error() string        { return string(m) }
func (m missingFile) Is(target error) bool { return target == fs.ErrNotExist }

// CheckAddress says what is wrong with the address of a store, in one sentence without
// its password. It asks no server.
func CheckAddress(dsn string) error {
	_, err := parse(dsn)
	return err
}

// withoutSecrets takes the address and its passwords out of a text.
func withoutSecrets(text string, u *url.URL) string {
	secrets := []string{u.String(), u.Redacted()}
	if password, ok := u.User.Password(); ok && password != "" {
		_, escaped, _ := strings.Cut(u.User.String(), ":")
		secrets = append(secrets, password, escaped, url.QueryEscape(password))
	}
	for _, name := range []string{"password", "sslpassword"} {
		secrets = append(secrets, u.Query()[name]...)
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return text
}

// openPool makes a pool; reads tells that nothing is stored over it.
func openPool(ctx context.Context, config *pgxpool.Config, conns int, f *fence, reads bool) (pool, error) {
	config = config.Copy()
	config.MaxConns = int32(conns)
	config.MinConns, config.MinIdleConns = 0, 0
	config.PingTimeout = time.Second // of one connection, so that a dead one leaves time for another
	config.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) error {
		once(&cc.Config)
		return nil
	}
	cc := &config.ConnConfig.Config
	prepareSession := sessionQuery(cc.RuntimeParams)
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, prepareSession)
		return err
	}
	if cc.ConnectTimeout == 0 {
		cc.ConnectTimeout = 2 * time.Second
	}
	keepAlive := net.KeepAliveConfig{Enable: true, Idle: 2 * time.Second, Interval: time.Second, Count: 3}
	cc.DialFunc = (&net.Dialer{Timeout: cc.ConnectTimeout, KeepAliveConfig: keepAlive}).DialContext
	cc.ValidateConnect = f.validate(reads)
	config.PrepareConn = f.holds
	cc.BuildContextWatcherHandler = func(pc *pgconn.PgConn) ctxwatch.Handler { return dropper{pc.Conn()} }
	if _, set := cc.RuntimeParams["application_name"]; !set {
		cc.RuntimeParams["application_name"] = "tuitalk-gateway"
	}
	p, err := pgxpool.NewWithConfig(ctx, config)
	return pool{p}, err
}

// sessionQuery sets what a new connection needs, but for what its address has set. What
// is called stored is on a disk, whatever the server's default.
func sessionQuery(given map[string]string) string {
	var b strings.Builder
	b.WriteString(`SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
	for name, value := range sessionSettings {
		if _, set := given[name]; !set {
			fmt.Fprintf(&b, ` UNION ALL SELECT set_config('%s', '%s', false)`, name, value)
		}
	}
	return b.String()
}

// once lets a connection dial until it is made and never again: what pgx dials
// for later, when it gives a connection up, is a cancel request.
func once(config *pgconn.Config) {
	var made atomic.Bool
	dial, after := config.DialFunc, config.AfterConnect
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if made.Load() {
			return nil, errors.New("a commit is never cancelled")
		}
		return dial(ctx, network, addr)
	}
	config.AfterConnect = func(ctx context.Context, pc *pgconn.PgConn) error {
		made.Store(true)
		if after != nil {
			return after(ctx, pc)
		}
		return nil
	}
}

// dropper ends a connection whose context has ended.
type dropper struct{ conn net.Conn }

func (d dropper) HandleCancel(context.Context) {
	conn := d.conn
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn() // saying goodbye could block
	}
	if t, ok := conn.(*net.TCPConn); ok {
		t.SetLinger(0) // what has not arrived must not arrive much later
	}
	conn.Close()
}

func (d dropper) HandleUnwatchAfterCancel() {}

// query runs a statement and scans each row of the answer.
func (p pool) query(ctx context.Context, scan func(row) error, sql string, args ...any) error {
	return p.with(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// exec runs a statement and returns how many rows it changed.
func (p pool) exec(ctx context.Context, sql string, args ...any) (changed int64, err error) {
	err = p.with(ctx, func(conn *pgx.Conn) error {
		tag, err := conn.Exec(ctx, sql, args...)
		changed = tag.RowsAffected()
		return err
	})
	return changed, err
}

// with lends a connection.
func (p pool) with(ctx context.Context, use func(*pgx.Conn) error) error {
	conn, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	err = use(conn.Conn())
	switch {
	case state(err) == readOnlyTransaction:
		conn.Conn().Close(ctx) // it was the primary once
	case err != nil && ctx.Err() != nil:
		err = fmt.Errorf("%w: %w", ctx.Err(), err) // what dropper did is not the cause
	}
	return err
}

// script lends a transaction: to run texts of several statements, and to read
// the schema's version.
func (p pool) script(ctx context.Context, run func(exec func(sql string) error, version func() (int, error)) error) error {
	return p.with(ctx, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			return run(func(sql string) error {
				_, err := tx.Conn().PgConn().Exec(ctx, sql).ReadAll()
				return err
			}, func() (version int, err error) {
				err = tx.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM tuitalk_schema`).Scan(&version)
				return version, err
			})
		})
	})
}

// uuids are an array parameter.
func uuids(n int, at func(i int) talk.UUID) any {
	a := make(pgtype.FlatArray[pgtype.UUID], n)
	for i := range a {
		a[i] = pgtype.UUID{Bytes: at(i), Valid: true}
	}
	return a
}

// array is an array parameter of another type.
func array[T any](n int, at func(i int) T) any {
	a := make(pgtype.FlatArray[T], n)
	for i := range a {
		a[i] = at(i)
	}
	return a
}

// uuid is one UUID, as a parameter or to scan into.
func uuid(u *talk.UUID) *[16]byte { return (*[16]byte)(u) }
