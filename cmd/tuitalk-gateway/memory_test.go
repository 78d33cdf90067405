//go:build integration

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
)

// narrow dials with a receive buffer so small that what is not read stays in the
// gateway.
func narrow() *websocket.DialOptions {
	d := net.Dialer{Control: func(_, _ string, conn syscall.RawConn) error {
		var err error
		if cerr := conn.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) }); cerr != nil {
			return cerr
		}
		return err
	}}
	return &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: d.DialContext}}}
}

// memoryPeak is the most that the process has had in memory, in bytes.
func (g *gatewayProcess) memoryPeak(t *testing.T) int64 {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", g.PID()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	t.Fatal("the kernel does not tell the peak")
	return 0
}

// memoryMost is what the start line says that the process has at most.
func (g *gatewayProcess) memoryMost(t *testing.T) int64 {
	t.Helper()
	found := regexp.MustCompile(`memory_most="(\d+) MiB"`).FindStringSubmatch(g.Log())
	if found == nil {
		t.Fatalf("the start line does not say it:\n%s", g.Log())
	}
	mib, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return mib << 20
}

// closedForOverload counts those who were closed since too much waited for all.
func (g *gatewayProcess) closedForOverload(t *testing.T) (n int) {
	t.Helper()
	_, value, _ := strings.Cut(g.asks(t, "/metrics"), `tuitalk_closed_total{reason="overload"} `)
	value, _, _ = strings.Cut(value, "\n")
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("the metric says %q", value)
	}
	return n
}

// TestMemoryStaysBelowWhatIsSaid: clients ask for history that they do not read, for
// many times what may be queued. The process never has more than its start line says.
func TestMemoryStaysBelowWhatIsSaid(t *testing.T) {
	t.Parallel()
	const room, posts, waves, crowd = 7, 200, 2, 200
	dir := t.TempDir()
	program, err := devcluster.Build(dir, "tuitalk/cmd/tuitalk-gateway", false) // the race detector takes memory of its own
	if err != nil {
		t.Fatal(err)
	}
	g := startProgram(t, program, dir, "-limits", "none", "-max-conns", "500", "-send-buffer", "4096",
		"-max-queued-bytes", "8388608", "-recent-bytes", "4194304", "-waiting-bytes", "2097152")
	most, begin := g.memoryMost(t), g.memoryPeak(t)
	author := dialWire(t, g.addr, room)
	for i := range posts {
		text := strings.Repeat(string(rune('a'+i%26)), talk.MaxTextBytes-10)
		if i%50 != 49 {
			author.say(talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: author.uuid, ID: newID(), Text: text})
		} else {
			author.stored(room, 0, text)
		}
	}
	for wave := range waves {
		closed := g.closedForOverload(t)
		var all sync.WaitGroup
		var failed atomic.Pointer[error]
		for range crowd {
			all.Go(func() {
				w, err := tryWireBy(t, g.addr, room, narrow())
				if err != nil {
					failed.Store(&err)
				}
				for i := 0; err == nil && i < 3; i++ { // an error: it was closed already
					err = w.trySay(talk.Fetch{RoomID: room, Limit: talk.MaxFetch, BeforeSeq: 1 << 40})
				}
			})
		}
		all.Wait()
		for end := time.Now().Add(patience); g.closedForOverload(t)-closed < crowd/4; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				if err := failed.Load(); err != nil {
					t.Error(*err)
				}
				t.Fatalf("wave %d: only %d were closed, so the queues were not full:\n%s", wave, g.closedForOverload(t)-closed, g.asks(t, "/metrics"))
			}
		}
	}
	peak := g.memoryPeak(t)
	t.Logf("MEASURED %d MiB at the start, %d MiB at most, %d MiB are said", begin>>20, peak>>20, most>>20)
	if peak >= most {
		t.Errorf("the process had %d MiB in memory, and says that it has %d MiB at most", peak>>20, most>>20)
	}
	dialWire(t, g.addr, room).stored(room, 0, "still here")
}
