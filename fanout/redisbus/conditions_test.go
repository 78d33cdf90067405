package redisbus

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func newTestConditions(t *testing.T, log *bytes.Buffer) *conditions {
	t.Helper()
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	return newConditions(slog.New(slog.NewTextHandler(log, nil)), m.degraded)
}

// A reason is logged when it comes, changes and ends, and a flapping one seldom.
func TestConditionsSpeakOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := newTestConditions(t, &log)
		lines := func(want int) {
			t.Helper()
			if n := strings.Count(log.String(), "\n"); n != want {
				t.Fatalf("%d lines, want %d:\n%s", n, want, log.String())
			}
		}
		for range 100 {
			c.fail(waySpool, "a:1", "EOF")
		}
		lines(1)
		for range 100 {
			c.fail(waySpool, "a:1", "NOAUTH")
			c.fail(waySpool, "a:1", "EOF")
		}
		lines(1)
		time.Sleep(logPause)
		c.fail(waySpool, "a:1", "NOAUTH")
		lines(2)
		if got := c.list(); len(got) != 1 || !strings.Contains(got[0], "a:1") || !strings.HasSuffix(got[0], "NOAUTH") {
			t.Errorf("%q", got)
		}
		c.works(waySpool, "a:1")
		c.works(waySpool, "a:1")
		lines(3)
		if got := c.list(); len(got) != 0 {
			t.Errorf("%q", got)
		}
	})
}

// What is noted of a node that is no master any more goes with it.
func TestConditionsOfFormerMastersGo(t *testing.T) {
	var log bytes.Buffer
	c := newTestConditions(t, &log)
	c.fail(wayCluster, "", "no slots")
	c.fail(wayReplica, "a:1", "none")
	c.fail(wayReplica, "b:1", "none")
	c.keep(map[string]bool{"b:1": true})
	if got := c.list(); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

func TestExplainNamesTheRemedy(t *testing.T) {
	for said, remedy := range map[string]string{
		"NOPERM this user has no permissions": "README", "WRONGPASS invalid": "-bus", "NOAUTH Authentication required.": "password",
		"OOM command not allowed": "maxmemory", "This instance has cluster support disabled": "cluster create",
	} {
		if got := explain(errors.New(said)); !strings.HasPrefix(got, said) || !strings.Contains(got, remedy) {
			t.Errorf("%q", got)
		}
	}
}
