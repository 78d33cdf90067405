//go:build integration && nightly

package pgstore

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tuitalk/talk"
)

// explaining has the server tell the plan of every statement, also of those in
// functions, as it was run.
const explaining = `LOAD 'auto_explain';
	SET auto_explain.log_min_duration = 0;
	SET auto_explain.log_nested_statements = on;
	SET auto_explain.log_analyze = on;
	SET auto_explain.log_buffers = on;
	SET auto_explain.log_wal = on;
	SET client_min_messages = log`

// connectExplaining opens a connection that plans as the store's do and writes
// down what the server tells.
func connectExplaining(t *testing.T, dsn string) (*pgx.Conn, *strings.Builder) {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	told := new(strings.Builder)
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { told.WriteString(n.Message + "\n") }
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), sessionQuery(nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), explaining); err != nil {
		t.Fatal(err)
	}
	return conn, told
}

var (
	planLine = regexp.MustCompile(`(?m)^.*(?:\(cost=|Buffers:|WAL:|Index Cond|Rows Removed|duration:).*$`)
	pageHits = regexp.MustCompile(`Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?`)
)

// explain shows the plan of the last measured call and notes the pages that it
// touches. The first run only fills the connection's caches.
func (m *scale) explain(sql string, args ...any) {
	m.t.Helper()
	for range 2 {
		m.run(sql, args...)
	}
	m.notePlan()
}

// explainAppend is explain for appending; each run appends other entries.
func (m *scale) explainAppend(posts func() []talk.Entry) {
	m.t.Helper()
	for range 2 {
		entries := posts()
		n := len(entries)
		m.run(`SELECT * FROM append_entries($1, $2, $3, $4, $5, $6, NULL)`,
			array(n, func(i int) int32 { return entries[i].RoomID }),
			uuids(n, func(i int) talk.UUID { return entries[i].Author }),
			uuids(n, func(i int) talk.UUID { return entries[i].ID }),
			array(n, func(i int) string { return entries[i].Name }),
			array(n, func(i int) string { return entries[i].Text }),
			array(n, func(i int) int64 { return int64(entries[i].SentAt) }))
	}
	m.notePlan()
}

// run runs a statement and keeps what the server tells about it only.
func (m *scale) run(sql string, args ...any) {
	m.t.Helper()
	m.told.Reset()
	rows, err := m.conn.Query(m.t.Context(), sql, args...)
	if err != nil {
		m.t.Fatal(err)
	}
	rows.Close()
	if rows.Err() != nil {
		m.t.Fatal(rows.Err())
	}
}

func (m *scale) notePlan() {
	m.t.Helper()
	r := &m.rows[len(m.rows)-1]
	lines := planLine.FindAllString(m.told.String(), -1)
	for _, line := range lines {
		// The plan of the outermost statement comes last, and its first line with
		// buffers is the sum.
		if strings.HasPrefix(line, "duration:") {
			r.pages = 0
		}
		if found := pageHits.FindStringSubmatch(line); found != nil && r.pages == 0 {
			hit, _ := strconv.Atoi(found[1]) // "" is none
			read, _ := strconv.Atoi(found[2])
			r.pages = hit + read
		}
	}
	if r.pages == 0 {
		m.t.Fatalf("%s: no plan in %q", r.name, m.told)
	}
	m.t.Logf("%s with %d entries, %d pages:\n%s", r.name, m.town, r.pages, strings.Join(lines, "\n"))
}

func (m *scale) number(sql string) (n int64) {
	m.t.Helper()
	if err := m.conn.QueryRow(m.t.Context(), sql).Scan(&n); err != nil {
		m.t.Fatal(err)
	}
	return n
}

// walPosition is in bytes.
func (m *scale) walPosition() int64 {
	return m.number(`SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint`)
}

func (m *scale) tableSizes() string {
	var sizes []string
	for _, name := range []string{"entries", "entries_pkey", "entries_ids", "entries_times"} {
		sizes = append(sizes, fmt.Sprint(m.number(`SELECT pg_relation_size('`+name+`') >> 20`)))
	}
	return strings.Join(sizes, " + ")
}

// scaleTable has a column per size.
func scaleTable(sizes []*scale) string {
	var b strings.Builder
	line := func(name string, cell func(*scale) string) {
		b.WriteString("| " + name + " |")
		for _, m := range sizes {
			b.WriteString(" " + cell(m) + " |")
		}
		b.WriteString("\n")
	}
	line("entries", func(m *scale) string { return fmt.Sprint(int(m.town)) })
	line("---", func(*scale) string { return "---" })
	line("MiB: entries + pkey + ids + times", func(m *scale) string { return m.sizes })
	for i, r := range sizes[0].rows {
		line(r.name, func(m *scale) string { return m.rows[i].String() })
	}
	return b.String()
}

func (r scaleRow) String() string {
	text := fmt.Sprintf("%.2f ms, %d pages", float64(r.median)/float64(time.Millisecond), r.pages)
	if r.entries > 0 {
		text += fmt.Sprintf(", %.0f/s, WAL %.1f kB each", float64(r.entries)/r.median.Seconds(), float64(r.wal)/1000)
	}
	return text
}
