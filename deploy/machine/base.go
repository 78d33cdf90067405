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

// Packages are what a Base has beside those of a small VM.
type Packages struct {
	Installed []string
	// Offered ones are only downloaded: apt installs them in a machine, which reaches no
	// mirror, with all that they depend on (without what they recommend).
	Offered []string
}

// Base returns the folder of an unpacked Debian with further packages. It is made the
// first time, which takes a minute or two and a mirror, and kept.
func Base(ctx context.Context, further Packages) (folder string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the folder for machines: %w", err)
	}
	further.Installed = slices.Sorted(slices.Values(append(slices.Clone(packages), further.Installed...)))
	listed := suite + " " + strings.Join(further.Installed, " ")
	if len(further.Offered) > 0 {
		listed += "; " + strings.Join(further.Offered, " ")
	}
	key := sha256.Sum256([]byte(listed))
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
	return folder, unpack(ctx, folder, further)
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
func unpack(ctx context.Context, folder string, all Packages) error {
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
	debootstrap := []string{"mmdebstrap", "--variant=minbase", "--include=" + strings.Join(all.Installed, ",")}
	if len(all.Offered) > 0 {
		debootstrap = append(debootstrap, "--skip=cleanup/apt",
			`--customize-hook=APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get install -y --no-install-recommends --download-only `+strings.Join(all.Offered, " "))
	}
	for _, command := range [][]string{
		append(debootstrap, suite, archive),
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
