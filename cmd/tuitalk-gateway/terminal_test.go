//go:build integration

package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// terminal is a real terminal (tmux) in which a program runs.
type terminal struct {
	t      *testing.T
	socket string
}

// openTerminal runs a command in a terminal of its own.
func openTerminal(t *testing.T, width, height int, command ...string) *terminal {
	t.Helper()
	term := &terminal{t, filepath.Join(t.TempDir(), "tmux")}
	term.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), strings.Join(command, " "))
	pane, err := strconv.Atoi(strings.TrimSpace(term.tmux("display-message", "-p", "#{pane_pid}")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { term.close(pane) })
	return term
}

// close ends the terminal, and waits for the program in it, which saves its state.
func (term *terminal) close(pane int) {
	_ = exec.Command("tmux", "-S", term.socket, "kill-server").Run() // it may have ended
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if errors.Is(syscall.Kill(-pane, 0), syscall.ESRCH) {
			return
		}
	}
	term.t.Error("the program does not end with its terminal")
}

func (term *terminal) tmux(args ...string) string {
	term.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", term.socket}, args...)...).CombinedOutput()
	if err != nil {
		term.t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// typeLine presses the keys of a text, and Enter.
func (term *terminal) typeLine(text string) {
	term.t.Helper()
	term.tmux("send-keys", "-l", text)
	term.tmux("send-keys", "Enter")
}

func (term *terminal) screen() string {
	term.t.Helper()
	return term.tmux("capture-pane", "-p", "-J")
}

// wait looks at the screen until it is as wanted.
func (term *terminal) wait(what string, good func(screen string) bool) string {
	term.t.Helper()
	var screen string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if screen = term.screen(); good(screen) {
			return screen
		}
	}
	term.t.Fatalf("%s did not come; the screen:\n%s", what, screen)
	return ""
}
