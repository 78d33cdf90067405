package main

import (
	"testing"

	"tuitalk/cmd/setting/settingtest"
)

func init() { settingtest.Main(main) }

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
		{Args: "-max-conns 0", Says: "-max-conns: must be at least 1, not 0"},
		{Args: "-slow-mode-address -1", Says: "-slow-mode-address: must not be negative, and is -1"},
		{Args: "-listen 8080", Says: `-listen: "8080" is not host:port, as :8080`},
		{Args: "-listen :80800", Says: `-listen: ":80800" has the port 80800, and ports go up to 65535, as :8080`},
		{Args: "-admin somewhere", Says: `-admin: "somewhere" is not host:port, as 127.0.0.1:9090, nor none`},
		{Args: "-lisen :1", Says: "-lisen is not a flag; did you mean -listen? -h lists them"},
		{Args: "-mend-room x", Says: `-mend-room: "x" is not the number of a room`},
		{Args: "-store postgres://u:sekret@h:port/db", Says: "-store: the address must have the form postgres://user:password@host:port/database"},
		{Args: "-store postgres://h/db -bus redis://u@h:1", Says: "-bus: parse the bus address: before the @ there must be :password or user:password"},
		{Env: []string{"TUITALK_GRACE=5"}, Says: `-grace (TUITALK_GRACE): "5" is not a time with its unit, as 30s`},
		{Env: []string{"TUITALK_MAX_CONN=5"}, Says: "the environment variable TUITALK_MAX_CONN is no setting of any program; did you mean TUITALK_MAX_CONNS? -h lists them"},
		{Env: []string{"TUITALK_CONFIG=FILE"}, File: "grace 30s\nslow-mode 7\n", Says: `-slow-mode (FILE, line 2): "7" is not ROOM=TIME with a time up to 1h0m0s, as 7=10s`},
		{Args: "-config FILE", File: "grase 30s", Says: `FILE, line 1: "grase" is not a setting here; did you mean grace? -h lists them`},
		{Args: "-config FILE", File: "server ws://a", Says: `FILE, line 1: "server" is not a setting here; -h lists them`},
	})
}

// TestAFailureIsNoWrongSetting: another start may find it mended.
func TestAFailureIsNoWrongSetting(t *testing.T) {
	t.Parallel()
	if _, stderr, code := settingtest.Start(t, []string{"TUITALK_SERVER=ws://a"}, "-store", "sqlite:/nowhere/talk.db", "-listen", "127.0.0.1:0", "-admin", "none"); code != exitFailed {
		t.Errorf("ended with %d, saying %q", code, stderr)
	}
}
