package machine

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Network joins machines by a bridge, in a network namespace of its own from which
// nothing else is reached. It ends with its process, which holds the namespace, and with
// the machines in it.
type Network struct {
	holder *os.Process
	ended  chan struct{}
}

// NewNetwork makes a network in which this side has an address, written with the length
// of its prefix.
func NewNetwork(address string) (*Network, error) {
	n := &Network{ended: make(chan struct{})}
	cmd := exec.Command("unshare", "--net", "sh", "-c", `set -e
		ip link set lo up
		ip link add switch type bridge
		ip link set switch up
		ip address add "$ADDRESS" dev switch
		echo there
		exec sleep infinity`)
	cmd.Env = []string{path, "ADDRESS=" + address}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if n.holder, err = keep(cmd, n.ended); err != nil {
		return nil, fmt.Errorf("make a network for machines: %w", err)
	}
	if _, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		n.Close()
		return nil, fmt.Errorf("make a network for machines: %w", err)
	}
	return n, nil
}

// namespace is the file of its namespace.
func (n *Network) namespace() string {
	return filepath.Join("/proc", strconv.Itoa(n.holder.Pid), "ns", "net")
}

// Run runs a program of this machine in the network, with these variables besides its
// own, and returns its output. Whatever it leaves running ends with it.
func (n *Network) Run(ctx context.Context, env []string, command ...string) (out string, err error) {
	args := append([]string{"--net=" + n.namespace(), "--", "unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "--"}, command...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // the kernel takes its end for this process's
	defer runtime.UnlockOSThread()
	said, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, said)
	}
	return string(said), err
}

// Dial connects from this side. It takes addresses, not names.
func (n *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return dialIn(ctx, n.namespace(), network, address)
}

// Close takes the network away from the machines that are still in it.
func (n *Network) Close() {
	_ = n.holder.Kill() // it may have ended by itself
	<-n.ended
}

// dialIn connects from a network namespace, given by its file.
func dialIn(ctx context.Context, namespace, network, address string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		var ns *os.File
		if ns, err = os.Open(namespace); err != nil {
			return
		}
		defer ns.Close()
		if err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err == nil {
			conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		}
	}()
	<-done
	return conn, err
}
