// Package nginx holds the configuration of the balancers, for programs that
// start one.
package nginx

import (
	"cmp"
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Conf is nginx.conf as a fleet has it.
//
//go:embed nginx.conf
var Conf string

// Machine is what differs from one machine to the next.
type Machine struct {
	User     string   // of the workers
	Dir      string   // absolute, for the pid file, the error log and temporary files
	Listen   string   // address:port
	Gateways []string // address:port of each
	Workers  int      // processes
	Files    int      // that each of them may have open
	// Unlimited takes the bounds of what one address may have away, for load tests:
	// there everybody has the same.
	Unlimited bool
}

// For returns Conf with the values of one machine. All else stays as it is, to
// the letter.
func For(m Machine) (string, error) {
	if len(m.Gateways) == 0 {
		return "", fmt.Errorf("nginx.conf: no gateways given")
	}
	e := editor{text: Conf}
	e.set("user", m.User)
	e.set("pid", m.Dir+"/nginx.pid")
	e.set("error_log", m.Dir+"/error.log")
	e.set("worker_processes", strconv.Itoa(m.Workers))
	e.set("worker_rlimit_nofile", strconv.Itoa(m.Files))
	e.set("worker_connections", strconv.Itoa(m.Files-spareFiles))
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "scgi", "uwsgi"} {
		e.set(kind+"_temp_path", m.Dir+"/"+kind)
	}
	e.set("listen", m.Listen)
	e.drop("ipv6only=off") // m.Listen is one address
	e.repeat("server", m.Gateways)
	if m.Unlimited {
		e.swap("    geo $limited {\n        default 1;", "    geo $limited {\n        default 0;")
	}
	return e.text, e.err
}

// spareFiles is what a worker has open besides its connections.
const spareFiles = 64

// editor changes values in a configuration and keeps the first error.
type editor struct {
	text string
	err  error
}

// set replaces the first value of a directive, which must stand there once.
func (e *editor) set(directive, value string) { e.replace(directive, 1, []string{value}) }

// repeat writes a directive that stands there several times once for each
// value, in each block that has it; all keep what follows the value of the first.
func (e *editor) repeat(directive string, values []string) {
	blocks := strings.SplitAfter(e.text, "\n    }\n")
	for i, block := range blocks {
		if regexp.MustCompile(`(?m)^ *` + directive + ` [^{]`).MatchString(block) {
			part := editor{text: block}
			part.replace(directive, 0, values)
			blocks[i], e.err = part.text, cmp.Or(e.err, part.err)
		}
	}
	e.text = strings.Join(blocks, "")
}

// replace expects so many lines of the directive, 0: any number, one after the
// other. Blocks of the same name do not count.
func (e *editor) replace(directive string, count int, values []string) {
	lines := regexp.MustCompile(`(?m)^([ ]*` + directive + ` )(\S+?)([ ;].*\n)`)
	found := lines.FindAllStringSubmatchIndex(e.text, -1)
	kept := found[:0]
	for _, f := range found {
		if !strings.HasPrefix(e.text[f[4]:], "{") {
			kept = append(kept, f)
		}
	}
	if len(kept) == 0 || count != 0 && len(kept) != count {
		e.fail(fmt.Errorf("nginx.conf: %q stands there %d times", directive, len(kept)))
		return
	}
	first, last := kept[0], kept[len(kept)-1]
	var block strings.Builder
	for _, v := range values {
		block.WriteString(e.text[first[2]:first[3]] + quote(v) + e.text[first[6]:first[7]])
	}
	e.text = e.text[:first[0]] + block.String() + e.text[last[1]:]
}

// drop takes out a parameter, which must stand there once.
func (e *editor) drop(parameter string) {
	if n := strings.Count(e.text, " "+parameter); n != 1 {
		e.fail(fmt.Errorf("nginx.conf: %q stands there %d times", parameter, n))
	}
	e.text = strings.Replace(e.text, " "+parameter, "", 1)
}

// swap replaces a text, which must stand there once.
func (e *editor) swap(old, text string) {
	if n := strings.Count(e.text, old); n != 1 {
		e.fail(fmt.Errorf("nginx.conf: %q stands there %d times", old, n))
	}
	e.text = strings.Replace(e.text, old, text, 1)
}

func (e *editor) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// quote protects what Nginx would take for syntax.
func quote(value string) string {
	if !strings.ContainsAny(value, " \t;{}\"'\\$#") {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
