package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/gateway"
	"tuitalk/talk"
	"tuitalk/websocket/websockettest"
)

// raw is a TCP connection on which a test writes what it likes.
type raw struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func dialRaw(t testing.TB, addr string) *raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return rawOn(t, c)
}

func rawOn(t testing.TB, c net.Conn) *raw {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &raw{t, c, bufio.NewReader(c)}
}

// upgrade does the handshake with extra header lines and returns the response.
func (r *raw) upgrade(lines ...string) *http.Response {
	r.t.Helper()
	head := append([]string{"GET /ws HTTP/1.1", "Host: chat.test", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}, lines...)
	r.send([]byte(strings.Join(head, "\r\n") + "\r\n\r\n"))
	resp, err := http.ReadResponse(r.r, nil)
	if err != nil {
		r.t.Fatalf("no answer to the handshake: %v", err)
	}
	return resp
}

func (r *raw) send(b []byte) {
	r.t.Helper()
	if _, err := r.Write(b); err != nil {
		r.t.Fatalf("send: %v", err)
	}
}

// frame is websockettest.Frame.
func frame(b0 byte, payload []byte) []byte { return websockettest.Frame(b0, payload) }

// readFrame reads a server's frame.
func (r *raw) readFrame() (opcode byte, payload []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(r.r, h[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(h[1])
	var ext [8]byte
	switch n {
	case 126:
		if _, err := io.ReadFull(r.r, ext[6:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(ext[:])
	case 127:
		if _, err := io.ReadFull(r.r, ext[:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(ext[:])
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r.r, payload)
	return h[0] & 0x0f, payload, err
}

// expectClose reads up to the close frame and the end of the connection.
func (r *raw) expectClose() (code int, reason string) {
	r.t.Helper()
	for {
		op, payload, err := r.readFrame()
		if err != nil {
			r.t.Fatalf("no close frame before the end: %v", err)
		}
		if op == 0x8 {
			if _, err := r.r.ReadByte(); err != io.EOF {
				r.t.Errorf("after the close frame: %v, want the end", err)
			}
			return int(binary.BigEndian.Uint16(payload)), string(payload[2:])
		}
	}
}

func TestFramesThatMustNotBe(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	witness := hello(t, n.addr)
	witness.join(1, "witness")
	big := bytes.Repeat([]byte("x"), 64<<10+1)
	for name, tc := range map[string]struct {
		send []byte
		code int
		says string
	}{
		"unmasked":                  {[]byte{0x81, 0x02, '{', '}'}, 1002, "mask"},
		"64 KiB and one byte":       {frame(0x81, big), 1009, "65536"},
		"too big over fragments":    {append(frame(0x01, big[:40000]), frame(0x80, big[:40000])...), 1009, "65536"},
		"reserved bit":              {frame(0xC1, []byte("{}")), 1002, "reserved"},
		"unknown opcode":            {frame(0x83, []byte("{}")), 1002, "opcode"},
		"fragmented ping":           {frame(0x09, nil), 1002, "control"},
		"ping of 126 bytes":         {frame(0x89, big[:126]), 1002, "control"},
		"continuation of nothing":   {frame(0x80, nil), 1002, "continuation"},
		"new message in another":    {append(frame(0x01, []byte("{")), frame(0x81, []byte("{}"))...), 1002, "fragmented"},
		"broken UTF-8":              {frame(0x81, []byte{'"', 0xff, '"'}), 1007, "UTF-8"},
		"close of one byte":         {frame(0x88, []byte{3}), 1002, "close"},
		"close with a forbidden no": {frame(0x88, []byte{0x03, 0xed}), 1002, "close"},
		"length not shortest":       {append([]byte{0x81, 0x80 | 126, 0, 5, 0, 0, 0, 0}, "{\"a\"}"...), 1002, "shortest"},
	} {
		t.Run(name, func(t *testing.T) {
			r := dialRaw(t, n.addr)
			r.upgrade()
			r.send(tc.send)
			code, reason := r.expectClose()
			if code != tc.code || !strings.Contains(reason, tc.says) {
				t.Errorf("closed with %d %q, want %d and %q in it", code, reason, tc.code, tc.says)
			}
		})
	}
	witness.post(1, "unharmed")
	witness.heardText("unharmed")
}

func TestControlFramesInsideFragments(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	r := dialRaw(t, n.addr)
	r.upgrade()
	whole := []byte(`{"Hello":{"client":"test","secret":"7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e"}}`)
	r.send(frame(0x01, whole[:5]))
	r.send(frame(0x89, []byte("are you there")))
	if op, p, err := r.readFrame(); err != nil || op != 0xA || string(p) != "are you there" {
		t.Fatalf("ping answered with %x %q %v", op, p, err)
	}
	r.send(frame(0x00, whole[5:20]))
	r.send(frame(0x8A, nil))
	r.send(frame(0x80, whole[20:]))
	if op, p, err := r.readFrame(); err != nil || op != 1 || !bytes.Contains(p, []byte("Welcome")) {
		t.Fatalf("hello in fragments answered with %x %q %v", op, p, err)
	}
	r.send(frame(0x88, binary.BigEndian.AppendUint16(nil, 1000)))
	if code, _ := r.expectClose(); code != 1000 {
		t.Errorf("goodbye answered with %d", code)
	}
}

func TestByteByByte(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	r := dialRaw(t, n.addr)
	request := "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	all := append([]byte(request), frame(0x81, []byte(`{"Hello":{"client":"slow","secret":"7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e"}}`))...)
	for i := range all {
		r.send(all[i : i+1])
	}
	resp, err := http.ReadResponse(r.r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", resp, err)
	}
	if op, p, err := r.readFrame(); err != nil || op != 1 || !bytes.Contains(p, []byte("Welcome")) {
		t.Fatalf("answered with %x %q %v", op, p, err)
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	me := newID(4)
	join := func(room, name string) string {
		return fmt.Sprintf(`{"JoinRoom":{"room_id":%s,"uuid":"%s","username":%s,"unixtime":0}}`, room, me, name)
	}
	post := func(text string) string {
		return fmt.Sprintf(`{"PostMessage":{"message":{"uuid":"%s","username":"a","text":%s,"room_id":5,"unixtime":0}}}`, me, text)
	}
	for name, tc := range map[string]struct {
		send string
		code talk.Code
	}{
		"not JSON":            {`{`, talk.CodeBadFrame},
		"unknown variant":     {`{"Shout":{}}`, talk.CodeBadFrame},
		"wrong type":          {join(`"five"`, `"a"`), talk.CodeBadFrame},
		"missing name":        {`{"JoinRoom":{"room_id":5}}`, talk.CodeBadName},
		"missing uuid":        {`{"JoinRoom":{"room_id":5,"username":"a"}}`, talk.CodeNotYou},
		"missing limit":       {`{"Fetch":{"room_id":5}}`, talk.CodeBadLimit},
		"missing text":        {`{"PostMessage":{"message":{"uuid":"` + me.String() + `","room_id":5}}}`, talk.CodeBadText},
		"missing message":     {`{"PostMessage":{}}`, talk.CodeBadRoom},
		"field twice":         {`{"Fetch":{"room_id":5,"limit":1,"limit":2}}`, talk.CodeBadFrame},
		"unknown field twice": {`{"Fetch":{"room_id":5,"limit":1,"zz":1,"zz":2}}`, talk.CodeBadFrame},
		"field of other case": {`{"Fetch":{"room_id":5,"LIMIT":1}}`, talk.CodeBadLimit},
		"half a surrogate":    {post(`"\ud800"`), talk.CodeBadFrame},
		"too deep":            {`{"Ping":{"zz":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}}`, talk.CodeBadFrame},
		"huge history":        {`{"History":{"text":[` + strings.Repeat(`{},`, 20000) + `{}]}}`, talk.CodeBadFrame},
		"history in history":  {strings.Repeat(`{"History":{"text":[`, 2000) + strings.Repeat(`]}}`, 2000), talk.CodeBadFrame},
		"too many fields":     {`{"Fetch":{"room_id":5,"limit":0,"zz":[` + strings.Repeat(`0,`, talk.MaxClientParts) + `0]}}`, talk.CodeBadFrame},
		"i32 overflow":        {join("2147483648", `"a"`), talk.CodeBadFrame},
		"not an integer":      {join("1.5", `"a"`), talk.CodeBadFrame},
		"server's message":    {`{"UserLeft":{"uuid":"` + me.String() + `","username":"a","room_id":5,"unixtime":0}}`, talk.CodeNotForYou},
		"history from client": {`{"History":{"text":[]}}`, talk.CodeNotForYou},
		"name of spaces":      {join("5", `"   "`), talk.CodeBadName},
		"name of zero width":  {join("5", `"\u200b\u200d\u2060"`), talk.CodeBadName},
		"name of blanks":      {join("5", `"\u2800\u3164\u115f"`), talk.CodeBadName},
		"the service's name":  {join("5", `"Server"`), talk.CodeBadName},
		"one that looks so":   {join("5", `"\u0455yst\u0435m"`), talk.CodeBadName},
		"a service's rename":  {fmt.Sprintf(`{"ChangeName":{"uuid":"%s","username":"TuiTa1k","old_username":"ada","unixtime":0}}`, me), talk.CodeBadName},
		"name too long":       {join("5", `"`+strings.Repeat("n", 33)+`"`), talk.CodeBadName},
		"NUL in a text":       {post(`"a\u0000b"`), talk.CodeBadText},
		"empty text":          {post(`""`), talk.CodeBadText},
		"text of space":       {post(`" \n "`), talk.CodeBadText},
		"text too long":       {post(`"` + strings.Repeat("t", 4001) + `"`), talk.CodeBadText},
		"another room":        {strings.Replace(post(`"hi"`), `"room_id":5`, `"room_id":6`, 1), talk.CodeBadRoom},
		"somebody else":       {strings.Replace(post(`"hi"`), me.String(), newID(4).String(), 1), talk.CodeNotYou},
		"fetch of nothing":    {`{"Fetch":{"room_id":5,"limit":0,"fetch_before":9}}`, talk.CodeBadLimit},
		"fetch of too much":   {`{"Fetch":{"room_id":5,"limit":501,"fetch_before":9}}`, talk.CodeBadLimit},
		"hello too late":      {`{"Hello":{"client":"x"}}`, talk.CodeHelloNotHere},
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, n.addr, talk.JSON)
			p.uuid = me
			p.join(5, "ada")
			p.write(websocket.MessageText, []byte(tc.send))
			if e := expect[talk.Error](p); e.Code != tc.code || e.Message == "" {
				t.Errorf("refused with %+v, want code %s", e, tc.code)
			}
			p.post(5, "goes on")
			p.heardText("goes on")
		})
	}
	t.Run("before joining", func(t *testing.T) {
		p := dial(t, n.addr, talk.JSON)
		p.uuid = me
		p.write(websocket.MessageText, []byte(post(`"hi"`)))
		if e := expect[talk.Error](p); e.Code != talk.CodeNotJoined {
			t.Errorf("refused with %+v", e)
		}
	})
	t.Run("history for nobody", func(t *testing.T) {
		p := dial(t, n.addr, talk.JSON)
		p.say(talk.Fetch{RoomID: 5, Limit: 10, FetchBefore: 1 << 40})
		if e := expect[talk.Error](p); e.Code != talk.CodeNotJoined {
			t.Errorf("refused with %+v", e)
		}
	})
	t.Run("the other kind of frame", func(t *testing.T) {
		p := dial(t, n.addr, talk.Bincode)
		p.join(5, "bin")
		p.write(websocket.MessageText, []byte(post(`"hi"`)))
		if e := expect[talk.Error](p); e.Code != talk.CodeBadFrame {
			t.Errorf("refused with %+v", e)
		}
	})
	t.Run("bincode garbage", func(t *testing.T) {
		p := dial(t, n.addr, talk.Bincode)
		p.join(5, "bin")
		for _, b := range [][]byte{{}, {1}, {99, 0, 0, 0}, {0, 0, 0, 0, 5, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255}} {
			p.write(websocket.MessageBinary, b)
			if e := expect[talk.Error](p); e.Code != talk.CodeBadFrame {
				t.Errorf("%v refused with %+v", b, e)
			}
		}
	})
}

// TestHostileExtendedBincode: what cannot be read is refused in the form in which
// the client said Hello, and the connection goes on; what a newer client would say
// is refused or read as far as it is known.
func TestHostileExtendedBincode(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	long := talk.History{Text: slices.Repeat([]talk.Message{talk.LocalError{}}, talk.MaxClientParts+1)}
	longHistory, err := talk.Append(nil, talk.ExtendedBincode, long)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("after Hello", func(t *testing.T) {
		p := helloIn(t, n.addr, talk.ExtendedBincode)
		p.join(5, "ada")
		for _, b := range [][]byte{{}, {1}, {99, 0, 0, 0}, {10, 0, 0, 0, 16}, {0, 0, 0, 0, 5, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255},
			{8, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 127}, longHistory} {
			p.write(websocket.MessageBinary, b)
			if e := expect[talk.Error](p); e.Code != talk.CodeBadFrame || e.Message == "" {
				t.Errorf("%v refused with %+v", b, e)
			}
		}
		e := talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: p.uuid, Text: "and more", ID: newID(4)}
		p.write(websocket.MessageBinary, append(talk.AppendEntry(nil, p.form, &e), "of a newer version"...))
		p.heardText("and more")
		p.write(websocket.MessageText, []byte(`{"Ping":{"n":1}}`))
		if e := expect[talk.Error](p); e.Code != talk.CodeBadFrame {
			t.Errorf("text is refused with %+v", e)
		}
		p.say(talk.Hello{Secret: p.secret})
		if e := expect[talk.Error](p); e.Code != talk.CodeHelloNotHere {
			t.Errorf("a second Hello is refused with %+v", e)
		}
	})
	t.Run("a Hello that is cut", func(t *testing.T) {
		p := dial(t, n.addr, talk.ExtendedBincode)
		p.write(websocket.MessageBinary, []byte{byte(talk.TagHello), 0, 0, 0, 7})
		if e := expect[talk.Error](p); e.Code != talk.CodeBadFrame {
			t.Errorf("refused with %+v", e)
		}
		p.say(talk.JoinRoom{RoomID: 5, UUID: p.uuid, Username: "nobody"})
		if e := expect[talk.Error](p); e.Code != talk.CodeNotJoined {
			t.Errorf("JoinRoom without Hello is refused with %+v", e)
		}
		p.hello(talk.Hello{Secret: newSecret()})
		p.join(5, "somebody")
	})
	t.Run("a Hello that comes late", func(t *testing.T) {
		p := dial(t, n.addr, talk.Bincode)
		p.join(5, "bin")
		p.write(websocket.MessageBinary, []byte{byte(talk.TagHello), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		if e := expect[talk.Error](p); e.Code != talk.CodeBadFrame {
			t.Errorf("refused with %+v", e)
		}
	})
}

func TestTerminalEscapesReachNobody(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	evil := dial(t, n.addr, talk.JSON)
	evil.join(1, "e\x1b]0;owned\x07vil\u202e")
	w := dial(t, n.addr, talk.Bincode)
	w.join(1, "witness")
	evil.post(1, "a\x1b[31mred\u009b0m\u202eback\r\nline")
	for {
		e := expect[talk.Entry](w)
		if e.Kind != talk.KindPosted {
			continue
		}
		if strings.ContainsAny(e.Text+e.Name, "\x1b\u009b\u202e\x07\r") {
			t.Errorf("reached a client: %q by %q", e.Text, e.Name)
		}
		if !strings.Contains(e.Text, "\nline") || !strings.Contains(e.Text, "red") {
			t.Errorf("more than controls was lost: %q", e.Text)
		}
		return
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) { o.Origins = []string{"https://friend.example"} })
	for origin, want := range map[string]int{
		"":                          101,
		"http://chat.test":          101,
		"https://CHAT.test":         101,
		"https://friend.example":    101,
		"https://evil.example":      403,
		"null":                      403,
		"http://chat.test.evil.com": 403,
		"http://chat.test:81":       403,
	} {
		r := dialRaw(t, n.addr)
		var lines []string
		if origin != "" {
			lines = append(lines, "Origin: "+origin)
		}
		if resp := r.upgrade(lines...); resp.StatusCode != want {
			t.Errorf("origin %q: %d, want %d", origin, resp.StatusCode, want)
		}
	}
}

// TestWhoSaysHello: a secret leads to one uuid, always the same, and nothing else
// leads to it.
func TestWhoSaysHello(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	a := hello(t, n.addr)
	if a.uuid != a.secret.UUID() || a.uuid.Version() != talk.ProvenVersion {
		t.Errorf("welcomed as %s, with the secret of %s", a.uuid, a.secret.UUID())
	}
	again := dial(t, n.addr, talk.Extended)
	if again.hello(talk.Hello{Secret: a.secret}); again.uuid != a.uuid {
		t.Errorf("the same secret leads to %s, then to %s", a.uuid, again.uuid)
	}
	if b := hello(t, n.addr); b.uuid == a.uuid {
		t.Error("two secrets lead to one uuid")
	}
	for name, frame := range map[string]string{
		"no secret":               `{"Hello":{}}`,
		"secret of zeros":         `{"Hello":{"secret":"` + strings.Repeat("0", 64) + `"}}`,
		"a client of older times": `{"Hello":{"client":"tuitalk","uuid":"` + a.uuid.String() + `","token":"k1.AAAA"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, n.addr, talk.Extended)
			p.write(websocket.MessageText, []byte(frame))
			if e := expect[talk.Error](p); e.Code != talk.CodeNotYou || !strings.Contains(e.Message, "secret") {
				t.Errorf("refused with %+v", e)
			}
			if code, reason := p.expectClose(); code != talk.CloseNotYou || !strings.Contains(reason, "older") {
				t.Errorf("closed with %d %q", code, reason)
			}
		})
	}
	t.Run("the original's form cannot have a uuid that is proven", func(t *testing.T) {
		for _, form := range []talk.Form{talk.JSON, talk.Bincode} {
			p := dial(t, n.addr, form)
			p.say(talk.JoinRoom{RoomID: 1, UUID: a.uuid, Username: "thief"})
			if e := expect[talk.Error](p); e.Code != talk.CodeNotYou {
				t.Errorf("refused with %+v", e)
			}
			if code, _ := p.expectClose(); code != talk.CloseNotYou {
				t.Errorf("closed with %d", code)
			}
		}
	})
	t.Run("somebody else's uuid in what follows Hello", func(t *testing.T) {
		p := hello(t, n.addr)
		p.say(talk.JoinRoom{RoomID: 1, UUID: a.uuid, Username: "thief"})
		if e := expect[talk.Error](p); e.Code != talk.CodeNotYou {
			t.Errorf("refused with %+v", e)
		}
	})
}

// TestNobodyTakesOverAUserOfTheOriginals: everybody sees the uuid that a client
// of the original's form made for itself. A stranger who says Hello with it is
// somebody else, and its owner stays and comes back.
func TestNobodyTakesOverAUserOfTheOriginals(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	owner := dial(t, n.addr, talk.JSON)
	owner.join(1, "ada")
	frame := `{"Hello":{"uuid":"` + owner.uuid.String() + `"}}`
	stranger := dial(t, n.addr, talk.Extended)
	stranger.write(websocket.MessageText, []byte(frame))
	if code, _ := stranger.expectClose(); code != talk.CloseNotYou {
		t.Errorf("closed with %d", code)
	}
	stranger = dial(t, n.addr, talk.Extended)
	stranger.write(websocket.MessageText, []byte(frame[:len(frame)-2]+`,"secret":"`+strings.Repeat("5a", 32)+`"}}`))
	if w := expect[talk.Welcome](stranger); w.UUID == owner.uuid {
		t.Error("a stranger got the uuid of a user of the original's form")
	}
	owner.post(1, "still here")
	owner.heardText("still here")
	again := dial(t, n.addr, talk.Bincode)
	again.uuid = owner.uuid
	again.join(1, "ada")
	again.post(1, "and again")
	again.heardText("and again")
}

func TestRequestsThatAreNoUpgrade(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	for name, tc := range map[string]struct {
		send string
		want int
	}{
		"plain GET of the socket": {"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", 426},
		"old version":             {"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n\r\n", 426},
		"no key":                  {"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n", 400},
		"a body":                  {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 413},
		"not HTTP":                {"\x16\x03\x01 hello\r\n\r\n", 400},
		"headers without end":     {"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 9000), 431},
	} {
		t.Run(name, func(t *testing.T) {
			r := dialRaw(t, n.addr)
			r.send([]byte(tc.send))
			resp, err := http.ReadResponse(r.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != tc.want || len(body) == 0 || err != nil {
				t.Errorf("%d %q %v, want %d", resp.StatusCode, body, err, tc.want)
			}
		})
	}
}

func TestHalfAHandshake(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) { o.HandshakeWait = 3 * time.Second })
	stalled := dialRaw(t, n.addr)
	stalled.send([]byte("GET /ws HTTP/1.1\r\nHost:"))
	silent := dialRaw(t, n.addr)
	silent.upgrade()
	if _, err := stalled.r.ReadByte(); err != io.EOF {
		t.Errorf("a handshake without end: %v, want the end of the connection", err)
	}
	if code, reason := silent.expectClose(); code != talk.CloseHandshakeStall || reason == "" {
		t.Errorf("a client that says nothing: %d %q", code, reason)
	}
}

func TestHalfAFrame(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) { o.PingAfter, o.PongWait = time.Second, time.Second })
	half := dialRaw(t, n.addr)
	half.upgrade()
	half.send(frame(0x81, []byte(`{"Hello":{"client":"half","secret":"7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e7e"}}`)))
	half.send(frame(0x81, []byte(`{"Ping":{"n":1}}`))[:9])
	if code, reason := half.expectClose(); code != talk.CloseIdle || reason == "" {
		t.Errorf("half a frame: %d %q", code, reason)
	}
}

func TestThousandUpgradesThatNeverFinish(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) { o.HandshakeWait = 5 * time.Second })
	var stalled []*raw
	for range 1000 {
		r := dialRaw(t, n.addr)
		r.send([]byte("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: web"))
		stalled = append(stalled, r)
	}
	p := hello(t, n.addr)
	p.join(1, "ada")
	p.post(1, "unharmed")
	p.heardText("unharmed")
	for _, r := range stalled {
		if _, err := r.r.ReadByte(); err != io.EOF {
			t.Fatalf("still open: %v", err)
		}
	}
}

// TestHistoryOfAClientIsNotKept: decoded, it takes several times what its frame does.
func TestHistoryOfAClientIsNotKept(t *testing.T) {
	t.Parallel()
	n, g := startGated(t, nil)
	reached, _ := g.hold(t, false, func(op string, _ int32) bool { return op == "Subscribe" })
	p := hello(t, n.addr)
	p.say(talk.JoinRoom{RoomID: 1, UUID: p.uuid, Username: "ada"})
	<-reached // what comes now waits for its turn
	p.say(talk.History{Text: []talk.Message{talk.LocalError{Message: "x"}}})
	if e := expect[talk.Error](p); e.Code != talk.CodeNotForYou {
		t.Errorf("answered with %+v", e)
	}
}
