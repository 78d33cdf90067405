//go:build integration

package devcluster_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/deploy/nginx"
)

func startNginx(t *testing.T, gateways ...string) *devcluster.Nginx {
	t.Helper()
	n, err := devcluster.StartNginx(t.Context(), devcluster.NginxOptions{Dir: t.TempDir(), Gateways: gateways})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// startGateway starts one that is alone with an embedded store.
func startGateway(t *testing.T, name string, change func(*devcluster.GatewayOptions)) *devcluster.Gateway {
	t.Helper()
	dir := t.TempDir()
	opts := devcluster.GatewayOptions{Program: gatewayProgram, Name: name, Dir: dir, Store: "sqlite:" + filepath.Join(dir, "tuitalk.db")}
	if change != nil {
		change(&opts)
	}
	g, err := devcluster.StartGateway(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func connections(t *testing.T, g *devcluster.Gateway) int {
	t.Helper()
	m, err := g.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int(m["tuitalk_connections"])
}

// The file is right as it is given to operators, not only with our values.
func TestNginxTakesTheFleetsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(nginx.Conf), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("/usr/sbin/nginx", "-t", "-c", conf).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNginxCarriesChatAndSite(t *testing.T) {
	t.Parallel()
	a, b := startGateway(t, "a", nil), startGateway(t, "b", nil)
	n := startNginx(t, a.Addr(), b.Addr())
	dialChat(t, n.Addr()).say(t, "hello through nginx")
	if status, body := get(t, "http://"+n.Addr()+"/"); status != http.StatusOK || !strings.Contains(body, "<html") {
		t.Errorf("the site: %d %.100q", status, body)
	}
	if status, _ := get(t, "http://"+n.Addr()+"/ws"); status != http.StatusUpgradeRequired {
		t.Errorf("/ws without an upgrade: %d", status)
	}
	// Each goes where there are fewer, whichever worker takes it.
	for range 19 {
		dialChat(t, n.Addr())
	}
	await(t, "all tunnels", func() bool { return connections(t, a)+connections(t, b) == 20 })
	if in := connections(t, a); in != 10 {
		t.Errorf("%d of 20 tunnels are at the first gateway, want 10", in)
	}
}

// The original's clients dial no path: at / an upgrade is a tunnel like that at
// /ws, with the same timeouts and the same way to another gateway.
func TestNginxCarriesAnUpgradeAtTheRoot(t *testing.T) {
	t.Parallel()
	a, b := startGateway(t, "a", nil), startGateway(t, "b", nil)
	n := startNginx(t, a.Addr(), b.Addr())
	c, err := tryChatAt(t, n.Addr(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.say(t, "no path")
	select {
	case <-c.ended:
		t.Fatal("a quiet tunnel was ended")
	case <-time.After(7 * time.Second): // longer than proxy_read_timeout
	}
	c.say(t, "still here")
	if status, body := get(t, "http://"+n.Addr()+"/"); status != http.StatusOK || !strings.Contains(body, "<html") {
		t.Errorf("the site beside it: %d %.100q", status, body)
	}
	if err := a.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		c, err := tryChatAt(t, n.Addr(), "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		c.say(t, "nobody notices")
	}
}

// A page must come from where it connects to, as the client sees it, and no
// header of a client makes it another place.
func TestNginxPassesOnWhereAPageConnects(t *testing.T) {
	t.Parallel()
	n := startNginx(t, startGateway(t, "a", nil).Addr())
	for name, tc := range map[string]struct {
		h    http.Header
		want bool
	}{
		"its own page":         {http.Header{"Origin": {"http://" + n.Addr()}}, true},
		"a stranger's":         {http.Header{"Origin": {"http://evil.com"}}, false},
		"with a word of his":   {http.Header{"Origin": {"http://evil.com"}, "X-Forwarded-Host": {"evil.com"}}, false},
		"a name pointed here":  {http.Header{"Origin": {"http://evil.com"}, "Host": {"evil.com"}}, false},
		"this machine by name": {http.Header{"Origin": {"http://localhost:8080"}, "Host": {"localhost:8080"}}, true},
	} {
		if _, err := tryChatAt(t, n.Addr(), "/ws", tc.h); (err == nil) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// upstream stands in for a gateway where it matters what Nginx sends to it.
func upstream(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestNginxTellsWhoAsks(t *testing.T) {
	t.Parallel()
	addr := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", r.Host, r.Header["X-Real-Ip"], r.Header["Accept-Encoding"])
	})
	n := startNginx(t, addr)
	for _, path := range []string{"/", "/ws"} {
		_, said := get(t, "http://"+n.Addr()+path, "X-Real-IP", "8.8.8.8", "Accept-Encoding", "br")
		if want := n.Addr() + " [127.0.0.1] [br]"; said != want {
			t.Errorf("%s: the gateway got %q, want %q", path, said, want)
		}
	}
}

func TestNginxTriesTheNextGateway(t *testing.T) {
	t.Parallel()
	var away sync.Map
	goingAway := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		away.Store(r.URL.Path, true)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	fine := upstream(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "fine") })
	n := startNginx(t, goingAway, fine)
	for range 10 {
		if status, said := get(t, "http://"+n.Addr()+"/ws"); said != "fine" {
			t.Errorf("%d %q", status, said)
		}
	}
	if _, asked := away.Load("/ws"); !asked {
		t.Error("the gateway that is going away was never asked")
	}
}

// A quiet tunnel lives: the gateway pings within half of proxy_read_timeout (4 s).
func TestNginxKeepsQuietTunnels(t *testing.T) {
	t.Parallel()
	n := startNginx(t, startGateway(t, "a", nil).Addr())
	c := dialChat(t, n.Addr())
	c.say(t, "before")
	select {
	case <-c.ended:
		t.Fatal("a quiet tunnel was ended")
	case <-time.After(7 * time.Second):
	}
	c.say(t, "after")
}

func TestNginxLeavesAKilledGateway(t *testing.T) {
	t.Parallel()
	a, b := startGateway(t, "a", nil), startGateway(t, "b", nil)
	n := startNginx(t, a.Addr(), b.Addr())
	var tunnels []*tunnel
	for range 6 {
		tunnels = append(tunnels, dialChat(t, n.Addr()))
	}
	if err := a.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, "the end of its tunnels", func() bool { return overOf(tunnels) == 3 })
	for range 6 {
		dialChat(t, n.Addr()).say(t, "nobody notices")
	}
	for _, c := range tunnels {
		if !c.over() {
			c.say(t, "still here")
		}
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "the restarted gateway to be used again", func() bool {
		dialChat(t, n.Addr())
		return connections(t, a) > 0
	})
}

// Every dial succeeds in the time that a client waits (8 s), though the kernel
// still accepts for the frozen gateway and least_conn prefers it.
func TestNginxLeavesAFrozenGateway(t *testing.T) {
	t.Parallel()
	a, b := startGateway(t, "a", nil), startGateway(t, "b", nil)
	n := startNginx(t, a.Addr(), b.Addr())
	var tunnels []*tunnel
	for range 6 {
		tunnels = append(tunnels, dialChat(t, n.Addr()))
	}
	if err := a.Freeze(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var dials sync.WaitGroup
	took := make([]time.Duration, 12)
	for i := range took {
		dials.Go(func() {
			if _, err := tryChat(t, n.Addr()); err != nil {
				t.Error(err)
			}
			took[i] = time.Since(began)
		})
	}
	dials.Wait()
	await(t, "the end of its tunnels", func() bool { return overOf(tunnels) == 3 })
	t.Logf("dials took %s; old tunnels ended after %s", took, time.Since(began))
	dialChat(t, n.Addr()).say(t, "served by the other")
	if err := a.Thaw(); err != nil {
		t.Fatal(err)
	}
	await(t, "the thawed gateway to be used again", func() bool {
		dialChat(t, n.Addr())
		return connections(t, a) > 0
	})
}

func TestNginxReloads(t *testing.T) {
	t.Parallel()
	a, b := startGateway(t, "a", nil), startGateway(t, "b", nil)
	n := startNginx(t, a.Addr())
	old := dialChat(t, n.Addr())
	old.say(t, "before")
	pid := n.PID()
	if err := n.Reload(t.Context(), b.Addr()); err != nil {
		t.Fatal(err)
	}
	if n.PID() != pid {
		t.Error("the reload was a restart")
	}
	young := dialChat(t, n.Addr())
	young.say(t, "after")
	old.say(t, "still here")
	if at := connections(t, b); at != 1 {
		t.Errorf("%d tunnels at the new gateway, want 1", at)
	}
	if err := n.Reload(t.Context(), "not an address"); err == nil {
		t.Error("it takes a configuration that is wrong")
	}
	young.say(t, "harmed by nothing")
	if err := n.Reload(t.Context()); err != nil {
		t.Errorf("after a refused one: %v", err)
	}
}

func TestNginxDiesAndComesBack(t *testing.T) {
	t.Parallel()
	a := startGateway(t, "a", nil)
	n := startNginx(t, a.Addr())
	for name, end := range map[string]func() error{
		"kill":        n.Kill,
		"stop":        func() error { return n.Stop(t.Context()) },
		"kill frozen": func() error { return errors.Join(n.Freeze(), n.Thaw(), n.Freeze(), n.Kill()) },
		"loss of its master": func() error {
			err := syscall.Kill(n.PID(), syscall.SIGKILL)
			await(t, "the end of the master", func() bool { return n.State() == devcluster.Dead })
			return err // its workers live on, until it is started again
		},
	} {
		c := dialChat(t, n.Addr())
		c.say(t, "before")
		if err := end(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n.State() != devcluster.Dead || n.PID() != 0 {
			t.Errorf("after %s: %s, process %d", name, n.State(), n.PID())
		}
		if err := n.Start(t.Context()); err != nil {
			t.Fatalf("after %s: %v", name, err)
		}
		await(t, "the end of the old tunnel", c.over)
		dialChat(t, n.Addr()).say(t, "after")
	}
	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", n.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a killed one was dialled: %v, %v", c, err)
	}
}

func TestNginxRefuses(t *testing.T) {
	t.Parallel()
	taken := upstream(t, func(http.ResponseWriter, *http.Request) {})
	for name, test := range map[string]struct {
		opts devcluster.NginxOptions
		says string
	}{
		"no gateways":   {devcluster.NginxOptions{Dir: t.TempDir()}, "gateways"},
		"no directory":  {devcluster.NginxOptions{Gateways: []string{taken}}, "directory"},
		"no program":    {devcluster.NginxOptions{Dir: t.TempDir(), Gateways: []string{taken}, Program: "/nonexistent/nginx"}, "no such file"},
		"a bad gateway": {devcluster.NginxOptions{Dir: t.TempDir(), Gateways: []string{"a b"}}, "nginx -t"},
		"a taken port":  {devcluster.NginxOptions{Dir: t.TempDir(), Gateways: []string{taken}, Port: port(t, taken)}, "port is taken"},
	} {
		n, err := devcluster.StartNginx(t.Context(), test.opts)
		if err == nil {
			n.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
