//go:build integration

package devcluster_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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
