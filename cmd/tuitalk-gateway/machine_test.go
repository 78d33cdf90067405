//go:build integration && machines

package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/deploy/machine"
	"tuitalk/talk"
)

// The unit of the package, and its address on the machine.
const (
	unit          = "tuitalk-gateway"
	machineListen = "127.0.0.1:8080"
	machineEnv    = "/etc/tuitalk/gateway.env"
)

// vm is a machine with what its operator does.
type vm struct {
	*machine.Machine
	t    *testing.T
	said []string // in the room, until now
}

func startVM(t *testing.T) *vm {
	t.Helper()
	making, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // the base, the first time; less than the whole package has
	defer cancel()
	base, err := machine.Base(making, machine.Packages{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := machine.Start(making, "chat", base, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return &vm{Machine: m, t: t}
}

// do runs a command, which must succeed.
func (v *vm) do(command string) string {
	v.t.Helper()
	out, err := v.try(command)
	if err != nil {
		log, _ := v.try("journalctl -u " + unit + " --no-pager | tail -30")
		v.t.Fatalf("%v\nthe log:\n%s", err, log)
	}
	return out
}

func (v *vm) try(command string) (string, error) {
	ctx, cancel := context.WithTimeout(v.t.Context(), 2*time.Minute)
	defer cancel()
	out, err := v.Run(ctx, "sh", "-c", command)
	return strings.TrimSpace(out), err
}

// pid is the running gateway's, "0" while there is none.
func (v *vm) pid() string {
	v.t.Helper()
	return v.do("systemctl show -p MainPID --value " + unit)
}

// until waits for something to become true.
func (v *vm) until(what string, is func() bool) {
	v.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			log, _ := v.try("systemctl status " + unit + "; journalctl -u " + unit + " --no-pager | tail -30")
			v.t.Fatalf("not in a minute: %s\n%s", what, log)
		}
	}
}

// enter connects a client, who is in the room then.
func (v *vm) enter(room int32) *wire {
	v.t.Helper()
	by := &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: v.Dial, DisableKeepAlives: true}}}
	var w *wire
	v.until("a client is in", func() (in bool) {
		var err error
		w, err = tryWireBy(v.t, machineListen, room, by)
		return err == nil
	})
	return w
}

// says has a newcomer post a text and see all that was said in the history, in order.
func (v *vm) says(text string) {
	v.t.Helper()
	w := v.enter(7)
	w.stored(7, 0, text)
	v.said = append(v.said, text)
	posts, err := w.history(7)
	var texts []string
	for _, p := range posts {
		texts = append(texts, p.Text)
	}
	if err != nil || !slices.Equal(texts, v.said) {
		v.t.Errorf("the history is %q, %v; want %q", texts, err, v.said)
	}
	_ = w.ws.CloseNow()
}

// put copies a file into the machine.
func (v *vm) put(from, to string) {
	v.t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		v.t.Fatal(err)
	}
	name, err := v.File(to)
	if err == nil {
		err = os.WriteFile(name, data, 0o644)
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

// files are all of the machine, but for what apt and systemd keep of what was done.
func (v *vm) files() []string {
	v.t.Helper()
	return strings.Split(v.do(`find / -xdev \( -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log -o -path /tmp -o -path /var/tmp \
		-o -path /run -o -path /root -o -path /var/lib/systemd/timers -o -path /var/lib/systemd/timesync \) -prune -o -print | sort`), "\n")
}

// packageOf builds the package of the gateway, as of a version.
func packageOf(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("../../deploy/debian/build.sh", runtime.GOARCH, version, dir, "tuitalk-gateway")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(dir, "tuitalk-gateway_*.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the packages are %q, %v", found, err)
	}
	return found[0]
}

// TestPackageOnAMachine is the life of the package on a real machine: installed it
// serves; killed and rebooted it serves again; wrong settings are said and not tried
// again; an upgrade moves its people and keeps what was edited; purged, nothing is left.
func TestPackageOnAMachine(t *testing.T) {
	t.Parallel()
	old, newer := packageOf(t, "v1.0.0"), packageOf(t, "v1.1.0")
	v := startVM(t)
	clean := v.files()
	v.put(old, "/root/old.deb")
	v.put(newer, "/root/new.deb")

	v.do("apt-get install -y /root/old.deb")
	v.manual()
	v.says("installed")
	if said := v.do("tuitalk-gateway -version"); said != "tuitalk-gateway v1.0.0" {
		t.Errorf("the program is %q", said)
	}
	if enabled := v.do("systemctl is-enabled " + unit); enabled != "enabled" {
		t.Errorf("the unit is %s", enabled)
	}

	v.replaced("kill -9")
	v.says("killed")
	if !testing.Short() { // the watchdog finds it
		v.replaced("kill -STOP")
		v.says("frozen")
	}

	v.wrongSettings()
	v.do("echo TUITALK_RESERVED_NAMES=helpdesk >>" + machineEnv)
	before := v.pid()
	v.do("systemctl reload " + unit)
	v.until("the settings are read again", func() bool {
		return strings.Contains(v.do("journalctl -u "+unit+" --no-pager"), "settings read again (SIGHUP)")
	})
	if v.pid() != before {
		t.Error("a reload ended the gateway")
	}

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := v.Reboot(ctx); err != nil {
		t.Fatal(err)
	}
	v.says("rebooted")

	v.upgrade()
	v.says("upgraded")
	if !testing.Short() {
		v.do("apt-get install -y --allow-downgrades /root/old.deb")
		v.says("gone back")
	}

	v.do("apt-get purge -y " + unit)
	if left := v.files(); !slices.Equal(left, clean) {
		t.Errorf("purged, it leaves %q", slices.DeleteFunc(left, func(name string) bool { return slices.Contains(clean, name) }))
	}
	if units, err := v.try("systemctl cat " + unit); err == nil {
		t.Errorf("purged, systemd knows %s", units)
	}
}

// manual: what deploy/README.md has an operator do at first.
func (v *vm) manual() {
	v.t.Helper()
	text, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		v.t.Fatal(err)
	}
	for command, says := range map[string]string{
		"curl -s http://127.0.0.1:9190/readyz":                                               "ready",
		"systemd-run -qP -p EnvironmentFile=/etc/tuitalk/gateway.env tuitalk-gateway -check": "tuitalk.db is open in a running gateway (process ",
	} {
		if !strings.Contains(string(text), command) {
			v.t.Errorf("the manual does not say %q", command)
		}
		if out := v.do(command); !strings.Contains(out, says) || strings.Contains(out, "degraded") || strings.Contains(out, "WRONG") {
			v.t.Errorf("%s: %s", command, out)
		}
	}
}

// replaced does something to the gateway's process, and waits for another one.
func (v *vm) replaced(by string) {
	v.t.Helper()
	pid := v.pid()
	v.do("test " + pid + " -gt 1 && " + by + " " + pid) // 0 would be everybody
	v.until("another process runs", func() bool { now := v.pid(); return now != pid && now != "0" })
}

// wrongSettings: a reload says what is wrong and changes nothing, a restart ends with
// the same sentence and is not repeated; right again, it serves.
func (v *vm) wrongSettings() {
	v.t.Helper()
	const sentence = `-grace (TUITALK_GRACE): "5" is not a time with its unit, as 30s`
	v.do("cp " + machineEnv + " /root/env && echo TUITALK_GRACE=5 >>" + machineEnv)
	before := v.pid()
	if out, err := v.try("systemctl reload " + unit); err == nil {
		v.t.Errorf("wrong settings are reloaded: %s", out)
	}
	if v.pid() != before {
		v.t.Error("a reload of wrong settings ended the gateway")
	}
	_, _ = v.try("systemctl restart " + unit) // it fails, as what follows sees
	v.until("the restart has failed", func() bool { return v.do("systemctl show -p ActiveState --value "+unit) == "failed" })
	if code := v.do("systemctl show -p ExecMainStatus --value " + unit); code != "78" {
		v.t.Errorf("it ended with %s", code)
	}
	if log := v.do("journalctl -u " + unit + " --no-pager"); strings.Count(log, sentence) != 2 {
		v.t.Errorf("the log has not twice %q:\n%s", sentence, log)
	}
	v.do("cp /root/env " + machineEnv + " && systemctl restart " + unit)
}

// upgrade installs the newer package under a connected client: it is told to move, and
// settings that were edited stay.
func (v *vm) upgrade() {
	v.t.Helper()
	w, before, moved := v.enter(7), v.pid(), make(chan bool, 1)
	go func() {
		for {
			m, err := w.next()
			if _, is := m.(talk.Reconnect); is || err != nil {
				moved <- is
				return
			}
		}
	}()
	v.do("apt-get install -y /root/new.deb")
	if !<-moved {
		v.t.Error("the client was not asked to move")
	}
	if now := v.pid(); now == before || now == "0" {
		v.t.Errorf("the gateway is process %s, and was %s", now, before)
	}
	if said := v.do("tuitalk-gateway -version"); said != "tuitalk-gateway v1.1.0" {
		v.t.Errorf("the program is %q", said)
	}
	if env := v.do("cat " + machineEnv); !strings.HasSuffix(env, "TUITALK_RESERVED_NAMES=helpdesk") {
		v.t.Errorf("the edited settings are\n%s", env)
	}
}
