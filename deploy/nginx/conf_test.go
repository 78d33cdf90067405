package nginx

import (
	"regexp"
	"strings"
	"testing"
)

var machine = Machine{
	User: "nobody", Dir: "/tmp/a b", Listen: "127.0.0.1:8080", Workers: 2, Files: 20000,
	Gateways: []string{"127.0.0.1:9001", "127.0.0.1:9002"},
}

// Only the values of these differ from the fleet's file.
var changes = regexp.MustCompile(`^ *(user|pid|error_log|worker_processes|worker_rlimit_nofile|worker_connections|[a-z_]+_temp_path|listen|server) [^{]*;$`)

func TestOneMachineDiffersInValuesOnly(t *testing.T) {
	text, err := For(machine)
	if err != nil {
		t.Fatal(err)
	}
	rest := func(text string) (kept []string) {
		for line := range strings.Lines(text) {
			if !changes.MatchString(strings.TrimSuffix(line, "\n")) {
				kept = append(kept, line)
			}
		}
		return kept
	}
	fleet, here := rest(Conf), rest(text)
	if strings.Join(fleet, "") != strings.Join(here, "") {
		t.Errorf("more has changed than values:\n%s", text)
	}
	for _, want := range []string{
		"\nuser nobody;\n",
		"\npid \"/tmp/a b/nginx.pid\";\n",
		"\nerror_log \"/tmp/a b/error.log\" warn;\n",
		"    worker_connections 19936;\n",
		"        listen 127.0.0.1:8080 backlog=16384 so_keepalive=30s:5s:3 sndbuf=128k;\n",
		"        server 127.0.0.1:9001 max_fails=2 fail_timeout=3s;\n        server 127.0.0.1:9002 max_fails=2 fail_timeout=3s;\n    }\n",
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is not there:\n%s", want, text)
		}
	}
	if strings.Contains(text, "10.0.0.") || strings.Contains(text, "/var/") || strings.Contains(text, "/run/") {
		t.Errorf("values of the fleet are left:\n%s", text)
	}
}

func TestUnlimitedIsOneValue(t *testing.T) {
	m := machine
	limited, err := For(m)
	if err != nil {
		t.Fatal(err)
	}
	m.Unlimited = true
	unlimited, err := For(m)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(limited, "        default 1;\n", "        default 0;\n", 1); unlimited != want || unlimited == limited {
		t.Errorf("more or less than the value has changed:\n%s", unlimited)
	}
}

func TestAConfThatLostADirectiveIsAnError(t *testing.T) {
	for name, e := range map[string]editor{
		"missing":   {text: "pid /run/x;\n"},
		"twice":     {text: "user a;\nuser b;\n"},
		"a block":   {text: "user {\n"},
		"a comment": {text: "# user a;\n"},
	} {
		e.set("user", "c")
		if e.err == nil {
			t.Errorf("%s: no error, but %q", name, e.text)
		}
	}
	if _, err := For(Machine{}); err == nil {
		t.Error("no gateways: no error")
	}
}
