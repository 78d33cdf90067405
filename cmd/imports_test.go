// Package cmd_test holds the rules by which the rooms of this house may know
// each other.
package cmd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// room is the first part of a package's path within the module.
type room = string

// mayImport lists for each room the other rooms that it may import. Imports
// point down: cmd → gateway, bench, tui, web → client, fanout, history → talk.
var mayImport = map[room][]room{
	"talk":      {},
	"websocket": {},
	"client":    {"talk"},
	"fanout":    {"talk"},
	"history":   {"talk"},
	"gateway":   {"fanout", "history", "talk", "websocket"},
	"bench":     {"client", "fanout", "history", "talk", "deploy", "websocket"},
	"tui":       {"client", "talk"},
	"web":       {"client", "talk"},
	"deploy":    {},
	"fleetsim":  {"gateway", "client", "fanout", "history", "talk", "bench"},
	"cmd":       {"talk", "client", "fanout", "history", "gateway", "bench", "tui", "web", "deploy"},
}

// below lists what of this module a package within a room may import: nothing that leads
// back up to who uses it.
var below = map[string][]string{
	"tuitalk/gateway/commit":    {"tuitalk/fanout", "tuitalk/history", "tuitalk/talk", "tuitalk/gateway/sched"},
	"tuitalk/gateway/limits":    {},
	"tuitalk/gateway/transport": {"tuitalk/websocket"},
	"tuitalk/gateway/sched":     {},
}

// onlyIn lists the packages that may import an outside library. Its types never
// cross their borders.
var onlyIn = map[string][]string{
	"github.com/lesismal/nbio":    {"tuitalk/gateway/transport", "tuitalk/bench/virtualuser"},
	"github.com/redis/rueidis":    {"tuitalk/fanout/redisbus"},
	"github.com/jackc/pgx":        {"tuitalk/history/pgstore"},
	"modernc.org/sqlite":          {"tuitalk/history/sqlitestore"},
	"github.com/gdamore/tcell":    {"tuitalk/tui"},
	"github.com/coder/websocket":  {"tuitalk/client", "tuitalk/web/chromium"},
	"github.com/peterbourgon/ff":  {"tuitalk/cmd/setting"},
	"github.com/rivo/uniseg":      {"tuitalk/talk", "tuitalk/tui", "tuitalk/web/app"},
	"golang.org/x/text":           {"tuitalk/talk/names", "tuitalk/talk/confusables"}, // too large for a browser
	"github.com/prometheus":       {"tuitalk/gateway", "tuitalk/fanout/redisbus", "tuitalk/cmd/tuitalk-gateway", "tuitalk/bench/measure"},
	"net/http":                    {"tuitalk/gateway", "tuitalk/gateway/transport", "tuitalk/web", "tuitalk/web/chromium", "tuitalk/client", "tuitalk/bench/attack", "tuitalk/bench/coordinator", "tuitalk/bench/measure", "tuitalk/cmd/tuitalk-gateway", "tuitalk/deploy/devcluster"},
	"github.com/goccy/go-json":    {"tuitalk/talk", "tuitalk/bench/result", "tuitalk/bench/scenario", "tuitalk/bench/virtualuser", "tuitalk/deploy/devcluster"},
	"github.com/HdrHistogram":     {"tuitalk/bench/measure"},
	"tuitalk/gateway":             {"tuitalk/cmd/tuitalk-gateway", "tuitalk/fleetsim"},       // what loads it sees only its wire
	"tuitalk/client/view":         {"tuitalk/tui", "tuitalk/web/app", "tuitalk/cmd/tuitalk"}, // a session knows no screen
	"tuitalk/bench/coordinator":   {"tuitalk/cmd/tuitalk-bench", "tuitalk/bench/chaos", "tuitalk/bench/chaos/chaostest"},
	"tuitalk/history/pgstore":     {"tuitalk/cmd/tuitalk-gateway", "tuitalk/cmd/tuitalk-bench", "tuitalk/bench/chaos"}, // the last reads what a set-back database has lost
	"tuitalk/history/sqlitestore": {"tuitalk/cmd/tuitalk-gateway"},
	"tuitalk/fanout/redisbus":     {"tuitalk/cmd/tuitalk-gateway"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

// list asks go for packages of the module, as built for one platform.
func list(t *testing.T, env []string, patterns ...string) (all []pkg) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports"}, patterns...)...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		var ee *exec.ExitError
		if errors.As(err, &ee) {
			t.Fatalf("go list: %v\n%s", err, ee.Stderr)
		}
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportsPointDown(t *testing.T) {
	packages := list(t, nil, "tuitalk/...")
	packages = append(packages, list(t, []string{"GOOS=js", "GOARCH=wasm"},
		"tuitalk/talk", "tuitalk/client", "tuitalk/web/app/...", "tuitalk/cmd/tuitalk-web")...)
	if len(packages) < 12 {
		t.Fatalf("only %d packages found", len(packages))
	}
	for _, p := range packages {
		for _, imported := range p.Imports {
			check(t, p.ImportPath, imported)
		}
	}
}

func check(t *testing.T, importer, imported string) {
	t.Helper()
	if roomOf(imported) != "" && roomOf(imported) != roomOf(importer) {
		allowed, known := mayImport[roomOf(importer)]
		if !known {
			t.Errorf("%s is in no known room", importer)
		} else if !slices.Contains(allowed, roomOf(imported)) {
			t.Errorf("%s imports %s, which is not below it", importer, imported)
		}
	}
	if allowed, inner := below[importer]; inner && roomOf(imported) != "" && !slices.Contains(allowed, imported) {
		t.Errorf("%s imports %s, and not only %v", importer, imported, allowed)
	}
	for library, homes := range onlyIn {
		inside := imported == library || strings.HasPrefix(imported, library+"/")
		at := func(home string) bool {
			return importer == home || importer == library || path.Dir(importer) == library
		}
		if inside && !slices.ContainsFunc(homes, at) {
			t.Errorf("%s imports %s, which belongs to %v only", importer, imported, homes)
		}
	}
}

func roomOf(importPath string) room {
	rest, ok := strings.CutPrefix(importPath, "tuitalk/")
	if !ok {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}
