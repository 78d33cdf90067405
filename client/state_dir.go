//go:build unix

package client

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// StateDir is where states are kept unless the user says otherwise:
// $XDG_STATE_HOME/tuitalk, else ~/.local/state/tuitalk.
func StateDir() (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" || !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the state directory: %w", err)
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "tuitalk"), nil
}

// serversName is the folder for what belongs to these servers: the same for the
// same set of origins, in whatever order, and for no other. It begins with a host,
// for people who look.
func serversName(servers []string) string {
	origins := make([]string, 0, len(servers))
	for _, s := range servers {
		origins = append(origins, origin(s))
	}
	slices.Sort(origins)
	origins = slices.Compact(origins)
	sum := sha256.Sum256([]byte(strings.Join(origins, "\n")))
	_, host, _ := strings.Cut(origins[0], "://")
	host = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, host)
	return host[:min(len(host), 60)] + "." + hex.EncodeToString(sum[:8])
}

// origin is scheme, host and port of an address, as a browser would tell them
// apart.
func origin(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// SetOldStateAside moves what a version left in dir that had one state for all
// servers to a folder within, and returns its name and how many messages wait
// there; "" when there was nothing. Nobody can tell for which server they were,
// so they are never sent. What a program of that version has open stays.
func SetOldStateAside(dir string) (folder string, unsent int, err error) {
	windows, err := filepath.Glob(filepath.Join(dir, "window-*"))
	if err != nil {
		return "", 0, fmt.Errorf("read the old state: %w", err)
	}
	aside := filepath.Join(dir, "old-"+strconv.FormatInt(time.Now().UnixNano(), 10))
	for _, path := range append(windows, filepath.Join(dir, "identity")) {
		if strings.Contains(filepath.Base(path), ".") {
			continue
		}
		n, err := moveAside(path, aside)
		switch {
		case errors.Is(err, errLocked), errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", 0, fmt.Errorf("set the old state aside: %w", err)
		default:
			folder, unsent = aside, unsent+n
		}
	}
	return folder, unsent, nil
}

// moveAside moves a file of an older version that no program has open.
func moveAside(path, folder string) (unsent int, err error) {
	if _, err := os.Lstat(path); err != nil {
		return 0, err
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	if data, err := readFile(path); err == nil {
		st, _ := decodeState(data) // as much of it as can be read
		unsent = len(st.Outbox)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return 0, err
	}
	return unsent, os.Rename(path, filepath.Join(folder, filepath.Base(path)))
}
