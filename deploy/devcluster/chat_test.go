//go:build integration

package devcluster_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// patience is for what must happen; failing costs this much and passing nothing.
const patience = time.Minute

// tunnel is a WebSocket at /ws; one goroutine reads it to its end.
type tunnel struct {
	conn  *websocket.Conn
	came  chan string   // what was read
	ended chan struct{} // closed when there is no more
}

func dialChat(t *testing.T, addr string) *tunnel {
	t.Helper()
	c, err := tryChat(t, addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tryChat(t *testing.T, addr string) (*tunnel, error) { return tryChatAt(t, addr, "/ws", nil) }

// tryChatAt dials a path with headers as a browser may send them.
func tryChatAt(t *testing.T, addr, path string, h http.Header) (*tunnel, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+path, &websocket.DialOptions{HTTPHeader: h, Host: h.Get("Host")})
	if err != nil {
		return nil, err
	}
	c := &tunnel{conn: conn, came: make(chan string, 100), ended: make(chan struct{})}
	go c.read()
	t.Cleanup(func() {
		conn.CloseNow()
		<-c.ended
	})
	return c, nil
}

func (c *tunnel) read() {
	defer close(c.ended)
	for {
		_, data, err := c.conn.Read(context.Background())
		if err != nil {
			return
		}
		select {
		case c.came <- string(data):
		default: // nobody reads so many
		}
	}
}

// say posts a text in room 7 and waits until it comes back through the room.
func (c *tunnel) say(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const who = `"uuid":"67e55044-10b1-426f-9247-bb680e5fe0c8","username":"ada","unixtime":0`
	for _, m := range []string{
		`{"JoinRoom":{"room_id":7,` + who + `}}`,
		`{"PostMessage":{"message":{"text":"` + text + `","room_id":7,` + who + `}}}`,
	} {
		if err := c.conn.Write(ctx, websocket.MessageText, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	for {
		select {
		case frame := <-c.came:
			if strings.Contains(frame, text) {
				return
			}
		case <-c.ended:
			t.Fatalf("the tunnel ended before %q came back", text)
		case <-ctx.Done():
			t.Fatalf("%q did not come back", text)
		}
	}
}

func (c *tunnel) over() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// overOf counts the tunnels that are over.
func overOf(tunnels []*tunnel) (n int) {
	for _, c := range tunnels {
		if c.over() {
			n++
		}
	}
	return n
}

// await waits for something that nothing tells of.
func await(t *testing.T, what string, f func() bool) {
	t.Helper()
	end := time.Now().Add(patience)
	for !f() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// get asks with headers, given as name and value.
func get(t *testing.T, url string, headers ...string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}
