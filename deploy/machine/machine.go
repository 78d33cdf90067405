package machine

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var (
	//go:embed keep.sh
	keepScript string
	//go:embed boot.sh
	bootScript string
)

// path is what programs in a machine, and the scripts here, are looked for in.
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// pause is how often a machine is asked for what it is waited for.
const pause = 50 * time.Millisecond

// Machine is one that runs.
type Machine struct {
	cgroup string // folder of its control group
	folder string // of its mounts
	keeper *os.Process
	ended  chan struct{} // closed when keep.sh has ended
	log    bytes.Buffer  // what the scripts said; to be read once ended is closed
}

// Start boots a machine over a Base and waits until systemd has started everything. With
// a network it has eth0 in that, without an address.
func Start(ctx context.Context, name, base string, network *Network) (*Machine, error) {
	group, err := unified()
	if err != nil {
		return nil, err
	}
	m := &Machine{ended: make(chan struct{})}
	if m.folder, err = os.MkdirTemp("", "tuitalk-machine-"); err != nil {
		return nil, err
	}
	m.cgroup = filepath.Join(group, filepath.Base(m.folder))
	if err := os.Mkdir(m.cgroup, 0o755); err != nil {
		return nil, errors.Join(fmt.Errorf("start a machine: %w", err), os.Remove(m.folder))
	}
	cmd := exec.Command("unshare", "--fork", "--pid", "--mount", "--kill-child", "--propagation", "private", "sh", "-c", keepScript)
	cmd.Env = []string{path, "NAME=" + name, "BASE=" + base, "DIR=" + m.folder, "CGROUP=" + m.cgroup, "BOOT=" + bootScript}
	if network != nil {
		cmd.Env = append(cmd.Env, "NETWORK="+network.namespace())
	}
	cmd.Stdout, cmd.Stderr = &m.log, &m.log
	if m.keeper, err = keep(cmd, m.ended); err != nil {
		close(m.ended)
		return nil, errors.Join(fmt.Errorf("start a machine: %w", err), m.Close())
	}
	if err := m.await(ctx, 0); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// unified finds where the unified control groups are.
func unified() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		if f := strings.Fields(before); len(f) > 4 && strings.HasPrefix(after, "cgroup2 ") {
			return f[4], nil
		}
	}
	return "", errors.New("start a machine: no cgroup2 is mounted here, which systemd needs")
}

// keep starts a process from a thread that lives until it has ended, as its end is the
// signal for the kernel to kill the process. Then ended is closed.
func keep(cmd *exec.Cmd, ended chan<- struct{}) (*os.Process, error) {
	started := make(chan error)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // however it ended, it has
			close(ended)
		}
	}()
	err := <-started
	return cmd.Process, err
}

// await waits until systemd, another process than before, has started everything.
func (m *Machine) await(ctx context.Context, before int) error {
	said := ""
	for {
		if pid, err := m.systemd(); err == nil && pid != before {
			out, _ := m.Run(ctx, "systemctl", "is-system-running", "--wait") // also fails while it begins
			if said = strings.TrimSpace(out); said == "running" || said == "degraded" {
				return nil
			}
		}
		select {
		case <-m.ended:
			return fmt.Errorf("the machine ended while it booted:\n%s", m.log.String())
		case <-ctx.Done():
			return fmt.Errorf("the machine has not booted (%q): %w", said, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// systemd is PID 1 of the machine, as it is called here.
func (m *Machine) systemd() (pid int, err error) {
	procs, err := os.ReadFile(filepath.Join(m.cgroup, "init.scope", "cgroup.procs"))
	if err != nil {
		return 0, fmt.Errorf("find the machine's systemd: %w", err)
	}
	first, _, _ := strings.Cut(string(procs), "\n")
	if pid, err = strconv.Atoi(first); err != nil || pid <= 0 {
		return 0, errors.New("find the machine's systemd: it does not run")
	}
	return pid, nil
}

// Run runs a program in the machine as root, and returns its output. The error has it
// too.
func (m *Machine) Run(ctx context.Context, command ...string) (out string, err error) {
	pid, err := m.systemd()
	if err != nil {
		return "", err
	}
	args := append([]string{"-t", strconv.Itoa(pid), "-a", "--", "env", "-i", path, "LANG=C.UTF-8", "HOME=/root", "DEBIAN_FRONTEND=noninteractive"}, command...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.WaitDelay = time.Second // what runs in the machine holds the pipe, and is not killed with nsenter
	said, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, said)
	}
	return string(said), err
}

// File is the name here of a file in the machine, while that runs.
func (m *Machine) File(name string) (string, error) {
	pid, err := m.systemd()
	return filepath.Join("/proc", strconv.Itoa(pid), "root", name), err
}

// Reboot has the machine stop everything and boot again, and waits for both.
func (m *Machine) Reboot(ctx context.Context) error {
	before, err := m.systemd()
	if err != nil {
		return err
	}
	_, _ = m.Run(ctx, "systemctl", "reboot") // it may end in the middle of its answer
	return m.await(ctx, before)
}

// Dial connects from within the machine's network. It takes addresses, not names.
func (m *Machine) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	pid, err := m.systemd()
	if err != nil {
		return nil, err
	}
	return dialIn(ctx, filepath.Join("/proc", strconv.Itoa(pid), "ns", "net"), network, address)
}

// Close ends the machine, as by pulling its plug, and removes what was its.
func (m *Machine) Close() error {
	if m.keeper != nil {
		_ = m.keeper.Kill() // it may have ended by itself
		<-m.ended
	}
	return errors.Join(removeGroup(m.cgroup), os.Remove(m.folder))
}

// groupTimeout bounds the wait for the kernel to end what was in a control group.
const groupTimeout = 10 * time.Second

// removeGroup removes a control group and those in it.
func removeGroup(folder string) error {
	for end := time.Now().Add(groupTimeout); ; time.Sleep(pause) {
		err := removeFolders(folder)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// removeFolders removes folders, whose files are the kernel's, from within.
func removeFolders(folder string) error {
	var all []string
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, name)
		}
		return err
	})
	for i := len(all) - 1; i >= 0; i-- {
		err = errors.Join(err, os.Remove(all[i]))
	}
	return err
}
