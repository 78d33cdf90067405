package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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

// tryFiles holds -max-conns against what this process may open.
func tryFiles(_ context.Context, c *config) (string, error) {
	have, need := gateway.FileLimit(), gateway.FilesFor(c.budgets.MaxConns)
	if need > have {
		return "", setting.Error{Err: fmt.Errorf("-max-conns %d needs %d, and this process may have %d: raise LimitNOFILE of its unit (ulimit -n in a shell) to %d, or lower -max-conns to %d",
			c.budgets.MaxConns, need, have, need, max(1, have-need+c.budgets.MaxConns))}
	}
	return fmt.Sprintf("%d may be open, and -max-conns %d needs %d", have, c.budgets.MaxConns, need), nil
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

// tryAddress listens and ends at once. Where somebody does already, his page tells
// whether it is a gateway, perhaps the one that is about to be restarted.
func tryAddress(ctx context.Context, flag, address, page, mark string) (string, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		_ = l.Close() // nobody has come
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
