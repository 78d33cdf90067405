package devcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// groupReaper ends a process group when this process is gone, however it went. The
// kernel ends the program that we started; what that program has started, such
// as Nginx's workers, would live on.
type groupReaper struct {
	cmd   *exec.Cmd
	alive int // the reaper waits for the end of it; a descriptor, which no garbage collection closes
}

// startReaper watches over the group that a process leads.
func startReaper(p *process) (*groupReaper, error) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	wait, alive := os.NewFile(uintptr(ends[0]), "the reaper's pipe"), ends[1]
	defer wait.Close()
	cmd := exec.Command("/bin/sh", "-c", `read -r _; kill -s KILL -- "-$0"`, strconv.Itoa(p.pid()))
	cmd.Stdin = wait
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		syscall.Close(alive)
		return nil, err
	}
	return &groupReaper{cmd: cmd, alive: alive}, nil
}

// close ends the reaper. The group must be gone.
func (r *groupReaper) close() {
	if r == nil {
		return
	}
	_ = r.cmd.Process.Kill() // before its pipe ends, so that it does nothing any more
	_ = r.cmd.Wait()
	syscall.Close(r.alive)
}

// killGroup ends a process and its group with SIGKILL and waits until all are
// gone, also those that the process was just starting.
func killGroup(p *process) error {
	for {
		err := p.signalGroup(syscall.SIGKILL)
		<-p.done
		if errors.Is(err, syscall.ESRCH) {
			return nil
		} else if err != nil {
			return err
		}
		living, err := groupOf(p.pid())
		if err != nil || len(living) == 0 {
			return err // only zombies are left, which somebody else must bury
		}
		for _, c := range living {
			awaitState(c.pid, c.start, "Z", "X")
		}
	}
}

// statGroup is the index of the process group in /proc/pid/stat (proc(5)).
const statGroup = 2

// groupOf lists the living processes of a group.
func groupOf(leader int) (living []child, err error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		f := statFields(pid)
		if f != nil && f[statGroup] == strconv.Itoa(leader) && f[statState] != "Z" && f[statState] != "X" {
			living = append(living, child{pid: pid, start: f[statStart]})
		}
	}
	return living, nil
}
