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
	flags          *Flags
	listen, name   string
	quiet, version bool
	conns          int
	grace          time.Duration
	rate           float64
	args           []string
	configPath     string
}

func newProgram(t *testing.T, file string) *program {
	t.Helper()
	for _, pair := range os.Environ() { // of whoever runs the tests
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, Prefix) {
			t.Setenv(name, "") // put back at the end
			os.Unsetenv(name)
		}
	}
	p := &program{flags: New("program", Prefix)}
	p.flags.StringVar(&p.listen, "listen", ":1", "`address`")
	p.flags.StringVar(&p.name, "name", "", "")
	p.flags.BoolVar(&p.quiet, "quiet", false, "")
	p.flags.BoolVar(&p.version, "version", false, "")
	p.flags.IntVar(&p.conns, "max-conns", 1, "", AtLeast(1), AtMost(100))
	p.flags.DurationVar(&p.grace, "grace", 10*time.Second, "", NotNegative)
	p.flags.Float64Var(&p.rate, "rate", 0.5, "", NotNegative)
	if file != "" {
		p.configPath = filepath.Join(t.TempDir(), "settings")
		if err := os.WriteFile(p.configPath, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("TUITALK_CONFIG", p.configPath)
	}
	return p
}

func (p *program) parse() error { return p.flags.Parse(p.args) }

func TestConfigFile(t *testing.T) {
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
	p := newProgram(t, "listen :file\nname file\nmax-conns 3\ngrace none\nquiet false")
	t.Setenv("TUITALK_LISTEN", ":env")
	t.Setenv("TUITALK_NAME", "env")
	t.Setenv("TUITALK_GRACE", "2s")
	t.Setenv("TUITALK_CONFIG", "/nowhere")
	t.Setenv("TUITALK_MAX_CONNS", "") // as if it were not set
	p.args = []string{"-listen", ":args", "-quiet", "-config", p.configPath}
	if err := p.parse(); err != nil {
		t.Fatal(err)
	}
	if p.listen != ":args" || p.name != "env" || p.conns != 3 || p.grace != 2*time.Second || !p.quiet {
		t.Errorf("%+v", p)
	}
}

func TestWrongConfigFile(t *testing.T) {
	for _, c := range []struct{ file, says string }{
		{"listen :1\n-name ada", `settings, line 2: "-name" is not a setting here: here they have no dash; did you mean name? -h`},
		{"colour red", `line 1: "colour" is not a setting here; -h lists them`},
		{"quit", `line 1: "quit" is not a setting here; did you mean quiet? -h lists them`},
		{"max_conns 5", `"max_conns" is not a setting here; did you mean max-conns?`},
		{"grace -1s", `-grace (`},
		{"version", `"version" is not a setting here`},
		{"config other", `"config" is not a setting here`},
		{"name a\n#\nname b", "line 3: name stands here twice"},
		{"max-conns many", `settings, line 1): "many" is not a whole number that fits, as 1`},
		{"max-conns", `settings, line 1): "" is not a whole number`},
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
	const address = "postgres://u:sekret@h/db"
	for _, c := range []struct{ file, arg, says string }{
		{"store=" + address, "", `line 1: "store…" is not a setting here: a space parts a name from its value, no = and no colon`},
		{"listen=" + address, "", `"listen…" is not a setting here: a space`},
		{"store:" + address, "", `"store…" is not a setting here: a space`},
		{"TUITALK_STORE=" + address, "", `"TUITALK_STORE…" is not a setting here: a space`},
		{address, "", `"postgres…" is not a setting here`},
		{"-store " + address, "", `"-store" is not a setting here: here they have no dash; -h`},
		{"max-conns " + address, "", `line 1): "postgres…" is not a whole number`},
		{strings.Repeat("ä", 30) + "sekret", "", strings.Repeat("ä", 20) + `…" is not a setting`},
		{"", "store=" + address, `"store…" is not a flag`},
		{"", address, `"postgres…" is not a flag`},
		{"", "u:sekret@h", `"u…" is not a flag`},
		{"", "---store=" + address, `"---store…" is not how a flag is written`},
		{"", "-stor=" + address, "-stor is not a flag"},
		{"", "-max-conns=" + address, `-max-conns: "postgres…" is not`},
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

// TestWrongValues: the flag, where the value stands, and what would be right.
func TestWrongValues(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"-grace 5", `-grace: "5" is not a time with its unit, as 10s`},
		{"-grace soon", `-grace: "soon" is not a time with its unit, as 10s`},
		{"-grace -1s", "-grace: must not be negative, and is -1s"},
		{"-max-conns many", `-max-conns: "many" is not a whole number that fits, as 1`},
		{"-max-conns 1.5", `-max-conns: "1.5" is not a whole number that fits, as 1`},
		{"-max-conns 99999999999999999999", `-max-conns: "99999999999999999999" is not a whole number that fits, as 1`},
		{"-max-conns 0", "-max-conns: must be at least 1, not 0"},
		{"-max-conns 101", "-max-conns: must be at most 100, not 101"},
		{"-rate NaN", `-rate: "NaN" is not a number, as 0.5`},
		{"-rate +Inf", `-rate: "+Inf" is not a number, as 0.5`},
		{"-rate -0.5", "-rate: must not be negative, and is -0.5"},
		{"-rate", "-rate: its value is missing"},
		{"-quiet=maybe", `-quiet: "maybe" is not true or false`},
		{"-graze 5s", "-graze is not a flag; did you mean -grace? -h lists them"},
		{"--lsiten=:1", "-lsiten is not a flag; did you mean -listen? -h lists them"},
		{"-colour red", "-colour is not a flag; -h lists them"},
		{"listen :1", `"listen" is not a flag; did you mean -listen? -h lists them`},
	} {
		p := newProgram(t, "")
		p.args = strings.Fields(c.args)
		if err := p.parse(); err == nil || err.Error() != c.says || !errors.As(err, new(Error)) {
			t.Errorf("%s: %v; want %s", c.args, err, c.says)
		}
	}
	p := newProgram(t, "")
	t.Setenv("TUITALK_GRACE", "5")
	if err := p.parse(); err == nil || err.Error() != `-grace (TUITALK_GRACE): "5" is not a time with its unit, as 10s` {
		t.Errorf("in the environment: %v", err)
	}
	p = newProgram(t, "\ngrace 5")
	if err := p.parse(); err == nil || err.Error() != "-grace ("+p.configPath+`, line 2): "5" is not a time with its unit, as 10s` {
		t.Errorf("in a file: %v", err)
	}
}

// TestUnknownVariables: one that no program knows is refused, one of another program
// is passed over.
func TestUnknownVariables(t *testing.T) {
	for _, c := range []struct{ name, says string }{
		{"TUITALK_LISEN", "the environment variable TUITALK_LISEN is no setting of any program; did you mean TUITALK_LISTEN? -h lists them"},
		{"TUITALK_MAXCONNS", "the environment variable TUITALK_MAXCONNS is no setting of any program; did you mean TUITALK_MAX_CONNS? -h lists them"},
		{"TUITALK_VERSION", "the environment variable TUITALK_VERSION is no setting of any program; -h lists them"},
		{"TUITALK_", "the environment variable TUITALK_ is no setting of any program; -h lists them"},
		{"TUITALK_STORE", ""},        // the gateway's
		{"TUITALK_SERVER", ""},       // the client's
		{"TUITALK_BENCH_TARGET", ""}, // has a prefix of its own
		{"TUITALK_CLUSTER_DIR", ""},
		{"TUITALK_TEST_SEED", ""},
		{"TUITALKATIVE", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProgram(t, "")
			t.Setenv(c.name, "postgres://u:sekret@h/db")
			switch err := p.parse(); {
			case c.says == "" && err != nil, c.says != "" && (err == nil || err.Error() != c.says):
				t.Errorf("%v; want %q", err, c.says)
			}
		})
	}
}

// TestAPrefixOfItsOwn: of variables with it a program knows its own and those that it
// is told of.
func TestAPrefixOfItsOwn(t *testing.T) {
	var target string
	parse := func() error {
		f := New("load", BenchPrefix)
		f.StringVar(&target, "target", "", "")
		f.Elsewhere = []string{"TUITALK_BENCH_STEP"}
		return f.Parse(nil)
	}
	t.Setenv("TUITALK_BENCH_STEP", "1s")
	t.Setenv("TUITALK_BENCH_TARGET", "ws://a")
	if err := parse(); err != nil || target != "ws://a" {
		t.Errorf("%q, %v", target, err)
	}
	t.Setenv("TUITALK_TARGET", "ws://b")
	if err := parse(); err == nil || !strings.Contains(err.Error(), "TUITALK_TARGET is no setting of any program; did you mean TUITALK_BENCH_TARGET?") {
		t.Errorf("another prefix: %v", err)
	}
}

// TestVersionInAnyCase: whoever asks for it has perhaps set something wrong.
func TestVersionInAnyCase(t *testing.T) {
	p := newProgram(t, "colour red")
	t.Setenv("TUITALK_LISEN", "x")
	p.args = []string{"-version"}
	if err := p.parse(); err != nil || !p.version {
		t.Errorf("%v, %v", p.version, err)
	}
}

// TestEachProgramIsListed: a program whose settings the others do not know does not start.
func TestEachProgramIsListed(t *testing.T) {
	defer func() {
		if said, _ := recover().(string); !strings.Contains(said, `have to be ["colour" "config"]`) {
			t.Errorf("it said %q", said)
		}
	}()
	f := New("tuitalk", Prefix)
	f.String("colour", "", "")
	t.Errorf("it was taken: %v", f.Parse(nil))
}

func TestHelpNamesTheConfigFile(t *testing.T) {
	p := newProgram(t, "")
	p.args = []string{"-h"}
	t.Setenv("TUITALK_MAX_CONNS", "many") // who asks for help may not know yet what is wrong
	if err := p.parse(); !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p.flags.Help(&out, "about")
	if !strings.Contains(out.String(), "-config file") || !strings.Contains(out.String(), "TUITALK_CONFIG") {
		t.Error(out.String())
	}
}
