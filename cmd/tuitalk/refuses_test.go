package main

import (
	"testing"

	"tuitalk/cmd/setting/settingtest"
)

func init() { settingtest.Main(main) }

func TestWrongSettingsEndTheProgram(t *testing.T) {
	t.Parallel()
	settingtest.Refuses(t, "tuitalk", exitSettings, []settingtest.Wrong{
		{Args: "-server localhost:8080", Says: `-server: "localhost:8080" does not begin with ws:// or wss://, as in ws://127.0.0.1:8080/ws`},
		{Args: "-room x", Says: "-room: A room is an integer, as in /room 1."},
		{Args: "-theme pink", Says: `-theme: "pink" is none of auto, dark, light, plain`},
		{Args: "-rom 7", Says: "-rom is not a flag; did you mean -room? -h lists them"},
		{Args: "7", Says: `"7" is not a flag; -h lists them`},
		{Env: []string{"TUITALK_FORM=xml"}, Says: `-form (TUITALK_FORM): "xml" is none of bincode, json`},
		{Env: []string{"TUITALK_SERVERS=ws://a"}, Says: "the environment variable TUITALK_SERVERS is no setting of any program; did you mean TUITALK_SERVER? -h lists them"},
		{Args: "-config FILE", File: "room 7\nthem dark", Says: `FILE, line 2: "them" is not a setting here; did you mean theme? -h lists them`},
		{Args: "-config FILE", File: "name \u200b", Says: "-name (FILE, line 1): A name needs at least one visible character."},
	})
}
