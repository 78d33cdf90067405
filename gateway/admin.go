package gateway

import (
	"io"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tuitalk/fanout"
)

// Admin serves /healthz (the process runs), /readyz (it delivers, and behind
// that what would fail in an outage; else 503 and the reason), /metrics and /debug/pprof. Keep its listener private.
func (s *Server) Admin(gather prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if why := s.Stuck(); why != "" {
			http.Error(w, why, http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n") // who asked has gone if it fails
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if why := s.Ready(); why != "" {
			http.Error(w, why, http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
		for _, why := range s.Degraded() {
			_, _ = io.WriteString(w, "degraded: "+why+"\n")
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(gather, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// Degraded says what does not work although this node is ready: mostly what is
// kept for an outage, and would fail in it.
func (s *Server) Degraded() []string {
	if bus, ok := s.bus.(fanout.Degradable); ok {
		return bus.Degraded()
	}
	return nil
}
