package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// say runs the program in this process and returns what it wrote.
func say(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var files [2]*os.File
	for i := range files {
		f, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	code = run(args, files[0], files[1])
	var texts [2]string
	for i, f := range files {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	return texts[0], texts[1], code
}

func TestEachWrongSettingIsOneClearLine(t *testing.T) {
	comparison := filepath.Join(t.TempDir(), "comparison.json")
	if err := os.WriteFile(comparison, []byte(`{"version":1,"tables":[{"title":"x"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args string
		says string
		code int
	}{
		{"", "a command is missing", exitUsage},
		{"lod", `"lod" is none of load,`, exitUsage},
		{"load now", `"now" is not a flag`, exitUsage},
		{"load -cleints 3", "cleints", exitUsage},
		{"load -clients many", "-clients", exitUsage},
		{"load -clients 0", "-clients 0", exitUsage},
		{"load -rooms 2000", "-rooms 2000", exitUsage},
		{"load -duration soon", "-duration", exitUsage},
		{"load -scenario nosuch", "-scenario list", exitUsage},
		{"load -speak wire", "-check", exitUsage},
		{"load -target http://chat.example/", "-target", exitUsage},
		{"load -target wss://127.0.0.1:1/ws", "cannot be reached: connection refused", exitFailed},
		{"load -ca /etc/hosts", "no target is named by wss://", exitUsage},
		{"load -target wss://127.0.0.1:1/ws -ca /nowhere.pem", "-ca", exitUsage},
		{"load -target wss://127.0.0.1:1/ws -ca /etc/hosts", "there is no certificate in it", exitUsage},
		{"load -target wss://127.0.0.1:1/ws -ca /etc/hosts -insecure", "leave out one", exitUsage},
		{"chaos -target wss://chat.example/ws", "only with -hook", exitUsage},
		{"load -target ,", "-target needs", exitUsage},
		{"load -target ws://me:secret@127.0.0.1:1/ws", "connection refused", exitFailed},
		{"load -target ws://127.0.0.1:1/ws", "cannot be reached: connection refused", exitFailed},
		{"load -target ws://127.0.0.1:1/ws -processes 1 -clients 60000", "too few open files", exitFailed},
		{"load -target ws://127.0.0.1:1/ws -clients 9000000", "this machine has room for at most ", exitFailed},
		{"load -processes -1", "-processes: must not be negative", exitUsage},
		{"load -processes 2 -workers 127.0.0.1:9800", "-processes", exitUsage},
		{"load -workers here", "-workers", exitUsage},
		{"load -workers 10.0.0.7:9800", "-key", exitUsage},
		{"load -sources localhost", "-sources", exitUsage},
		{"load -watch gateway", "-watch", exitUsage},
		{"load -watch 1073741824", "no process 1073741824", exitUsage},
		{"load -watch 1=gateway@here", "-watch", exitUsage},
		{"load -cluster nowhere", "make cluster", exitUsage},
		{"load -json /nowhere/run.json", "-json", exitUsage},
		{"load -html /nowhere/run.html", "-html", exitUsage},
		{"load -max-p99 -max-lost 0", "-max-p99", exitUsage},
		{"load -max-lost some", "-max-lost", exitUsage},
		{"load -grace -1s", "-grace", exitUsage},
		{"ramp -bound 0s", "-bound", exitUsage},
		{"ramp -step 1s", "-step", exitUsage},
		{"ramp -factor 1", "-factor", exitUsage},
		{"ramp -precision 0", "-precision", exitUsage},
		{"ramp -rate 0", "-rate", exitUsage},
		{"ramp -duration 1m", "-duration", exitUsage},
		{"storm -times 0", "-times", exitUsage},
		{"storm -calm 0s", "-calm", exitUsage},
		{"storm -patience 0s", "-patience", exitUsage},
		{"soak -max-growth -1", "-max-growth", exitUsage},
		{"soak", "nothing is watched", exitUsage},
		{"chaos -cluster .cluster", "-cluster: chaos starts a fleet of its own", exitUsage},
		{"worker -listen 9800", "host:port", exitUsage},
		{"worker -listen :9800", "-key", exitUsage},
		{"worker -listen 127.0.0.1:99999", "ports go up to 65535", exitUsage},
		{"load -max-p99 -1s", "-max-p99: must not be negative", exitUsage},
		{"load -rate NaN", "-rate: ", exitUsage},
		{"compare -targets tuitalk,nosuch", "nosuch", exitUsage},
		{"compare -loads 100", "-loads", exitUsage},
		{"compare -gateway /nowhere/gateway", "-gateway", exitUsage},
		{"attack -gateway /nowhere/gateway", "make build", exitUsage},
		{"attack -target ws://127.0.0.1:1/ws -gateway /bin/true", "leave out one", exitUsage},
		{"attack -gateway /bin/true -pid 1", "about a -target", exitUsage},
		{"attack -target ws://127.0.0.1:1/ws -gateway-args x", "-gateway-args", exitUsage},
		{"attack -target http://127.0.0.1:1/", "a target is like", exitUsage},
		{"attack -target ws://192.0.2.1:1/ws", "-i-own-this-target 192.0.2.1", exitUsage},
		{"attack -target ws://192.0.2.1:1/ws -i-own-this-target chat.example", "the target is not this machine", exitUsage},
		{"attack -target ws://192.0.2.1:1/ws -i-own-this-target 192.0.2.1", "was not named a second time", exitUsage},
		{"attack -target ws://127.0.0.1:1/ws -only nosuch", `"nosuch" is no attack`, exitUsage},
		{"attack -target ws://127.0.0.1:1/ws -before 0s", "at least 1s", exitUsage},
		{"attack -target ws://127.0.0.1:1/ws -during 1h", "at most 2m0s", exitUsage},
		{"attack -target ws://127.0.0.1:1/ws -people 1", "2 to 50", exitUsage},
		{"attack -target ws://127.0.0.1:1/ws -sources localhost", "-sources", exitUsage},
		{"attack -target ws://127.0.0.1:1/ws -admin here", "-admin", exitUsage},
		{"attack -target ws://127.0.0.1:1/ws -max-rss-growth much", "-max-rss-growth", exitUsage},
		{"attack -target ws://127.0.0.1:1/ws -html /nowhere/a.html", "-html", exitUsage},
		{"report", "name a file", exitUsage},
		{"report /nowhere/run.json", "no such file", exitFailed},
		{"report one.json two.json", "-markdown", exitUsage},
		{"report " + comparison + " -junit x.xml", "-junit", exitUsage},
	} {
		_, stderr, code := say(t, strings.Fields(tc.args)...)
		line := strings.TrimSuffix(stderr, "\n")
		switch {
		case code != tc.code:
			t.Errorf("%s: ended with %d, want %d, saying %q", tc.args, code, tc.code, line)
		case !strings.Contains(line, tc.says) || strings.Contains(line, "\n"):
			t.Errorf("%s: says %q, want one line with %q", tc.args, line, tc.says)
		case strings.Contains(line, "secret"):
			t.Errorf("%s: shows a password: %q", tc.args, line)
		}
	}
}

func TestTheEnvironmentIsThisProgramsOwn(t *testing.T) {
	t.Setenv("TUITALK_SERVER", "ws://127.0.0.1:1/other")
	file := filepath.Join(t.TempDir(), "settings")
	if err := os.WriteFile(file, []byte("target ws://127.0.0.1:1/file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, _ := say(t, "load", "-config", file); !strings.Contains(stderr, "/file") {
		t.Errorf("from a file: %q", stderr)
	}
	t.Setenv("TUITALK_BENCH_TARGET", "ws://127.0.0.1:1/env")
	t.Setenv("TUITALK_BENCH_STEP", "1s") // of another command
	if _, stderr, _ := say(t, "load"); !strings.Contains(stderr, "/env") {
		t.Errorf("from the environment: %q", stderr)
	}
	if _, stderr, _ := say(t, "load", "-config", file); !strings.Contains(stderr, "/env") {
		t.Errorf("the environment wins over a file: %q", stderr)
	}
	if _, stderr, _ := say(t, "load", "-target", "ws://127.0.0.1:1/flag"); !strings.Contains(stderr, "/flag") {
		t.Errorf("a flag wins: %q", stderr)
	}
	t.Setenv("TUITALK_BENCH_CLIENTS", "many")
	if _, stderr, code := say(t, "load"); code != exitUsage || !strings.Contains(stderr, "TUITALK_BENCH_CLIENTS") {
		t.Errorf("a wrong variable: %d, %q", code, stderr)
	}
}

// TestHelp: each command explains each of its flags once, and shows how it is
// used; lines fit a terminal.
func TestHelp(t *testing.T) {
	all, _, code := say(t, "-h")
	if code != 0 {
		t.Errorf("-h ends with %d", code)
	}
	flags := regexp.MustCompile(`(?m)^  -([a-z0-9-]+)`)
	for _, c := range commands {
		if !strings.Contains(all, "  "+c.name+" ") || !strings.Contains(all, c.line) {
			t.Errorf("-h does not name %s", c.name)
		}
		text, stderr, code := say(t, c.name, "-h")
		if code != 0 || stderr != "" {
			t.Errorf("%s -h ends with %d: %q", c.name, code, stderr)
		}
		if !strings.Contains(text, "    tuitalk-bench "+c.name) && !strings.Contains(text, " tuitalk-bench "+c.name) {
			t.Errorf("%s has no example", c.name)
		}
		checkWidth(t, text)
		var named []string
		for _, m := range flags.FindAllStringSubmatch(text, -1) {
			named = append(named, m[1])
		}
		slices.Sort(named)
		if len(named) != len(slices.Compact(slices.Clone(named))) {
			t.Errorf("%s explains a flag twice: %v", c.name, named)
		}
		f, _, err := c.open(c)
		if err != nil {
			t.Fatal(err)
		}
		f.VisitAll(func(f *flag.Flag) {
			if _, ok := slices.BinarySearch(named, f.Name); !ok || f.Usage == "" {
				t.Errorf("%s -h does not explain -%s", c.name, f.Name)
			}
		})
	}
	checkWidth(t, all)
}

func checkWidth(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 94 {
			t.Errorf("a line is %d wide: %s", n, line)
		}
	}
}

func TestACommandLineHasNoSecrets(t *testing.T) {
	c := &call{name: "load", args: []string{"-key", "hush", "-key=hush", "-target", "ws://me:hush@a/ws,ws://me:hush@b/ws", "-target=ws://me:hush@c/ws", "-rate", "5"}}
	got := c.line()
	if strings.Contains(got, "hush") || !strings.HasSuffix(got, "-rate 5") || !strings.Contains(got, "@b/ws") {
		t.Error(got)
	}
}

func TestTargetsOfAComparison(t *testing.T) {
	all := (&comparison{}).all()
	for text, want := range map[string]int{
		"": len(all), "tuitalk": 1, "tuitalk, as users run it": 1, "floor,tuitalk": 2, "tuitalk, as users run it,floor": 2,
		"centrifuge,centrifuge + Redis": 2, "nosuch": 0, "tuitalk,": 1, "tuitalkfloor": 0,
	} {
		got, err := (&comparison{targets: text}).chosen()
		if len(got) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v", text, targetNames(got), err)
		}
	}
}

func TestLoadsOfAComparison(t *testing.T) {
	text := "100x100@20000,50000;1x5000@100000"
	loads, err := parseLoads(text)
	if err != nil || loadsText(loads) != text || loads[0].Name != "100 rooms of 100" || loads[1].Name != "a room of 5,000" {
		t.Errorf("%+v, %v", loads, err)
	}
	for _, wrong := range []string{"100", "100x@1", "x5@1", "1x1@", "1x1@a", "1x1@1,"} {
		if _, err := parseLoads(wrong); err == nil {
			t.Errorf("%s: taken", wrong)
		}
	}
}
