//go:build integration

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tuitalk/bench/tlsconfig/trusttest"
	"tuitalk/deploy/devcluster"
	"tuitalk/deploy/nginx"
)

// freePort is one on loopback that nobody else gets.
func freePort(t *testing.T) int {
	t.Helper()
	port, err := devcluster.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// startNginxTLS starts a real Nginx with the fleet's configuration and what that
// says is to be added for TLS, in front of a gateway. It gives the address that
// speaks TLS, and the file of whoever signed its certificate.
func startNginxTLS(t *testing.T, gateway string) (addr, ca string) {
	t.Helper()
	dir := t.TempDir()
	authority := trusttest.New(t)
	cert, key := authority.For("localhost")
	write := func(name string, text []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := nginx.For(nginx.Machine{
		User: me.Username, Dir: dir, Listen: fmt.Sprintf("127.0.0.1:%d", freePort(t)), Gateways: []string{gateway}, Workers: 1, Files: 4096,
	})
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	const beside = "        server_name _;\n"
	if strings.Count(conf, beside) != 1 {
		t.Fatalf("there is no one place to put \"listen … ssl\" in:\n%s", conf)
	}
	conf = strings.Replace(conf, beside, fmt.Sprintf("        listen 127.0.0.1:%d ssl;\n        ssl_certificate %s;\n        ssl_certificate_key %s;\n%s",
		port, write("cert.pem", cert), write("key.pem", key), beside), 1)
	cmd := exec.Command("nginx", "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", write("nginx.conf", []byte(conf)), "-g", "daemon off;")
	begin(t, cmd)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()                          // with an error, as it was told to end
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return fmt.Sprintf("localhost:%d", port), write("ca.pem", authority.PEM)
		}
		if time.Now().After(end) {
			said, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Fatalf("nginx does not listen: %v\n%s", err, said)
		}
	}
}

// TestLoadThroughNginxWithTLS: some hundred sessions over wss://, with returns, hops
// and slow readers, and every history is whole.
func TestLoadThroughNginxWithTLS(t *testing.T) {
	_, g := startGateway(t)
	addr, ca := startNginxTLS(t, g.Addr())
	target := "wss://" + addr + "/ws"
	out := filepath.Join(t.TempDir(), "run.json")
	b := start(t, "load", "-target", target, "-ca", ca, "-clients", "400", "-processes", "2", "-rooms", "10", "-rate", "50",
		"-returns", "20", "-hops", "5", "-fetches", "5", "-slow", "0.02", "-warm-up", "1s", "-duration", "5s", "-json", out,
		"-max-lost", "0", "-max-duplicated", "0", "-max-reordered", "0")
	code := b.code(t)
	r := b.result(t, out)
	expectHeld(t, b, r, code)
	if w := &r.Whole; w.Inside == 0 || w.Counts.Stored == 0 || w.Delivered < 15*w.Counts.Stored {
		t.Errorf("%d inside, %d stored, %d delivered", w.Inside, w.Counts.Stored, w.Delivered)
	}
	if c := r.Checked; c.Clients < 400 || c.Sent == 0 || c.Shown < c.Sent {
		t.Errorf("checked: %d clients, %d sent, %d shown", c.Clients, c.Sent, c.Shown)
	}
	short := []string{"load", "-target", target, "-clients", "20", "-rooms", "2", "-warm-up", "0s", "-duration", "1s", "-quiet", "-json", out}
	stranger := start(t, short...)
	code = stranger.code(t)
	if said := stranger.err.String(); code != exitFailed || !strings.Contains(said, "is signed by nobody who is trusted here (-ca)") {
		t.Errorf("without -ca it ended with %d, saying %q", code, said)
	}
	trusting := start(t, append(short, "-insecure")...)
	code = trusting.code(t)
	expectHeld(t, trusting, readResult(t, out), code)
	if said := trusting.err.String(); !strings.HasPrefix(said, "WARNING: -insecure") {
		t.Errorf("with -insecure it says %q", said)
	}
}

// TestStormThroughNginxWithTLS: all lines are cut at once, and all are back over TLS.
func TestStormThroughNginxWithTLS(t *testing.T) {
	_, g := startGateway(t)
	addr, ca := startNginxTLS(t, g.Addr())
	out := filepath.Join(t.TempDir(), "run.json")
	b := start(t, "storm", "-target", "wss://"+addr+"/ws", "-ca", ca, "-clients", "300", "-rooms", "10", "-rate", "30", "-warm-up", "1s", "-json", out,
		"-times", "2", "-calm", "2s", "-patience", "5m") // a busy machine makes 300 handshakes in its time
	code := b.code(t)
	r := b.result(t, out)
	expectHeld(t, b, r, code)
	if len(r.Faults) != 2 {
		t.Errorf("%d storms\n%s", len(r.Faults), b.err.String())
	}
	for _, f := range r.Faults {
		if !f.Held || f.NotBack != 0 || f.Resume.Count != 300 || f.CaughtUp.Count != 300 {
			t.Errorf("%+v", f)
		}
	}
	dialled := int64(0)
	for i := range r.Seconds {
		dialled += r.Seconds[i].Dialled
	}
	if dialled < 3*300 {
		t.Errorf("%d attempts at a connection by 300 clients, through two storms", dialled)
	}
}
