package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"tuitalk/cmd/setting"
	"tuitalk/fanout/redisbus"
	"tuitalk/gateway"
	"tuitalk/history/pgstore"
	"tuitalk/history/sqlitestore"
)

// checkTimeout bounds what the store and the bus are asked.
const checkTimeout = 15 * time.Second

// checkReach tries what the settings lead to, says of each part that it is right, or
// what is wrong with it and what to do, and changes nothing. The error counts the faults.
func checkReach(c *config, stdout io.Writer) error {
	var failed []string
	var wrong error // that another start does not make right
	for _, part := range []struct {
		name string
		try  func(context.Context, *config) (string, error)
	}{
		{"open files", tryFiles}, {"-listen", tryListen}, {"-admin", tryAdmin}, {"-store", tryStore}, {"-bus", tryBus},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		said, err := part.try(ctx, c)
		cancel()
		if err == nil {
			fmt.Fprintf(stdout, "ok     %s: %s\n", part.name, said)
			continue
		}
		failed = append(failed, part.name)
		fmt.Fprintf(stdout, "WRONG  %s: %s\n", part.name, oneLine(err))
		if errors.As(err, new(setting.Error)) {
			wrong = err
		}
	}
	if len(failed) == 0 {
		return nil
	}
	err := fmt.Errorf("%s: see above", strings.Join(failed, ", "))
	if wrong != nil {
		return setting.Error{Err: err}
	}
	return err
}

// tryFiles says what config.checkFiles has found to be enough.
func tryFiles(_ context.Context, c *config) (string, error) {
	return fmt.Sprintf("%d may be open, and -max-conns %d needs %d", gateway.FileLimit(), c.budgets.MaxConns, gateway.FilesFor(c.budgets.MaxConns)), nil
}

func tryListen(ctx context.Context, c *config) (string, error) {
	return tryAddress(ctx, "-listen", c.listen, "/", "<title>TuiTalk")
}

func tryAdmin(ctx context.Context, c *config) (string, error) {
	if c.admin == "" {
		return "none", nil
	}
	return tryAddress(ctx, "-admin", c.admin, "/metrics", "\ntuitalk_")
}

// tryAddress finds out whether a gateway could listen there. Where somebody does already,
// his page tells whether it is a gateway, perhaps the one that is about to be restarted.
func tryAddress(ctx context.Context, flag, address, page, mark string) (string, error) {
	err := tryBind(address)
	switch {
	case err == nil:
		return address + " is free", nil
	case errors.Is(err, syscall.EADDRINUSE):
		if isGateway(ctx, address, page, mark) {
			return address + " is a running gateway's", nil
		}
		return "", fmt.Errorf("%s is somebody else's: stop who listens there (ss -ltnp names the process), or choose another %s", address, flag)
	case errors.Is(err, syscall.EACCES):
		return "", setting.Error{Err: fmt.Errorf("%s may not be opened by this user: choose a port above 1023 for %s and let the balancer have the lower one, or give the unit AmbientCapabilities= and CapabilityBoundingSet=CAP_NET_BIND_SERVICE", address, flag)}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "", fmt.Errorf("%s is no address of this machine now: ip address lists them; choose another %s, or :port for all", address, flag)
	}
	return "", fmt.Errorf("%s cannot be listened at: %w; correct %s", address, err, flag)
}

// tryBind binds a socket as a listener does, but never listens: a gateway that starts at
// this moment is not kept from the address.
func tryBind(address string) error {
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	fd, socketAddr, err := socketFor(at)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer syscall.Close(fd)
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return os.NewSyscallError("bind", syscall.Bind(fd, socketAddr))
}

// socketFor makes a socket for an address: where none is named it is for both versions
// of IP, as far as this machine has them.
func socketFor(at *net.TCPAddr) (fd int, of syscall.Sockaddr, err error) {
	if v4 := at.IP.To4(); v4 == nil {
		six := &syscall.SockaddrInet6{Port: at.Port}
		copy(six.Addr[:], at.IP.To16())
		if zone, err := net.InterfaceByName(at.Zone); err == nil {
			six.ZoneId = uint32(zone.Index)
		}
		fd, err = syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM, 0)
		if err == nil && at.IP == nil {
			err = syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 0)
		}
		if at.IP != nil || !errors.Is(err, syscall.EAFNOSUPPORT) {
			return fd, six, err
		}
	}
	four := &syscall.SockaddrInet4{Port: at.Port}
	copy(four.Addr[:], at.IP.To4())
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	return fd, four, err
}

// isGateway asks for a page that no other program has.
func isGateway(ctx context.Context, address, page, mark string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+page, nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return err == nil && strings.Contains(string(text), mark)
}

func tryStore(ctx context.Context, c *config) (string, error) {
	if c.storeKind == "sqlite" {
		return sqlitestore.Examine(c.storePath)
	}
	return pgstore.Examine(ctx, c.store)
}

func tryBus(ctx context.Context, c *config) (string, error) {
	if c.bus == "local" {
		return "local: this gateway is alone", nil
	}
	o, err := redisbus.ParseURL(c.bus)
	if err != nil {
		return "", setting.Error{Err: err}
	}
	return redisbus.Examine(ctx, o)
}
