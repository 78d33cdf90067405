//go:build integration && nightly

package pgstore

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tuitalk/deploy/devcluster"
	"tuitalk/history"
)

var (
	entriesFlag  = flag.String("entries", "20000,100000", "how many entries the logs of TestScale have, with commas, ascending")
	settingsFlag = flag.String("settings", "", "settings of PostgreSQL for TestScale, as name=value, with commas")
)

// TestScale does what a gateway does with logs of growing size and shows the
// times, the write-ahead log and, with -v, the plans. What it demands is the
// number of pages that each call touches: they may become more by the depth of
// the indexes, which is far from double.
func TestScale(t *testing.T) {
	settings := map[string]string{"shared_buffers": "1GB", "max_wal_size": "8GB"} // as in a fleet
	for word := range strings.FieldsFuncSeq(*settingsFlag, func(r rune) bool { return r == ',' }) {
		name, value, _ := strings.Cut(word, "=")
		settings[name] = value
	}
	server, err := devcluster.StartPostgres(t.Context(), devcluster.PostgresOptions{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	var sizes []*scale
	for word := range strings.SplitSeq(*entriesFlag, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 20_000 {
			t.Fatalf("-entries %s: want numbers from 20000 on", *entriesFlag)
		}
		t.Run(word, func(t *testing.T) { sizes = append(sizes, measureScale(t, server.DSN(), town(n))) })
		if t.Failed() {
			return
		}
	}
	t.Log("\n" + scaleTable(sizes))
	first, last := sizes[0], sizes[len(sizes)-1]
	for i, r := range last.rows {
		if r.pages > 2*first.rows[i].pages {
			t.Errorf("%s touches %d pages with %d entries, %d with %d", r.name, r.pages, last.town, first.rows[i].pages, first.town)
		}
	}
}

// scale is what was measured with a log of one size.
type scale struct {
	town
	t     *testing.T
	store *Store
	conn  *pgx.Conn // for the plans: planned as the store's own connections are
	told  *strings.Builder
	heads []history.Head // of largeRoom and middleRoom
	sizes string
	rows  []scaleRow
}

// scaleRow is one kind of call.
type scaleRow struct {
	name    string
	entries int // that a call appends; 0: it reads
	median  time.Duration
	wal     int64 // bytes of write-ahead log per entry, this one's share of page images included
	pages   int   // touched by one call
}

func measureScale(t *testing.T, dsn string, w town) *scale {
	schema := fmt.Sprint("town", int(w))
	execute(t, dsn, `CREATE SCHEMA `+schema)
	defer execute(t, dsn, `DROP SCHEMA `+schema+` CASCADE`)
	dsn = withSetting(t, dsn, "search_path", schema)
	m := &scale{town: w, t: t, store: open(t, dsn, Options{})}
	began := time.Now()
	m.conn, m.told = connectExplaining(t, dsn)
	w.build(t, connect(t, dsn))
	t.Logf("%d entries were loaded in %v", w, time.Since(began).Round(time.Second))
	defer m.store.Close()
	defer m.conn.Close(context.Background())
	var err error
	if m.heads, err = m.store.Heads(t.Context(), []int32{largeRoom, middleRoom}); err != nil {
		t.Fatal(err)
	}
	m.sizes = m.tableSizes()
	m.measureReads()
	m.measureAppends()
	return m
}

// measure does n calls and takes the median of their times; calls prepares one
// and returns it.
func (m *scale) measure(name string, entries, n int, calls func() func() error) {
	m.t.Helper()
	before := m.walPosition()
	times := make([]time.Duration, n)
	for i := range times {
		call := calls()
		began := time.Now()
		if err := call(); err != nil {
			m.t.Fatalf("%s: %v", name, err)
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	r := scaleRow{name: name, entries: entries, median: times[n/2]}
	if entries > 0 {
		r.wal = (m.walPosition() - before) / int64(n*entries)
	}
	m.rows = append(m.rows, r)
}
