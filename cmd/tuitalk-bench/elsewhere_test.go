//go:build integration

package main

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tuitalk/bench/coordinator"
	"tuitalk/deploy/devcluster"
)

// elsewhere stands for another machine: a network of its own, a cable to this
// one, and a name for the running kernel that is not ours, so that its clock is
// taken for another. All of it goes with its first process, however this one
// ends.
type elsewhere struct {
	first *exec.Cmd // sleeps
	cable string    // our end of it
	host  netip.Addr
	addr  netip.Addr
}

// networks that are used for measuring devices, and so for nothing else (RFC 2544).
var networks = netip.MustParsePrefix("198.18.0.0/15")

// openElsewhere makes the n-th one of this process.
func openElsewhere(t *testing.T, n int) *elsewhere {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes networks of their own, which needs root")
	}
	kernel := filepath.Join(t.TempDir(), "boot_id")
	if err := os.WriteFile(kernel, fmt.Appendln(nil, "another machine", n), 0o644); err != nil {
		t.Fatal(err)
	}
	e := &elsewhere{cable: fmt.Sprintf("tt%d-%d", os.Getpid(), n)}
	e.first = exec.Command("unshare", "--net", "--mount", "sh", "-c",
		`mount --bind "$0" /proc/sys/kernel/random/boot_id && echo made && exec sleep 600`, kernel)
	e.first.Stderr = os.Stderr
	stdout, err := e.first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin(t, e.first)
	t.Cleanup(func() { _ = e.first.Process.Kill(); _ = e.first.Wait() })
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("a network of its own was not made: %q, %v", line, err)
	}
	e.connect(t, n)
	return e
}

// connect lays the cable, with two addresses that this process alone uses.
func (e *elsewhere) connect(t *testing.T, n int) {
	t.Helper()
	const mostHere = 8
	first := networks.Addr().As4()
	block := 4 * ((os.Getpid()*mostHere + n) % (1 << 15))
	at := func(i int) netip.Addr {
		return netip.AddrFrom4([4]byte{first[0], first[1] + byte(block>>16), byte(block >> 8), byte(block + i)})
	}
	e.host, e.addr = at(1), at(2)
	must(t, "ip", "link", "add", e.cable, "type", "veth", "peer", "name", "up0", "netns", fmt.Sprint(e.first.Process.Pid))
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", e.cable).Run() }) // it may have gone with its other end
	must(t, "ip", "addr", "add", e.host.String()+"/30", "dev", e.cable)
	must(t, "ip", "link", "set", e.cable, "up")
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"addr", "add", e.addr.String() + "/30", "dev", "up0"},
		{"link", "set", "up0", "up"},
		{"route", "add", "default", "via", e.host.String()},
	} {
		must(t, "nsenter", e.inside("ip", args...)...)
	}
}

// inside are the arguments of nsenter that run a program there.
func (e *elsewhere) inside(program string, args ...string) []string {
	return append([]string{"--target", fmt.Sprint(e.first.Process.Pid), "--net", "--mount", program}, args...)
}

func must(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
}

// worker starts one there, and gives where it listens. nsenter becomes it, so the
// process is the worker's own.
func (e *elsewhere) worker(t *testing.T, key string) (w *exec.Cmd, addr string) {
	t.Helper()
	w = exec.Command("nsenter", e.inside(programs.bench, "worker", "-listen", e.addr.String()+":0")...)
	w.Env = append(os.Environ(), coordinator.KeyVariable+"="+key)
	return w, listening(t, w)
}

// fleetElsewhere is a gateway here and two workers elsewhere that know a key.
type fleetElsewhere struct {
	url      string
	machines [2]*elsewhere
	workers  [2]*exec.Cmd
	addrs    [2]string
}

const keyElsewhere = "open sesame"

// startElsewhere starts it; first is the number of the first machine.
func startElsewhere(t *testing.T, first int) *fleetElsewhere {
	t.Helper()
	f := &fleetElsewhere{}
	for i := range f.machines {
		f.machines[i] = openElsewhere(t, first+i)
		f.workers[i], f.addrs[i] = f.machines[i].worker(t, keyElsewhere)
	}
	addr := f.machines[0].host.String() + ":8080" // nobody else has the address
	dir := t.TempDir()
	g, err := devcluster.StartGateway(t.Context(), devcluster.GatewayOptions{
		Program: programs.gateway, Dir: dir, Store: "sqlite:" + filepath.Join(dir, "chat.db"),
		Args: []string{"-limits", "none", "-listen", addr},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	f.url = "ws://" + addr + "/ws"
	return f
}

// args are those of a load with the workers, for so long.
func (f *fleetElsewhere) args(duration, key string, more ...string) []string {
	return append([]string{"load", "-target", f.url, "-workers", strings.Join(f.addrs[:], ","), "-key", key,
		"-clients", "200", "-rooms", "10", "-rate", "50", "-warm-up", "1s", "-duration", duration}, more...)
}
