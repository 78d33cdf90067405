package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/cmd/setting"
)

// parse reads settings as the program does.
func parse(args ...string) (*config, error) {
	c, flags := newConfig()
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return c, c.check()
}

func TestEachWrongSettingIsOneClearLine(t *testing.T) {
	for _, tc := range []struct {
		args string
		says string
	}{
		{"-listen 8080", "host:port"},
		{"-admin localhost", "host:port"},
		{"-store mysql://u:secret@h/db", "-store: mysql://… is neither"},
		{"-store sqlite:", "needs a file"},
		{"-bus redis://h:1", "-store that they share"},
		{"-store postgres://h/db -bus kafka://h", "-bus: kafka://… is neither"},
		{"-origins chat.example", "not an origin"},
		{"-origins https://chat.example/path", "not an origin"},
		{"-origins https://*", "not an origin"},
		{"-origins https://a.*.example", "one whole label"},
		{"-origins javascript://chat.example", "not an origin"},
		{"-hosts https://chat.example", "-hosts: \"https://chat.example\" is not a host name"},
		{"-hosts chat.example:443", "without a port"},
		{"-hosts a.*.example", "one whole label"},
		{"-reserved-names helpdesk,\u200b", "is no name"},
		{"-trusted-proxies 10.0.0.0/99", "neither an address nor a network"},
		{"-log-level loud", "debug, info, warn, error"},
		{"-log-format xml", "none of text, json"},
		{"-limits some", "none of default, none"},
		{"-flood-rate 0", "above 0"},
		{"-flood-burst 0", "at least 1"},
		{"-flood-delayed 0", "at least 1"},
		{"-flood-rate-room -1", "must not be negative"},
		{"-max-conns-per-address -1", "0 is no bound"},
		{"-max-conns-per-address some", "max-conns-per-address"},
		{"-slow-mode 7", "ROOM=TIME"},
		{"-slow-mode 7=10", "ROOM=TIME"},
		{"-slow-mode 7=25h", "ROOM=TIME"},
		{"-slow-mode 3000000000=1s", "ROOM=TIME"},
		{"-ping-after 1ms", "at least 1s"},
		{"-drain -1s", "negative"},
		{"-max-queued-bytes 5", "at least 1048576"},
		{"-min-rate -1", "-min-rate: must not be negative"},
		{"-send-buffer 1", "at least 4096"},
		{"-slow-after 1ms", "at least 1s"},
		{"-max-conns many", "max-conns"},
		{"-listen 127.0.0.1:7 -admin 127.0.0.1:7", "a port of its own"},
		{"-admin 127.0.0.1:7 -pprof 127.0.0.1:7", "give -pprof a port of its own"},
		{"-ring-bytes 8000000 -max-queued-bytes 8000000", "lower -ring-bytes"},
		{"-pollers 0", "-pollers"},
		{"-ring-entries 0", "-ring-entries"},
		{"-connect-rate 0.01", "at least 0.1"},
		{"-keep-out 20m", "shorten it"},
		{"-keep-out -1s", "-keep-out: must not be negative"},
		{"-flood-rate NaN", "is not a number, as"},
		{"-flood-burst +Inf", "is not a number, as"},
		{"-flood-rate 1e-300", "more than a year"},
		{"-lisen :1", "lisen"},
		{"serve", `"serve" is not a flag`},
		{"-store=host=h://password=:secret@h", "-store: host… is neither"},
		{"-store postgres:u:secret@h/db", "-store: postgres… is neither"},
		{"-store u:secret@h/db://x", "-store: u… is neither"},
		{"-bus redist://:secret@h", "-bus: redist://… "},
	} {
		_, err := parse(strings.Fields(tc.args)...)
		switch {
		case err == nil:
			t.Errorf("%s: taken", tc.args)
		case !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: says %q, want one line with %q", tc.args, err, tc.says)
		case strings.Contains(err.Error(), "secret@"):
			t.Errorf("%s: shows a password: %q", tc.args, err)
		}
	}
}

func TestEnvironmentAndDefaults(t *testing.T) {
	t.Setenv("TUITALK_NODE", "env")
	t.Setenv("TUITALK_MAX_CONNS", "77")
	t.Setenv("TUITALK_ORIGINS", "https://a.example,https://b.example")
	c, err := parse("-node", "flag")
	if err != nil {
		t.Fatal(err)
	}
	if c.node != "flag" || c.budgets.MaxConns != 77 || c.budgets.PerAddress != 38 || len(c.allowed) != 2 {
		t.Errorf("%+v", c)
	}
	t.Setenv("TUITALK_GRACE", "soon")
	if _, err := parse(); err == nil || !strings.Contains(err.Error(), "TUITALK_GRACE") {
		t.Errorf("a wrong variable: %v", err)
	}
}

// TestUnprotectedSettings: PostgreSQL without a bus has no spool.
func TestUnprotectedSettings(t *testing.T) {
	for args, want := range map[string]int{
		"": 0, "-store postgres://a@b/c": 1, "-store postgres://a@b/c -bus redis://r:1": 0,
	} {
		c, err := parse(strings.Fields(args)...)
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		if said := c.unprotected(); len(said) != want || want > 0 && !strings.Contains(said[0], "set -bus") {
			t.Errorf("%s: %q", args, said)
		}
	}
}

func TestLimitsFromFlags(t *testing.T) {
	c, err := parse(strings.Fields("-max-conns 1000 -max-conns-per-address 900 -slow-mode 7=10s,-9=1m -flood-rate-address 50")...)
	if err != nil {
		t.Fatal(err)
	}
	b := c.budgets
	if b.PerAddress != 900 || b.PerNetwork != 900 || b.Unidentified != 250 || b.UnidentifiedPerAddress != 225 {
		t.Errorf("connections: %+v", b)
	}
	if b.SlowMode[7] != 10*time.Second || b.SlowMode[-9] != time.Minute || len(b.SlowMode) != 2 {
		t.Errorf("slow mode: %v", b.SlowMode)
	}
	if b.Address.Messages.Burst != 100 || b.Network.Messages.PerSecond != 200 {
		t.Errorf("address: %+v, network: %+v", b.Address, b.Network)
	}
	c, err = parse(strings.Fields("-limits none -slow-mode 7=10s -max-conns 1000")...)
	if err != nil || c.budgets.PerAddress != 0 || c.budgets.Unidentified != 0 || c.budgets.SlowMode != nil || c.budgets.MaxConns != 1000 {
		t.Errorf("-limits none: %+v, %v", c.budgets, err)
	}
}

func TestConfigFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway")
	if err := os.WriteFile(file, []byte("listen :9000\nreserved-names help desk,staff\nlog-level debug\nslow-mode 7=10s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TUITALK_CONFIG", file)
	t.Setenv("TUITALK_LOG_LEVEL", "warn")
	c, err := parse("-listen", ":9001")
	if err != nil || c.listen != ":9001" || len(c.reservedNames) != 2 || c.logLevel != "warn" || len(c.budgets.SlowMode) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestHelpNamesEverySetting(t *testing.T) {
	_, flags := newConfig()
	if err := flags.Parse([]string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("-h: %v", err)
	}
	var out bytes.Buffer
	flags.Help(&out, about)
	flags.VisitAll(func(f *flag.Flag) {
		if f.Usage == "" || !strings.Contains(out.String(), "-"+f.Name) ||
			!setting.Asked(f) && !strings.Contains(out.String(), flags.Variable(f.Name)) {
			t.Errorf("-%s is not explained", f.Name)
		}
	})
}

// TestDeployedSettings: what deploy/systemd sets is taken, beside the settings of another
// program, and what is wrong is not tried again.
func TestDeployedSettings(t *testing.T) {
	unit, err := os.ReadFile("../../deploy/systemd/tuitalk-gateway.service")
	if err != nil {
		t.Fatal(err)
	}
	env, err := os.ReadFile("../../deploy/systemd/gateway.env")
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, m := range regexp.MustCompile(`(?m)^Environment=(.*)$`).FindAllStringSubmatch(string(unit), -1) {
		pairs = append(pairs, strings.Fields(m[1])...)
	}
	pairs = append(pairs, regexp.MustCompile(`(?m)^#?TUITALK_.*$`).FindAllString(string(env), -1)...)
	if len(pairs) < 9 {
		t.Fatalf("only %q", pairs)
	}
	for _, pair := range append(pairs, "TUITALK_SERVER=ws://a", "TUITALK_BENCH_KEY=k") {
		name, value, _ := strings.Cut(strings.TrimPrefix(pair, "#"), "=")
		t.Setenv(name, value)
	}
	c, err := parse()
	if err != nil || c.storeKind != "postgres" || len(c.trusted) != 2 || len(c.answersTo) != 1 || c.pingAfter != time.Second {
		t.Errorf("%+v, %v", c, err)
	}
	if want := fmt.Sprintf("\nRestartPreventExitStatus=%d\n", exitSettings); !strings.Contains(string(unit), want) {
		t.Errorf("the unit has no %q", want)
	}
}

// TestWhatIsTakenCanBe: no bound of a flag lets through what the gateway then refuses
// without its name.
func TestWhatIsTakenCanBe(t *testing.T) {
	for _, name := range []string{
		"ring-entries", "ring-bytes", "max-queued-bytes", "recent-bytes", "waiting-bytes", "min-rate", "slow-after",
		"send-buffer", "receive-buffer", "pollers", "ping-after", "grace", "drain", "max-conns", "flood-delayed", "keep-out",
	} {
		for _, value := range []string{"-1s", "-1", "0", "0s", "1", "1s", "1024", "4096", "65536", "1048576", "1000000000", "24h"} {
			c, err := parse("-"+name, value, "-store", "postgres://h/db")
			if err != nil {
				if !strings.Contains(err.Error(), "-"+name) {
					t.Errorf("-%s %s: %v, which does not name it", name, value, err)
				}
				continue
			}
			if o := options(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry()); o.Validate() != nil {
				t.Errorf("-%s %s is taken, and then %v", name, value, o.Validate())
			}
		}
	}
}
