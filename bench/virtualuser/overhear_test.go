package virtualuser

import (
	"bytes"
	"slices"
	"testing"

	"tuitalk/bench/checker"
	"tuitalk/bench/scenario"
	"tuitalk/websocket"
)

// TestWhatComesBehindAHangupIsOverheard: a session hangs up when an entry is
// missing, and the recording has what came late in the same breath.
func TestWhatComesBehindAHangupIsOverheard(t *testing.T) {
	for name, tc := range map[string]struct{ come, stray []int64 }{
		"whole":        {[]int64{1, 2, 3}, nil},
		"late":         {[]int64{1, 3, 2, 4}, []int64{3, 2}},
		"left out":     {[]int64{1, 3, 4}, []int64{3}},
		"twice":        {[]int64{1, 1, 2}, []int64{1}},
		"late at last": {[]int64{2, 3, 1}, []int64{2, 1}},
	} {
		var recording bytes.Buffer
		l := roomfulOf(t, Config{Scenario: small(1, 1, scenario.Session), Recording: &recording})
		var came []byte
		for _, seq := range tc.come {
			came = append(came, serverFrame(true, websocket.OpBinary, entryFrame(t, seq, "hello"))...)
		}
		came = append(came, 0x82, 5, 10) // and the beginning of a frame
		l.mu.Lock()
		l.users[0].conns[0].received(came)
		l.mu.Unlock()
		if err := l.group.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := checker.Decode(recording.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var stray []int64
		for _, e := range got.Events {
			if e.Verb == checker.Strayed {
				stray = append(stray, got.Entries[e.Entry].Seq)
			}
		}
		if !slices.Equal(stray, tc.stray) {
			t.Errorf("%s: %v strayed, want %v", name, stray, tc.stray)
		}
	}
}
