package report

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// demoView is a run in the middle of a fault.
func demoView() View {
	v := View{
		Kind: "chaos", Name: "rooms", Phase: "measuring", Elapsed: 83 * time.Second, Total: 5 * time.Minute,
		Open: 15000, Inside: 9998, Wanted: 15000, Asked: 300, Intended: 301, Posted: 299, Delivered: 29604,
		Last:     Times{1210 * time.Microsecond, 48 * time.Millisecond, 212 * time.Millisecond},
		Whole:    Times{1180 * time.Microsecond, 5020 * time.Microsecond, 385 * time.Millisecond},
		Nodes:    map[string]int{"gw-1": 4, "gw-2": 7480, "gw-3": 7520},
		Faults:   []Mark{{"redis-all-kill", 30 * time.Second, 34 * time.Second}, {What: "gateway-kill", At: 80 * time.Second}},
		Self:     Health{Late: 61 * time.Microsecond, Busy: 0.43, CPU: 0.71, RSS: 900 << 20, Files: 15104, MaxOpen: 20000},
		Warnings: []string{"worker 10.0.0.2:7000 has said nothing for 3 s"},
	}
	for i := range 90 {
		p99 := 4*time.Millisecond + time.Duration(i%7)*200*time.Microsecond
		if i > 40 && i < 48 {
			p99 *= time.Duration(40 - i%5)
		}
		if i == 60 {
			p99 = 0
		}
		v.P99s = append(v.P99s, p99)
	}
	return v
}

func TestScreens(t *testing.T) {
	early := View{Kind: "load", Phase: "connecting", Elapsed: 2 * time.Second, Open: 812, Wanted: 15000}
	troubled := demoView()
	troubled.Self.Busy, troubled.Self.Files = 0.97, 19990
	troubled.Last = Times{}
	for _, c := range []struct {
		name  string
		view  View
		width int
		color bool
	}{
		{"wide", demoView(), 110, false}, {"usual", demoView(), 80, false}, {"narrow", demoView(), 40, false},
		{"early", early, 80, false}, {"color", troubled, 100, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(c.view.Lines(c.width, 99, c.color), "\n") + "\n" + c.view.Line() + "\n"
			golden(t, "screen-"+c.name+".txt", got)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it anew); got\n%s", path, got)
	}
}

func TestNoLineIsTooWide(t *testing.T) {
	v := demoView()
	v.Nodes["a very long name of a gateway, with 日本語 and \x1b[2J"] = 1 << 40
	v.Faults = append(v.Faults, Mark{What: strings.Repeat("long ", 80)})
	v.Warnings = append(v.Warnings, strings.Repeat("e\u0301\u200b日", 90))
	for width := range 200 {
		for _, color := range []bool{false, true} {
			for _, line := range v.Lines(width, 99, color) {
				if n := cells(line); n > max(width, 1) {
					t.Fatalf("a line for %d columns has %d: %q", width, n, line)
				}
				if rest := escapes.ReplaceAllString(line, ""); strings.Contains(rest, "\x1b") || strings.Contains(rest, "日") {
					t.Fatalf("a line has what cannot be counted: %q", line)
				}
				if !color && strings.Contains(line, "\x1b") || strings.Count(line, "\x1b")%2 != 0 {
					t.Fatalf("a line does not end its colours: %q", line)
				}
			}
		}
	}
}

// A fleet of many gateways must not push faults and warnings off the screen.
func TestWhatMattersStaysOnASmallScreen(t *testing.T) {
	v := demoView()
	for i := range 30 {
		v.Nodes[fmt.Sprintf("gateway-%02d", i)] = 500
	}
	for _, rows := range []int{16, 23, 40} {
		lines := v.Lines(80, rows, false)
		all := strings.Join(lines, "\n")
		for _, want := range []string{"gateway-kill at 1:20, going on", "has said nothing", "late p99", "more gateways"} {
			if !strings.Contains(all, want) {
				t.Errorf("%d rows: %q is not shown:\n%s", rows, want, all)
			}
		}
		if len(lines) > rows {
			t.Errorf("%d rows: %d lines", rows, len(lines))
		}
	}
	if n := len(v.Lines(80, 3, false)); n != 3 {
		t.Errorf("%d lines on 3 rows", n)
	}
}

func TestAComparisonIsShown(t *testing.T) {
	view := CompareView{Trial: 5, Trials: 36, What: "centrifuge, 100 rooms of 100, run 1 of 3", Doing: "measuring 50k/s", Elapsed: 80 * time.Second, Left: 8 * time.Minute}
	golden(t, "compareview.txt", strings.Join(view.Lines(80, 24, false), "\n")+"\n"+view.Line()+"\n")
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		l := NewLive(&b, LiveOptions{})
		for _, doing := range []string{"starting", "connecting", "measuring"} {
			view.Doing = doing
			l.UpdateCompare(view)
			time.Sleep(time.Second)
		}
		view.Trial, view.What = 6, "gorilla"
		l.UpdateCompare(view)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "\n"); n != 2 {
			t.Errorf("a log of two trials has %d lines:\n%s", n, &b)
		}
	})
}

func TestPlainLinesNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		l := NewLive(&b, LiveOptions{})
		v := demoView()
		for range 110 { // 11 s
			l.Update(v)
			time.Sleep(100 * time.Millisecond)
		}
		v.Phase = "settling"
		l.Update(v)
		l.Print("a worker\nis gone")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "measuring"); n != 3 {
			t.Errorf("%d lines in 11 s, want 3:\n%s", n, &b)
		}
		if strings.Count(b.String(), "settling") != 1 || !strings.HasSuffix(b.String(), "a worker is gone\n") || strings.Contains(b.String(), "\x1b") {
			t.Errorf("a change of the phase, or a line to stay, is not told: %q", &b)
		}
	})
}

func TestLiveTellsThatNobodyReads(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	l := NewLive(w, LiveOptions{})
	l.Update(demoView())
	if err := l.Close(); err == nil {
		t.Error("nobody read, and Close says nothing")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// terminal is a pseudo-terminal of 60 columns and 12 rows: what a program writes
// to slave can be read from master.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	unlock := 0
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, unlock),
		unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 60, Row: 12})); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile("/dev/pts/"+count(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}

func TestTerminalIsRedrawnInPlace(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	t.Setenv("TERM", "xterm")
	master, slave := terminal(t)
	l := NewLive(slave, LiveOptions{})
	for range 3 { // the second and the third come too soon
		l.Update(demoView())
	}
	l.Print("stays")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := slave.WriteString("END"); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for b := make([]byte, 1024); !strings.Contains(got.String(), "END"); {
		n, err := master.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(b[:n])
	}
	if n := strings.Count(got.String(), "chaos rooms"); n != 2 {
		t.Errorf("drawn %d times, want once for Update and once for Print", n)
	}
	// 11 of the lines fit on the 12 rows. They are taken off twice.
	if n := strings.Count(got.String(), "\r\x1b[11A\x1b[J"); n != 2 || strings.Count(got.String(), "\x1b") != 4 {
		t.Errorf("the lines are taken off %d times, want 2: %q", n, got.String())
	}
	if !strings.HasSuffix(got.String(), "\x1b[11A\x1b[JEND") {
		t.Errorf("Close does not leave an empty place: %q", got.String())
	}
}
