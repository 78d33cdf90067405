package sqlitestore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// writerPath names the environment variable that makes the test program a
// writer, to be killed, of the file it holds.
const writerPath = "TUITALK_TEST_WRITER"

// writeForEver appends batches and prints what was acknowledged, a line each:
// room, seq and id.
func writeForEver(path string) {
	s, err := Open(path, Options{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	out := bufio.NewWriter(os.Stdout)
	for n := 0; ; {
		batch := make([]talk.Entry, 1+rand.IntN(30))
		ids := make([]string, len(batch))
		for i := range batch {
			n++
			ids[i] = fmt.Sprint(os.Getpid(), "/", n)
			batch[i] = historytest.Post(rand.Int32N(3), "ada", ids[i], strings.Repeat("x", rand.IntN(500)))
		}
		results, err := s.Append(context.Background(), batch)
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		for i, r := range results {
			fmt.Fprintln(out, "stored", batch[i].RoomID, r.Seq, ids[i])
		}
		out.Flush()
	}
}

// writer starts the test program as a writer of path.
func writer(t *testing.T, path string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), writerPath+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

// TestKill kills a writing process without warning, again and again: whatever
// it called stored is there, and the logs have no gap.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	type place struct {
		room int32
		seq  int64
	}
	stored := make(map[place]talk.UUID)
	for round := range 8 {
		cmd, out := writer(t, path)
		for lines, after := 0, 1+rand.IntN(400); ; lines++ {
			if lines == after {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			line, err := out.ReadString('\n')
			if errors.Is(err, io.EOF) {
				break // what stands in line without an end was not called stored
			}
			var p place
			var id string
			if _, err := fmt.Sscanf(line, "stored %d %d %s", &p.room, &p.seq, &id); err != nil {
				t.Fatalf("the writer says %q", line)
			}
			if known, dup := stored[p]; dup {
				t.Fatalf("%+v was given twice: %v", p, known)
			}
			stored[p] = historytest.UUID(id)
		}
		cmd.Wait()
		s := open(t, path, Options{})
		total := 0
		for room := range int32(3) {
			log, err := historytest.ReadLog(t.Context(), s, room)
			if err != nil {
				t.Fatal(err)
			}
			total += len(log)
			for _, e := range log {
				if id, ok := stored[place{room, e.Seq}]; ok && id != e.ID {
					t.Fatalf("round %d: room %d, seq %d: another entry than acknowledged", round, room, e.Seq)
				}
				stored[place{room, e.Seq}] = e.ID // the next writer must not give it again
			}
		}
		if total != len(stored) {
			t.Fatalf("round %d: %d entries are there, %d were acknowledged", round, total, len(stored))
		}
		s.Close()
	}
	if len(stored) < 100 {
		t.Errorf("only %d entries were written", len(stored))
	}
}

// TestOpenInAnotherProcess: two gateways cannot open one file.
func TestOpenInAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	s := open(t, path, Options{})
	cmd, out := writer(t, path)
	said, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(string(said), fmt.Sprintf("in use by another gateway (process %d)", os.Getpid())) {
		t.Errorf("the other process says %q, %v", said, err)
	}
	fill(t, s, "x", 3)
}
