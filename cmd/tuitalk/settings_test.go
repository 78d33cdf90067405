package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tuitalk/client"
	"tuitalk/cmd/setting"
	"tuitalk/talk"
)

func TestServers(t *testing.T) {
	for _, c := range []struct {
		server string
		want   []string
	}{
		{"ws://127.0.0.1:8080/ws", []string{"ws://127.0.0.1:8080/ws"}},
		{"wss://chat.example", []string{"wss://chat.example/ws"}},
		{"ws://a.example/, ws://[::1]:81/x?y=1", []string{"ws://a.example/ws", "ws://[::1]:81/x?y=1"}},
	} {
		o, err := parse([]string{"-server", c.server})
		if err != nil || !slices.Equal(o.servers, c.want) {
			t.Errorf("%q: %q, %v; want %q", c.server, o.servers, err, c.want)
		}
	}
}

func TestForm(t *testing.T) {
	for _, c := range []struct {
		args []string
		want talk.Form
	}{
		{nil, talk.ExtendedBincode},
		{[]string{"-form", "bincode"}, talk.ExtendedBincode},
		{[]string{"-form", "json"}, talk.Extended},
	} {
		if o, err := parse(c.args); err != nil || o.form.Form != c.want {
			t.Errorf("%q: %d, %v", c.args, o.form.Form, err)
		}
	}
}

func TestWrongSettings(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  map[string]string
		says string
	}{
		{[]string{"-server", ""}, nil, "-server: there is an empty address"},
		{[]string{"-server", "ws://a,,ws://b"}, nil, "empty address"},
		{[]string{"-server", "localhost:8080"}, nil, "ws:// or wss://"},
		{[]string{"-server", "https://a.example"}, nil, "ws:// or wss://"},
		{[]string{"-server", "ws://"}, nil, "names no host"},
		{[]string{"-server", "ws://:80/ws"}, nil, "names no host"},
		{[]string{"-server", "ws://a b/"}, nil, "is not an address"},
		{[]string{"-server", "ws://u:p@a.example/"}, nil, `"…@a.example/" has a user or a fragment`},
		{[]string{"-server", "https://u:p@a.example/"}, nil, `"…@a.example/" does not begin with`},
		{[]string{"-server", "ws://u:%@a.example/"}, nil, `"…@a.example/" is not an address`},
		{[]string{"-name", " \u200b"}, nil, "-name: A name needs at least one visible character."},
		{[]string{"-name", strings.Repeat("x", 33)}, nil, "-name: A name has at most 32 characters"},
		{[]string{"-room", "x"}, nil, "A room is an integer"},
		{[]string{"-room", "2147483648"}, nil, "-2147483648 to 2147483647"},
		{[]string{"-theme", "pink"}, nil, "-theme: \"pink\" is none of auto, dark, light, plain"},
		{[]string{"-form", "xml"}, nil, "-form: \"xml\" is none of bincode, json"},
		{[]string{"here"}, nil, "not a flag"},
		{nil, map[string]string{"TUITALK_ROOM": "x"}, "-room (TUITALK_ROOM): A room is an integer"},
		{nil, map[string]string{"TUITALK_SERVER": "x"}, "ws:// or wss://"},
	} {
		for name, value := range c.env {
			t.Setenv(name, value)
		}
		_, err := parse(c.args)
		for name := range c.env {
			t.Setenv(name, "")
		}
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q %v: %v; want %q", c.args, c.env, err, c.says)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Setenv("USER", "x\x1bavier ")
	last := client.State{Name: "ada", Session: talk.UUID{1}, Room: 7}
	for _, c := range []struct {
		args  []string
		user  string
		state client.State
		name  string
		room  int32
	}{
		{nil, "x\x1bavier ", client.State{}, "xavier", 1},
		{nil, "", client.State{}, "", 1},
		{nil, "x", client.State{Name: "ada"}, "", 1}, // a second window
		{nil, "\u200b", client.State{}, "", 1},
		{nil, "root", client.State{}, "", 1}, // no server takes it: a guest from the start, not after a refusal
		{nil, "Admin", client.State{}, "", 1},
		{nil, "nobody", client.State{}, "", 1},
		{nil, "ubuntu", client.State{}, "", 1},
		{nil, "rooney", client.State{}, "rooney", 1},
		{[]string{"-name", " Ada  L ", "-room", "-3"}, "x", client.State{}, "Ada L", -3},
		{nil, "x", last, "", 7},
		{[]string{"-room", "0"}, "x", last, "", 0},
		{[]string{"-name", "bob"}, "x", last, "bob", 7},
	} {
		t.Setenv("USER", c.user)
		o, err := parse(c.args)
		if err != nil {
			t.Fatal(err)
		}
		got, other := o.config(c.state), o.config(c.state)
		if got.Seed == other.Seed {
			t.Error("two windows have the same seed")
		}
		if got.Name != c.name || got.Room != c.room {
			t.Errorf("%q after %+v: %q in room %d; want %q in %d", c.args, c.state, got.Name, got.Room, c.name, c.room)
		}
	}
}

func TestConfigFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "work")
	if err := os.WriteFile(file, []byte("server wss://chat.example\nname ada\nroom 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"-config", file, "-room", "8"})
	if err != nil || o.servers[0] != "wss://chat.example/ws" || o.name != "ada" || o.room.number != 8 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestHelpAndVersion(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-h"}, &out); err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"-h"})
	if !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	o.flags.VisitAll(func(f *flag.Flag) {
		for _, s := range []string{"-" + f.Name, o.flags.Variable(f.Name)} {
			if !strings.Contains(out.String(), s) && !(setting.Asked(f) && s == o.flags.Variable(f.Name)) {
				t.Errorf("the help does not speak of %s", s)
			}
		}
	})
	out.Reset()
	t.Setenv("HOME", "") // as in a container or a job
	t.Setenv("XDG_STATE_HOME", "")
	if err := run([]string{"-version"}, &out); err != nil || out.String() != "tuitalk "+setting.Version()+"\n" {
		t.Errorf("-version: %q, %v", out.String(), err)
	}
}
