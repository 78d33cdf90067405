//go:build integration

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/deploy/devcluster"
	"tuitalk/history/sqlitestore"
	"tuitalk/talk"
)

// originalBytes are what the original's clients send, made here byte by byte and not
// by our codec.
type originalBytes struct {
	kind websocket.MessageType
	form talk.Form
	join func(room int32, who talk.UUID, name string) []byte
	post func(room int32, who talk.UUID, name, text string) []byte
	name func(who talk.UUID, name, old string) []byte
	page func(room int32, limit int64, before uint64) []byte
}

var originalJSON = originalBytes{
	kind: websocket.MessageText, form: talk.JSON,
	join: func(room int32, who talk.UUID, name string) []byte {
		return fmt.Appendf(nil, `{"JoinRoom":{"room_id":%d,"uuid":"%s","username":"%s","unixtime":1760000000}}`, room, who, name)
	},
	post: func(room int32, who talk.UUID, name, text string) []byte {
		return fmt.Appendf(nil, `{"PostMessage":{"message":{"uuid":"%s","username":"%s","text":"%s","room_id":%d,"unixtime":1760000000}}}`, who, name, text, room)
	},
	name: func(who talk.UUID, name, old string) []byte {
		return fmt.Appendf(nil, `{"ChangeName":{"uuid":"%s","username":"%s","old_username":"%s","unixtime":1760000000}}`, who, name, old)
	},
	page: func(room int32, limit int64, before uint64) []byte {
		return fmt.Appendf(nil, `{"Fetch":{"room_id":%d,"limit":%d,"fetch_before":%d}}`, room, limit, before)
	},
}

var originalBincode = originalBytes{
	kind: websocket.MessageBinary, form: talk.Bincode,
	join: func(room int32, who talk.UUID, name string) []byte {
		b := binary.LittleEndian.AppendUint32(nil, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(room))
		return binary.LittleEndian.AppendUint64(bincodeString(bincodeUUID(b, who), name), 1760000000)
	},
	post: func(room int32, who talk.UUID, name, text string) []byte {
		b := bincodeUUID(binary.LittleEndian.AppendUint32(nil, 10), who)
		b = binary.LittleEndian.AppendUint32(bincodeString(bincodeString(b, name), text), uint32(room))
		return binary.LittleEndian.AppendUint64(b, 1760000000)
	},
	name: func(who talk.UUID, name, old string) []byte {
		b := bincodeUUID(binary.LittleEndian.AppendUint32(nil, 2), who)
		return binary.LittleEndian.AppendUint64(bincodeString(bincodeString(b, name), old), 1760000000)
	},
	page: func(room int32, limit int64, before uint64) []byte {
		b := binary.LittleEndian.AppendUint32(nil, 3)
		b = binary.LittleEndian.AppendUint32(b, uint32(room))
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, uint64(limit)), before)
	},
}

func bincodeUUID(b []byte, u talk.UUID) []byte {
	return append(binary.LittleEndian.AppendUint64(b, 16), u[:]...)
}

func bincodeString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// replyPatience is how long an answer may take; it is shorter than the grace.
const replyPatience = 20 * time.Second

// originalUser is one of the original's clients: it keeps no id and no seq, and puts
// each History in front of its log.
type originalUser struct {
	originalBytes
	t    *testing.T
	ws   *websocket.Conn
	uuid talk.UUID
	log  []talk.Entry
}

// dialOriginal dials an address without a path, as the original's clients do.
func dialOriginal(t *testing.T, addr string, b originalBytes) *originalUser {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), replyPatience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(2 << 20)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &originalUser{originalBytes: b, t: t, ws: ws, uuid: talk.MakeUUID(4, [16]byte(newUser(t)))}
}

func newUser(t *testing.T) (u talk.UUID) {
	copy(u[:], t.Name())
	binary.BigEndian.PutUint64(u[8:], uint64(time.Now().UnixNano()))
	return u
}

func (o *originalUser) send(frame []byte) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), replyPatience)
	defer cancel()
	if err := o.ws.Write(ctx, o.kind, frame); err != nil {
		o.t.Fatal(err)
	}
}

// hear shows the next message, which has the original's form to the last byte.
func (o *originalUser) hear() talk.Message {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), replyPatience)
	defer cancel()
	kind, frame, err := o.ws.Read(ctx)
	if err != nil || kind != o.kind {
		o.t.Fatalf("a frame of kind %v, %v", kind, err)
	}
	m, err := talk.Decode(o.form, frame)
	if err != nil {
		o.t.Fatalf("%q: %v", frame, err)
	}
	if o.form == talk.JSON && strings.Contains(string(frame), `"seq":`) {
		o.t.Errorf("it is of the extended form: %s", frame)
	}
	switch m := m.(type) {
	case talk.Entry:
		o.log = append(o.log, m)
	case talk.History:
		var front []talk.Entry
		for _, e := range m.Text {
			front = append(front, e.(talk.Entry))
		}
		o.log = append(front, o.log...)
	default:
		o.t.Fatalf("%T comes to a client of the original's: %s", m, frame)
	}
	return m
}

// sees waits for an entry.
func (o *originalUser) sees(kind talk.Kind, who talk.UUID, name, text string) {
	o.t.Helper()
	for {
		if e, ok := o.hear().(talk.Entry); ok && e.Kind == kind && e.Author == who {
			if e.Name != name || e.Text != text || e.UnixTime < 1_700_000_000 {
				o.t.Fatalf("%+v, not %q %q", e, name, text)
			}
			return
		}
	}
}

// pages asks for what is before the first entry shown, until the page that begins
// with this post is there.
func (o *originalUser) pages(room int32, limit int64, first int) {
	o.t.Helper()
	o.send(o.page(room, limit, o.log[0].UnixTime))
	for o.log[0].Text != fmt.Sprint("post ", first) {
		if h, ok := o.hear().(talk.History); ok && len(h.Text) == 0 {
			o.t.Fatalf("nothing is older than %q", o.log[0].Text)
		}
	}
}

// denseRoom stores 1,200 posts of three seconds, and returns the file.
func denseRoom(t *testing.T, dir string, rooms ...int32) {
	t.Helper()
	now := time.Unix(1_750_000_000, 0)
	store, err := sqlitestore.Open(filepath.Join(dir, "talk.db"), sqlitestore.Options{Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range rooms {
		n := 0
		for second, count := range []int{300, 700, 200} {
			now = time.Unix(1_750_000_000+int64(second), 0)
			batch := make([]talk.Entry, count)
			for i := range batch {
				batch[i] = talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: talk.UUID{1}, Name: "earlier", Text: fmt.Sprint("post ", n),
					ID: talk.UUID{1, byte(n >> 8), byte(n)}}
				n++
			}
			if _, err := store.Append(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTheOriginalThroughNginx: what the original's clients send and expect, in both of
// their forms, through the real Nginx at the address without a path.
func TestTheOriginalThroughNginx(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	denseRoom(t, dir, 7, 8)
	g := startGateway(t, dir, "-limits", "none", "-trusted-proxies", "127.0.0.1")
	nginx, err := devcluster.StartNginx(t.Context(), devcluster.NginxOptions{Dir: t.TempDir(), Gateways: []string{g.addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nginx.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("json", func(t *testing.T) {
		talksAsTheOriginal(t, nginx.Addr(), 7, originalJSON, originalBincode, func(ws *websocket.Conn) error { return ws.CloseNow() })
	})
	t.Run("bincode", func(t *testing.T) {
		talksAsTheOriginal(t, nginx.Addr(), 8, originalBincode, originalJSON, func(ws *websocket.Conn) error {
			return ws.Close(websocket.StatusNormalClosure, "")
		})
	})
}

func talksAsTheOriginal(t *testing.T, addr string, room int32, form, other originalBytes, end func(*websocket.Conn) error) {
	witness, o := dialOriginal(t, addr, other), dialOriginal(t, addr, form)
	witness.send(witness.join(room, witness.uuid, "witness"))
	witness.sees(talk.KindJoined, witness.uuid, "witness", "")
	both := func(kind talk.Kind, name, text string) {
		t.Helper()
		o.sees(kind, o.uuid, name, text)
		witness.sees(kind, o.uuid, name, text)
	}
	o.send(o.join(room, o.uuid, "ada"))
	both(talk.KindJoined, "ada", "")
	o.send(o.post(room, o.uuid, "ada", "hello 👋🏽"))
	both(talk.KindPosted, "ada", "hello 👋🏽")
	o.send(o.name(o.uuid, "lovelace", "ada"))
	both(talk.KindRenamed, "lovelace", "ada")
	o.send(o.post(room, o.uuid, "lovelace", "again"))
	both(talk.KindPosted, "lovelace", "again")
	for _, first := range []int{1000, 300, 0} {
		o.pages(room, 200, first)
	}
	o.wantOrder(1200, "hello 👋🏽", "again")
	o.send(o.page(room, 200, o.log[0].UnixTime))
	if h, ok := o.hear().(talk.History); !ok || len(h.Text) != 0 {
		t.Errorf("something is older than the first entry: %+v", h)
	}
	if o.send(o.page(room, 1, math.MaxInt64)); len(o.hear().(talk.History).Text) == 0 {
		t.Error("the newest page is empty")
	}
	if err := end(o.ws); err != nil {
		t.Logf("the end: %v", err)
	}
	witness.sees(talk.KindLeft, o.uuid, "lovelace", "") // long before the grace of 30 s is over
}

// wantOrder checks that the log shows the room's posts in order, and then these.
func (o *originalUser) wantOrder(posts int, then ...string) {
	o.t.Helper()
	var got []string
	for _, e := range o.log {
		if e.Kind == talk.KindPosted {
			got = append(got, e.Text)
		}
	}
	if len(got) != posts+len(then) {
		o.t.Fatalf("%d posts are shown, not %d", len(got), posts+len(then))
	}
	for i, text := range got {
		if i < posts && text != fmt.Sprint("post ", i) || i >= posts && text != then[i-posts] {
			o.t.Fatalf("%q stands at %d", text, i)
		}
	}
}
