package main

import (
	"fmt"
	"strings"
	"testing"

	"tuitalk/cmd/setting/settingtest"
	"tuitalk/gateway"
)

func init() { settingtest.Main(main) }

const rawSecret = "the user or the password in the address has a # / ? % or space, which must be written %23 %2F %3F %25 %20"

// TestWrongSettingsEndTheProgram with one sentence and the status that deploy/systemd
// does not restart.
func TestWrongSettingsEndTheProgram(t *testing.T) {
	t.Parallel()
	settingtest.Refuses(t, "tuitalk-gateway", exitSettings, []settingtest.Wrong{
		{Args: "-grace 5", Says: `-grace: "5" is not a time with its unit, as 30s`},
		{Args: "-flood-rate NaN", Says: `-flood-rate: "NaN" is not a number, as 5`},
		{Args: "-waiting-bytes 1000", Says: "-waiting-bytes: must be at least 524288, not 1000"},
		{Args: "-send-buffer 1", Says: "-send-buffer: must be at least 4096, not 1"},
		{Args: "-send-buffer 99999999999", Says: "-send-buffer: must be at most 1073741824, not 99999999999"},
		{Args: "-ring-bytes 8000000 -max-queued-bytes 8000000", Says: "-max-queued-bytes must be at least 9048576, what one user may have queued with this -ring-bytes, not 8000000: raise it, or lower -ring-bytes"},
		{Args: "-store sqlite:talk.db -max-conns 0", Says: "-max-conns: must be at least 1, not 0"},
		{Args: "-slow-mode-address -1", Says: "-slow-mode-address: must not be negative, and is -1"},
		{Args: "-listen 8080", Says: `-listen: "8080" is not host:port, as :8080`},
		{Args: "-listen :80800", Says: `-listen: ":80800" has the port 80800, and ports go up to 65535, as :8080`},
		{Args: "-admin somewhere", Says: `-admin: "somewhere" is not host:port, as 127.0.0.1:9190, nor none`},
		{Args: "-lisen :1", Says: "-lisen is not a flag; did you mean -listen? -h lists them"},
		{Args: "-mend-room x", Says: `-mend-room: "x" is not the number of a room`},
		{Args: "-store postgres://u:sekret@h:port/db", Says: "-store: the address must have the form postgres://user:password@host:port/database"},
		{Env: []string{"TUITALK_STORE=postgres://u:a#b@h/db"}, Says: "-store (TUITALK_STORE): " + rawSecret},
		{Env: []string{"TUITALK_STORE=postgres://u:5#b@h/db"}, Says: "-store (TUITALK_STORE): " + rawSecret},
		{Env: []string{"TUITALK_STORE=postgres://u:a/b@h/db"}, Says: "-store (TUITALK_STORE): " + rawSecret},
		{Env: []string{"TUITALK_STORE=postgres://u:5/b@h/db"}, Says: "-store (TUITALK_STORE): " + rawSecret},
		{Env: []string{"TUITALK_STORE=postgres://u:a?b@h/db"}, Says: "-store (TUITALK_STORE): " + rawSecret},
		{Env: []string{"TUITALK_STORE=postgres://u:a%b@h/db"}, Says: "-store (TUITALK_STORE): " + rawSecret},
		{Env: []string{"TUITALK_STORE=postgres://u:a b@h/db"}, Says: "-store (TUITALK_STORE): " + rawSecret},
		{Env: []string{"TUITALK_STORE=postgres://h/db", "TUITALK_BUS=redis://:50%@h:1"}, Says: "-bus (TUITALK_BUS): parse the bus address: a % in the user or the password must be written %25"},
		{Args: "-max-conns 900000000", Says: fmt.Sprintf("-max-conns 900000000 needs 900000256 open files, and this process may have %[1]d: raise LimitNOFILE of its unit, or ulimit -n in a shell, to 900000256, or lower -max-conns to %[2]d", gateway.FileLimit(), gateway.FileLimit()-256)},
		{Args: "-max-queued-bytes 9999999999999999", Says: fmt.Sprintf("-max-queued-bytes 9999999999999999 is more than the memory of this machine, %d bytes: lower it", machineMemory())},
		{Args: "-recent-bytes 9999999999999999", Says: fmt.Sprintf("-recent-bytes 9999999999999999 is more than the memory of this machine, %d bytes: lower it", machineMemory())},
		{Args: "-store postgres://h/db -bus redis://u@h:1", Says: "-bus: parse the bus address: before the @ there must be :password or user:password"},
		{Env: []string{"TUITALK_GRACE=5"}, Says: `-grace (TUITALK_GRACE): "5" is not a time with its unit, as 30s`},
		{Env: []string{"TUITALK_MAX_CONN=5"}, Says: "the environment variable TUITALK_MAX_CONN is no setting of any program; did you mean TUITALK_MAX_CONNS? -h lists them"},
		{Env: []string{"TUITALK_CONFIG=FILE"}, File: "grace 30s\nslow-mode 7\n", Says: `-slow-mode (FILE, line 2): "7" is not ROOM=TIME with a time up to 1h0m0s, as 7=10s`},
		{Args: "-config FILE", File: "grase 30s", Says: `FILE, line 1: "grase" is not a setting here; did you mean grace? -h lists them`},
		{Args: "-config FILE", File: "server ws://a", Says: `FILE, line 1: "server" is not a setting here; -h lists them`},
	})
}

// TestTooFewOpenFiles: a limit that leaves no room for people is said before anything else.
func TestTooFewOpenFiles(t *testing.T) {
	t.Parallel()
	limited := []string{"sh", "-c", `ulimit -n 300 && exec "$0" "$@"`}
	for args, says := range map[string]string{
		"-check":        "this process may have 300 files open, and needs at least 356 for 100 connections and one more for each further one: raise LimitNOFILE of its unit, or ulimit -n in a shell",
		"-max-conns 50": "-max-conns 50 needs 306 open files, and this process may have 300: raise LimitNOFILE of its unit, or ulimit -n in a shell, to 306, or lower -max-conns to 44",
	} {
		if _, stderr, code := settingtest.StartBy(t, limited, nil, strings.Fields(args)...); code != exitSettings || stderr != "tuitalk-gateway: "+says+"\n" {
			t.Errorf("%s: ended with %d, saying %s", args, code, stderr)
		}
	}
}

// TestAFailureIsNoWrongSetting: another start may find it mended.
func TestAFailureIsNoWrongSetting(t *testing.T) {
	t.Parallel()
	if _, stderr, code := settingtest.Start(t, []string{"TUITALK_SERVER=ws://a"}, "-store", "sqlite:/nowhere/talk.db", "-listen", "127.0.0.1:0", "-admin", "none"); code != exitFailed {
		t.Errorf("ended with %d, saying %q", code, stderr)
	}
}
