package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// stallingReader is an output whose reader takes nothing until it is released.
type stallingReader struct {
	release chan struct{}
	mu      sync.Mutex
	got     bytes.Buffer
	err     error
}

func (s *stallingReader) Write(b []byte) (int, error) {
	<-s.release
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	return s.got.Write(b)
}

func TestLineWriterNeverBlocksAndReportsWhatItDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stallingReader{release: make(chan struct{})}
		w := newLineWriter(out, 100)
		fmt.Fprintln(w, "first")
		synctest.Wait() // the goroutine stands in Write
		for i := range 20 {
			fmt.Fprintf(w, "line %02d\n", i)
		}
		if got := w.dropped.Load(); got != 20-100/8 {
			t.Errorf("%d lines dropped, want %d", got, 20-100/8)
		}
		close(out.release)
		synctest.Wait()
		fmt.Fprintln(w, "after")
		w.close(time.Second)
		text := out.got.String()
		if !strings.HasPrefix(text, "first\nline 00\n") || !strings.Contains(text, "line 11\ntuitalk-gateway: 8 lines are missing here") ||
			strings.Contains(text, "line 12") || !strings.HasSuffix(text, "\nafter\n") {
			t.Errorf("the reader got\n%s", text)
		}
	})
}

func TestLineWriterEndsAlthoughNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stallingReader{release: make(chan struct{})}
		w := newLineWriter(out, 100)
		fmt.Fprintln(w, "last words")
		began := time.Now()
		w.close(flushTimeout)
		if took := time.Since(began); took != flushTimeout {
			t.Errorf("close took %v", took)
		}
		close(out.release)
		synctest.Wait()
		if out.got.String() != "last words\n" {
			t.Errorf("the reader got %q", out.got.String())
		}
	})
}

func TestLineWriterCountsWhatABrokenPipeCost(t *testing.T) {
	out := &stallingReader{release: make(chan struct{}), err: errors.New("broken pipe")}
	close(out.release)
	w := newLineWriter(out, 100)
	fmt.Fprintln(w, "to nobody")
	w.close(time.Minute)
	if got := w.dropped.Load(); got != 1 {
		t.Errorf("%d lines dropped", got)
	}
}

// logInto returns a logger as the program has it, and what it has written so far.
func logInto(t *testing.T, format string, level slog.Level) (log *slog.Logger, limiter *logLimiter, end func() string) {
	t.Helper()
	was := slog.Default()
	out := &stallingReader{release: make(chan struct{})}
	close(out.release)
	w := newLineWriter(out, 1<<20)
	limiter = newLogLimiter()
	log = newLogger(leveled(format, level), w, limiter, prometheus.NewRegistry())
	return log, limiter, func() string {
		limiter.stop()
		w.close(time.Minute)
		slog.SetDefault(was)
		return out.got.String()
	}
}

func TestLogLimiterSaysHowManyItSuppressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, limiter, end := logInto(t, "text", slog.LevelInfo)
		log = log.With("node", "a")
		for range 500 {
			log.Warn("publish failed", "err", "x")
			log.Error("publish failed")
			log.Debug("seldom")
		}
		if got := limiter.suppressed.Load(); got != 2*(500-logBurst) {
			t.Errorf("%d suppressed", got)
		}
		time.Sleep(logWindow + 2*logLook) // quiet
		log.Warn("publish failed", "err", "again")
		text := end()
		for want, times := range map[string]int{
			`level=WARN msg="publish failed" node=a err=x`:               logBurst,
			`level=WARN msg="publish failed" node=a suppressed=490 with`: 1,
			`level=ERROR msg="publish failed" node=a suppressed=490`:     1,
			`level=WARN msg="publish failed" node=a err=again`:           1,
		} {
			if got := strings.Count(text, want); got != times {
				t.Errorf("%q stands there %d times, want %d", want, got, times)
			}
		}
		if lines := strings.Count(text, "\n"); lines != 2*logBurst+3 {
			t.Errorf("%d lines:\n%s", lines, text)
		}
		for _, c := range limiter.seen {
			if c.suppressed > 0 {
				t.Errorf("%+v was not reported", c)
			}
		}
	})
}

func TestLogLimiterLetsDebugThroughAndTellsMessagesApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, limiter, end := logInto(t, "json", slog.LevelDebug)
		for range 3 * logBurst {
			log.Debug("everything")
		}
		for i := range 2 * logKinds {
			log.Info(fmt.Sprint("message ", i))
		}
		time.Sleep(3 * logWindow)
		text := end()
		if len(limiter.seen) != 0 {
			t.Errorf("%d messages are remembered for ever", len(limiter.seen))
		}
		if got := strings.Count(text, `"msg":"everything"`); got != 3*logBurst {
			t.Errorf("%d debug lines", got)
		}
		if got := strings.Count(text, `"msg":"message `); got != logKinds+logBurst {
			t.Errorf("%d of %d messages", got, 2*logKinds)
		}
		if !strings.Contains(text, `"msg":"other messages","suppressed":502`) {
			t.Errorf("what was too many is not reported:\n%.500s", text)
		}
	})
}

func TestLogReportsDroppedLinesInItsOwnFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stallingReader{release: make(chan struct{})}
		w, limiter := newLineWriter(out, 200), newLogLimiter()
		was := slog.Default()
		defer slog.SetDefault(was)
		log := newLogger(leveled("json", slog.LevelError), w, limiter, prometheus.NewRegistry())
		log.Error("first")
		synctest.Wait()
		for range 9 {
			log.Error(strings.Repeat("x", 80))
		}
		close(out.release)
		limiter.stop()
		w.close(time.Minute)
		if text := out.got.String(); !strings.Contains(text, `"level":"ERROR","msg":"log lines were dropped, as nobody read the log","dropped":`) {
			t.Errorf("%s", text)
		}
	})
}

// An operator's connection cannot be kept for ever, in whichever phase it stalls.
func TestAdminServerHasADeadlineForEachPhase(t *testing.T) {
	a, err := listenAdmin("-admin", "127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	if s := a.srv; s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 || s.ErrorLog == nil {
		t.Errorf("%+v", s)
	}
}

// leveled is a config that logs from a level on.
func leveled(format string, level slog.Level) *config {
	c := &config{logFormat: format}
	c.level.Set(level)
	return c
}
