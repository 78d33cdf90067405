package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"tuitalk/gateway"
	"tuitalk/gateway/transport"
)

// handshakeHead is a handshake as it should be, with lines taken out, replaced by
// others of the same name, or added.
func handshakeHead(change ...string) string {
	lines := []string{"GET /ws HTTP/1.1", "Host: chat.test", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}
	for _, c := range change {
		name, value, _ := strings.Cut(strings.TrimPrefix(c, "+"), ":")
		switch {
		case c[0] == '+':
			lines = append(lines, c[1:])
		case strings.HasPrefix(c, "GET ") || strings.Contains(c, " HTTP/"):
			lines[0] = c
		default:
			for i, line := range lines {
				if strings.HasPrefix(line, name+":") && value == "" {
					lines = append(lines[:i], lines[i+1:]...)
					break
				} else if strings.HasPrefix(line, name+":") {
					lines[i] = c
				}
			}
		}
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// ask sends bytes, whole or in pieces, and returns the answer.
func ask(t *testing.T, addr, text string, piece int) *http.Response {
	t.Helper()
	r := dialRaw(t, addr)
	for b := []byte(text); len(b) > 0; {
		n := min(piece, len(b))
		if _, err := r.Write(b[:n]); err != nil {
			break // it has been answered already
		}
		b = b[n:]
	}
	resp, err := http.ReadResponse(r.r, nil)
	if err != nil {
		t.Fatalf("no answer to %.60q: %v", text, err)
	}
	return resp
}

// A handshake is judged by what it says, not by how it was cut.
func TestHandshakesThatMustNotBe(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.Headers = http.Header{"X-Content-Type-Options": {"nosniff"}, "Content-Security-Policy": {"default-src 'none'"}}
	})
	filler := func(lines, bytes int) string {
		return strings.TrimSuffix(strings.Repeat("+X-F: "+strings.Repeat("f", bytes)+"\r\n", lines), "\r\n")
	}
	fill := func(lines, bytes int) (add []string) {
		return strings.Split(filler(lines, bytes), "\r\n")
	}
	for _, tc := range []struct {
		name, head string
		want       int
		reason     string
	}{
		{"as it should be", handshakeHead(), 101, ""},
		{"at /", handshakeHead("GET / HTTP/1.1"), 101, ""},
		{"at / with a query", handshakeHead("GET /?room=1 HTTP/1.1"), 101, ""},
		{"a version above 1.1", handshakeHead("GET /ws HTTP/1.2"), 101, ""},
		{"tokens among others", handshakeHead("Connection: keep-alive, upgrade", "Upgrade: h2c, WebSocket"), 101, ""},
		{"60 KB of headers", handshakeHead(fill(60, 1000)...), 431, "too_large"},
		{"9 KB in one header", handshakeHead(fill(1, 9000)...), 431, "too_large"},
		{"many headers", handshakeHead(fill(110, 1)...), 431, "too_large"},
		{"a hundred headers less", handshakeHead(fill(90, 1)...), 101, ""},
		{"no host", handshakeHead("Host:"), 400, "host"},
		{"two hosts", handshakeHead("+Host: chat.test"), 400, "host"},
		{"an empty host", handshakeHead("Host: "), 400, "host"},
		{"a host that is none", handshakeHead("Host: chat.test/evil"), 400, "host"},
		{"a port that is none", handshakeHead("Host: chat.test:99999"), 400, "host"},
		{"HTTP/1.0", handshakeHead("GET /ws HTTP/1.0"), 505, "http_version"},
		{"HTTP/2.0", handshakeHead("GET /ws HTTP/2.0"), 505, "http_version"},
		{"two keys", handshakeHead("+Sec-WebSocket-Key: BBBBBBBBBBBBBBBBBBBBBA=="), 400, "key"},
		{"no key", handshakeHead("Sec-WebSocket-Key:"), 400, "key"},
		{"a short key", handshakeHead("Sec-WebSocket-Key: AAAA"), 400, "key"},
		{"versions 13 and 8", handshakeHead("+Sec-WebSocket-Version: 8"), 426, "version"},
		{"versions 13, 8 in one", handshakeHead("Sec-WebSocket-Version: 13, 8"), 426, "version"},
		{"version 8", handshakeHead("Sec-WebSocket-Version: 8"), 426, "version"},
		{"no version", handshakeHead("Sec-WebSocket-Version:"), 426, "version"},
		{"no upgrade", handshakeHead("Upgrade:"), 426, "no_upgrade"},
		{"upgrade to something else", handshakeHead("Upgrade: h2c"), 426, "no_upgrade"},
		{"POST", handshakeHead("POST /ws HTTP/1.1"), 405, "method"},
		{"POST at /", handshakeHead("POST / HTTP/1.1"), 405, "method"},
		{"a body", handshakeHead("+Content-Length: 4") + "body", 413, "body"},
		{"chunks", handshakeHead("+Transfer-Encoding: chunked") + "0\r\n\r\n", 413, "body"},
		{"a folded header", handshakeHead("+X-A: b", "+ folded: c"), 400, "malformed"},
		{"a space before the colon", handshakeHead("+X-A : b"), 400, "malformed"},
		{"two origins", handshakeHead("+Origin: http://chat.test", "+Origin: http://chat.test"), 403, "origin"},
		{"the PROXY protocol", "PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n" + handshakeHead(), 400, "proxy_protocol"},
		{"the PROXY protocol, version 2", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + strings.Repeat("\x01", 12) + handshakeHead(), 400, "proxy_protocol"},
		{"no HTTP", "hello\r\n\r\n", 400, "malformed"},
	} {
		for _, piece := range []int{1 << 20, 700} {
			before := refusedPost(t, n, tc.reason)
			resp := ask(t, n.addr, tc.head, piece)
			if resp.StatusCode != tc.want {
				t.Errorf("%s, in pieces of %d: %d, want %d", tc.name, piece, resp.StatusCode, tc.want)
			}
			if tc.want == 101 {
				continue
			}
			if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Content-Security-Policy") == "" ||
				resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: the refusal's headers are %v", tc.name, resp.Header)
			}
			if after := refusedPost(t, n, tc.reason); tc.reason != "" && after != before+1 {
				t.Errorf("%s: refusals for %q went from %v to %v", tc.name, tc.reason, before, after)
			}
		}
	}
}

// refusedPost is how many handshakes were refused for a reason.
func refusedPost(t *testing.T, n *node, reason string) float64 {
	t.Helper()
	families, err := n.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "tuitalk_refused_upgrades_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if reason != "" && m.GetLabel()[0].GetValue() == reason {
				return m.GetCounter().GetValue()
			}
		}
	}
	if reason != "" {
		t.Fatalf("no metric for %q", reason)
	}
	return 0
}

func TestHandshakeOrigins(t *testing.T) {
	t.Parallel()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	gateways := map[string]*node{
		"plain": start(t, func(o *gateway.Options) {
			o.OwnNames = []string{"Box.corp.example", "laptop"}
			o.Origins = []string{"https://friend.example:443", "https://*.wild.example", "http://odd.example:8000"}
		}),
		"hosts":   start(t, func(o *gateway.Options) { o.Hosts = []string{"chat.example", "*.rooms.example"} }),
		"proxied": start(t, func(o *gateway.Options) { o.TrustedProxies = loopback }),
		"proxied, hosts": start(t, func(o *gateway.Options) {
			o.TrustedProxies, o.Hosts = loopback, []string{"chat.example"}
		}),
		"all": start(t, func(o *gateway.Options) { o.Origins = []string{"*"} }),
	}
	for _, tc := range []struct {
		gateway, host, origin string
		more                  string
		want                  int
	}{
		{"plain", "chat.test", "javascript://chat.test", "", 403},
		{"plain", "chat.test", "file://chat.test", "", 403},
		{"plain", "chat.test", "http://user@chat.test", "", 403},
		{"plain", "chat.test", "http://chat.test/path", "", 403},
		{"plain", "chat.test", "null", "", 403},
		{"plain", "chat.test:443", "https://chat.test", "", 101},
		{"plain", "chat.test", "https://chat.test:443", "", 101},
		{"plain", "chat.test:80", "http://chat.test", "", 101},
		{"plain", "chat.test:80", "https://chat.test", "", 403},
		{"plain", "chat.test:8080", "http://chat.test:8080", "", 101},
		{"plain", "chat.test.:8080", "http://chat.test:8080", "", 101},
		{"plain", "chat.test:8080", "http://chat.test:8081", "", 403},
		{"plain", "[::1]:8080", "http://[::1]:8080", "", 101},
		{"plain", "[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080", "", 101},
		{"plain", "10.1.2.3:8080", "http://10.1.2.3:8080", "", 101},
		{"plain", "localhost:8080", "http://localhost:8080", "", 101},
		{"plain", "laptop:8080", "http://laptop:8080", "", 101},
		{"plain", "box.corp.example", "http://box.corp.example", "", 101},
		{"plain", "gateway-1", "http://gateway-1", "", 101},
		{"plain", "laptop.local", "http://laptop.local", "", 101},
		{"plain", "evil.com", "http://evil.com", "", 403},
		{"plain", "evil.com:8080", "http://evil.com:8080", "", 403},
		{"plain", "evil.com", "", "", 101}, // a program
		{"plain", "evil.com", "http://evil.com", "X-Forwarded-Host: chat.test", 403},
		{"plain", "chat.test", "http://evil.com", "X-Forwarded-Host: evil.com", 403},
		{"plain", "x.test", "https://friend.example", "", 101},
		{"plain", "x.test", "https://FRIEND.example:443", "", 101},
		{"plain", "x.test", "http://friend.example", "", 403},
		{"plain", "x.test", "https://friend.example:444", "", 403},
		{"plain", "x.test", "https://a.wild.example", "", 101},
		{"plain", "x.test", "https://a.b.wild.example", "", 403},
		{"plain", "x.test", "https://wild.example", "", 403},
		{"plain", "x.test", "https://evilwild.example", "", 403},
		{"plain", "x.test", "http://odd.example:8000", "", 101},
		{"plain", "x.test", "http://odd.example", "", 403},
		{"plain", "friend.example", "http://friend.example", "", 101}, // named in one way or another
		{"hosts", "chat.example", "https://chat.example", "", 101},
		{"hosts", "r1.rooms.example", "https://r1.rooms.example", "", 101},
		{"hosts", "rooms.example", "https://rooms.example", "", 403},
		{"hosts", "laptop", "http://laptop", "", 403},
		{"hosts", "127.0.0.1:8080", "http://127.0.0.1:8080", "", 101},
		{"hosts", "evil.com", "http://evil.com", "", 403},
		{"proxied", "chat.example", "https://chat.example", "", 101},
		{"proxied", "backend_pool", "https://chat.example", "X-Forwarded-Host: chat.example", 101},
		{"proxied", "127.0.0.1:8080", "https://chat.example", "X-Forwarded-Host: chat.example:443", 101},
		{"proxied", "inner", "https://chat.example", "X-Forwarded-Host: evil.com, chat.example", 101},
		{"proxied", "inner", "https://evil.com", "X-Forwarded-Host: evil.com, chat.example", 403},
		{"proxied", "inner", "https://chat.example", "X-Forwarded-Host: chat.example, inner2\r\nX-Forwarded-For: 9.9.9.9, 127.0.0.2", 101},
		{"proxied", "inner", "https://chat.example", "", 403},
		{"proxied, hosts", "inner", "https://chat.example", "X-Forwarded-Host: chat.example", 101},
		{"proxied, hosts", "inner", "https://evil.com", "X-Forwarded-Host: evil.com", 403},
		{"proxied, hosts", "evil.com", "https://evil.com", "", 403},
		{"all", "evil.com", "http://evil.com", "", 101},
	} {
		change := []string{"Host: " + tc.host}
		if tc.origin != "" {
			change = append(change, "+Origin: "+tc.origin)
		}
		if tc.more != "" {
			change = append(change, "+"+tc.more)
		}
		resp := ask(t, gateways[tc.gateway].addr, handshakeHead(change...), 1<<20)
		if resp.StatusCode != tc.want {
			t.Errorf("%s: host %q, origin %q, %q: %d, want %d", tc.gateway, tc.host, tc.origin, tc.more, resp.StatusCode, tc.want)
		}
		if body, _ := io.ReadAll(resp.Body); tc.host == "evil.com" && tc.origin == "http://evil.com" && tc.want == 403 && !bytes.Contains(body, []byte("-hosts")) {
			t.Errorf("refused with %q, which does not name -hosts", body)
		}
	}
	if got := refusedPost(t, gateways["plain"], "host_name"); got != 3 {
		t.Errorf("%v refusals for the host's name", got)
	}
}

// syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestHandshakeRefusalsAreLogged(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	n := start(t, func(o *gateway.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		o.Limits.PerAddress = 1
	})
	ask(t, n.addr, handshakeHead("+X-Forwarded-For: 1.1.1.1, 9.8.7.6", "+Origin: http://evil.com/"+strings.Repeat("e", 300)), 1<<20)
	ask(t, n.addr, "nonsense\r\n\r\n", 1<<20)
	for range 2 {
		ask(t, n.addr, handshakeHead("+X-Real-IP: 9.8.7.7"), 1<<20)
	}
	for _, want := range []string{
		`level=INFO msg="handshake refused: origin" node=gateway from=9.8.7.6 peer=127.0.0.1 host=chat.test origin=http://evil.com/eee`,
		`level=INFO msg="handshake refused: malformed" node=gateway from=127.0.0.1`,
		`level=INFO msg="handshake refused: limits" node=gateway from=9.8.7.7`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), strings.Repeat("e", 200)) {
		t.Error("a stranger writes as much into the log as he likes")
	}
}

func TestAdminAnswersAtItsOwnNamesOnly(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.Hosts, o.OwnNames = []string{"monitored.example"}, []string{"box.corp.example"}
	})
	for host, want := range map[string]int{
		"127.0.0.1:9190": 200, "[::1]:9190": 200, "localhost:9190": 200, "gateway-1:9190": 200, "": 200,
		"box.corp.example:9190": 200, "monitored.example": 200,
		"evil.com": 403, "evil.com:9190": 403, "127.0.0.1.evil.com": 403, "a/b": 403,
	} {
		for _, path := range []string{"/healthz", "/metrics", "/debug/pprof/cmdline"} {
			req, err := http.NewRequest(http.MethodGet, "http://x"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			w := &recorder{header: http.Header{}}
			handler := n.server.Admin(n.metrics)
			if strings.HasPrefix(path, "/debug") {
				handler = n.server.Profiles()
			}
			handler.ServeHTTP(w, req)
			if w.status != want {
				t.Errorf("%s of %q: %d, want %d", path, host, w.status, want)
			}
		}
	}
}

// recorder is an http.ResponseWriter that keeps the status.
type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}
func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return len(b), nil
}

func TestOriginsAndHostsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"chat.example", "ftp://chat.example", "https://", "https://*", "https://a.*.example",
		"https://*chat.example", "https://chat.example/", "https://u@chat.example", "https://*.10.0.0.1", "https://chat.example:0", "null"} {
		if transport.CheckOrigin(s) == nil {
			t.Errorf("the origin %q is taken", s)
		}
		o := testOptions(t)
		o.Origins = []string{s}
		if o.Validate() == nil {
			t.Errorf("options with the origin %q are taken", s)
		}
	}
	for _, s := range []string{"", "https://chat.example", "chat.example:443", "a.*.example", "*chat.example", "*.", "bücher.example", "*.::1"} {
		if transport.CheckHost(s) == nil {
			t.Errorf("the host %q is taken", s)
		}
	}
	for _, s := range []string{"*", "chat.example", "*.chat.example", "localhost", "10.0.0.1", "[::1]"} {
		if err := transport.CheckHost(s); err != nil {
			t.Error(fmt.Errorf("%q: %w", s, err))
		}
	}
}
