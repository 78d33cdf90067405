//go:build integration

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
)

// program is the built client. The gateway is elsewhere, so that its command line does not
// have the client's path in it.
var program, gatewayProgram string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tuitalk")
	if err != nil {
		panic(err)
	}
	if program, err = devcluster.Build(dir, "tuitalk/cmd/tuitalk", false); err != nil {
		panic(err)
	}
	elsewhere, err := os.MkdirTemp("", "gateway")
	if err != nil {
		panic(err)
	}
	if gatewayProgram, err = devcluster.Build(elsewhere, "tuitalk/cmd/tuitalk-gateway", false); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	_ = os.RemoveAll(elsewhere)
	os.Exit(code)
}

// terminal is a shell in tmux, a real terminal.
type terminal struct {
	t      *testing.T
	socket string
	state  string
	raw    string // the file with every byte that went to the terminal
	shell  string // process and session
}

func openTerminal(t *testing.T, w, h int) *terminal {
	t.Helper()
	dir := t.TempDir()
	term := &terminal{t: t, socket: filepath.Join(dir, "tmux"), state: filepath.Join(dir, "state"), raw: filepath.Join(dir, "raw")}
	term.tmux("-f", "/dev/null", "new-session", "-d", "-x", strconv.Itoa(w), "-y", strconv.Itoa(h), "env PS1='shell> ' LANG=C.UTF-8 bash --norc --noprofile")
	t.Cleanup(term.close)
	term.shell = strings.TrimSpace(term.tmux("display", "-p", "#{pane_pid}"))
	term.tmux("pipe-pane", "-o", "cat > "+term.raw)
	term.has("shell>")
	return term
}

// close ends the shell, and waits for the client, which saves its state.
func (term *terminal) close() {
	_ = exec.Command("tmux", "-S", term.socket, "kill-server").Run()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if exec.Command("pgrep", "-s", term.shell).Run() != nil {
			return // there is none
		}
	}
	term.t.Error("the client does not end with its terminal")
}

func (term *terminal) tmux(args ...string) string {
	term.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-u", "-S", term.socket}, args...)...).CombinedOutput()
	if err != nil {
		term.t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// start runs the client with settings before and behind its name.
func (term *terminal) start(env string, args ...string) {
	term.t.Helper()
	term.line(env + " TUITALK_STATE=" + term.state + " " + program + " " + strings.Join(args, " "))
}

func (term *terminal) typed(text string) { term.t.Helper(); term.tmux("send-keys", "-l", text) }
func (term *terminal) press(keys ...string) {
	term.t.Helper()
	term.tmux(append([]string{"send-keys"}, keys...)...)
}
func (term *terminal) line(text string) { term.t.Helper(); term.typed(text); term.press("Enter") }

func (term *terminal) paste(text string) {
	term.t.Helper()
	cmd := exec.Command("tmux", "-S", term.socket, "load-buffer", "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		term.t.Fatalf("load-buffer: %v\n%s", err, out)
	}
	term.tmux("paste-buffer", "-p")
}

func (term *terminal) screen() string { term.t.Helper(); return term.tmux("capture-pane", "-p") }

// until looks at the screen until it is as wanted.
func (term *terminal) until(what string, good func(string) bool) string {
	term.t.Helper()
	var screen string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if screen = term.screen(); good(screen) {
			return screen
		}
	}
	term.t.Fatalf("%s did not come; the screen:\n%s", what, screen)
	return ""
}

func (term *terminal) has(texts ...string) string {
	term.t.Helper()
	return term.until(strings.Join(texts, " and "), func(screen string) bool {
		for _, s := range texts {
			if !strings.Contains(screen, s) {
				return false
			}
		}
		return true
	})
}

func (term *terminal) hasNot(text string) string {
	term.t.Helper()
	return term.until("the end of "+text, func(screen string) bool { return !strings.Contains(screen, text) })
}

// still looks at the screen until it does not change.
func (term *terminal) still() string {
	term.t.Helper()
	last := ""
	return term.until("a screen that keeps still", func(screen string) bool {
		same := screen == last
		last = screen
		return same
	})
}

// written is what has gone to the terminal since the client began to paint, up to a
// text: the screen shows it a little earlier.
func (term *terminal) written(upTo string) (raw []byte) {
	term.t.Helper()
	term.until("what is on the screen in "+term.raw, func(string) bool {
		all, err := os.ReadFile(term.raw)
		if err != nil {
			term.t.Fatal(err)
		}
		begin := bytes.Index(all, []byte("\x1b[?1049h")) // what the shell wrote is before
		if begin < 0 {
			return false
		}
		raw = all[begin:]
		return bytes.Contains(raw, []byte(upTo))
	})
	return raw
}

// online starts a client named ada and waits until it has joined.
func online(t *testing.T, w, h int) (*terminal, *server) {
	t.Helper()
	s, term := startServer(t), openTerminal(t, w, h)
	term.start("", "-server", s.url(), "-name", "ada", "-room", "1")
	term.has("● online")
	return term, s
}

func TestFirstPaintComesBeforeTheServer(t *testing.T) {
	t.Parallel()
	s, term := startServer(t), openTerminal(t, 80, 24)
	s.setMute(true)
	term.start("", "-server", s.url(), "-name", "ada")
	term.has("room 1", "ada ○ connecting", "❯ Say something in room 1", "Enter send")
	s.setMute(false)
	s.stop()
	s.restart()
	term.has("ada ● online")
}

func TestTyping(t *testing.T) {
	t.Parallel()
	term, s := online(t, 80, 24)
	term.typed("hello wörld 👩‍👩‍👧!")
	term.press("BSpace", "BSpace")
	term.has("❯ hello wörld")
	term.press("C-a")
	term.typed("> ")
	term.press("C-e")
	term.typed("日本")
	term.press("Enter")
	term.has("ada ┃ > hello wörld 日本")
	s.has("> hello wörld 日本")
	term.press("Up")
	term.has("❯ > hello wörld 日本")
	term.press("C-u")

	for i, key := range []string{"M-Enter", "C-j"} {
		term.typed("one")
		term.press(key)
		term.line(fmt.Sprint("two ", i))
	}
	term.has("┃ two 1", "Say something")
	s.has("> hello wörld 日本", "one\ntwo 0", "one\ntwo 1")

	term.typed("/mem")
	term.press("Tab")
	term.has("❯ /members")
	term.press("Enter")
	term.hasNot("person here\n")
	term.line("/name Ada Lovelace")
	term.has("Ada Lovelace ● online", "ada is now Ada Lovelace")
	term.line("/names x")
	term.has("Did you mean /name?", "❯ /names x")
	term.press("C-u", "Escape")
	term.hasNot("Did you mean") // else the terminal takes Escape and a key for Alt and the key
	term.line("/help")
	term.has("/fetch <integer>", "load that many entries")
	term.press("Escape")
	term.hasNot("/fetch <integer>")
}

func TestPasteNeverSends(t *testing.T) {
	t.Parallel()
	term, s := online(t, 80, 24)
	term.paste("first\nsecond\tx\n/quit\n\x03\x04\x1a\x15")
	term.has("❯ first", "second    x", "/quit", "● online")
	term.press("Enter")
	term.has("ada ┃ first", "┃ /quit")
	s.has("first\nsecond    x\n/quit") // and nothing before
}

func TestResize(t *testing.T) {
	t.Parallel()
	term, s := online(t, 100, 24)
	s.say("bob", "a message that is long enough to be wrapped when there is less room for it")
	term.has("1 person here", "bob │ a message that is long enough")
	for _, c := range []struct {
		w, h int
		want []string
	}{
		{40, 12, []string{"bob: a message that is long enough to", "wrapped when there"}},
		{20, 4, []string{"room 1", "for it", "❯ Say something"}},
		{5, 2, []string{"Say"}},
		{1, 1, nil},
		{120, 40, []string{"TuiTalk · room 1", "when there is less room for it", "Ctrl+C quit"}},
	} {
		term.tmux("resize-window", "-x", strconv.Itoa(c.w), "-y", strconv.Itoa(c.h))
		term.has(c.want...)
	}
}

func TestReconnect(t *testing.T) {
	t.Parallel()
	term, s := online(t, 80, 20)
	s.say("bob", "before")
	term.has("│ before")
	s.stop()
	term.line("while away")
	term.has("wait…", "┃ while away", "reconnecting since", "No connection to ws://127.0.0.1", "What you write waits")
	s.restart()
	term.has("● online", "┃ while away")
	screen := term.hasNot("wait…")
	if strings.Count(screen, "while away") != 1 || strings.Count(screen, "│ before") != 1 || strings.Contains(screen, "left") {
		t.Errorf("the screen after the reconnection:\n%s", screen)
	}
	s.has("before", "while away")
}

func TestUnsentOverARestart(t *testing.T) {
	t.Parallel()
	term, s := online(t, 80, 20)
	s.stop()
	term.line("kept")
	term.has("┃ kept", "reconnecting")
	term.line("/quit")
	term.has("1 message is not sent yet", "shell>")
	s.restart()
	term.start("", "-server", s.url())
	term.has("● online", "┃ kept")
	s.has("kept")
}

func TestScrollingBack(t *testing.T) {
	t.Parallel()
	s, term := startServer(t), openTerminal(t, 80, 20)
	for i := range 1000 {
		s.say("bob", fmt.Sprint("message number ", i))
	}
	term.start("", "-server", s.url(), "-name", "ada")
	term.has("message number 999")
	term.press("PageUp")
	term.hasNot("message number 999")
	before := term.still()
	s.say("bob", "something new")
	term.has("↓ 1 new")
	after := term.still()
	log := func(screen string) string { return strings.Join(strings.Split(screen, "\n")[1:18], "\n") }
	if log(before) != log(after) {
		t.Errorf("the view moved from\n%s\nto\n%s", before, after)
	}
	term.until("the beginning", func(screen string) bool {
		term.press("PageUp", "PageUp", "C-Home")
		return strings.Contains(screen, "where room 1 begins") && strings.Contains(screen, "message number 0 ")
	})
	term.press("C-End")
	term.has("something new")
	term.line("/search NUMBER 42")
	term.has("│ message number 42")
}

// TestHostileText looks at the bytes that reach the terminal.
func TestHostileText(t *testing.T) {
	t.Parallel()
	term, s := online(t, 80, 30)
	title := term.tmux("display", "-p", "#{pane_title}")
	hostile := "\x1b]0;owned\a\x1b]2;owned\x1b\\\x1b[2J\x1b[31mred\x1b[5n\u009b31m\u202eevil\u2066\u200b\x0e\x7f end"
	s.say("\x1b]0;owned\amallory\u202e", hostile)
	s.tell(talk.Error{Code: talk.CodeBusy, Message: hostile})
	s.tell(talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: talk.UUID{7}, Name: hostile[:20], Text: hostile, Pending: true, ID: talk.UUID{8}})
	s.mu.Lock()
	s.store(nil, talk.Entry{Kind: talk.KindRenamed, RoomID: 1, Author: talk.UUID{9}, Name: "x" + hostile[:30], Text: hostile[:30], ID: talk.UUID{9}})
	s.mu.Unlock()
	s.say("bob", "look: https://a.example/\x1b]8;;https://evil.example\x1b\\ "+strings.Repeat("e\u0301\u0301\u0301\u0301", 30))
	term.has("]0;owned", "evil", "end", "is now", "look:", "https://a.example/", "held…")
	if now := term.tmux("display", "-p", "#{pane_title}"); now != title && !strings.Contains(now, "TuiTalk") {
		t.Errorf("the title became %q", now)
	}
	raw := term.written("held…")
	for _, bad := range []string{"\x1b]0;", "\x1b]2;owned", "\x1b[31m", "\x1b[5n", "\u009b", "\u202e", "\u2066", "\u200b", "\x0e", "\x7f", "\x1b]8;;https://evil"} {
		if i := bytes.Index(raw, []byte(bad)); i >= 0 {
			t.Errorf("%q reached the terminal: %.80q", bad, raw[max(i-20, 0):])
		}
	}
}

func TestSuspend(t *testing.T) {
	t.Parallel()
	term, s := online(t, 80, 20)
	term.typed("half a")
	term.has("❯ half a")
	term.press("C-z")
	term.has("Stopped", "shell>")
	term.line("echo $((6*7))")
	term.has("42")
	s.say("bob", "meanwhile")
	term.line("fg")
	term.has("❯ half a", "│ meanwhile", "● online")
	term.line(" line")
	term.has("┃ half a line")
}

func TestTheTerminalIsGivenBack(t *testing.T) {
	t.Parallel()
	for _, signal := range []string{"TERM", "HUP", "INT"} {
		term, s := online(t, 80, 20)
		out, err := exec.Command("pgrep", "-P", term.shell).Output()
		if err != nil {
			t.Fatalf("pgrep: %v", err)
		}
		if out, err := exec.Command("kill", "-"+signal, strings.TrimSpace(string(out))).CombinedOutput(); err != nil {
			t.Fatalf("kill: %v\n%s", err, out)
		}
		term.has("shell>")
		term.line("stty -a | tr ' ;' '\\n\\n' | grep -cx -e icanon -e echo -e isig")
		term.has("3\n")
		s.hasNobody()
	}
}

// colored finds the sequences that set a colour.
var colored = regexp.MustCompile(`\x1b\[([0-9;]*;)?(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]`)

func TestSurroundings(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, c := range []struct {
		env   string
		check func(raw string) bool
		what  string
	}{
		{"TERM=no-such-terminal", func(raw string) bool { return strings.Contains(raw, "\x1b[?1049h") }, "the screen of an xterm"},
		{"NO_COLOR=1", func(raw string) bool { return !colored.MatchString(raw) }, "without colours"},
		{"TERM=xterm-256color", func(raw string) bool { return strings.Contains(raw, "48;5;234") }, "one of 256 colours"},
		{"TERM=xterm-256color COLORTERM=truecolor", func(raw string) bool { return strings.Contains(raw, "48;2;28;28;28") }, "a direct colour"},
		{"TERM=xterm LANG=C", func(raw string) bool { return !strings.Contains(raw, "●") }, "ASCII"},
	} {
		t.Run(c.env, func(t *testing.T) {
			term := openTerminal(t, 80, 20)
			term.start(c.env, "-server", s.url(), "-name", "ada")
			term.has("online", "Say something in room 1")
			if !c.check(string(term.written("Say something"))) {
				t.Errorf("not %s", c.what)
			}
		})
	}
}

// TestOneLineErrors starts it wrongly.
func TestOneLineErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, says string }{
		{"-server http://x", "does not begin with ws://"},
		{"-room one", "A room is an integer"},
		{"-nonsense", "is not a flag"},
		{"-state /dev/null/x -server ws://127.0.0.1:1", "-state"},
		{"", "needs a terminal"},
	} {
		cmd := exec.Command("setsid", append([]string{"-w", program}, strings.Fields(c.args)...)...)
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "TERM=xterm")
		out, err := cmd.CombinedOutput()
		if err == nil || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), c.says) {
			t.Errorf("%q: %v, %q; want a line with %q", c.args, err, out, c.says)
		}
	}
}

// TestLongLogInMemory fills a log with 100,000 messages of 80 bytes.
func TestLongLogInMemory(t *testing.T) {
	t.Parallel()
	term, s := online(t, 120, 40)
	for i := range 100_000 {
		text := fmt.Sprintf("message %06d ", i)
		text += strings.Repeat("lorem ipsum ", 7)[:80-len(text)]
		s.say("bob", text)
	}
	term.has("message 099999")
	out, err := exec.Command("pgrep", "-P", term.shell).Output()
	if err != nil {
		t.Fatalf("pgrep: %v", err)
	}
	status, err := os.ReadFile("/proc/" + strings.TrimSpace(string(out)) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(status), "\n") {
		if f := strings.Fields(l); len(f) == 3 && f[0] == "VmRSS:" {
			kb, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d KiB resident", kb)
			if kb > 64<<10 {
				t.Errorf("%d KiB are resident, more than 64 MiB", kb)
			}
		}
	}
	term.typed("still quick")
	term.has("❯ still quick")
}
