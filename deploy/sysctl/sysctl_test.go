//go:build integration

// Package sysctl holds the kernel settings of a fleet's machines.
package sysctl

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// This kernel knows each setting, and takes as many numbers as we give it. That
// they do good is not tested: a test must not change its machine.
func TestTheKernelKnowsEverySetting(t *testing.T) {
	text, err := os.ReadFile("99-tuitalk.conf")
	if err != nil {
		t.Fatal(err)
	}
	settings := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		settings++
		key, value, ok := strings.Cut(line, " = ")
		if !ok {
			t.Errorf("%q is not a setting", line)
			continue
		}
		now, err := os.ReadFile(filepath.Join("/proc/sys", strings.ReplaceAll(key, ".", "/")))
		if err != nil {
			t.Error(err)
			continue
		}
		values := strings.Fields(value)
		if len(values) != len(strings.Fields(string(now))) {
			t.Errorf("%s has the values %q, want as many as %q", key, values, now)
		}
		for _, v := range values {
			if _, err := strconv.ParseUint(v, 10, 63); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
	if settings < 10 {
		t.Errorf("only %d settings found", settings)
	}
}
