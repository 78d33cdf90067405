package fleetsim

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"tuitalk/client"
	"tuitalk/talk"
)

// hostile is somebody who breaks every rule that a client has, from his first
// connection until the fleet is healed. The promises to the others hold all the same.
// He is known to the recording as an outsider: what he manages to say is nobody's.
type hostile struct {
	world  *world
	name   string
	attack *attack
	rng    *dice
	http   *http.Client

	ctx    context.Context
	cancel context.CancelFunc
	loop   sync.WaitGroup
}

// attack is what a hostile client does with a connection, until it ends or the time is over.
type attack struct {
	name string
	// extended: it shows a secret, so that it has the grace when it goes.
	extended bool
	run      func(h *hostile, v *visit)
}

// attacks are all kinds.
var attacks = []attack{
	{name: "oversized frames", run: oversized},
	{name: "broken messages", run: brokenMessages},
	{name: "floods", run: floods},
	{name: "claims to be others", run: impostor},
	{name: "never reads", run: neverReads},
	{name: "comes and goes", run: churns},
	{name: "spends ids", extended: true, run: spendsIDs},
	{name: "broken bytes"},   // raw: see begin
	{name: "half a request"}, // raw
}

// attackMost bounds how much one visit does: hostile people are not what a seed is about.
const attackMost = 60

// visit is one connection of a hostile client.
type visit struct {
	*websocket.Conn
	form    talk.Form
	me      talk.UUID
	session talk.UUID
	room    int32
}

// invite brings hostile people into a world, by dice of their own. Whoever shows a
// secret would stay for his grace: he does not come on calm days.
func (w *world) invite() {
	d := newDice(w.seed, "hostile")
	if !d.chance(2) {
		return
	}
	for i := range d.between(1, 2) {
		a := &attacks[d.below(len(attacks))]
		if a.extended && w.calm != nil {
			continue
		}
		h := &hostile{world: w, name: fmt.Sprint("hostile ", i+1), attack: a}
		h.rng = newDice(w.seed, h.name)
		dials := newDice(w.seed, h.name+" dials")
		h.http = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return w.network.dial(ctx, h.name, dials)
		}}}
		w.enemies = append(w.enemies, h)
		w.walked("hostile: " + a.name)
		h.begin(dials)
	}
}

func (h *hostile) begin(dials *dice) {
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.world.story.tell("%s begins: %s", h.name, h.attack.name)
	h.loop.Go(func() {
		for h.ctx.Err() == nil {
			if h.attack.run != nil {
				h.visit()
			} else if c, err := h.world.network.dial(h.ctx, h.name, dials); err == nil {
				h.rawBytes(c)
			}
			h.pause(200*time.Millisecond, 3*time.Second)
		}
	})
}

// end has him go for good, whatever is on its way.
func (h *hostile) end() {
	h.cancel()
	for _, l := range h.world.network.of(h.name, nil) {
		l.cut()
	}
	h.loop.Wait()
	for _, l := range h.world.network.of(h.name, nil) {
		l.cut() // of a dial that was under way
	}
}

// pause waits; false: it is over.
func (h *hostile) pause(least, most time.Duration) bool {
	select {
	case <-time.After(h.rng.duration(least, most)):
		return true
	case <-h.ctx.Done():
		return false
	}
}

// visit opens a connection and attacks by it.
func (h *hostile) visit() {
	ctx, cancel := context.WithTimeout(h.ctx, 10*time.Second)
	ws, _, err := websocket.Dial(ctx, "ws://127.0.0.1:8080/ws", &websocket.DialOptions{HTTPClient: h.http})
	cancel()
	if err != nil {
		return
	}
	defer ws.CloseNow()
	v := &visit{Conn: ws, form: pick(h.rng, talk.JSON, talk.Bincode), me: talk.MakeUUID(4, h.rng.bytes()), session: talk.MakeUUID(4, h.rng.bytes()), room: h.world.aRoomOf(h.rng)}
	if h.attack.extended {
		secret := client.NewSecret()
		v.form, v.me = talk.Extended, secret.UUID()
		if !h.send(v, talk.Hello{Client: "hostile", Secret: secret, Session: v.session}) {
			return
		}
	}
	h.world.recorder.Outsider(v.me)
	h.attack.run(h, v)
}

// send sends what a client may; false: the connection is over.
func (h *hostile) send(v *visit, m talk.Message) bool {
	b, err := talk.Append(nil, v.form, m)
	if err != nil {
		return true // it cannot even be said
	}
	return h.write(v, v.form.IsBinary(), b)
}

func (h *hostile) write(v *visit, binary bool, b []byte) bool {
	kind := websocket.MessageText
	if binary {
		kind = websocket.MessageBinary
	}
	ctx, cancel := context.WithTimeout(h.ctx, 5*time.Second)
	defer cancel()
	return v.Write(ctx, kind, b) == nil
}

// join comes to the room, and reads what is sent from then on.
func (h *hostile) join(v *visit) bool {
	v.SetReadLimit(16 << 20)
	h.loop.Go(func() {
		for {
			if _, _, err := v.Read(h.ctx); err != nil {
				return
			}
		}
	})
	return h.send(v, talk.JoinRoom{RoomID: v.room, UUID: v.me, Username: h.name})
}

func (h *hostile) entry(v *visit, text string) talk.Entry {
	return talk.Entry{Kind: talk.KindPosted, RoomID: v.room, Author: v.me, Name: h.name, Text: text, ID: talk.MakeUUID(4, h.rng.bytes())}
}

func oversized(h *hostile, v *visit) {
	if !h.join(v) {
		return
	}
	for range attackMost {
		if !h.write(v, v.form.IsBinary(), make([]byte, talk.MaxFrameBytes+h.rng.between(1, 64<<10))) || !h.pause(0, time.Second) {
			return
		}
	}
}

// brokenMessages are frames that are whole and no message, or almost one.
func brokenMessages(h *hostile, v *visit) {
	if !h.join(v) {
		return
	}
	for range attackMost {
		b, err := talk.Append(nil, v.form, h.entry(v, "cut off, or with a byte changed"))
		if err != nil {
			return
		}
		if h.rng.chance(2) {
			b = b[:h.rng.below(len(b))]
		} else {
			b[h.rng.below(len(b))] ^= byte(1 << h.rng.below(8))
		}
		if h.rng.chance(4) {
			b = []byte(strings.Repeat(`{"PostMessage":[`, 500))
		}
		if !h.write(v, v.form.IsBinary(), b) || !h.pause(0, 300*time.Millisecond) {
			return
		}
	}
}

func floods(h *hostile, v *visit) {
	if !h.join(v) {
		return
	}
	for i := range attackMost {
		if !h.send(v, h.entry(v, fmt.Sprint("flood ", i))) || i%20 == 19 && !h.pause(0, 2*time.Second) {
			return
		}
	}
	h.pause(0, 5*time.Second)
}

// impostor speaks for others, and in rooms where he is not.
func impostor(h *hostile, v *visit) {
	if !h.join(v) {
		return
	}
	for range attackMost {
		p := h.world.people[h.rng.below(len(h.world.people))]
		them := p.disk.secret().UUID()
		e := h.entry(v, "said by somebody else")
		var m talk.Message
		switch h.rng.below(6) {
		case 0:
			e.Author = them
			m = e
		case 1:
			e.RoomID = v.room + 1 + int32(h.rng.below(3))
			m = e
		case 2:
			m = talk.LeaveRoom{RoomID: v.room, UUID: them, Username: p.name}
		case 3:
			m = talk.ChangeName{UUID: them, Username: "stolen", OldUsername: p.name}
		case 4:
			m = talk.JoinRoom{RoomID: v.room, UUID: them, Username: p.name}
		default:
			m = talk.Fetch{RoomID: v.room, Limit: int64(h.rng.below(1000)) - 200, FetchBefore: uint64(h.rng.below(1 << 30))}
		}
		if !h.send(v, m) || !h.pause(0, 500*time.Millisecond) {
			return
		}
	}
}

// neverReads asks for much and takes nothing of it.
func neverReads(h *hostile, v *visit) {
	if !h.send(v, talk.JoinRoom{RoomID: v.room, UUID: v.me, Username: h.name}) {
		return
	}
	for range attackMost {
		if !h.send(v, talk.Fetch{RoomID: v.room, Limit: 500, FetchBefore: 1 << 40}) || !h.pause(0, 2*time.Second) {
			return
		}
	}
	h.pause(0, 30*time.Second)
}

func churns(h *hostile, v *visit) {
	if !h.join(v) {
		return
	}
	for range attackMost {
		if h.rng.chance(2) {
			v.room = h.world.aRoomOf(h.rng)
			if !h.send(v, talk.JoinRoom{RoomID: v.room, UUID: v.me, Username: h.name}) {
				return
			}
		} else if !h.send(v, talk.LeaveRoom{RoomID: v.room, UUID: v.me, Username: h.name}) {
			return
		}
		if !h.pause(0, time.Second) {
			return
		}
	}
}

// spendsIDs uses ids before those to whom they belong: his session's, and those of
// what others have said.
func spendsIDs(h *hostile, v *visit) {
	if !h.join(v) {
		return
	}
	for range attackMost {
		e := h.entry(v, "spent")
		if log := h.world.store.Log(v.room); len(log) > 0 && h.rng.chance(2) {
			e.ID = log[len(log)-1].ID
		} else {
			e.ID = v.session
		}
		if !h.send(v, e) || !h.pause(0, 500*time.Millisecond) {
			return
		}
	}
}

// rawBytes does not even speak WebSocket, or only at first.
func (h *hostile) rawBytes(c net.Conn) {
	defer func() { _ = c.Close() }()
	request := "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	if h.attack.name == "half a request" {
		for _, b := range []byte(request[:h.rng.below(len(request))]) {
			if _, err := c.Write([]byte{b}); err != nil || !h.pause(0, 400*time.Millisecond) {
				return
			}
		}
		h.pause(0, 20*time.Second)
		return
	}
	if _, err := c.Write([]byte(request)); err != nil {
		return
	}
	for range attackMost {
		b := make([]byte, h.rng.between(1, 300))
		for i := 0; i+8 <= len(b); i += 8 {
			binary.LittleEndian.PutUint64(b[i:], uint64(h.rng.below(1<<62)))
		}
		if _, err := c.Write(b); err != nil || !h.pause(0, time.Second) {
			return
		}
	}
}

// dismissEnemies has all go, as the last thing before the fleet is healed.
func (w *world) dismissEnemies() {
	for _, h := range w.enemies {
		h.end()
	}
	w.enemies = nil
}

// aRoomOf is any, by somebody's own dice.
func (w *world) aRoomOf(d *dice) int32 { return int32(1 + d.below(w.settings.rooms)) }
