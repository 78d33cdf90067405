package attack

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"tuitalk/talk"
	"tuitalk/websocket"
)

// Attack is one thing that strangers may do.
type Attack struct {
	Name     string
	What     string        // what it does, in a sentence
	Weakness string        // what it looks for
	Lasts    time.Duration // 0: as long as the run says
	Whole    bool          // it needs its time and its numbers: -quick leaves it out
	From     int           // addresses on loopback from which it comes; 0: one
	History  bool          // it reads a room full of long entries, which are made before
	Gateway  []string      // flags of the gateway, where it is started for the attack
	Groups   []Group
}

// Size tells the parameters of an attack.
func (a *Attack) Size() string {
	var b bytes.Buffer
	for i, g := range a.Groups {
		if i > 0 {
			b.WriteString(" + ")
		}
		fmt.Fprintf(&b, "%d at %g/s", g.Connections, g.PerSecond)
		if g.Again {
			b.WriteString(", again and again")
		}
	}
	if a.From > 1 {
		fmt.Fprintf(&b, " from %d addresses", a.From)
	}
	if a.Lasts > 0 {
		fmt.Fprintf(&b, ", %v", a.Lasts)
	}
	return b.String()
}

// one is the usual case of a single group.
func one(connections int, perSecond float64, do ...Step) []Group {
	return []Group{{Connections: connections, PerSecond: perSecond, Do: steps(do...)}}
}

// again is one whose attackers come again when they have ended.
func recurring(connections int, perSecond float64, do ...Step) []Group {
	return []Group{{Connections: connections, PerSecond: perSecond, Again: true, Do: steps(do...)}}
}

// smallBuffers is one whose attackers have a small receive buffer, so that what is sent to
// them stays with the sender.
func smallBuffers(connections int, perSecond float64, do ...Step) []Group {
	return []Group{{Connections: connections, PerSecond: perSecond, Receive: 4 << 10, Do: steps(do...)}}
}

// List is all attacks, in the order in which they are made.
func List() []Attack {
	var all []Attack
	for _, part := range [][]Attack{slow, pages, readers, floods, churns, oddities} {
		all = append(all, part...)
	}
	return all
}

// begun is how long attacks hold what they have begun: longer than a gateway's
// deadlines for it should be, so that it is seen whether there are any.
const begun = 20 * time.Second

// slow are those that hold what they have begun: slowloris, in each phase.
var slow = []Attack{
	{Name: "half-open", What: "opens connections and says nothing", Weakness: "a bound that counts finished handshakes only lets one address take all places",
		Gateway: []string{"-max-conns", "1500"}, Lasts: begun, Groups: recurring(1600, 800, hold)},
	{Name: "slow-request", What: "sends the request line a byte a second", Weakness: "a request without a deadline of its own",
		Lasts: begun, Groups: one(300, 300, drip(request, time.Second))},
	{Name: "slow-headers", What: "sends one header after the other and never ends", Weakness: "a deadline that each byte prolongs",
		Lasts: begun, Groups: one(300, 300, raw(unfinished), every(time.Second, raw(func(*conn) string { return "X-Slow: 1\r\n" })))},
	{Name: "idle-upgraded", What: "upgrades and says no Hello", Weakness: "connections that nobody has to account for",
		Lasts: begun, Groups: one(300, 300, upgrade, hold)},
	{Name: "slow-frame-head", What: "begins the head of its first frame and stops", Weakness: "the first message has no deadline",
		Lasts: begun, Groups: one(300, 300, upgrade, raw(func(*conn) string { return "\x81" }), hold)},
	{Name: "slow-payload", What: "announces a frame of 60,000 bytes and sends a byte a second", Weakness: "a frame without a deadline, and memory reserved for what was only announced",
		Lasts: begun, Groups: one(300, 300, identified, raw(largeHead), every(time.Second, raw(func(*conn) string { return "x" })))},
	{Name: "slow-fragments", What: "sends a message in fragments, one a second, without end", Weakness: "fragments that wait for their last one",
		Lasts: begun, Groups: one(300, 300, identified, func(c *conn) error { return c.lost(c.frame(websocket.OpText, []byte("{"))) },
			every(time.Second, func(c *conn) error { return c.lost(c.frame(websocket.OpContinuation, []byte(" "))) }))},
	{Name: "idle-crowd", What: "says Hello, answers pings, and does nothing", Weakness: "one address takes the places of others",
		Lasts: begun, Groups: one(1000, 400, identified, listen, hold)},
	{Name: "half-closed", What: "says Hello, closes its sending side and stays", Weakness: "half a connection that nobody ends",
		Lasts: begun, Groups: one(300, 300, identified, shut, hold)},
	{Name: "goodbye-and-stay", What: "sends a Close frame and keeps the connection", Weakness: "waiting for the other side to hang up first",
		Lasts: begun, Groups: one(300, 300, identified, func(c *conn) error { return c.lost(c.frame(fin|websocket.OpClose, []byte{3, 232})) }, hold)},
}

func unfinished(c *conn) string {
	whole := request(c)
	return whole[:len(whole)-2]
}

func largeHead(*conn) string { return string(appendHead(nil, fin|websocket.OpText, 60_000)) }

// pages take the browser client's files.
var pages = []Attack{
	{Name: "page-unread", What: "asks for the largest file, uncompressed, and reads nothing", Weakness: "a copy of the file for each who asks",
		Groups: smallBuffers(200, 200, raw(page), hold)},
	{Name: "page-slow", What: "asks for the largest file and reads 4 KB every 8 s", Weakness: "a response without a lowest rate", Lasts: 40 * time.Second, Whole: true,
		Groups: smallBuffers(200, 200, raw(page), readSlowly(4<<10, 8*time.Second))},
	{Name: "page-flood", What: "loads the largest file again and again", Weakness: "the page takes what chat needs",
		Groups: recurring(20, 20, raw(page), readAll)},
}

// readers take history and the stream, and do not read.
var readers = []Attack{
	{Name: "fetch-unread", What: "asks for 500 long entries three times, then reads 2 KB every 4 s", Weakness: "answers that wait in memory and in the kernel, and a deadline that each byte prolongs",
		Lasts: 40 * time.Second, Whole: true, History: true,
		Groups: smallBuffers(200, 100, identified, times(3, say(fetch(talk.MaxFetch))), readSlowly(2<<10, 4*time.Second))},
	{Name: "fetch-allowed", What: "fetches 500 long entries as often as flood control lets it, and reads them", Weakness: "history and joins wait in one queue",
		History: true, Groups: one(100, 100, identified, listen, messages(5, fetch(talk.MaxFetch)))},
	{Name: "fetch-from-everywhere", What: "120 connections of 60 addresses fetch 500 long entries as often as flood control lets them", Weakness: "budgets for each address, and none for all of them",
		From: 60, History: true, Groups: one(120, 120, identified, listen, messages(5, fetch(talk.MaxFetch)))},
	{Name: "fetch-dense-second", What: "fetches by time one entry of a second that has thousands", Weakness: "a second is read and sent as a whole",
		History: true, Groups: one(50, 50, identified, listen, messages(5, fetchDense))},
	{Name: "stream-unread", What: "joins a room in which long texts are posted, and reads nothing", Weakness: "what is queued for slow members",
		Groups: []Group{
			{Connections: 150, PerSecond: 100, Receive: 4 << 10, Do: steps(identified, join(same(attackRooms)), hold)},
			{Connections: 20, PerSecond: 20, After: time.Second, Do: steps(identified, join(same(attackRooms)), listen, messages(5, post(same(attackRooms), longText)))},
		}},
}

func fetchDense(c *conn) talk.Message { return fetchByTime(c) }

// floods send more than anybody has to say. Who is thrown out comes again.
var floods = []Attack{
	{Name: "posts-allowed", What: "300 connections of one address post 4,000 bytes five times a second each", Weakness: "budgets for connections only",
		Groups: one(300, 300, identified, join(sharedRooms(30)), listen, messages(5, post(sharedRooms(30), longText)))},
	{Name: "posts-from-everywhere", What: "300 connections of 60 addresses post 4,000 bytes five times a second each", Weakness: "budgets for each address, and none for all of them", From: 60,
		Groups: one(300, 300, identified, join(sharedRooms(30)), listen, messages(5, post(sharedRooms(30), longText)))},
	{Name: "flood-posts", What: "posts 4,000 bytes 100 times a second", Weakness: "a flooder who is refused and never closed",
		Groups: recurring(20, 20, identified, join(sharedRooms(5)), listen, messages(100, post(sharedRooms(5), longText)))},
	{Name: "flood-joins", What: "joins one room after the other 100 times a second", Weakness: "joins that cost more than they pay for",
		Groups: recurring(20, 20, identified, listen, messages(100, func(c *conn) talk.Message { return joinMessage(c, newRoom(c)) }))},
	{Name: "flood-leaves", What: "says LeaveRoom 200 times a second", Weakness: "a message that is not paced",
		Groups: recurring(20, 20, identified, join(ownRoom), listen, messages(200, func(c *conn) talk.Message {
			return talk.LeaveRoom{RoomID: ownRoom(c), UUID: c.me.UUID, Username: c.me.Username}
		}))},
	{Name: "flood-local-errors", What: "says LocalError, which nobody needs, with 4,000 bytes 200 times a second", Weakness: "a message that is not paced",
		Groups: recurring(20, 20, identified, listen, messages(200, func(*conn) talk.Message { return talk.LocalError{Message: longText} }))},
	{Name: "flood-renames", What: "changes its name 100 times a second", Weakness: "renames that go through the store and to every member",
		Groups: recurring(20, 20, identified, join(sharedRooms(2)), listen, messages(100, func(c *conn) talk.Message {
			return talk.ChangeName{UUID: c.me.UUID, Username: fmt.Sprintf("stranger %08d", rand.IntN(100_000_000)), OldUsername: c.me.Username, ID: randomID()}
		}))},
	{Name: "flood-fetches", What: "asks for history 200 times a second", Weakness: "fetches that queue up",
		History: true, Groups: recurring(20, 20, identified, listen, messages(200, fetch(talk.MaxFetch)))},
	{Name: "flood-pings", What: "says Ping 500 times a second", Weakness: "answers without a price",
		Groups: recurring(20, 20, identified, listen, messages(500, func(*conn) talk.Message { return talk.Ping{N: 1} }))},
	{Name: "flood-hellos", What: "says Hello again 200 times a second", Weakness: "refusals that cost more than what is refused",
		Groups: recurring(20, 20, identified, listen, texts(200, fin|websocket.OpText, func() []byte { return []byte(`{"Hello":{"client":"again"}}`) }))},
	{Name: "flood-garbage", What: "sends what is no message 200 times a second", Weakness: "a decoder that is dear, and refusals without end",
		Groups: recurring(20, 20, identified, listen, texts(200, fin|websocket.OpText, garbage))},
	{Name: "flood-ws-pings", What: "sends WebSocket pings of 125 bytes 500 times a second and reads no pong", Weakness: "control frames that nobody paces, and pongs that queue up",
		Groups: smallBuffers(20, 20, identified, texts(500, fin|websocket.OpPing, func() []byte { return bytes.Repeat([]byte("p"), 125) }))},
	{Name: "flood-ws-pongs", What: "sends WebSocket pongs that nobody asked for 500 times a second", Weakness: "control frames that nobody paces",
		Groups: recurring(20, 20, identified, listen, texts(500, fin|websocket.OpPong, func() []byte { return []byte("p") }))},
	{Name: "flood-empty-fragments", What: "sends fragments of no bytes 500 times a second", Weakness: "a message that never ends and is never too large",
		Groups: recurring(20, 20, identified, listen, func(c *conn) error { return c.lost(c.frame(websocket.OpText, nil)) },
			texts(500, websocket.OpContinuation, func() []byte { return nil }))},
	{Name: "flood-original", What: "joins and posts in the original's form 100 times a second", Weakness: "a form in which flood control was forgotten",
		Groups: recurring(20, 20, upgrade, listen, original(100))},
}

// garbage is nested as deeply as a frame lets it, or is nothing at all.
func garbage() []byte {
	if rand.IntN(2) == 0 {
		return bytes.Repeat([]byte("["), 4000)
	}
	return []byte(`{"JoinRoom":{"room_id":"x"}}`)
}

// original posts as the original's JSON clients do.
func original(perSecond float64) Step {
	return func(c *conn) error {
		c.me = talk.Member{UUID: randomID(), Username: fmt.Sprintf("original %06d", rand.IntN(1_000_000))}
		form := func(m talk.Message) []byte {
			text, err := talk.Append(nil, talk.JSON, m)
			if err != nil {
				return nil
			}
			return text
		}
		if err := c.lost(c.frame(fin|websocket.OpText, form(joinMessage(c, ownRoom(c))))); err != nil {
			return err
		}
		return texts(perSecond, fin|websocket.OpText, func() []byte { return form(post(ownRoom, longText)(c)) })(c)
	}
}

// churns come and go.
var churns = []Attack{
	{Name: "connect-storm", What: "opens and resets connections", Weakness: "accepting costs more than knocking",
		Groups: recurring(60, 60, abort)},
	{Name: "handshake-storm", What: "upgrades and hangs up, again and again", Weakness: "handshakes before anybody is accounted for",
		Groups: recurring(50, 50, upgrade, abort)},
	{Name: "presence-storm", What: "comes into the people's room as somebody new and breaks off, again and again", Weakness: "joined and left lines, and users who have a grace",
		Groups: recurring(50, 50, identified, join(peopleRoom), abort)},
	{Name: "room-churn", What: "joins rooms that nobody was ever in, within its allowance", Weakness: "a room that costs a subscription and memory for a minute",
		Groups: one(100, 100, identified, listen, messages(5, func(c *conn) talk.Message { return joinMessage(c, newRoom(c)) }))},
	{Name: "room-wedge", What: "72 come back to rooms they have left, a minute later, while the workers are busy with fetches", Weakness: "work that waits for work of the same pool",
		Lasts: 75 * time.Second, Whole: true, History: true,
		Groups: []Group{comeBack(58500 * time.Millisecond), comeBack(59700 * time.Millisecond), comeBack(60700 * time.Millisecond),
			{Connections: 200, PerSecond: 200, After: 54 * time.Second, Do: steps(identified, listen, messages(5, fetch(talk.MaxFetch)))}}},
}

// comeBack is 24 who leave a room each and come back so long after the attack began.
// A gateway closes a room that has been empty for a minute.
func comeBack(at time.Duration) Group {
	room := func(c *conn) int32 { return attackRooms + int32(at/time.Millisecond) + int32(c.n) }
	left := func(c *conn) talk.Message {
		return talk.LeaveRoom{RoomID: room(c), UUID: c.me.UUID, Username: c.me.Username}
	}
	return Group{Connections: 24, PerSecond: 1000, Do: steps(identified, join(room), say(left), listen, func(c *conn) error {
		return c.sleep(at - time.Since(c.since))
	}, join(room), hold)}
}

// oddities are what no client of ours would send; each must be refused.
var oddities = []Attack{
	{Name: "odd-handshakes", What: "makes handshakes that no client makes, a breach for each that is taken", Weakness: "requests that mean one thing to a proxy and another to the gateway, foreign pages, DNS rebinding",
		Groups: []Group{{Connections: len(oddHandshakes), PerSecond: 50, Do: oddHandshake}}},
	{Name: "broken-frames", What: "sends frames that RFC 6455 forbids, a breach for each that is taken", Weakness: "unmasked, oversized and broken frames",
		Groups: []Group{{Connections: len(brokenFrames), PerSecond: 50, Do: brokenFrame}}},
	{Name: "stolen-identity", What: "says Hello and speaks as one of the people, whose UUID everybody sees, in every way it can", Weakness: "an identity that does not prove itself",
		Groups: []Group{{Connections: len(forgeries), PerSecond: 20, Do: forge}}},
}
