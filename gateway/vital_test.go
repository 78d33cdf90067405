package gateway

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"tuitalk/gateway/sched"
)

// The log may be buffered: what ends the process must get out before.
func TestVitalLoopThatPanicsLogsBeforeItEndsTheProcess(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var lastWords string
	s := &Server{log: slog.New(slog.NewTextHandler(&log, nil))}
	s.opts.LastWords = func() { lastWords = log.String() }
	defer func() {
		if v := recover(); v != "broken" {
			t.Errorf("recovered %v: the process would live on", v)
		}
		if !bytes.Contains([]byte(lastWords), []byte(`msg="panic; this process ends" loop=lane panic=broken`)) {
			t.Errorf("what gets out is %q", lastWords)
		}
	}()
	s.vital(sched.NewLoops(sched.NewClock(time.Now())).Add("lane"), func() { panic("broken") })()
}
