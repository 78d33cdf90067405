package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// packages are those of a small VM, beside Debian's essential ones.
var packages = []string{
	"systemd", "systemd-sysv", "dbus", "iproute2", "procps", "iputils-ping", "ca-certificates", "udev",
	"libpam-systemd", "nftables", "openssl", "curl", "zstd",
}

// suite is the Debian of all machines.
const suite = "bookworm"

// Base returns the folder of an unpacked Debian with further packages. It is made the
// first time, which takes a minute or two and a mirror, and kept.
func Base(ctx context.Context, further ...string) (folder string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the folder for machines: %w", err)
	}
	all := slices.Sorted(slices.Values(append(slices.Clone(packages), further...)))
	key := sha256.Sum256([]byte(suite + " " + strings.Join(all, " ")))
	cache = filepath.Join(cache, "tuitalk", "machines")
	folder = filepath.Join(cache, suite+"-"+hex.EncodeToString(key[:6]))
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(folder + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	return folder, unpack(ctx, folder, all)
}

// lock keeps others from making the same base. They are let in when it is there.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}

// unpack makes a folder in one step, after its contents.
func unpack(ctx context.Context, folder string, all []string) error {
	making := folder + ".making"
	if err := os.RemoveAll(making); err != nil { // of somebody who was killed
		return err
	}
	if err := os.Mkdir(making, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(making)
	archive, root := filepath.Join(making, "base.tar"), filepath.Join(making, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"mmdebstrap", "--variant=minbase", "--include=" + strings.Join(all, ","), suite, archive},
		{"tar", "-C", root, "--numeric-owner", "--xattrs", "--exclude=./dev/*", "-xf", archive}, // devices are the host's
	} {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.WaitDelay = time.Second // children of its may hold the pipe
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("make the base of machines: %s: %w\n%s", command[0], err, out)
		}
	}
	return os.Rename(root, folder)
}
