package setting

import "testing"

// TestServiceLinksAreNoSettings: a service called tuitalk, beside which a container runs.
func TestServiceLinksAreNoSettings(t *testing.T) {
	for pair, is := range map[[2]string]bool{
		{"TUITALK_SERVICE_HOST", "10.0.0.1"}:                true,
		{"TUITALK_SERVICE_PORT", "8080"}:                    true,
		{"TUITALK_SERVICE_PORT_WS", "8080"}:                 true,
		{"TUITALK_PORT", "tcp://10.0.0.1:8080"}:             true,
		{"TUITALK_GATEWAY_PORT", "tcp://10.0.0.1:8080"}:     true,
		{"TUITALK_PORT_8080_TCP", "tcp://10.0.0.1:8080"}:    true,
		{"TUITALK_PORT_8080_TCP_ADDR", "10.0.0.1"}:          true,
		{"TUITALK_PORT_8080_TCP_PORT", "8080"}:              true,
		{"TUITALK_PORT_8080_TCP_PROTO", "tcp"}:              true,
		{"TUITALK_PORT", "8080"}:                            false, // somebody means -listen
		{"TUITALK_LISTN", "tcp://10.0.0.1:8080"}:            false,
		{"TUITALK_STORE", "postgres://10.0.0.1/db"}:         false,
		{"TUITALK_GATEWAYS_TRUSTED_PROXIES", "10.0.0.1/32"}: false,
	} {
		if isServiceLink(pair[0], pair[1]) != is {
			t.Errorf("%s=%s: %v", pair[0], pair[1], !is)
		}
	}
}
