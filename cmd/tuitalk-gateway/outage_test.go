//go:build integration

package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// TestOfficeComesBack: the people of an office, all behind one address, wrote while the
// gateway was away. It comes back with its usual limits; what they wrote is stored, of
// each in the order of writing, and none of them is closed.
func TestOfficeComesBack(t *testing.T) {
	t.Parallel()
	const people, posts = 150, 40
	g := startGateway(t, t.TempDir())
	if err := g.Kill(); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() { officeWorker(t, g.addr, i, posts) })
	}
	time.Sleep(time.Second) // they try in vain
	g.start(t)
	all.Wait()
	resp, err := http.Get("http://" + g.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(metrics)) {
		for _, name := range []string{"tuitalk_kept_out_total", `tuitalk_closed_total{reason="flood"}`, `tuitalk_closed_total{reason="errors"}`, `tuitalk_refused_connections_total`} {
			if strings.HasPrefix(line, name) && !strings.HasSuffix(line, " 0\n") {
				t.Errorf("somebody was punished: %s", line)
			}
		}
		if strings.HasPrefix(line, `tuitalk_delayed_messages_total{level="connection"}`) && strings.HasSuffix(line, " 0\n") {
			t.Error("nothing had to wait, so nothing was tested")
		}
	}
}

// officeWorker writes, and stays until all of it is stored.
func officeWorker(t *testing.T, addr string, i, posts int) {
	s, err := client.New(client.Config{Servers: []string{"ws://" + addr + "/ws"}, Name: fmt.Sprint("worker ", i), Room: int32(i % 10), History: -1}, client.State{})
	if err != nil {
		t.Error(err)
		return
	}
	d := client.NewDriver(s, client.NewDialer(), nil)
	defer d.Close()
	d.Handle(client.Start{})
	for n := range posts {
		d.Handle(client.Post{Text: fmt.Sprintf("post %d", n)})
	}
	deadline := time.After(patience)
	for len(s.Outbox()) > 0 {
		select {
		case ev := <-d.Events():
			d.Handle(ev)
		case <-deadline:
			t.Errorf("worker %d: %d posts are not stored; %+v", i, len(s.Outbox()), s.Status())
			return
		}
	}
	next := 0
	for n := range s.Log().Len() {
		e := s.Log().At(n)
		if e.Author != s.Me().UUID || e.Kind != talk.KindPosted {
			continue
		}
		if want := fmt.Sprintf("post %d", next); e.Text != want {
			t.Errorf("worker %d: %q is stored where %q should be", i, e.Text, want)
			return
		}
		next++
	}
	if next != posts {
		t.Errorf("worker %d: %d of %d posts are in the log", i, next, posts)
	}
}
