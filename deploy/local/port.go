package local

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
)

// freePort finds a free port below those that the kernel gives to clients, so
// that no client's connection in TIME_WAIT prevents a restart.
func freePort() (int, error) {
	highest := ephemeralLow()
	lowest := max(1_024, min(12_000, highest-4_000)) // where few others are, if there is room
	for range 1000 {
		if port := lowest + rand.IntN(max(1, highest-lowest)); free(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port is free between %d and %d", lowest, highest)
}

// tail returns the last lines of a log.
func tail(name string) string {
	const most = 5
	text, err := os.ReadFile(name)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "; ")
}
