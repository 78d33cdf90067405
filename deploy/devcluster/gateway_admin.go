package devcluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// askWait bounds a question to a gateway: a frozen one never answers.
const askWait = time.Second

// Ready returns nil if the gateway says that it delivers, else why it does not.
func (g *Gateway) Ready(ctx context.Context) error {
	_, err := g.ask(ctx, "/readyz")
	return err
}

// Degraded returns what a ready gateway says does not work all the same.
func (g *Gateway) Degraded(ctx context.Context) (string, error) { return g.ask(ctx, "/readyz") }

// Healthy returns nil if the gateway answers.
func (g *Gateway) Healthy(ctx context.Context) error {
	_, err := g.ask(ctx, "/healthz")
	return err
}

// Metrics returns what the gateway counts, by name with labels, as in
// tuitalk_connections or name{label="value"}.
func (g *Gateway) Metrics(ctx context.Context) (map[string]float64, error) {
	text, err := g.ask(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	return parseMetrics(text)
}

// ask gets a page of the admin address; an answer other than 200 is an error that
// says what it said.
func (g *Gateway) ask(ctx context.Context, path string) (string, error) {
	return askHTTP(ctx, g.adminAddr(), path)
}

func askHTTP(ctx context.Context, addr, path string) (string, error) {
	answer, err := get(ctx, addr, path)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	const most = 4 << 20
	body, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", answer.Status, strings.TrimSpace(string(body)))
	}
	return string(body), nil
}

// get asks over a connection of its own, which ends with the answer's body.
func get(ctx context.Context, addr, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{}).DialContext}
	return (&http.Client{Transport: transport, Timeout: askWait}).Do(request)
}

// addresses finds the host:port pairs of a gateway's -store or -bus, as in
// postgres://user:password@host:port,host:port/name. A setting without a host,
// such as sqlite:FILE, has none.
func addresses(setting, defaultPort string) ([]string, error) {
	_, rest, ok := strings.Cut(setting, "://")
	if !ok {
		return nil, nil
	}
	hosts := rest[:min(len(rest), indexAny(rest, "/?"))]
	hosts = hosts[strings.LastIndexByte(hosts, '@')+1:]
	var found []string
	for host := range strings.SplitSeq(hosts, ",") {
		addr, err := netip.ParseAddrPort(host)
		if err != nil {
			addr, err = netip.ParseAddrPort(host + ":" + defaultPort)
		}
		if err != nil || !addr.Addr().IsLoopback() {
			return nil, fmt.Errorf("%q is not an address on the loopback, as 127.0.0.1:%s", host, defaultPort)
		}
		found = append(found, addr.String())
	}
	return found, nil
}

// indexAny is where the first of chars is, or the end.
func indexAny(s, chars string) int {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return i
	}
	return len(s)
}
