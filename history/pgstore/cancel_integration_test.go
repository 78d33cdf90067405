//go:build integration

package pgstore

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tuitalk/history"
)

// eavesdropper passes connections on to a server and counts cancel requests.
type eavesdropper struct {
	listener net.Listener
	cancels  atomic.Int32
	wg       sync.WaitGroup
}

func eavesdrop(t *testing.T, server string) *eavesdropper {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &eavesdropper{listener: l}
	e.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			e.wg.Go(func() { e.pass(conn, server) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		e.wg.Wait()
	})
	return e
}

func (e *eavesdropper) pass(client net.Conn, addr string) {
	defer client.Close()
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer server.Close()
	var head [8]byte
	if _, err := io.ReadFull(client, head[:]); err != nil {
		return
	}
	const cancelRequest = 80877102
	if binary.BigEndian.Uint32(head[4:]) == cancelRequest {
		e.cancels.Add(1)
	}
	if _, err := server.Write(head[:]); err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		io.Copy(client, server)
		client.Close()
	})
	io.Copy(server, client)
	server.Close()
	back.Wait()
}

// through is the address of the database by way of the eavesdropper.
func (e *eavesdropper) through(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = e.listener.Addr().String()
	return withSetting(t, u.String(), "sslmode", "disable")
}

// TestNeverCancels: a context that ends while the server works drops the
// connection and sends no cancel request, and the server gives up waiting.
func TestNeverCancels(t *testing.T) {
	t.Parallel()
	server := ownServer(t) // whose log and waits are this test's
	dsn := server.DSN()
	e := eavesdrop(t, server.Addr())

	// pgx by itself does send one: else the test would test nothing.
	plain, err := pgxpool.New(t.Context(), e.through(t, dsn))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := plain.Acquire(t.Context()) // what ends before the server works is not cancelled
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(within(t, 200*time.Millisecond), `SELECT pg_sleep(30)`); err == nil {
		t.Fatal("it did not wait")
	}
	conn.Release()
	plain.Close()
	await(t, "pgx by itself has sent a cancel request", func() bool { return e.cancels.Load() == 1 })

	s := open(t, e.through(t, dsn), Options{})
	fill(t, s, "before", 10, 1)
	holder := connect(t, dsn)
	if _, err := holder.Exec(t.Context(), `SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT FROM rooms FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	waiting := func() (n int) {
		if err := holder.QueryRow(t.Context(), `SELECT count(*)::int FROM pg_stat_activity WHERE wait_event_type = 'Lock'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	batch := posts("held up", 10, 1)
	for range 4 {
		if _, err := s.Append(within(t, 200*time.Millisecond), batch); !errors.Is(err, history.ErrUnavailable) {
			t.Fatalf("append: %v", err)
		}
	}
	await(t, "the server has given up what waited", func() bool { return waiting() == 0 })
	if _, err := holder.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	results, err := s.Append(t.Context(), batch)
	if err != nil || results[9].Seq != 20 {
		t.Fatalf("append: %+v, %v", results, err)
	}
	s.Close() // waits for what pgx does with connections that it gives up
	if n := e.cancels.Load(); n != 1 {
		t.Errorf("%d cancel requests of the store", n-1)
	}
	log, err := os.ReadFile(server.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(log), "canceling statement due to user request"); n > 1 {
		t.Errorf("the server was told %d times to cancel, once by the test", n)
	}
}
