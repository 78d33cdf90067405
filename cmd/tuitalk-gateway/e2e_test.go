//go:build integration

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/history/sqlitestore"
	"tuitalk/talk"
	"tuitalk/web"
	"tuitalk/web/chromium"
)

var programs struct{ gateway, tuitalk string }

// patience is for what must come, on a machine that is as busy as may be; it decides
// nothing else.
const patience = 5 * time.Minute

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tuitalk-e2e")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if programs.gateway, err = devcluster.Build(dir, "tuitalk/cmd/tuitalk-gateway", true); err == nil {
			programs.tuitalk, err = devcluster.Build(dir, "tuitalk/cmd/tuitalk", false)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// freeAddr is where a server may be started, also again.
func freeAddr(t *testing.T) string {
	t.Helper()
	port, err := devcluster.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// gatewayProcess is the real program on a database in a folder.
type gatewayProcess struct {
	*devcluster.Program
	addr, admin, store string
}

func startGateway(t *testing.T, dir string, extra ...string) *gatewayProcess {
	t.Helper()
	return startProgram(t, programs.gateway, dir, extra...)
}

func startProgram(t *testing.T, program, dir string, extra ...string) *gatewayProcess {
	t.Helper()
	g := &gatewayProcess{
		addr:  freeAddr(t),
		admin: freeAddr(t),
		store: filepath.Join(dir, "talk.db"),
	}
	args := append([]string{"-listen", g.addr, "-admin", g.admin, "-store", "sqlite:" + g.store}, extra...)
	g.Program = devcluster.NewProgram(filepath.Join(dir, "gateway.log"), program, args...)
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if log := g.Log(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic") {
			t.Errorf("the gateway's log:\n%s", log)
		}
	})
	g.start(t)
	return g
}

// start runs it and waits until it is ready.
func (g *gatewayProcess) start(t *testing.T) {
	t.Helper()
	if err := g.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get("http://" + g.admin + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if !g.Running() {
			t.Fatalf("the gateway ended:\n%s", g.Log())
		}
	}
	t.Fatalf("the gateway is not ready:\n%s", g.Log())
}

// said finds the test's own texts on a screen, in order.
var said = regexp.MustCompile(`\bsay-[abc]-\d\d\b`)

// noise is what a reconnect must not leave behind.
var noise = regexp.MustCompile(`\b(left|joined)\b`)

// TestPeopleDoNotNoticeThatTheGatewayIsKilled is the whole product: two terminals
// and a browser tab in one room, real keys, and a gateway that is killed twice
// while messages are being sent.
func TestPeopleDoNotNoticeThatTheGatewayIsKilled(t *testing.T) {
	t.Parallel()
	if !web.Built() {
		t.Fatal("the browser client is not built: make build")
	}
	dir := t.TempDir()
	g := startGateway(t, dir)
	ws := "ws://" + g.addr + "/ws"
	ann := openTerminal(t, 120, 70, programs.tuitalk, "-server", ws, "-name", "ann", "-room", "1", "-state", filepath.Join(dir, "ann"))
	ann.wait("online", func(s string) bool { return strings.Contains(s, "online") })
	ann.typeLine("before anybody came")
	ann.wait("the first message stored", func(s string) bool {
		return strings.Contains(s, "before anybody came") && !strings.Contains(s, "wait…")
	})

	bob := openTerminal(t, 120, 70, programs.tuitalk, "-server", ws, "-name", "bob", "-room", "1", "-state", filepath.Join(dir, "bob"))
	bob.wait("history from before", func(s string) bool { return strings.Contains(s, "before anybody came") })
	browser, err := chromium.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := browser.Close(); err != nil {
			t.Error(err)
		}
	})
	cat, err := browser.Page("http://" + g.addr + "/?room=1")
	if err != nil {
		t.Fatal(err)
	}
	if err := cat.WaitFor(`document.querySelector("#log").innerText.includes("before anybody came")`); err != nil {
		t.Fatal(err, cat.Console())
	}
	for _, term := range []*terminal{ann, bob} {
		term.wait("three people", func(s string) bool { return strings.Contains(s, "3 people") })
	}
	page := func() string {
		var text string
		if err := cat.Eval(`document.querySelector("#log").innerText`, &text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	ann.typeLine("all are here") // and whoever sees it has seen who came before
	if err := cat.WaitFor(`document.querySelector("#log").innerText.includes("all are here")`); err != nil {
		t.Fatal(err, cat.Console())
	}
	joinsBefore := len(noise.FindAllString(page(), -1))

	const each = 10
	killAt := map[int]bool{3: true, 7: true}
	for i := range each {
		ann.typeLine(fmt.Sprintf("say-a-%02d", i))
		bob.typeLine(fmt.Sprintf("say-b-%02d", i))
		if killAt[i] {
			if err := g.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		if err := cat.Type(fmt.Sprintf("say-c-%02d", i)); err != nil {
			t.Fatal(err)
		}
		if err := cat.Press("Enter"); err != nil {
			t.Fatal(err)
		}
		if killAt[i-2] {
			g.start(t)
		}
	}
	everything := func(s string) bool {
		return len(said.FindAllString(s, -1)) >= 3*each && !strings.Contains(s, "wait…")
	}
	orders := map[string][]string{
		"ann": said.FindAllString(ann.wait("everything", everything), -1),
		"bob": said.FindAllString(bob.wait("everything", everything), -1),
	}
	if err := cat.WaitFor(fmt.Sprintf(`document.querySelector("#log").innerText.match(/say-[abc]-\d\d/g).length >= %d && !document.querySelector(".row.unsent")`, 3*each)); err != nil {
		t.Fatalf("%v\n%s", err, page())
	}
	orders["cat"] = said.FindAllString(page(), -1)

	stored := storedTexts(t, g)
	for who, order := range orders {
		if !slices.Equal(order, stored) {
			t.Errorf("%s sees %v\nthe store has %v", who, order, stored)
		}
	}
	checkOrder(t, stored, each)
	if joins := len(noise.FindAllString(page(), -1)); joins != joinsBefore {
		t.Errorf("a reconnect was seen by others: %d lines of coming and going, %d before\n%s", joins, joinsBefore, page())
	}
	for _, line := range cat.Console() {
		if strings.Contains(line.Text, "Content Security Policy") {
			t.Errorf("console: %s", line.Text)
		}
	}
}

// storedTexts stops the gateway and reads its database.
func storedTexts(t *testing.T, g *gatewayProcess) []string {
	t.Helper()
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	store, err := sqlitestore.Open(g.store, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	entries, complete, err := store.Before(context.Background(), 1, 0, 500)
	if err != nil || !complete {
		t.Fatalf("read the history: complete %v, %v", complete, err)
	}
	var texts []string
	for i, e := range entries {
		if e.Seq != int64(i)+1 {
			t.Errorf("seq %d at place %d", e.Seq, i+1)
		}
		if e.Kind == talk.KindPosted && said.MatchString(e.Text) {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// checkOrder: everything once, and what one person said in the order of saying.
func checkOrder(t *testing.T, texts []string, each int) {
	t.Helper()
	next := map[string]int{}
	for _, text := range texts {
		who := text[:len("say-x")]
		if want := fmt.Sprintf("%s-%02d", who, next[who]); text != want {
			t.Errorf("%s where %s should be", text, want)
		}
		next[who]++
	}
	if len(texts) != 3*each {
		t.Errorf("%d texts are stored, want %d", len(texts), 3*each)
	}
}

func TestAForeignClientInEachForm(t *testing.T) {
	t.Parallel()
	g := startGateway(t, t.TempDir())
	for _, form := range []string{"json", "extended", "bincode"} {
		out, err := exec.Command("python3", "../../talk/testdata/foreign/foreign.py",
			"--url", "ws://"+g.addr+"/ws", "--form", form, "--room", "7", "--name", "ada", "--text", "hello").CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", form, err, out)
		}
	}
	out, err := exec.Command("perl", "../../talk/testdata/foreign/extended.pl", "ws://"+g.addr+"/ws", "7", "grace", "hello").CombinedOutput()
	if err != nil {
		t.Errorf("extended bincode: %v\n%s", err, out)
	}
}

func TestProgramEndsWithOneLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := startGateway(t, dir)
	corrupt := filepath.Join(dir, "corrupt.db")
	if err := os.WriteFile(corrupt, []byte(strings.Repeat("this is no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"address in use":    {[]string{"-listen", g.addr, "-admin", "none", "-store", "sqlite:" + filepath.Join(dir, "x.db")}, "address already in use"},
		"database in use":   {[]string{"-listen", freeAddr(t), "-admin", "none", "-store", "sqlite:" + g.store}, g.store},
		"corrupt database":  {[]string{"-listen", freeAddr(t), "-admin", "none", "-store", "sqlite:" + corrupt}, corrupt},
		"no such folder":    {[]string{"-listen", freeAddr(t), "-admin", "none", "-store", "sqlite:" + filepath.Join(dir, "no", "x.db")}, "does not exist"},
		"postgres not here": {[]string{"-listen", freeAddr(t), "-admin", "none", "-store", "postgres://u:hidden@127.0.0.1:1/x"}, "refused"},
		"unknown flag":      {[]string{"-colour"}, "colour"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			out, err := exec.CommandContext(ctx, programs.gateway, tc.args...).CombinedOutput()
			text := strings.TrimSpace(string(out))
			if err == nil || ctx.Err() != nil {
				t.Fatalf("ended with %v: %s", err, text)
			}
			if strings.Contains(text, "\n") || !strings.Contains(text, tc.says) || strings.Contains(text, "hidden") {
				t.Errorf("says %q, want one line with %q", text, tc.says)
			}
		})
	}
}

// TestRefusalsHaveTheSitesHeaders: what the gateway says itself beside the site.
func TestRefusalsHaveTheSitesHeaders(t *testing.T) {
	t.Parallel()
	g := startGateway(t, t.TempDir())
	headers := func(path string) http.Header {
		resp, err := http.Get("http://" + g.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.Header
	}
	page, refusal := headers("/"), headers("/ws")
	for name := range web.SecurityHeaders() {
		if want := page.Get(name); want == "" || refusal.Get(name) != want {
			t.Errorf("%s: %q on a refusal, %q on the page", name, refusal.Get(name), want)
		}
	}
}

// TestPasswordsAreShownNowhere: one on the command line is, to all on the machine,
// and that is said.
func TestPasswordsAreShownNowhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	profiles := freeAddr(t)
	g := startGateway(t, dir, "-log-level", "debug", "-pprof", profiles, "-store", "postgres://u:hidden@h/db?password=hidden2", "-bus=redis://:hidden3@h:1",
		"-store", "sqlite:"+filepath.Join(dir, "talk.db"), "-bus=local")
	for _, path := range []string{"/debug/pprof/cmdline", "/debug/pprof/", "/debug/pprof/goroutine?debug=2", "/metrics", "/readyz"} {
		at := g.admin
		if strings.HasPrefix(path, "/debug") {
			at = profiles
		}
		resp, err := http.Get("http://" + at + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || strings.Contains(string(body), "hidden") {
			t.Errorf("%s: %d %q %v", path, resp.StatusCode, body, err)
		}
		if strings.HasSuffix(path, "cmdline") && (!strings.Contains(string(body), "-listen\x00"+g.addr) || !strings.Contains(string(body), "postgres://…")) {
			t.Errorf("the command line is %q", body)
		}
	}
	if log := g.Log(); strings.Contains(log, "hidden") || !strings.Contains(log, "a password on the command line") {
		t.Errorf("the log:\n%s", log)
	}
}

// TestAdmin: what operators look at.
func TestAdmin(t *testing.T) {
	t.Parallel()
	g := startGateway(t, t.TempDir())
	for path, want := range map[string]string{
		"/healthz":      "ok",
		"/readyz":       "ready",
		"/metrics":      "tuitalk_build_info{goversion=",
		"/debug/pprof/": "", // not here, and by default nowhere
	} {
		resp, err := http.Get("http://" + g.admin + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || (resp.StatusCode == http.StatusOK) != (want != "") || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %.200s %v", path, resp.StatusCode, body, err)
		}
	}
}
