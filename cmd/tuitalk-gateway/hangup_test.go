//go:build integration

package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"tuitalk/cmd/setting/settingtest"
)

// TestHangupEndsNobodysChat: SIGHUP reads the settings again.
func TestHangupEndsNobodysChat(t *testing.T) {
	g := startGateway(t, t.TempDir())
	w := dialWire(t, g.addr, 7)
	w.stored(7, 0, "before")
	if err := syscall.Kill(g.PID(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); !strings.Contains(g.Log(), "settings read again (SIGHUP)"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) || !g.Running() {
			t.Fatalf("it does not read its settings:\n%s", g.Log())
		}
	}
	w.stored(7, 0, "after")
}

// TestCheckBesideARunningGateway: what that one has is not somebody else's.
func TestCheckBesideARunningGateway(t *testing.T) {
	g := startGateway(t, t.TempDir())
	out, wrong, code := settingtest.Start(t, nil, "-check", "-listen", g.addr, "-admin", g.admin, "-store", "sqlite:"+g.store)
	for _, want := range []string{"-listen: " + g.addr + " is a running gateway's", "-admin: " + g.admin + " is a running gateway's", "talk.db is open in a running gateway (process "} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if code != 0 {
		t.Errorf("ended with %d:\n%s%s", code, out, wrong)
	}
}
