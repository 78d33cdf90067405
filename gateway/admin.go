package gateway

import (
	"io"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tuitalk/gateway/transport"
)

// maxScrapes is how many answers of /metrics are made at once.
const maxScrapes = 4

// Admin serves /healthz (the process runs), /readyz (it delivers, and behind that
// what would fail in an outage; else 503 and the reason) and /metrics, at names of its
// own only. Keep its listener private.
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
	mux.Handle("GET /metrics", promhttp.HandlerFor(gather, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))
	return guardAdmin(s.rules, mux)
}

// Profiles serves /debug/pprof, at the same names, for a listener of its own: whoever
// comes to it can have this process work for him.
func (s *Server) Profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", serveCommandLine)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return guardAdmin(s.rules, mux)
}

// guardAdmin keeps out the page of a stranger who has pointed his name here: a
// browser shows it what it reads from its own host.
func guardAdmin(rules *transport.Rules, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "" && !rules.IsOwnName(r.Host) {
			http.Error(w, "operators are not answered at this host name; use an address, or name it with -hosts", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serveCommandLine is pprof.Cmdline without what may be a password.
func serveCommandLine(w http.ResponseWriter, _ *http.Request) {
	args := make([]string, len(os.Args))
	for i, arg := range os.Args {
		args[i] = redact(arg)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, strings.Join(args, "\x00")) // who asked has gone if it fails
}

// redact leaves of an address only its scheme: user, password and parameters may
// be anywhere in the rest. Addresses of web pages hold none.
func redact(arg string) string {
	before, rest, ok := strings.Cut(arg, "://")
	page := strings.HasSuffix(before, "http") || strings.HasSuffix(before, "https")
	if !ok || page && !strings.Contains(rest, "@") {
		return arg
	}
	return before + "://…"
}
