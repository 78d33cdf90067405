package devcluster

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// Servers may come and go on a port that is kept; nobody else finds it free.
func TestPortIsKept(t *testing.T) {
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	addr := loopback(port)
	taken := func(when string) {
		t.Helper()
		if socket, err := bind(addr); err == nil {
			syscall.Close(socket)
			t.Errorf("%s, somebody else may have it", when)
		} else if !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: %v", when, err)
		}
		if keep("127.0.0.1", port) {
			t.Errorf("%s, it is chosen again", when)
		}
	}
	taken("before the server")
	for range 2 {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatalf("the server cannot have its port: %v", err)
		}
		taken("while the server listens")
		client, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		served, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		served.Close() // first, and so it stays in TIME_WAIT
		client.Close()
		l.Close()
		taken("while the server is down")
	}
}
