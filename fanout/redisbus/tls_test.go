//go:build integration

package redisbus

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tuitalk/fanout/fanouttest"
)

// tlsNode is a cluster of one node that speaks nothing but TLS, with a certificate for
// these names, and the authority that signed it.
func tlsNode(t *testing.T, names string) (addr, ca string) {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	run := func(name string, args ...string) error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Logf("%s %q: %s", name, args, out)
		}
		return err
	}
	must(t, run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
		"-subj", "/CN=127.0.0.1", "-addext", "subjectAltName="+names, "-keyout", at("key"), "-out", at("crt")))
	addr = freeAddr(t)
	host, port, _ := net.SplitHostPort(addr)
	startRedis(t, "--port", "0", "--tls-port", port, "--cluster-enabled", "yes", "--cluster-port", busPort(t), "--tls-cluster", "yes",
		"--tls-auth-clients", "no", "--tls-cert-file", at("crt"), "--tls-key-file", at("key"), "--tls-ca-cert-file", at("crt"),
		"--requirepass", "p@ss word")
	cli := []string{"--tls", "--cacert", at("crt"), "-h", host, "-p", port, "-a", "p@ss word", "-e"}
	await(t, "the node to answer", func() bool { return exec.Command("redis-cli", append(cli, "PING")...).Run() == nil })
	must(t, run("redis-cli", append(cli, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")...))
	await(t, "the cluster to be whole", func() bool {
		out, err := exec.Command("redis-cli", append(cli, "CLUSTER", "INFO")...).Output()
		return err == nil && strings.Contains(string(out), "cluster_state:ok")
	})
	return addr, at("crt")
}

// refusing answers as a server does that speaks no TLS.
func refusing(t *testing.T) (addr string) {
	t.Helper()
	return serveEach(t, "127.0.0.1:0", func(conn net.Conn) {
		_, _ = conn.Write([]byte("-ERR unknown command\r\n")) // it may be gone
		_ = conn.Close()
	})
}

// TestTLS: notes go through a server that speaks TLS, and each way to do it wrong has a
// sentence with its remedy.
func TestTLS(t *testing.T) {
	t.Parallel()
	addr, ca := tlsNode(t, "IP:127.0.0.1")
	named, namedCA := tlsNode(t, "DNS:localhost")
	secured := func(query string) Options {
		o, err := ParseURL("rediss://:p%40ss%20word@" + addr + query)
		must(t, err)
		return o
	}
	byName := secured("?ca=" + namedCA)
	byName.Addrs = []string{strings.Replace(named, "127.0.0.1", "localhost", 1)}
	for i, o := range []Options{secured("?ca=" + ca), byName} {
		o.Namespace = fmt.Sprint("tls", i)
		got := fanouttest.NewRecorder()
		must(t, openBus(t, o, got).Subscribe(t.Context(), 1))
		must(t, openBus(t, o, fanouttest.NewRecorder()).Publish(t.Context(), fanouttest.Note(1, 1)))
		got.AwaitNotes(t, 1, 1)
	}

	empty := filepath.Join(t.TempDir(), "empty")
	must(t, os.WriteFile(empty, nil, 0o600))
	for query, says := range map[string]string{"?ca=" + empty: "no certificate is in", "?ca=/nowhere.crt": "no such file"} {
		if b, err := Open(t.Context(), secured(query), fanouttest.NewRecorder()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", query, err)
			if err == nil {
				_ = b.Close()
			}
		}
	}
	plain := secured("")
	plain.Addrs = []string{refusing(t)}
	unknown := secured("")
	another := secured("?ca=" + namedCA)
	another.Addrs = []string{named}
	for name, test := range map[string]struct {
		o    Options
		says string
	}{
		"an unknown authority": {unknown, "name the authority that signed it"},
		"another name":         {another, "the certificate must be for that address"},
		"a port without TLS":   {plain, "does not speak TLS"},
	} {
		_, err := Examine(t.Context(), test.o)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
