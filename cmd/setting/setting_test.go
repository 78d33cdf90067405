package setting

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is the settings of one.
type program struct {
	flags          *flag.FlagSet
	listen, name   string
	quiet, version bool
	conns          int
	grace          time.Duration
	args           []string
	env            map[string]string
	configPath     string
}

func newProgram(t *testing.T, file string) *program {
	t.Helper()
	p := &program{flags: flag.NewFlagSet("program", flag.ContinueOnError), env: map[string]string{}}
	p.flags.StringVar(&p.listen, "listen", ":1", "`address`")
	p.flags.StringVar(&p.name, "name", "", "")
	p.flags.BoolVar(&p.quiet, "quiet", false, "")
	p.flags.BoolVar(&p.version, "version", false, "")
	p.flags.IntVar(&p.conns, "max-conns", 1, "")
	p.flags.DurationVar(&p.grace, "grace", time.Second, "")
	if file != "" {
		p.configPath = filepath.Join(t.TempDir(), "settings")
		if err := os.WriteFile(p.configPath, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		p.env["TUITALK_CONFIG"] = p.configPath
	}
	return p
}

func (p *program) parse() error {
	return Parse(p.flags, p.args, func(k string) (string, bool) { v, ok := p.env[k]; return v, ok })
}

func TestConfigFile(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "# how it is here\n\n  listen\t:8080\r\nname  Ada # Lovelace \nquiet\nmax-conns 7\ngrace 5s")
	if err := p.parse(); err != nil {
		t.Fatal(err)
	}
	if p.listen != ":8080" || p.name != "Ada # Lovelace" || !p.quiet || p.conns != 7 || p.grace != 5*time.Second {
		t.Errorf("%+v", p)
	}
}

// TestPrecedence: what is nearer to the person wins. What does not count is not
// looked at.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "listen :file\nname file\nmax-conns 3\ngrace none\nquiet false")
	p.env["TUITALK_LISTEN"], p.env["TUITALK_NAME"], p.env["TUITALK_GRACE"] = ":env", "env", "2s"
	p.env["TUITALK_CONFIG"] = "/nowhere"
	p.args = []string{"-listen", ":args", "-quiet", "-config", p.configPath}
	if err := p.parse(); err != nil {
		t.Fatal(err)
	}
	if p.listen != ":args" || p.name != "env" || p.conns != 3 || p.grace != 2*time.Second || !p.quiet {
		t.Errorf("%+v", p)
	}
}

func TestWrongConfigFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, says string }{
		{"listen :1\n-name ada", `settings, line 2: "-name" is not a setting here`},
		{"colour red", `line 1: "colour" is not a setting here`},
		{"version", `"version" is not a setting here`},
		{"config other", `"config" is not a setting here`},
		{"name a\n#\nname b", "line 3: name stands here twice"},
		{"max-conns many", "line 1: max-conns: "},
		{"max-conns", "line 1: max-conns: "},
		{"name " + strings.Repeat("x", maxFile), "more than 1048576 bytes"},
	} {
		p := newProgram(t, c.file)
		if err := p.parse(); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.20q: %v; want %q", c.file, err, c.says)
		}
	}
	p := newProgram(t, "")
	p.args = []string{"-config", filepath.Join(t.TempDir(), "none")}
	if err := p.parse(); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "-config: ") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestErrorsShowNoPassword: what is written in the way of another file, or where no
// value belongs, may hold a password, and errors are logged.
func TestErrorsShowNoPassword(t *testing.T) {
	t.Parallel()
	const address = "postgres://u:sekret@h/db"
	for _, c := range []struct{ file, arg, says string }{
		{"store=" + address, "", `line 1: "store…" is not a setting here: a space parts a name from its value, no = and no colon`},
		{"listen=" + address, "", `"listen…" is not a setting here: a space`},
		{"store:" + address, "", `"store…" is not a setting here: a space`},
		{"TUITALK_STORE=" + address, "", `"TUITALK_STORE…" is not a setting here: a space`},
		{address, "", `"postgres…" is not a setting here`},
		{"-store " + address, "", `"-store" is not a setting here; -h`},
		{"max-conns " + address, "", "line 1: max-conns: "},
		{strings.Repeat("ä", 30) + "sekret", "", strings.Repeat("ä", 20) + `…" is not a setting`},
		{"", "store=" + address, `"store…" is not a flag`},
		{"", address, `"postgres…" is not a flag`},
		{"", "u:sekret@h", `"u…" is not a flag`},
		{"", "---store=" + address, `"---store…" is not how a flag is written`},
		{"", "-stor=" + address, "-stor"},
	} {
		p := newProgram(t, c.file)
		if c.arg != "" {
			p.args = []string{c.arg}
		}
		err := p.parse()
		switch {
		case err == nil || !strings.Contains(err.Error(), c.says):
			t.Errorf("%q, %q: %v; want %q", c.file, c.arg, err, c.says)
		case strings.Contains(err.Error(), "sekret"):
			t.Errorf("%q, %q: shows a password: %v", c.file, c.arg, err)
		}
	}
}

func TestHelpNamesTheConfigFile(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "")
	p.args = []string{"-h"}
	p.env["TUITALK_MAX_CONNS"] = "many" // who asks for help may not know yet what is wrong
	if err := p.parse(); !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	var out bytes.Buffer
	Help(&out, p.flags, "about")
	if !strings.Contains(out.String(), "-config file") || !strings.Contains(out.String(), "TUITALK_CONFIG") {
		t.Error(out.String())
	}
}
