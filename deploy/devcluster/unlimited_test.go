package devcluster

import (
	"strings"
	"testing"
)

// TestUnlimitedFollowsTheGateways: where the gateways limit nothing, Nginx does not.
func TestUnlimitedFollowsTheGateways(t *testing.T) {
	for _, tc := range []struct {
		args, env string
		want      bool
	}{
		{"", "", false},
		{"-limits none -grace 3s", "", true},
		{"-grace 3s -limits=none", "", true},
		{"", "none", true},
		{"", "default", false},
		{"-limits default", "none", false},
	} {
		t.Setenv("TUITALK_LIMITS", tc.env)
		o := ClusterOptions{GatewayArgs: strings.Fields(tc.args)}
		if got := o.unlimited(); got != tc.want {
			t.Errorf("with %q and TUITALK_LIMITS=%q: %v", tc.args, tc.env, got)
		}
	}
}
