//go:build integration

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
)

// asks returns what a gateway answers to operators at a path.
func (g *gatewayProcess) asks(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get("http://" + g.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// isDegraded waits until /readyz and the log have one line with all the words, and
// the metric of the part is not zero.
func (g *gatewayProcess) isDegraded(t *testing.T, part string, words ...string) {
	t.Helper()
	said := func(text string) bool {
		for line := range strings.Lines(text) {
			all := true
			for _, word := range words {
				all = all && strings.Contains(line, word)
			}
			if all {
				return true
			}
		}
		return false
	}
	counted := fmt.Sprintf("tuitalk_degraded{part=%q} ", part)
	var ready, log, metrics string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		ready, log, metrics = g.asks(t, "/readyz"), g.Log(), g.asks(t, "/metrics")
		if strings.HasPrefix(ready, "ready\n") && said(ready) && said(log) &&
			strings.Contains(metrics, "\n"+counted) && !strings.Contains(metrics, "\n"+counted+"0\n") {
			return
		}
	}
	_, metric, _ := strings.Cut(metrics, counted)
	metric, _, _ = strings.Cut(metric, "\n")
	t.Errorf("nothing says %q: %s%s, /readyz says\n%s and the log\n%s", words, counted, metric, ready, log)
}

// isRed waits until /readyz is red and says all the words.
func (g *gatewayProcess) isRed(t *testing.T, words ...string) {
	t.Helper()
	var said string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		said = g.asks(t, "/readyz")
		red := !strings.HasPrefix(said, "ready\n")
		for _, word := range words {
			red = red && strings.Contains(said, word)
		}
		if red {
			return
		}
	}
	t.Errorf("/readyz says %q", said)
}

// TestOperatorsAreToldWhatWouldFail: gateways that are ready, on real servers that do
// not protect what is said or would fail in an outage. Each says so in /readyz, in its
// log and in a metric, and in the outage it is not ready.
func TestOperatorsAreToldWhatWouldFail(t *testing.T) {
	t.Parallel()
	f := startFleetParts(t)
	t.Run("several PostgreSQL servers without a synchronous standby, and no bus", func(t *testing.T) {
		u, err := url.Parse(f.pg.DSN())
		if err != nil {
			t.Fatal(err)
		}
		u.Host += "," + freeAddr(t)
		g := startGateway(t, t.TempDir(), "-store", u.String())
		g.isDegraded(t, "store", "several PostgreSQL servers", "synchronous_standby_names is empty")
		g.isDegraded(t, "settings", "-bus is local", "there is no spool")
	})
	t.Run("a user of Redis who may not run scripts", func(t *testing.T) {
		for i := range f.redis.Addrs() {
			if _, err := f.redis.Do(t.Context(), i, "ACL", "SETUSER", "weak", "on", ">pw", "~*", "&*", "+@all", "-@scripting"); err != nil {
				t.Fatal(err)
			}
		}
		bus := "redis://weak:pw@" + strings.Join(f.redis.Addrs(), ",")
		g := startGateway(t, t.TempDir(), "-store", f.pg.DSN(), "-bus", bus)
		g.isDegraded(t, "bus", "the spool does not work", "NOPERM", "deploy/README.md")
		if err := f.pg.Stop(t.Context(), devcluster.Immediate); err != nil {
			t.Fatal(err)
		}
		g.isRed(t, "the store does not answer", "nothing can be accepted", "NOPERM", "deploy/README.md")
	})
}

// mendRoom runs the program with -mend-room, as an operator does who leaves the rest
// of the gateway's settings as they are.
func (g *gatewayProcess) mendRoom(t *testing.T, store string, room int) (said string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience) // it might serve instead
	defer cancel()
	out, err := exec.CommandContext(ctx, programs.gateway,
		"-listen", g.addr, "-admin", g.admin, "-store", store, "-mend-room", fmt.Sprint(room)).CombinedOutput()
	return string(out), err
}

// posted has somebody say a text, and waits until it is stored; whoever is asked to
// come back does, as somebody else.
func (g *gatewayProcess) posted(t *testing.T, room int32, text string) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var w *wire
		if w, err = tryWire(t, g.addr, room); err != nil {
			continue
		}
		e := talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: w.uuid, ID: newID(), Text: text}
		for err = w.trySay(e); err == nil; {
			var m talk.Message
			if m, err = w.next(); err != nil {
				break
			}
			if m, ok := m.(talk.Stored); ok && m.ID == e.ID {
				return
			}
		}
	}
	t.Fatalf("%q is not stored: %v", text, err)
}

// TestMendRoomAsAnOperator: a running gateway says which room is of later than now,
// and with which command it is mended; that does it, and what is said then is of now.
func TestMendRoomAsAnOperator(t *testing.T) {
	t.Parallel()
	const room, year = 7, 365 * 24 * 3600
	pg, err := devcluster.StartPostgres(t.Context(), devcluster.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Close() })
	g := startGateway(t, t.TempDir(), "-store", pg.DSN())
	g.posted(t, room, "before")
	for _, change := range []string{ // as if the clock had been ahead
		fmt.Sprintf(`UPDATE entries SET unixtime = unixtime + %d WHERE kind = %d`, year, talk.KindPosted),
		fmt.Sprintf(`UPDATE rooms SET last_time = last_time + %d`, year),
	} {
		if said, err := ask(t.Context(), pg, change); err != nil {
			t.Fatal(said, err)
		}
	}
	g.posted(t, room, "ahead")
	g.isDegraded(t, "store", "room 7", "tuitalk-gateway -mend-room 7")
	said, err := g.mendRoom(t, pg.DSN(), room)
	if err != nil || !strings.Contains(said, "room 7: ") || strings.Contains(said, "room 7: 0 ") {
		t.Errorf("%v: %s", err, said)
	}
	g.posted(t, room, "after")
	const wrong = `SELECT count(*) FROM (SELECT *, lag(unixtime) OVER (ORDER BY seq) AS before FROM entries) AS all_of_them
		WHERE unixtime > extract(epoch FROM now()) OR unixtime < before`
	if said, err := ask(t.Context(), pg, wrong); err != nil || said != "0" {
		t.Errorf("entries that are of later than now or out of order: %s, %v", said, err)
	}
}

// TestMendRoomOfAnOpenFile: a gateway that runs has the file, and is not disturbed.
func TestMendRoomOfAnOpenFile(t *testing.T) {
	t.Parallel()
	g := startGateway(t, t.TempDir())
	if said, err := g.mendRoom(t, "sqlite:"+g.store, 7); err == nil || !strings.Contains(said, "in use") {
		t.Errorf("%v: %s", err, said)
	}
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	if said, err := g.mendRoom(t, "sqlite:"+g.store, 7); err != nil || !strings.Contains(said, "room 7: 0 entries") {
		t.Errorf("%v: %s", err, said)
	}
}
