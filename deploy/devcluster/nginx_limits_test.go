//go:build integration

package devcluster_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/deploy/nginx"
)

// runNginx runs Nginx with a configuration that listens on a port, in a folder.
func runNginx(t *testing.T, dir, conf string, port int) {
	t.Helper()
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), nginxPath(), "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log"),
		"-g", "daemon off; master_process off;") // one process: its end is the end of all
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // the context ends it
		if said, _ := os.ReadFile(filepath.Join(dir, "error.log")); t.Failed() {
			t.Logf("Nginx says %s", said)
		}
	})
	await(t, "Nginx", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// startBounded starts Nginx with the fleet's file, in which a bound is another one, so
// that any machine reaches it. It returns its address.
func startBounded(t *testing.T, up, bound, another string, unlimited bool) (addr string) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir, port := t.TempDir(), freePort(t)
	addr = fmt.Sprintf("127.0.0.1:%d", port)
	conf, err := nginx.For(nginx.Machine{
		User: me.Username, Dir: dir, Listen: addr, Gateways: []string{up}, Workers: 1, Files: 4096, Unlimited: unlimited,
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(conf, bound); n != 1 {
		t.Fatalf("nginx.conf has %q %d times", bound, n)
	}
	runNginx(t, dir, strings.Replace(conf, bound, another, 1), port)
	return addr
}

// requests sends so many from an address, or fewer if one is answered with until, and
// counts the answers by status.
func requests(t *testing.T, addr, from string, count, until int) map[int]int {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	t.Cleanup(client.CloseIdleConnections)
	got := map[int]int{}
	for i := 0; i < count && got[until] == 0; i++ {
		resp, err := client.Get("http://" + addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		got[resp.StatusCode]++
	}
	return got
}

// One address cannot have more than its share of Nginx, and nobody else feels it. With
// one request a minute more, any machine comes to the end of the 2,000 at once.
func TestNginxLimitsOneAddress(t *testing.T) {
	t.Parallel()
	const (
		refused = http.StatusTooManyRequests
		first   = 2001 // the burst, and one that does not wait for it
	)
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	began := time.Now()
	addr := startBounded(t, up, "rate=200r/s", "rate=1r/m", false)
	got := requests(t, addr, "127.0.0.2", 2*first, refused)
	if most := first + 1 + int(time.Since(began).Minutes()); got[refused] != 1 || got[http.StatusOK] < first || got[http.StatusOK] > most || len(got) != 2 {
		t.Errorf("of one address: %v, want %d to %d before the first that is refused", got, first, most)
	}
	if got := requests(t, addr, "127.0.0.3", 100, refused); got[http.StatusOK] != 100 {
		t.Errorf("of another address: %v", got)
	}
	free := startBounded(t, up, "rate=200r/s", "rate=1r/m", true)
	if got := requests(t, free, "127.0.0.2", first+100, refused); got[http.StatusOK] != first+100 {
		t.Errorf("without limits: %v", got)
	}
}

// However fast the machine is, an address has 200 requests a second beside the 2,000
// at once.
func TestNginxLimitsTheRateOfOneAddress(t *testing.T) {
	t.Parallel()
	n := startNginx(t, upstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	const count, first = 3000, 2001
	began := time.Now()
	got := requests(t, n.Addr(), "127.0.0.2", count, 0)
	if most := first + 1 + int(200*time.Since(began).Seconds()); got[http.StatusOK] < first || got[http.StatusOK] > most {
		t.Errorf("%v in %v, want %d to %d", got, time.Since(began), first, most)
	}
	if got[http.StatusOK]+got[http.StatusTooManyRequests] != count {
		t.Errorf("other answers: %v", got)
	}
}

// One address can hold 4,000 connections (here 40), whatever they are for, and that
// touches nobody else's.
func TestNginxLimitsConnections(t *testing.T) {
	t.Parallel()
	const bound, another, most = "limit_conn connections 4000;", "limit_conn connections 40;", 40
	up := heldRequests(t)
	addr := startBounded(t, up, bound, another, false)
	var last net.Conn
	for i := range most {
		var status int
		if status, last = hold(t, addr, "127.0.0.2", upgrading); status != http.StatusOK {
			t.Fatalf("connection %d: %d", i+1, status)
		}
	}
	for name, header := range map[string]string{"an upgrade": upgrading, "a page": ""} {
		if status, _ := hold(t, addr, "127.0.0.2", header); status != http.StatusTooManyRequests {
			t.Errorf("%s beside %d connections: %d", name, most, status)
		}
		if status, _ := hold(t, addr, "127.0.0.3", header); status != http.StatusOK {
			t.Errorf("%s of another address: %d", name, status)
		}
	}
	_ = last.Close()
	await(t, "the place of a connection that has ended", func() bool {
		status, _ := hold(t, addr, "127.0.0.2", upgrading)
		return status == http.StatusOK
	})
	free := startBounded(t, up, bound, another, true)
	for i := range most + 1 {
		if status, _ := hold(t, free, "127.0.0.2", upgrading); status != http.StatusOK {
			t.Fatalf("without limits, connection %d: %d", i+1, status)
		}
	}
}

// heldRequests stands in for a gateway that answers and never ends: it says a little
// every second, so that Nginx does not take it for dead.
func heldRequests(t *testing.T) string {
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		control, tick := http.NewResponseController(w), time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			if _, err := io.WriteString(w, "."); err != nil || control.Flush() != nil {
				return
			}
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	})
}

// hold asks for something by an address, and returns the answer's status and the
// connection, on which the answer goes on.
func hold(t *testing.T, addr, from, header string) (status int, c net.Conn) {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := dialer.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", header); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, c
}

const upgrading = "Connection: Upgrade\r\nUpgrade: websocket\r\n"

// One address can hold 400 pages, and that touches nothing but its pages.
func TestNginxLimitsPages(t *testing.T) {
	t.Parallel()
	n := startNginx(t, heldRequests(t))
	var last net.Conn
	for i := range 400 {
		var status int
		if status, last = hold(t, n.Addr(), "127.0.0.2", ""); status != http.StatusOK {
			t.Fatalf("page %d: %d", i+1, status)
		}
	}
	for range 3 {
		if status, _ := hold(t, n.Addr(), "127.0.0.2", ""); status != http.StatusTooManyRequests {
			t.Errorf("page 401: %d", status)
		}
	}
	if status, _ := hold(t, n.Addr(), "127.0.0.2", upgrading); status != http.StatusOK {
		t.Errorf("an upgrade beside them: %d", status)
	}
	if status, _ := hold(t, n.Addr(), "127.0.0.3", ""); status != http.StatusOK {
		t.Errorf("a page of another address: %d", status)
	}
	_ = last.Close()
	await(t, "the place of a page that was given up", func() bool {
		status, _ := hold(t, n.Addr(), "127.0.0.2", "")
		return status == http.StatusOK
	})
}

// Who does not get to the end of his headers in 10 s is let go, whatever he does in
// the meantime. Without client_header_timeout it would be after a minute.
func TestNginxEndsSlowHeads(t *testing.T) {
	t.Parallel()
	n := startNginx(t, heldRequests(t))
	const head = "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "
	var wait sync.WaitGroup
	for name, begin := range map[string]string{"silent": "", "half": head, "dripping": head} {
		c, err := net.Dial("tcp", n.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, begin); err != nil {
			t.Fatal(err)
		}
		if name == "dripping" {
			wait.Go(func() {
				for err := error(nil); err == nil; time.Sleep(200 * time.Millisecond) {
					_, err = io.WriteString(c, "x")
				}
			})
		}
		wait.Go(func() {
			began := time.Now()
			if err := c.SetReadDeadline(began.Add(45 * time.Second)); err != nil {
				t.Error(err)
			}
			answer, err := io.ReadAll(c)
			if errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(string(answer), " 200 ") {
				t.Errorf("%s: after %s %v, %q", name, time.Since(began), err, answer)
			}
			_ = c.Close()
		})
	}
	wait.Wait()
}

// What Nginx takes for one address is the IPv4 address, also where it is written as an
// IPv6 one, and the /64 of IPv6. The map is the fleet's own, with a header in place of
// the address.
func TestNginxKnowsNetworks(t *testing.T) {
	t.Parallel()
	maps := regexp.MustCompile(`(?s)    map \$remote_addr .*?\n    }\n`).FindString(nginx.Conf)
	if maps == "" {
		t.Fatal("the map is not in nginx.conf")
	}
	dir, port := t.TempDir(), freePort(t)
	conf := fmt.Sprintf("pid nginx.pid;\nerror_log error.log;\nevents {}\nhttp {\n%s%s"+
		"    server {\n        listen 127.0.0.1:%d;\n        location / { return 200 $client_network; }\n    }\n}\n",
		temporary(dir), strings.Replace(maps, "$remote_addr ", "$http_address ", 1), port)
	runNginx(t, dir, strings.Replace(conf, "default $remote_addr;", "default $http_address;", 1), port)
	networkOf := func(address string) string {
		status, network := get(t, fmt.Sprintf("http://127.0.0.1:%d/", port), "Address", address)
		if status != http.StatusOK {
			t.Errorf("%s: %d", address, status)
		}
		return network
	}
	for _, same := range [][2]string{
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:ffff::1"}, {"2001:db8:1:2::1", "2001:db8:1:2:3::"}, {"2001:db8::1", "2001:db8::2:3"},
	} {
		if a, b := networkOf(same[0]), networkOf(same[1]); a != b || a == "" {
			t.Errorf("%s is %q, %s is %q", same[0], a, same[1], b)
		}
	}
	seen := map[string]string{}
	for _, address := range []string{"192.0.2.1", "192.0.2.2", "::ffff:192.0.2.3", "::ffff:192.0.2.4", "::1", "2001:db8:1:2::1", "2001:db8:1:3::1", "2001:db8::1", "2001:db8:1::1"} {
		network := networkOf(address)
		if other := seen[network]; other != "" {
			t.Errorf("%s and %s are both %q", address, other, network)
		}
		seen[network] = address
	}
}

// temporary are the folders of a bare Nginx.
func temporary(dir string) string {
	var b strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "scgi", "uwsgi"} {
		fmt.Fprintf(&b, "    %s_temp_path %q;\n", kind, filepath.Join(dir, kind))
	}
	return b.String()
}

func nginxPath() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	return "/usr/sbin/nginx"
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := devcluster.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}
