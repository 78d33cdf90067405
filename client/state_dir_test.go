//go:build unix

package client

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/talk"
)

func TestStateDir(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	for xdg, want := range map[string]string{
		"":                          filepath.Join(home, ".local/state/tuitalk"),
		"relative":                  filepath.Join(home, ".local/state/tuitalk"),
		filepath.Join(home, "here"): filepath.Join(home, "here/tuitalk"),
	} {
		t.Setenv("XDG_STATE_HOME", xdg)
		if dir, err := StateDir(); err != nil || dir != want {
			t.Errorf("%q: %q, %v; want %q", xdg, dir, err, want)
		}
	}
}

func TestServersName(t *testing.T) {
	same := [][]string{
		{"ws://a.example/ws"}, {"ws://a.example:80/ws"}, {"ws://A.Example/other?x=1"}, {"ws://a.example/ws", "ws://a.example/ws"},
	}
	name := serversName(same[0])
	if !strings.HasPrefix(name, "a.example_80.") {
		t.Errorf("the folder is %q", name)
	}
	for _, s := range same[1:] {
		if serversName(s) != name {
			t.Errorf("%q is kept elsewhere than %q", s, same[0])
		}
	}
	if serversName([]string{"ws://a", "ws://b"}) != serversName([]string{"ws://b", "ws://a"}) {
		t.Error("the order of the servers matters")
	}
	seen := map[string][]string{name: same[0]}
	for _, s := range [][]string{
		{"wss://a.example/ws"}, {"ws://a.example:81/ws"}, {"ws://b.example/ws"}, {"ws://a.example/ws", "ws://b.example/ws"},
		{"ws://127.0.0.1:8080/ws"}, {"ws://[::1]:8080/ws"}, {"ws://a.example.evil/ws"}, {"ws://a_example/ws"}, {"ws://" + strings.Repeat("x", 300)},
	} {
		got := serversName(s)
		if known, ok := seen[got]; ok || got != filepath.Base(got) || len(got) > 100 {
			t.Errorf("%q is kept in %q, with %q", s, got, known)
		}
		seen[got] = s
	}
}

// TestEachServerHasAStateOfItsOwn: with one state for all, the second server got
// the identity and the unsent messages of the first.
func TestEachServerHasAStateOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	a := openTest(t, dir)
	mine := load(t, a)
	mine.Name, mine.Room, mine.Session = "ada", 7, testUUID("window")
	mine.Outbox = []OutboxEntry{{ID: postID(1), RoomID: 7, Text: "for a", At: time.Unix(5, 0), Author: mine.uuid()}}
	save(t, a, mine)
	prefs := []struct {
		shared     bool
		key, value string
	}{{false, "draft.7", "half a sentence for a"}, {true, "read.7", "41"}}
	for _, p := range prefs {
		if err := a.(*FileStorage).SetPref(p.shared, p.key, p.value); err != nil {
			t.Fatal(err)
		}
	}
	_ = a.Close()
	for _, servers := range [][]string{{"ws://b/ws"}, {"ws://a:81/ws"}, {"wss://a/ws"}, {"ws://a/ws", "ws://b/ws"}} {
		b, err := OpenStorage(dir, servers)
		if err != nil {
			t.Fatal(err)
		}
		st := load(t, b)
		if st.Secret == mine.Secret || st.Secret.IsZero() || st.Name != "" || st.Room != 0 || !st.Session.IsZero() || len(st.Outbox) > 0 {
			t.Errorf("%q: %+v", servers, st)
		}
		save(t, b, st)
		for _, p := range prefs {
			if got := b.Pref(p.shared, p.key); got != "" {
				t.Errorf("%q: %s is %q", servers, p.key, got)
			}
			if err := b.SetPref(p.shared, p.key, "of b"); err != nil {
				t.Fatal(err)
			}
		}
		_ = b.Close()
	}
	a = openTest(t, dir)
	if st := load(t, a); st.Secret != mine.Secret || len(st.Outbox) != 1 || st.Room != 7 {
		t.Errorf("%+v", st)
	}
	for _, p := range prefs {
		if got := a.(*FileStorage).Pref(p.shared, p.key); got != p.value {
			t.Errorf("back at a, %s is %q", p.key, got)
		}
	}
}

// TestTheFirstWindowsAreOneUser: they start at once, before there is an identity.
func TestTheFirstWindowsAreOneUser(t *testing.T) {
	dir := t.TempDir()
	secrets := make(chan talk.Secret)
	const windows = 8
	for range windows {
		s := openTest(t, dir)
		go func() {
			st, err := s.Load()
			if err != nil {
				t.Error(err)
			}
			secrets <- st.Secret
		}()
	}
	first := <-secrets
	for range windows - 1 {
		if s := <-secrets; s != first || s.IsZero() {
			t.Error("two windows are two users")
		}
	}
}

func TestAnewIsForAllLaterWindows(t *testing.T) {
	dir := t.TempDir()
	one, two := openTest(t, dir), openTest(t, dir)
	a, b := load(t, one), load(t, two)
	save(t, one, a)
	a.Secret = otherSecret
	save(t, one, a)
	b.Name = "still who it was"
	save(t, two, b)
	if st := load(t, openTest(t, dir)); st.Secret != otherSecret {
		t.Errorf("a later window is %v", st)
	}
}

func TestOldStateIsSetAside(t *testing.T) {
	dir := t.TempDir()
	if folder, n, err := SetOldStateAside(filepath.Join(dir, "nowhere")); folder != "" || n != 0 || err != nil {
		t.Fatalf("there is none: %q, %d, %v", folder, n, err)
	}
	for _, name := range []string{"identity", "window-1", "window-2", "window-3"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(oldState), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open, err := lockFile(filepath.Join(dir, "window-3.lock")) // a program that still runs
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	s := openTest(t, dir)
	if st := load(t, s); len(st.Outbox) > 0 || st.Name != "" {
		t.Errorf("it is in use: %+v", st)
	}
	folder, n, err := SetOldStateAside(dir)
	if err != nil || n != 3 { // with what the identity holds: this file is the same
		t.Fatalf("%q, %d, %v", folder, n, err)
	}
	moved, _ := filepath.Glob(filepath.Join(folder, "*"))
	for i := range moved {
		moved[i] = filepath.Base(moved[i])
	}
	if !slices.Equal(moved, []string{"identity", "window-1", "window-2"}) {
		t.Errorf("moved: %q", moved)
	}
	if folder, n, err := SetOldStateAside(dir); folder != "" || n != 0 || err != nil {
		t.Errorf("again: %q, %d, %v", folder, n, err)
	}
}
