package main

import (
	"bytes"
	"io"
	"log/slog"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"tuitalk/cmd/setting"
	"tuitalk/talk"
)

// newHandler formats log lines as the settings say.
func newHandler(c *config, w io.Writer) slog.Handler {
	o := &slog.HandlerOptions{Level: &c.level, ReplaceAttr: asText}
	if c.logFormat == "json" {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}

// asText shows a UUID as people know it; JSON would show 16 numbers.
func asText(_ []string, a slog.Attr) slog.Attr {
	if u, is := a.Value.Any().(talk.UUID); is {
		return slog.String(a.Key, u.String())
	}
	return a
}

// newRegistry has what is of the program, whatever it does.
func newRegistry() *prometheus.Registry {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "tuitalk", Name: "build_info", Help: "1, with what this program was built from.",
		ConstLabels: prometheus.Labels{"version": setting.Version(), "goversion": runtime.Version()},
	})
	build.Set(1)
	metrics.MustRegister(build)
	return metrics
}

// newLogger logs to w at a bounded rate, and lets w report in the same format what
// it had to drop. The standard library's own lines take the same way.
func newLogger(c *config, w *lineWriter, limiter *logLimiter, metrics prometheus.Registerer) *slog.Logger {
	w.report(func(missed uint64) []byte {
		var line bytes.Buffer
		slog.New(newHandler(c, &line)).Error("log lines were dropped, as nobody read the log", "dropped", missed)
		return line.Bytes()
	})
	counterOf(metrics, "log_dropped_lines_total", "Log lines dropped because nobody read the log.", w.dropped.Load)
	counterOf(metrics, "log_suppressed_lines_total", "Log lines left out because the same message came too often.", limiter.suppressed.Load)
	log := slog.New(limitedHandler{newHandler(c, w), limiter})
	slog.SetDefault(log)
	return log
}

func counterOf(reg prometheus.Registerer, name, help string, value func() uint64) {
	o := prometheus.CounterOpts{Namespace: "tuitalk", Name: name, Help: help}
	reg.MustRegister(prometheus.NewCounterFunc(o, func() float64 { return float64(value()) }))
}
