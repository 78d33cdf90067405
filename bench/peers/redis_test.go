//go:build integration

package main

import (
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"
)

// startRedis starts a redis-server that ends with the test.
func startRedis(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // killed, as it will say
	})
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("redis-server does not listen")
	return ""
}

func TestClientsChatThroughCentrifugeWithRedis(t *testing.T) {
	address := start(t, "centrifuge-redis", startRedis(t))
	ada, r := subscribe(t, address, `{"id":2,"subscribe":{"channel":"room:7"}}`)
	if !r.Subscribe.Recoverable || r.Subscribe.Epoch == "" {
		t.Fatalf("subscribe was answered by %+v: nothing to recover from", r.Subscribe)
	}
	ben, _ := subscribe(t, address, `{"id":2,"subscribe":{"channel":"room:7"}}`)
	exchange(t, ada, ben, "hello", 1)
	exchange(t, ada, ben, "again", 2)
	late := fmt.Sprintf(`{"id":2,"subscribe":{"channel":"room:7","recover":true,"epoch":"%s","offset":1}}`, r.Subscribe.Epoch)
	if _, r = subscribe(t, address, late); len(r.Subscribe.Publications) != 1 {
		t.Fatalf("who missed one message recovers %d", len(r.Subscribe.Publications))
	}
}
