package setting

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestManualSaysWhatTheHelpSays: each word of the help, but for what is of this machine.
func TestManualSaysWhatTheHelpSays(t *testing.T) {
	p := newProgram(t, "")
	p.flags.Section = 8
	p.flags.StringVar(&p.name, "node", "this-host", "who this is, as 'gw-1'\n.not a request, a\\b `word`")
	p.flags.Local("node", "it is called so here")
	p.args = []string{"-man"}
	if err := p.parse(); err == nil {
		t.Fatal("-man is not asked for")
	}
	const about = "program serves chat. Or not.\n\nA paragraph with a\nsecond line.\n\n  an example -x   'as it is'\n"
	var page, help bytes.Buffer
	p.flags.Help(&page, about)
	p.flags.writeHelp(&help, about)
	for _, want := range []string{
		".TH \"PROGRAM\" 8 ", "program \\- serves chat\n", "\n\\&.not a request, a\\eb word\n", "\n.nf\n  an example \\-x   \\(aqas it is\\(aq\n.fi\n",
		"\\fB\\-max\\-conns\\fR", "TUITALK_NODE; the default is the machine\\(aqs, see \\-h\n", "TUITALK_GRACE, default 10s\n", "\\fB\\-config\\fR \\fIfile\\fR\n",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the manual has no %q:\n%s", want, page.String())
		}
	}
	if strings.Contains(page.String(), "this\\-host") || !strings.Contains(help.String(), "this-host") {
		t.Error("a default of this machine is in the manual, or not in the help")
	}
}

// TestCompletion runs what bash sources.
func TestCompletion(t *testing.T) {
	p := newProgram(t, "")
	p.flags.WordVar(&p.name, "limits", "default", "", "default", "none")
	var one, two bytes.Buffer
	p.flags.writeCompletion(&one)
	WriteCompletion(&two, "pro-gram", []Completed{{"load", p.flags}, {"ramp", New("ramp", Prefix)}})
	for _, c := range []struct {
		script, function, words string
		want                    []string
	}{
		{one.String(), "_program", "program -max", []string{"-max-conns"}},
		{one.String(), "_program", "program -limits no", []string{"none"}},
		{one.String(), "_program", "program -limits none -qu", []string{"-quiet"}},
		{one.String(), "_program", "program -grace -", nil},
		{one.String(), "_program", "program -quiet -con", []string{"-config"}},
		{two.String(), "_pro_gram", "pro-gram r", []string{"ramp"}},
		{two.String(), "_pro_gram", "pro-gram load -quiet -lis", []string{"-listen"}},
		{two.String(), "_pro_gram", "pro-gram ramp -con", []string{"-config"}},
		{two.String(), "_pro_gram", "pro-gram ramp -lis", nil},
	} {
		script := c.script + "\nCOMP_WORDS=(" + c.words + "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); " + c.function + "; printf '%s\\n' \"${COMPREPLY[@]}\""
		out, err := exec.Command("bash", "-c", script).CombinedOutput()
		if got := strings.Fields(string(out)); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", c.words, out, err, c.want)
		}
	}
}
