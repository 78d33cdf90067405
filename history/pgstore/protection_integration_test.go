//go:build integration

package pgstore

import (
	"net/url"
	"strings"
	"testing"

	"tuitalk/history/historytest"
)

// TestDegraded: what does not protect a stored message is said, also when it is
// changed while the store is open, and nothing else is.
func TestDegraded(t *testing.T) {
	t.Parallel()
	p := ownServer(t)
	alone := p.DSN()
	u, err := url.Parse(alone)
	if err != nil {
		t.Fatal(err)
	}
	u.Host += ",127.0.0.1:1"
	several := u.String()
	said := func(s *Store) string {
		t.Helper()
		if err := s.Renew(t.Context(), historytest.UUID("gateway")); err != nil {
			t.Fatal(err)
		}
		return strings.Join(s.Degraded(), "\n")
	}
	if s := open(t, alone, Options{}); len(s.Degraded()) != 0 || said(s) != "" {
		t.Errorf("a server alone: %q", s.Degraded())
	}
	s := open(t, several, Options{Writers: 1})
	if len(s.Degraded()) != 1 || !strings.Contains(said(s), "synchronous_standby_names is empty") {
		t.Errorf("several: %q", s.Degraded())
	}
	if s := open(t, withSetting(t, alone, "synchronous_commit", "local"), Options{}); said(s) != "" {
		t.Errorf("local on a server alone: %q", s.Degraded())
	}
	execute(t, alone, `ALTER SYSTEM SET fsync = off`)
	execute(t, alone, `SELECT pg_reload_conf()`)
	await(t, "fsync is off", func() bool { return strings.Contains(said(s), "fsync is off") })
	execute(t, alone, `ALTER SYSTEM RESET fsync`)
	execute(t, alone, `SELECT pg_reload_conf()`)
	await(t, "fsync is on", func() bool { return !strings.Contains(said(s), "fsync") })
}

// TestDegradedPair: with a synchronous standby there is nothing to say, unless
// commits do not wait for it.
func TestDegradedPair(t *testing.T) {
	t.Parallel()
	_, _, dsn := ownServers(t)
	for setting, want := range map[string]string{"on": "", "local": "synchronous_commit is local"} {
		s := open(t, withSetting(t, dsn, "synchronous_commit", setting), Options{Writers: 1})
		if said := strings.Join(s.Degraded(), "\n"); !strings.Contains(said, want) || (said == "") != (want == "") {
			t.Errorf("%s: %q", setting, said)
		}
	}
}
