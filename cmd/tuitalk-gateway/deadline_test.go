package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"
)

// hangEnv makes a run of this test's binary the process that hangs.
const hangEnv = "TUITALK_TEST_HANGS"

// TestEndOfAProcessThatHangs: it fails, and its goroutines are in the log.
func TestEndOfAProcessThatHangs(t *testing.T) {
	if os.Getenv(hangEnv) != "" {
		endWithin(time.Millisecond, newLineWriter(neverBlocking(os.Stderr), lineBuffer))
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestEndOfAProcessThatHangs$")
	cmd.Env = append(os.Environ(), hangEnv+"=yes")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	if !bytes.Contains(out, []byte("the end takes longer than")) || !bytes.Contains(out, []byte("TestEndOfAProcessThatHangs")) {
		t.Errorf("it said:\n%s", out)
	}
}
