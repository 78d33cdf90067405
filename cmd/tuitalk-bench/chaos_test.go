package main

import (
	"errors"
	"strings"
	"testing"
)

// TestLinksCarrySoManyOnly: each client takes two files of the proxy.
func TestLinksCarrySoManyOnly(t *testing.T) {
	if err := linksSuffice(1); err != nil {
		t.Error(err)
	}
	err := linksSuffice(1 << 30)
	if u := (usage{}); !errors.As(err, &u) || !strings.Contains(err.Error(), "whose open files suffice for") {
		t.Errorf("%v", err)
	}
}
