package fleetsim

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// story is what happened in a world, by its clock. It stays in memory until there is
// a verdict: to print it changes the run.
type story struct {
	began time.Time
	mu    sync.Mutex
	lines []string
}

// storyMost bounds a story; the rest is left out of its middle.
const storyMost = 20_000

func newStory() *story { return &story{began: time.Now()} }

func (s *story) tell(format string, args ...any) {
	line := fmt.Sprintf("%9.3f  ", time.Since(s.began).Seconds()) + fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lines) < storyMost {
		s.lines = append(s.lines, line)
	}
}

func (s *story) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// tail is the end of it.
func (s *story) tail() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines[max(0, len(s.lines)-60):], "\n")
}

// storyHandler has the log of a gateway told.
type storyHandler struct {
	story *story
	name  string
}

func (h storyHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (h storyHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	h.story.tell("%s says: %s%s", h.name, r.Message, b.String())
	return nil
}

func (h storyHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h storyHandler) WithGroup(string) slog.Handler      { return h }
