package attack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tuitalk/bench/result"
	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
)

// gateway is one that is started for an attack, on ports and with a store of its own.
type gateway struct {
	program *devcluster.Program
	dir     string
	addr    string
	admin   string
}

const storeName = "chat.db"

// startGateway starts a program with its defaults but for addresses and store.
func startGateway(ctx context.Context, program, dir string, args ...string) (*gateway, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	g := &gateway{dir: dir}
	for _, to := range []*string{&g.addr, &g.admin} {
		port, err := devcluster.FreePort()
		if err != nil {
			return nil, fmt.Errorf("find a port: %w", err)
		}
		*to = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	args = append([]string{"-listen", g.addr, "-admin", g.admin, "-store", "sqlite:" + filepath.Join(dir, storeName)}, args...)
	g.program = devcluster.NewProgram(filepath.Join(dir, "gateway.log"), program, args...)
	if err := g.program.Start(); err != nil {
		return nil, errors.Join(err, g.program.Close())
	}
	if err := g.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, g.program.Close())
	}
	return g, nil
}

func (g *gateway) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, enterTime)
	defer cancel()
	asks := newGauge(0, 0, g.admin)
	defer asks.client.CloseIdleConnections()
	for !asks.ready(ctx) {
		if !g.program.Running() {
			return fmt.Errorf("the gateway ended at once: %s", g.program.Log())
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for the gateway: %w; it says: %s", ctx.Err(), g.program.Log())
		}
	}
	return nil
}

// end asks the gateway to end, and kills it if it does not.
func (g *gateway) end() (how string, stuck bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	begun := time.Now()
	if !g.program.Running() {
		how, stuck = "the gateway had ended by itself", true
	} else if g.program.Terminate(ctx) != nil {
		how, stuck = fmt.Sprintf("SIGTERM did not end the gateway in %v; it was killed", endTime), true
	} else {
		how = "SIGTERM ended it in " + result.Took(time.Since(begun))
	}
	return how, stuck, errors.Join(g.program.Kill(), g.program.Close())
}

// The history that attacks read: so many entries of talk.MaxTextBytes, by so many
// authors, all in as few seconds as it takes.
const (
	historyAuthors = 100
	historyEach    = 25
)

// makeHistory makes the room that some attacks read, with what a gateway lets
// connections post that are new.
func makeHistory(ctx context.Context, o *Options, target *Target) error {
	ctx, cancel := context.WithTimeout(ctx, fillTime)
	defer cancel()
	c := newCrowd(ctx, target, o.Sources, o.Room)
	var stored atomic.Int64
	g := Group{Connections: historyAuthors, PerSecond: 300, Do: steps(identified, join(same(HistoryRoom)), func(c *conn) error {
		return c.write(historyEach, &stored)
	})}
	c.lead(&g)
	c.attackers.Wait()
	c.stop()
	if n := stored.Load(); n < historyAuthors*historyEach/2 {
		return fmt.Errorf("only %d of %d entries of the history that is attacked could be made", n, historyAuthors*historyEach)
	}
	return nil
}

// write posts so many long entries, each once more where it is asked to.
func (c *conn) write(n int, stored *atomic.Int64) error {
	text := strings.Repeat("h", talk.MaxTextBytes)
	for n > 0 {
		if err := c.lost(c.say(post(same(HistoryRoom), text)(c))); err != nil {
			return err
		}
		m, err := c.await("Stored")
		if err != nil {
			return err
		}
		if e, refused := m.(talk.Error); refused {
			if err := c.sleep(max(time.Duration(e.RetryMS)*time.Millisecond, 200*time.Millisecond)); err != nil {
				return err
			}
			continue
		}
		stored.Add(1)
		n--
	}
	return nil
}

// template makes a store with the history, to be copied for each attack on a gateway
// of ours. What is there before an attack is no flood: the gateway that stores it has
// no limits.
func template(ctx context.Context, o *Options, dir string) error {
	g, err := startGateway(ctx, o.Program, dir, append([]string{"-limits", "none"}, o.Args...)...)
	if err != nil {
		return err
	}
	target, err := g.target(o)
	if err == nil {
		err = makeHistory(ctx, o, target)
	}
	_, _, failed := g.end()
	return errors.Join(err, failed)
}

func (g *gateway) target(o *Options) (*Target, error) {
	return FindTarget("ws://"+g.addr+"/ws", &o.Trust)
}

// copyStore copies a store that nobody has open.
func copyStore(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(from, storeName+"*"))
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := copyFile(name, filepath.Join(to, filepath.Base(name))); err != nil {
			return fmt.Errorf("copy the history: %w", err)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode()&fs.ModePerm)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
