package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"tuitalk/talk"
)

// TestLogShowsUUIDsAsText, in both forms.
func TestLogShowsUUIDsAsText(t *testing.T) {
	t.Parallel()
	id := talk.UUID{0x12, 0x34, 15: 0xff}
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		slog.New(newHandler(&config{logFormat: format}, &out)).Info("a gateway's lease stands still", "gateway", id)
		if !strings.Contains(out.String(), "12340000-0000-0000-0000-0000000000ff") {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}
