//go:build integration

package redisbus

import (
	"strings"
	"testing"
)

// TestExamine: what a gateway would find, and what to do about it.
func TestExamine(t *testing.T) {
	c := cluster(t)
	for name, test := range map[string]struct {
		spoil func(*Options)
		says  string
		wrong bool
	}{
		"a cluster":        {func(*Options) {}, "3 Redis masters answer", false},
		"a wrong password": {func(o *Options) { o.Password = "wrong" }, "the user or the password in -bus is not the server's", true},
		"nobody":           {func(o *Options) { o.Addrs = []string{freeAddr(t)} }, "none of -bus answers: ", true},
	} {
		o := options(t, c)
		test.spoil(&o)
		found, err := Examine(t.Context(), o)
		if err != nil {
			found = err.Error()
		}
		if (err != nil) != test.wrong || !strings.Contains(found, test.says) || strings.Contains(found, "p@ss word") {
			t.Errorf("%s: %q, %v; want %q", name, found, err, test.says)
		}
	}
}
