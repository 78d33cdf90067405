//go:build integration

package talk

import (
	"os/exec"
	"testing"
)

// TestForeignClient runs the codec and the frames of the client in Python
// against the golden vectors, which it knows nothing else of.
func TestForeignClient(t *testing.T) {
	runPython(t, "testdata/foreign/foreign.py", "--selftest")
}

// TestForeignClientInPerl is the same for the extended form in bincode.
func TestForeignClientInPerl(t *testing.T) {
	run(t, "perl", "testdata/foreign/extended.pl", "--selftest")
}

// TestGoldenGenerator holds the golden vectors to the rules that made them.
func TestGoldenGenerator(t *testing.T) {
	runPython(t, "testdata/golden/generate.py", "--check")
}

func runPython(t *testing.T, args ...string) {
	t.Helper()
	run(t, "python3", append([]string{"-B"}, args...)...)
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}
