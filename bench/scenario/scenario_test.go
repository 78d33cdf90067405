package scenario

import (
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEveryPresetIsRight(t *testing.T) {
	all, err := Presets()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 7 {
		t.Errorf("only %d presets", len(all))
	}
	for _, s := range all {
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if s.About == "" || s.About == Default().About && s.Name != base || strings.Contains(s.About, "\n") {
			t.Errorf("%s says of itself %q", s.Name, s.About)
		}
	}
}

func TestTheBaseNamesEveryField(t *testing.T) {
	text, err := presets.ReadFile("presets/" + base + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var named map[string]any
	if err := json.Unmarshal(text, &named); err != nil {
		t.Fatal(err)
	}
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	bind(flags, &Scenario{})
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Scenario]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if _, ok := named[name]; !ok {
			t.Errorf("%s.json does not say %s", base, name)
		}
		if flagName := strings.ReplaceAll(name, "_", "-"); name != "name" && name != "about" && flags.Lookup(flagName) == nil {
			t.Errorf("there is no flag -%s", flagName)
		}
	}
}

func TestAScenarioSurvivesJSON(t *testing.T) {
	want := Default()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"duration":"20s"`) {
		t.Errorf("durations are not text: %s", text)
	}
	var got Scenario
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

// choose reads a command line.
func choose(t *testing.T, args ...string) (Scenario, error) {
	t.Helper()
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	c, err := Flags(flags, base)
	if err != nil {
		t.Fatal(err)
	}
	if err := flags.Parse(args); err != nil {
		return Scenario{}, err
	}
	return c.Scenario()
}

func TestFlagsChangeThePresetInAnyOrder(t *testing.T) {
	for _, args := range [][]string{
		{"-scenario", "mixed", "-clients", "3000", "-check=false", "-warm-up", "1m30s", "-arrivals", "constant", "-zipf", "0", "-form", "json"},
		{"-clients", "3000", "-check=false", "-warm-up", "1m30s", "-arrivals", "constant", "-zipf", "0", "-form", "json", "-scenario", "mixed"},
	} {
		got, err := choose(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Load("mixed")
		if err != nil {
			t.Fatal(err)
		}
		want.Clients, want.Check, want.WarmUp, want.Arrivals, want.Zipf, want.Form = 3000, false, Duration(90*time.Second), Constant, 0, JSON
		if got != want {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestAFileSaysWhatIsDifferent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"clients": 77, "duration": "5s"}`)
	got, err := choose(t, "-scenario", file)
	if err != nil || got.Name != "mine" || got.Clients != 77 || got.Duration != Duration(5*time.Second) || got.Rooms != Default().Rooms {
		t.Errorf("%+v, %v", got, err)
	}
	for text, says := range map[string]string{
		`{"cleints": 1}`: "cleints", `{"duration": "soon"}`: "soon", `{"clients": 1} x`: "behind its end", `{`: "EOF",
	} {
		write(text)
		if _, err := choose(t, "-scenario", file); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", text, err, says)
		}
	}
}

func TestEachWrongNumberIsOneSentence(t *testing.T) {
	for _, args := range []string{
		"-clients 0", "-clients 20000000", "-clients many", "-rooms 0", "-rooms 2000", "-first-room -1", "-first-room 2147483647",
		"-first-room 3000000000", "-zipf -1", "-zipf NaN", "-idle -1", "-idle 1001", "-idle 10 -idle-room 0", "-rate -1", "-rate NaN", "-rate +Inf",
		"-idle 1000 -rooms 0 -hops 0 -rate 1", "-size 47", "-size 4001", "-arrivals sometimes", "-hops -1", "-rooms 1 -hops 1", "-renames -1", "-returns -1",
		"-fetches -1", "-ends NaN", "-originals 1.1", "-windows 0.6", "-fetch-limit 0", "-fetch-limit 501", "-slow 1", "-slow -0.1", "-slow NaN", "-slow 0.1 -slow-bytes 1",
		"-connects -1", "-warm-up -1s", "-warm-up 3", "-duration 10ms", "-settle -1s", "-speak loud", "-speak wire", "-check=maybe", "-seed -1",
		"-scenario nosuch", "-scenario nosuch.json",
	} {
		_, err := choose(t, strings.Fields(args)...)
		flags := strings.FieldsFunc(args, func(r rune) bool { return r == ' ' || r == '=' })
		named := slices.ContainsFunc(flags, func(f string) bool { return f[0] == '-' && err != nil && strings.Contains(err.Error(), f) })
		if err == nil || strings.Contains(err.Error(), "\n") || !named && !strings.Contains(args, "nosuch") {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestLocate(t *testing.T) {
	s := Default()
	now := time.Unix(1_800_000_000, 0)
	s.Locate(now)
	a := s.FirstRoom
	s.Locate(now.Add(time.Hour))
	if s.FirstRoom != a {
		t.Error("a scenario that has its rooms got others")
	}
	later := Default()
	later.Locate(now.Add(time.Second))
	if d := later.FirstRoom - a; a < 1 || d < int32(later.Rooms) && d > -int32(later.Rooms) {
		t.Errorf("two runs have the rooms behind %d and %d", a, later.FirstRoom)
	}
	for sec := range int64(1 << 19) {
		s := Scenario{Rooms: maxRooms}
		if s.Locate(time.Unix(sec, 0)); s.FirstRoom < 1 || s.FirstRoom+maxRooms < 0 {
			t.Fatalf("second %d: %d", sec, s.FirstRoom)
		}
	}
}
