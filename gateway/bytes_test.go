package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"tuitalk/gateway"
	"tuitalk/talk"
)

// dialNarrow is dialRaw with a small receive buffer, so that what is not read
// stays with the server; 1 is the least that there is.
func dialNarrow(t testing.TB, addr string, buffer int) *raw {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if ctlErr := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, buffer) }); ctlErr != nil {
			return ctlErr
		}
		return err
	}}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return rawOn(t, c)
}

// page is a site of one large file that never changes.
type page []byte

func (p page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	write := w.Write
	if s, ok := w.(interface{ WriteStatic([]byte) (int, error) }); ok {
		write = s.WriteStatic
	}
	_, _ = write(p)
}

func newPage(size int) page { return bytes.Repeat([]byte("0123456789abcdef"), size/16) }

// heap is how many bytes are in use.
func heap() int {
	runtime.GC()
	runtime.GC() // what a pool held is free after the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// until polls for something that will come.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestPageThatNobodyReadsHoldsNothing: its bytes are written from where they lie.
func TestPageThatNobodyReadsHoldsNothing(t *testing.T) {
	site := newPage(4 << 20)
	n := start(t, func(o *gateway.Options) { o.Site = site })
	const clients = 100
	before := heap()
	for range clients {
		r := dialNarrow(t, n.addr, 1)
		r.send([]byte("GET /app.wasm HTTP/1.1\r\nHost: x\r\n\r\n"))
		if _, err := io.ReadFull(r.Conn, make([]byte, 15)); err != nil { // the answer is under way
			t.Fatal(err)
		}
	}
	if each := (heap() - before) / clients; each > 32<<10 {
		t.Errorf("each client that does not read holds %d bytes of heap", each)
	}
	until(t, "the bytes in the kernel to be seen", func() bool { return n.metric(t, "tuitalk_kernel_bytes", "") > 0 })
	if each := n.metric(t, "tuitalk_kernel_bytes", "") / clients; each > 2*128<<10 {
		t.Errorf("each client that does not read holds %v bytes in the kernel", each)
	}
}

// paced reads so many bytes at a time with a pause in between, up to the end.
func (r *raw) paced(size int, pause time.Duration) (total int, err error) {
	b := make([]byte, size)
	for {
		n, err := r.Read(b)
		total += n
		if err != nil {
			return total, err
		}
		time.Sleep(pause)
	}
}

// slowly are bounds that a test can wait for.
func slowly(o *gateway.Options) { o.SlowAfter, o.MinRate = 3*time.Second, 128<<10 }

// TestSlowReaderOfThePage: 20 KB/s is too slow, 3 MB/s is not.
func TestSlowReaderOfThePage(t *testing.T) {
	t.Parallel()
	site := newPage(8 << 20)
	n := start(t, func(o *gateway.Options) { slowly(o); o.Site = site })
	get := []byte("GET /app.wasm HTTP/1.1\r\nHost: x\r\n\r\n")
	honest := make(chan int)
	go func() {
		r := dialNarrow(t, n.addr, 128<<10)
		_, _ = r.Write(get)
		total, err := r.paced(64<<10, 20*time.Millisecond)
		if err != io.EOF {
			t.Errorf("the honest reader's page ended with %v", err)
		}
		honest <- total
	}()
	lazy := dialNarrow(t, n.addr, 16<<10)
	lazy.send(get)
	if total, err := lazy.paced(2<<10, 100*time.Millisecond); err == io.EOF {
		t.Errorf("the lazy reader got its page: %d bytes", total)
	}
	if total := <-honest; total < len(site) {
		t.Errorf("the honest reader got %d bytes", total)
	}
	until(t, "both to be closed", func() bool { return n.metric(t, "tuitalk_closed_total", "") == 2 })
	if got := n.metric(t, "tuitalk_closed_total", "slow"); got != 1 {
		t.Errorf("%v were closed as slow, want 1", got)
	}
}

// member is a bare connection of the extended form in a room.
func member(t testing.TB, n *node, room int32, name string, buffer int) *raw {
	t.Helper()
	r := dialNarrow(t, n.addr, buffer)
	r.upgrade()
	r.say(talk.Hello{Client: "bare", Secret: newSecret()})
	_, welcome, err := r.readFrame()
	if err != nil {
		t.Fatal(err)
	}
	m, err := talk.Decode(talk.Extended, welcome)
	if err != nil {
		t.Fatal(err)
	}
	r.say(talk.JoinRoom{RoomID: room, UUID: m.(talk.Welcome).UUID, Username: name})
	for {
		_, p, err := r.readFrame()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(p, []byte(`"Joined"`)) {
			return r
		}
	}
}

func (r *raw) say(m talk.Message) {
	r.t.Helper()
	b, err := talk.Append(nil, talk.Extended, m)
	if err != nil {
		r.t.Fatal(err)
	}
	r.send(frame(0x81, b))
}

// writeHistory stores so many long texts in a room.
func (n *node) writeHistory(t testing.TB, room int32, texts int) {
	t.Helper()
	entries := make([]talk.Entry, texts)
	for i := range entries {
		entries[i] = talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: newID(8), Name: "ada", ID: newID(4),
			Text: strings.Repeat("h", talk.MaxTextBytes)}
	}
	if _, err := n.store.Append(context.Background(), entries); err != nil {
		t.Fatal(err)
	}
}

// TestSlowReaderOfHistory: three Fetches, and then next to nothing is read,
// whatever else is said meanwhile.
func TestSlowReaderOfHistory(t *testing.T) {
	t.Parallel()
	for name, also := range map[string]func(*raw) error{
		"silent":  func(*raw) error { return nil },
		"pinging": func(r *raw) error { _, err := r.Write(frame(0x89, []byte("x"))); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, slowly)
			n.writeHistory(t, 1, 500)
			lazy := member(t, n, 1, "lazy", 16<<10)
			for range 3 {
				lazy.say(talk.Fetch{RoomID: 1, Limit: 500, BeforeSeq: 1 << 40})
			}
			b, err := make([]byte, 2<<10), error(nil)
			for ; err == nil; time.Sleep(100 * time.Millisecond) {
				if err = also(lazy); err == nil {
					_, err = lazy.Read(b)
				}
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("the slow reader is still there")
			}
			until(t, "the end of the slow reader", func() bool { return n.metric(t, "tuitalk_closed_total", "slow") > 0 })
		})
	}
}

// TestAllQueuedBytesHaveABound: above it those go for whom most waits, and the
// others stay.
func TestAllQueuedBytesHaveABound(t *testing.T) {
	const bound = 1 << 20
	n := start(t, func(o *gateway.Options) { o.RingBytes, o.AnswerBytes, o.MaxQueuedBytes = 256<<10, 256<<10, bound })
	n.writeHistory(t, 1, 500)
	honest := hello(t, n.addr)
	honest.join(2, "honest")
	var lazy []*raw
	for i := range 10 {
		r := member(t, n, 1, fmt.Sprint("lazy", i), 1)
		r.say(talk.Fetch{RoomID: 1, Limit: 500, BeforeSeq: 1 << 40})
		lazy = append(lazy, r)
	}
	until(t, "the largest holders to be closed", func() bool { return n.metric(t, "tuitalk_closed_total", "overload") > 0 })
	until(t, "the bound to be kept", func() bool {
		return n.metric(t, "tuitalk_queued_bytes", "")+n.metric(t, "tuitalk_kernel_bytes", "") <= bound
	})
	if got := n.metric(t, "tuitalk_closed_total", "overload"); got > 9 {
		t.Errorf("all %v were closed", got)
	}
	honest.post(2, "unharmed")
	honest.heardText("unharmed")
	for _, r := range lazy {
		_ = r.Close()
	}
	until(t, "the count to be 0 again", func() bool { return n.metric(t, "tuitalk_queued_bytes", "") == 0 })
}

// TestMessageWithoutEnd: what has come of it is counted, and it has its time, also
// when frames come in between.
func TestMessageWithoutEnd(t *testing.T) {
	t.Parallel()
	part := bytes.Repeat([]byte("x"), 30<<10)
	for name, tc := range map[string]struct {
		send  []byte
		least float64 // bytes of it that are kept
		also  []byte  // goes on coming
	}{
		"half a frame":  {frame(0x81, part)[:29<<10], 29 << 10, nil},
		"a first piece": {frame(0x01, part), 30 << 10, frame(0x8A, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, func(o *gateway.Options) { o.SlowAfter = 3 * time.Second })
			r := member(t, n, 1, "endless", 64<<10)
			r.send(tc.send)
			until(t, "it to be counted", func() bool { return n.metric(t, "tuitalk_queued_bytes", "") >= tc.least })
			if tc.also != nil {
				go r.repeat(tc.also)
			}
			if code, reason := r.expectClose(); code != talk.CloseHandshakeStall || reason == "" {
				t.Errorf("closed with %d %q", code, reason)
			}
			until(t, "the count to be 0 again", func() bool { return n.metric(t, "tuitalk_queued_bytes", "") == 0 })
		})
	}
}

// repeat writes the same again and again until the connection ends.
func (r *raw) repeat(b []byte) {
	for {
		if _, err := r.Write(b); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestBytesThatStayInTheKernel: a client that says much and reads nothing is slow
// also when all that it was sent has room in the kernel.
func TestBytesThatStayInTheKernel(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) { o.SlowAfter = 2 * time.Second })
	lazy := member(t, n, 1, "lazy", 1)
	a := hello(t, n.addr)
	a.join(1, "ada")
	for i := range 10 {
		text := fmt.Sprint(i, strings.Repeat("z", talk.MaxTextBytes-8))
		a.post(1, text)
		a.heardText(text)
	}
	until(t, "the end of the client that does not read", func() bool {
		_, _ = lazy.Write(frame(0x8A, nil)) // it is never quiet
		return n.metric(t, "tuitalk_closed_total", "slow") > 0
	})
	a.post(1, "unharmed")
	a.heardText("unharmed")
}
