package report

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tuitalk/bench/result"
)

// How often Live writes.
const (
	redraws = 250 * time.Millisecond // on a terminal, at most
	plain   = 5 * time.Second        // elsewhere
)

// escapes are the sequences that View.Lines writes.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// LiveOptions say how a Live looks. The zero value finds out by itself.
type LiveOptions struct {
	Plain   bool // one line now and then, also on a terminal
	NoColor bool // also set by the environment variable NO_COLOR, and without a terminal
}

// Live shows how a run goes on: on a terminal redrawn in place, elsewhere as one
// line every five seconds. It has no goroutine: it writes when it is told
// something. All methods may be called from any goroutine.
type Live struct {
	w        io.Writer
	terminal *os.File // nil: there is none
	color    bool

	mu    sync.Mutex // a Live is the one place of writing to w, so it is held meanwhile
	last  time.Time  // when it wrote
	drawn []string   // what stands on the terminal
	phase string     // that was shown last
	err   error      // of writing; after it nothing more is written
}

// NewLive shows a run on w, usually os.Stderr.
func NewLive(w io.Writer, o LiveOptions) *Live {
	l := &Live{w: w}
	if f, ok := w.(*os.File); ok && !o.Plain && os.Getenv("TERM") != "dumb" {
		if _, _, err := size(f); err == nil {
			l.terminal = f
			l.color = !o.NoColor && os.Getenv("NO_COLOR") == ""
		}
	}
	return l
}

// size asks a terminal for its columns and rows. What is none gives an error.
func size(f *os.File) (columns, rows int, err error) {
	ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for the size of the terminal: %w", err)
	}
	if ws.Col == 0 || ws.Row == 0 {
		return 80, 24, nil
	}
	return int(ws.Col), int(ws.Row), nil
}

// Update shows v, unless something was shown just before.
func (l *Live) Update(v View) { l.update(v.Phase, v) }

// UpdateCompare shows t: each step on a terminal, elsewhere each trial.
func (l *Live) UpdateCompare(t CompareView) {
	if l.terminal == nil {
		l.update(t.What, t)
		return
	}
	l.update(t.What+t.Doing, t)
}

// shown is what can be put on a terminal, and into a log.
type shown interface {
	Lines(width, rows int, color bool) []string
	Line() string
}

func (l *Live) update(phase string, v shown) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, often := time.Now(), plain
	if l.terminal != nil {
		often = redraws
	}
	if now.Sub(l.last) < often && phase == l.phase {
		return
	}
	l.last, l.phase = now, phase
	if l.terminal != nil {
		l.draw(v)
		return
	}
	l.write(v.Line() + "\n")
}

// Print writes a line that stays, above what is redrawn.
func (l *Live) Print(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	drawn := l.drawn
	l.write(l.erase() + outside(line) + "\n")
	l.drawn = drawn
	if l.terminal != nil && len(drawn) > 0 {
		l.write(strings.Join(drawn, "\n") + "\n")
	}
}

// Close takes what is redrawn off the terminal. The error is the first of writing.
func (l *Live) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(l.erase())
	l.drawn = nil
	return l.err
}

func (l *Live) draw(v shown) {
	columns, rows, err := size(l.terminal)
	if err != nil {
		columns, rows = 80, 24
	}
	erase := l.erase()
	// The cursor stands on a line of its own below.
	l.drawn = v.Lines(columns, rows-1, l.color)
	l.write(erase + strings.Join(l.drawn, "\n") + "\n")
}

// erase puts the cursor where the drawn lines begin and clears what follows. A
// terminal that became narrower has broken them.
func (l *Live) erase() string {
	if l.terminal == nil || len(l.drawn) == 0 {
		return ""
	}
	columns, _, err := size(l.terminal)
	if err != nil {
		columns = 80
	}
	rows := 0
	for _, line := range l.drawn {
		rows += max((cells(line)+columns-1)/columns, 1)
	}
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", rows)
}

func (l *Live) write(text string) {
	if l.err != nil || text == "" {
		return
	}
	if _, err := io.WriteString(l.w, text); err != nil {
		l.err = fmt.Errorf("show how the run goes on: %w", err)
	}
}

// Line is v in one line, for a log.
func (v View) Line() string {
	parts := []string{
		clock(v.Elapsed), strings.TrimSpace(outside(v.Kind) + " " + outside(v.Phase)),
		fmt.Sprintf("%s/%s clients", count(v.Inside), count(v.Wanted)),
		fmt.Sprintf("%s posts/s", result.Number(float64(int(v.Posted)))),
		fmt.Sprintf("%s deliveries/s", result.Number(float64(int(v.Delivered)))),
	}
	if v.Last != (Times{}) {
		parts = append(parts, fmt.Sprintf("p50 %s, p99 %s, max %s", result.Took(v.Last.P50), result.Took(v.Last.P99), result.Took(v.Last.Max)))
	}
	for _, m := range v.Faults {
		if m.Over == 0 {
			parts = append(parts, "FAULT "+outside(m.What))
		}
	}
	if n := len(v.Warnings); n > 0 {
		parts = append(parts, "warning: "+outside(v.Warnings[n-1]))
	}
	return strings.Join(parts, "  ")
}
