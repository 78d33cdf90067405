//go:build integration

package virtualuser_test

import (
	"bytes"
	"context"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/bench/checker"
	"tuitalk/bench/measure"
	"tuitalk/bench/recorder"
	"tuitalk/bench/scenario"
	"tuitalk/bench/virtualuser"
	"tuitalk/client"
	"tuitalk/deploy/devcluster"
	"tuitalk/history/sqlitestore"
	"tuitalk/talk"
)

const patience = time.Minute // for what must come; it decides nothing else

// target is a real gateway with a store of its own.
type target struct {
	gateway *devcluster.Gateway
	store   string
}

func startTarget(t *testing.T) *target {
	t.Helper()
	dir := t.TempDir()
	program, err := devcluster.Build(dir, "tuitalk/cmd/tuitalk-gateway", false)
	if err != nil {
		t.Fatal(err)
	}
	tg := &target{store: filepath.Join(dir, "talk.db")}
	tg.gateway, err = devcluster.StartGateway(t.Context(), devcluster.GatewayOptions{
		Program: program, Dir: dir, Store: "sqlite:" + tg.store, Args: []string{"-limits", "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tg.gateway.Close(); err != nil {
			t.Error(err)
		}
	})
	return tg
}

func (tg *target) url() string { return "ws://" + tg.gateway.Addr() + "/ws" }

// crowd is a scenario of n clients in so many rooms.
func crowd(n, rooms int) scenario.Scenario {
	return scenario.Scenario{
		Clients: n, Rooms: rooms, FirstRoom: 1, Rate: 100, Size: 64, Arrivals: scenario.Poisson,
		FetchLimit: 50, Duration: scenario.Duration(time.Second), Speak: scenario.Session, Form: scenario.Bincode, Seed: 1,
	}
}

// run is a group at work on a target.
type run struct {
	t     *testing.T
	tg    *target
	sc    scenario.Scenario
	group *virtualuser.Group
	whole measure.Sample
	out   bytes.Buffer

	witness *virtualuser.Witness
}

func begin(t *testing.T, tg *target, sc scenario.Scenario) *run {
	t.Helper()
	r := &run{t: t, tg: tg, sc: sc, witness: virtualuser.StartWitness()}
	t.Cleanup(r.witness.End)
	cfg := virtualuser.Config{
		Scenario: sc, Of: 1, Targets: []string{tg.url()}, Logf: t.Logf,
		Sources: []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")},
	}
	if sc.Check {
		cfg.Recording = &r.out
	}
	var err error
	if r.group, err = virtualuser.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.group.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.group.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	r.sample()
	r.group.Begin(time.Now())
	return r
}

// calm tells that the machine has let nobody wait so long that a line which is good
// might be taken for dead.
func (r *run) calm() bool {
	most := r.witness.Late(100)
	if most >= time.Second {
		r.t.Logf("the machine is busy: a thread that was due waited for %s", most)
	}
	return most < time.Second
}

func (r *run) sample() {
	s := r.group.Sample()
	r.whole.Follow(&s)
}

// last lets it go on for so many seconds.
func (r *run) last(seconds int) {
	for range seconds {
		time.Sleep(time.Second)
		r.sample()
	}
}

// heads asks the gateway how far each room is.
func (r *run) heads() map[int32]int64 {
	r.t.Helper()
	ws, _, err := websocket.Dial(r.t.Context(), r.tg.url(), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer ws.CloseNow()
	ws.SetReadLimit(talk.MaxServerFrameBytes)
	r.say(ws, talk.Hello{Client: "test", Secret: client.NewSecret()})
	heads := map[int32]int64{}
	for i := range r.sc.Rooms {
		room := r.sc.FirstRoom + int32(i)
		r.say(ws, talk.Fetch{RoomID: room, Limit: 1, BeforeSeq: 1 << 53})
		for {
			_, frame, err := ws.Read(r.t.Context())
			if err != nil {
				r.t.Fatal(err)
			}
			m, err := talk.Decode(talk.ExtendedBincode, frame)
			if err != nil {
				r.t.Fatal(err)
			}
			if h, ok := m.(talk.History); ok {
				heads[room] = h.Text[0].(talk.Entry).Seq
				break
			}
		}
	}
	return heads
}

func (r *run) say(ws *websocket.Conn, m talk.Message) {
	r.t.Helper()
	frame, err := talk.Append(nil, talk.ExtendedBincode, m)
	if err == nil {
		err = ws.Write(r.t.Context(), websocket.MessageBinary, frame)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// settle lets everybody stop posting, and waits until nobody is owed anything.
func (r *run) settle() {
	r.t.Helper()
	r.group.StopPosting()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		r.group.Heads(r.heads())
		clients, messages := r.group.Owed()
		if clients == 0 {
			break
		}
		if time.Now().After(end) {
			r.t.Fatalf("%d clients are still behind with %d messages; %+v", clients, messages, r.whole.Counts)
		}
	}
	r.sample()
}

// check ends the run and has the recording checked.
func (r *run) check() *checker.Report {
	r.t.Helper()
	if err := r.group.Close(); err != nil {
		r.t.Fatal(err)
	}
	if err := r.tg.gateway.Drain(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	var truth bytes.Buffer
	r.readStore(&truth)
	lived, err := checker.Decode(r.out.Bytes())
	if err != nil {
		r.t.Fatal(err)
	}
	stored, err := checker.Decode(truth.Bytes())
	if err != nil {
		r.t.Fatal(err)
	}
	return checker.Check(checker.Options{}, lived, stored)
}

// lived counts in the recording, which is complete, what the clients lived through.
func (r *run) lived(what checker.Verb) (count int) {
	r.t.Helper()
	recording, err := checker.Decode(r.out.Bytes())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range recording.Events {
		if e.Verb == what {
			count++
		}
	}
	return count
}

// readStore writes down what the store has in the end.
func (r *run) readStore(out *bytes.Buffer) {
	r.t.Helper()
	store, err := sqlitestore.Open(r.tg.store, sqlitestore.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer store.Close()
	rec := recorder.New(out)
	for i := range r.sc.Rooms {
		if err := rec.ReadStore(r.t.Context(), store, r.sc.FirstRoom+int32(i), 0); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := rec.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// sound fails the test unless the run was whole and nobody has anything to
// complain of.
func (r *run) sound() {
	r.t.Helper()
	report := r.check()
	if err := report.Err(); err != nil {
		r.t.Errorf("%v\n%s", err, report)
	}
	c := &r.whole.Counts
	r.t.Logf("%+v; latency p50 %s p99 %s; late p99 %s; %s", *c, r.whole.Latency.At(50), r.whole.Latency.At(99), r.whole.Late.At(99),
		measure.Bottleneck(&r.whole))
	if c.Intended == 0 || c.Posted != c.Intended || c.Stored != c.Posted || c.Refused != 0 {
		r.t.Errorf("not everything was posted and stored: %+v", c)
	}
	if report.Sent != int(c.Posted) {
		r.t.Errorf("the recording has %d posts, the samples %d", report.Sent, c.Posted)
	}
}
