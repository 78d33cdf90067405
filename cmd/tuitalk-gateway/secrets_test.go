package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWarnOfSecrets: the keys that an earlier version made beside its database are
// spoken of once, at the start, and left alone.
func TestWarnOfSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, secret := filepath.Join(dir, "chat.db"), filepath.Join(dir, "chat.db.secret")
	said := func(args ...string) string {
		c, err := parse(args...)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		warnOfSecrets(c, slog.New(slog.NewTextHandler(&out, nil)))
		return out.String()
	}
	if got := said("-store", "sqlite:"+store); got != "" {
		t.Errorf("without the file: %s", got)
	}
	if err := os.WriteFile(secret, []byte("k1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		says string
		args []string
	}{
		{"can be deleted", []string{"-store", "sqlite:" + store}},
		{"-secret-file is not needed", []string{"-store", "sqlite:" + store, "-secret-file", secret}},
		{"-secret-file is not needed", []string{"-store", "postgres://h/db", "-secret-file", secret}},
	} {
		if got := said(tc.args...); strings.Count(got, "\n") != 1 || !strings.Contains(got, tc.says) {
			t.Errorf("%q: %q", tc.args, got)
		}
	}
	if data, err := os.ReadFile(secret); err != nil || string(data) != "k1" {
		t.Errorf("%q, %v", data, err)
	}
}
