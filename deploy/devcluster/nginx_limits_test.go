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
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/deploy/nginx"
)

// requests sends so many from an address, or fewer if one is answered with until, and
// counts the answers by status.
func requests(t *testing.T, n *devcluster.Nginx, from string, count, until int) map[int]int {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	t.Cleanup(client.CloseIdleConnections)
	got := map[int]int{}
	for i := 0; i < count && got[until] == 0; i++ {
		resp, err := client.Get("http://" + n.Addr() + "/")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		got[resp.StatusCode]++
	}
	return got
}

// One address cannot have more than its share of Nginx, and nobody else feels it.
func TestNginxLimitsOneAddress(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	n := startNginx(t, up)
	const refused = http.StatusTooManyRequests
	if got := requests(t, n, "127.0.0.2", 100_000, refused); got[refused] == 0 || got[http.StatusOK] < 2000 || len(got) != 2 {
		t.Errorf("of one address: %v", got)
	}
	if got := requests(t, n, "127.0.0.3", 100, refused); got[http.StatusOK] != 100 {
		t.Errorf("of another address: %v", got)
	}
	free, err := devcluster.StartNginx(t.Context(), devcluster.NginxOptions{Dir: t.TempDir(), Gateways: []string{up}, Unlimited: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := free.Close(); err != nil {
			t.Error(err)
		}
	})
	if got := requests(t, free, "127.0.0.2", 4000, refused); got[http.StatusOK] != 4000 {
		t.Errorf("without limits: %v", got)
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
func hold(t *testing.T, n *devcluster.Nginx, from, header string) (status int, c net.Conn) {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := dialer.DialContext(t.Context(), "tcp", n.Addr())
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
		if status, last = hold(t, n, "127.0.0.2", ""); status != http.StatusOK {
			t.Fatalf("page %d: %d", i+1, status)
		}
	}
	for range 3 {
		if status, _ := hold(t, n, "127.0.0.2", ""); status != http.StatusTooManyRequests {
			t.Errorf("page 401: %d", status)
		}
	}
	if status, _ := hold(t, n, "127.0.0.2", upgrading); status != http.StatusOK {
		t.Errorf("an upgrade beside them: %d", status)
	}
	if status, _ := hold(t, n, "127.0.0.3", ""); status != http.StatusOK {
		t.Errorf("a page of another address: %d", status)
	}
	_ = last.Close()
	await(t, "the place of a page that was given up", func() bool {
		status, _ := hold(t, n, "127.0.0.2", "")
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
	conf := fmt.Sprintf("pid nginx.pid;\nerror_log error.log;\ndaemon off;\nmaster_process off;\nevents {}\nhttp {\n%s%s"+
		"    server {\n        listen 127.0.0.1:%d;\n        location / { return 200 $client_network; }\n    }\n}\n",
		temporary(dir), strings.Replace(maps, "$remote_addr ", "$http_address ", 1), port)
	conf = strings.Replace(conf, "default $remote_addr;", "default $http_address;", 1)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), nginxPath(), "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the context ends it
	networkOf := func(address string) string {
		var network string
		await(t, "an answer of Nginx", func() bool {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", port), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Address", address)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			network = string(b)
			return err == nil && resp.StatusCode == http.StatusOK
		})
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
