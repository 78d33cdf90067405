package main

import (
	"strings"
	"testing"

	"tuitalk/cmd/setting"
	"tuitalk/cmd/setting/settingtest"
)

func init() { settingtest.Main(main) }

func TestWrongSettingsEndTheProgram(t *testing.T) {
	t.Parallel()
	settingtest.Refuses(t, "tuitalk-cluster", exitSettings, []settingtest.Wrong{
		{Args: "begin", Says: `"begin" is none of start, run, status, promote, stop; -h explains them`},
		{Args: "-gateways 3", Says: "a command is missing in front of the flags: start, for example; -h explains them"},
		{Args: "status -gateways none", Says: `-gateways: "none" is not a whole number that fits, as 3`},
		{Args: "status -gateways 0", Says: "-gateways: must be at least 1, not 0"},
		{Args: "status -port 65536", Says: "-port: must be at most 65535, not 65536"},
		{Args: "status", Env: []string{"TUITALK_CLUSTER_DRI=x"}, Says: "the environment variable TUITALK_CLUSTER_DRI is no setting of any program; did you mean TUITALK_CLUSTER_DIR? -h lists them"},
		{Args: "status -config FILE", File: "gateway-count 3", Says: `FILE, line 1: "gateway-count" is not a setting here; -h lists them`},
	})
	if _, stderr, code := settingtest.Start(t, []string{"TUITALK_LIMITS=none"}, "status"); code != exitFailed {
		t.Errorf("no cluster runs, and it ended with %d, saying %q", code, stderr)
	}
	if help, _, code := settingtest.Start(t, nil, "-h"); code != 0 || !strings.Contains(help, "-config file") || !strings.Contains(help, "TUITALK_CLUSTER_GATEWAYS, default 3") {
		t.Errorf("-h ended with %d, saying\n%s", code, help)
	}
	if version, _, code := settingtest.Start(t, nil, "-version"); code != 0 || version != "tuitalk-cluster "+setting.Version()+"\n" {
		t.Errorf("-version ended with %d, saying %q", code, version)
	}
}
