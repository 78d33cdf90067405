//go:build unix

package client

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"tuitalk/talk"
)

func sampleState() State {
	st := known()
	st.Name, st.Room = "Ada \"<L>\"", -3
	for i, text := range []string{"one\ntwo", "\u2028 é 👩‍🚀 \\u0000", strings.Repeat("x", talk.MaxTextBytes)} {
		st.Outbox = append(st.Outbox, OutboxEntry{
			ID: postID(i), RoomID: int32(i), Text: text, At: time.Unix(1_700_000_000+int64(i), 0), Author: meID,
		})
	}
	return st
}

var testServers = []string{"ws://a/ws"}

// stateFile is a file of openTest's storage.
func stateFile(dir, name string) string { return filepath.Join(dir, serversName(testServers), name) }

func openTest(t *testing.T, dir string) Storage {
	t.Helper()
	s, err := OpenStorage(dir, testServers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func load(t *testing.T, s Storage) State {
	t.Helper()
	st, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func save(t *testing.T, s Storage, st State) {
	t.Helper()
	if err := s.Save(st); err != nil {
		t.Fatal(err)
	}
}

func TestStorageKeepsAState(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := openTest(t, dir)
	if st := load(t, s); st.Secret.IsZero() || !reflect.DeepEqual(st, State{Secret: st.Secret}) {
		t.Fatalf("%+v", st)
	}
	want := sampleState()
	save(t, s, want)
	save(t, s, want)
	_ = s.Close()
	if got := load(t, openTest(t, dir)); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v\nnot %+v", got, want)
	}
	_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		want := os.FileMode(0o600)
		if err == nil && info.IsDir() {
			want = 0o700
		}
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		return nil
	})
}

func TestAFileIsNoStateDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStorage(file, testServers); err == nil {
		t.Error("a file is taken for a directory")
	}
}

func TestTwoWindows(t *testing.T) {
	dir := t.TempDir()
	one, two := openTest(t, dir), openTest(t, dir)
	a := sampleState()
	save(t, one, a)
	b := load(t, two)
	if b.Secret != a.Secret || b.Name != a.Name {
		t.Fatalf("another user: %+v", b)
	}
	if !b.Session.IsZero() || len(b.Outbox) > 0 {
		t.Fatalf("takes what belongs to a window that lives: %+v", b)
	}
	b.Session, b.Outbox = testUUID("two"), []OutboxEntry{{ID: postID(9), Text: "two", At: time.Unix(5, 0)}}
	b.Name = "zoe"
	save(t, two, b)
	save(t, one, a)
	_ = two.Close()

	// The second window is gone. A third takes its place, and has all of it.
	three := openTest(t, dir)
	c := load(t, three)
	if c.Session != b.Session || len(c.Outbox) != 1 || c.Outbox[0].Text != "two" {
		t.Fatalf("%+v", c)
	}
}

func TestOrphanedOutboxIsAdopted(t *testing.T) {
	dir := t.TempDir()
	one, two, three := openTest(t, dir), openTest(t, dir), openTest(t, dir)
	a := known()
	save(t, one, a)
	for i, s := range []Storage{two, three} {
		b := a
		b.Session = testUUID("window")
		b.Outbox = []OutboxEntry{{ID: postID(i), RoomID: 1, Text: "left", At: time.Unix(5, 0)}}
		save(t, s, b)
	}
	_ = one.Close()
	_ = two.Close() // three lives on
	again := openTest(t, dir)
	st := load(t, again)
	if st.Session != a.Session || len(st.Outbox) != 1 || st.Outbox[0].ID != postID(0) {
		t.Fatalf("%+v", st)
	}
	other := openTest(t, dir) // before the first has saved: it may still crash
	if st := load(t, other); len(st.Outbox) != 0 {
		t.Fatalf("adopted twice: %+v", st)
	}
	_ = other.Close()
	_ = again.Close()
	again = openTest(t, dir)
	st = load(t, again)
	if len(st.Outbox) != 1 {
		t.Fatalf("lost: %+v", st)
	}
	save(t, again, st)
	_ = again.Close()
	if _, err := os.Stat(stateFile(dir, "window-2")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was taken over is still there: %v", err)
	}
	if st := load(t, openTest(t, dir)); len(st.Outbox) != 1 {
		t.Fatalf("%+v", st)
	}
}

func TestStorageAfterACrash(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir)
	want := sampleState()
	save(t, s, want)
	_ = s.Close()
	// A crash between the writing of the new file and its renaming.
	for _, name := range []string{"window-1.tmp", "identity.tmp"} {
		if err := os.WriteFile(stateFile(dir, name), []byte(`{"Hello":{"cl`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = openTest(t, dir)
	if got := load(t, s); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v", got)
	}
	want.Name = "zoe"
	save(t, s, want)
	_ = s.Close()
	if got := load(t, openTest(t, dir)); got.Name != "zoe" {
		t.Fatalf("%+v", got)
	}
}

func TestDamagedStateIsPutAside(t *testing.T) {
	cases := map[string]func(data string) string{
		"empty":          func(string) string { return "" },
		"not ours":       func(string) string { return "hello\nworld\n" },
		"another format": func(d string) string { return strings.Replace(d, stateFormat, "tuitalk-state-9", 1) },
		"cut off":        func(d string) string { return d[:len(d)-2000] },
		"one bad line":   func(d string) string { return strings.Replace(d, `"PostMessage"`, `"PostMassage"`, 1) },
		"too long":       func(d string) string { return d + strings.Repeat("\n", maxStateBytes) },
	}
	for name, damage := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openTest(t, dir)
			want := sampleState()
			save(t, s, want)
			_ = s.Close()
			path := stateFile(dir, "window-1")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(damage(string(data))), 0o600); err != nil {
				t.Fatal(err)
			}
			s = openTest(t, dir)
			got, err := s.Load()
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path+".damaged-") {
				t.Fatalf("%v", err)
			}
			if got.Secret != want.Secret {
				t.Fatalf("forgets who it is: %+v", got)
			}
			if left, _ := filepath.Glob(path + ".damaged-*"); len(left) != 1 {
				t.Fatalf("put aside: %v", left)
			}
			if kept := map[string]int{"cut off": 2, "one bad line": 2, "another format": 3}[name]; len(got.Outbox) != kept {
				t.Fatalf("%d entries are readable, not %d", len(got.Outbox), kept)
			}
			save(t, s, got)
			if _, err := s.Load(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Two windows have an identity each that the other does not know of: the first to
// save it wins.
func TestTwoIdentities(t *testing.T) {
	dir := t.TempDir()
	one, two := openTest(t, dir), openTest(t, dir)
	a, b := known(), State{Secret: otherSecret, Name: "bob", Session: testUUID("two")}
	save(t, one, a)
	b.Outbox = []OutboxEntry{{ID: postID(1), Text: "said as bob", At: time.Unix(5, 0)}}
	save(t, two, b)
	_ = one.Close()
	_ = two.Close()
	if st := load(t, openTest(t, dir)); st.Secret != a.Secret || len(st.Outbox) > 0 {
		t.Fatalf("%+v", st) // bob's words are bob's
	}
	two = openTest(t, dir)
	if st := load(t, two); st.Secret != otherSecret || len(st.Outbox) != 1 {
		t.Fatalf("%+v", st)
	}
	b.Outbox = nil
	save(t, two, b)
	_ = two.Close()
	if st := load(t, openTest(t, dir)); st.Secret != a.Secret || st.Name != "ada" {
		t.Fatalf("%+v", st) // nothing is left to say as bob
	}
}

func TestSaveFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := openTest(t, dir)
	save(t, s, known())
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	st := known()
	st.Name = "zoe"
	if err := s.Save(st); err == nil {
		t.Fatal("saved to nowhere")
	}
	if err := os.MkdirAll(stateFile(dir, ""), 0o700); err != nil {
		t.Fatal(err)
	}
	save(t, s, st)
	if data, err := os.ReadFile(stateFile(dir, "window-1")); err != nil || !strings.Contains(string(data), "zoe") {
		t.Fatalf("%q, %v", data, err)
	}
}

func FuzzDecodeState(f *testing.F) {
	f.Add(encodeState(sampleState()))
	f.Add([]byte("{\"Hello\":{\"client\":\"tuitalk-state-2\"}}\n"))
	f.Add([]byte(oldState))
	f.Fuzz(func(t *testing.T, data []byte) {
		st, err := decodeState(data)
		if err != nil {
			return
		}
		again, err := decodeState(encodeState(st))
		if err != nil || !reflect.DeepEqual(again, st) {
			t.Fatalf("%v: %+v, then %+v", err, st, again)
		}
	})
}

// TestPrefs: what is of one window stays with it, what is shared is everybody's,
// and both outlive the program.
func TestPrefs(t *testing.T) {
	dir := t.TempDir()
	one, two := openTest(t, dir).(*FileStorage), openTest(t, dir).(*FileStorage)
	for _, set := range []struct {
		s          *FileStorage
		shared     bool
		key, value string
	}{
		{one, false, "draft.-7", "half a\nsentence"}, {two, false, "draft.-7", "another"},
		{one, true, "read.1", "5"}, {two, true, "read.1", "8"}, {one, true, "read.2", "1"}, {one, true, "read.2", ""}, {one, true, "read.3", ""},
	} {
		if err := set.s.SetPref(set.shared, set.key, set.value); err != nil {
			t.Fatal(err)
		}
	}
	_ = one.Close()
	again := openTest(t, dir).(*FileStorage) // the first window once more
	for _, c := range []struct {
		shared    bool
		key, want string
	}{{false, "draft.-7", "half a\nsentence"}, {true, "read.1", "8"}, {true, "read.2", ""}, {true, "draft.-7", ""}, {false, "read.1", ""}} {
		if got := again.Pref(c.shared, c.key); got != c.want {
			t.Errorf("%s (shared %t) is %q, want %q", c.key, c.shared, got, c.want)
		}
	}
	save(t, again, sampleState())
	if st := load(t, again); len(st.Outbox) != len(sampleState().Outbox) {
		t.Errorf("beside prefs the state is %+v", st)
	}
	if err := again.SetPref(true, "read.1/x", "9"); err == nil {
		t.Error("what cannot be kept is no error")
	}
}
