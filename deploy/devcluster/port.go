package devcluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

var errPortTaken = errors.New("the port is taken")

// FreePort finds a free port of 127.0.0.1 for a server that this process starts, and
// keeps it for that until this process ends. It lies below those that the kernel gives
// to clients, so that no client's connection in TIME_WAIT prevents a restart.
func FreePort() (int, error) {
	highest := ephemeralLow()
	lowest := max(1_024, min(12_000, highest-4_000)) // where few others are, if there is room
	for range 1000 {
		if port := lowest + rand.IntN(max(1, highest-lowest)); keep("127.0.0.1", port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port is free between %d and %d", lowest, highest)
}

// kept are the addresses whose ports are kept for the servers of this process.
var kept = struct {
	sync.Mutex
	addrs map[string]bool
}{addrs: make(map[string]bool)}

// keep makes a port ours if it is free: a socket is bound to it that never listens.
// Servers, which all set SO_REUSEADDR, may listen beside it, as often as they are
// started; other processes that look for a port, before the server listens or while it
// is down, find this one taken. A port that was ours before is not free.
func keep(host string, port int) bool {
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	kept.Lock()
	defer kept.Unlock()
	if kept.addrs[addr] {
		return false
	}
	if _, err := bind(addr); err != nil {
		return false
	}
	kept.addrs[addr] = true
	return true
}

// keepAgain keeps ports that an earlier cluster had, where they are not ours from then;
// one with connections in TIME_WAIT cannot be kept, and can be listened on.
func keepAgain(ports ...int) {
	for _, port := range ports {
		keep("127.0.0.1", port)
	}
}

// bind binds a socket that shares its port with those that come later, and not with
// those that are there. The kernel closes it with this process.
func bind(addr string) (socket int, err error) {
	at, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return 0, err
	}
	if socket, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		return 0, err
	}
	if err = syscall.Bind(socket, &syscall.SockaddrInet4{Port: at.Port, Addr: [4]byte(at.IP.To4())}); err == nil {
		err = syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}
	if err != nil {
		syscall.Close(socket)
	}
	return socket, err
}

// free tells whether nobody listens on a port of this machine.
func free(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// listenPatience is for how long ListenAgain tries.
const listenPatience = 10 * time.Second

// ListenAgain listens where this process did before. A child that it is just starting has
// the old listener, too, until its own program begins: then it tries again.
func ListenAgain(address string) (net.Listener, error) {
	for end := time.Now().Add(listenPatience); ; time.Sleep(10 * time.Millisecond) {
		l, err := net.Listen("tcp", address)
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(end) {
			return l, err
		}
	}
}

// ephemeralLow is the lowest port that the kernel gives to clients.
func ephemeralLow() int {
	low := 32768
	if data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		fmt.Sscan(string(data), &low)
	}
	return low
}
