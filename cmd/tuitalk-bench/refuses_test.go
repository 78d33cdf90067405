package main

import (
	"testing"

	"tuitalk/cmd/setting/settingtest"
)

func init() { settingtest.Main(main) }

func TestWrongSettingsEndTheProgram(t *testing.T) {
	t.Parallel()
	const explained = " (tuitalk-bench load -h explains the flags)"
	settingtest.Refuses(t, "tuitalk-bench", exitUsage, []settingtest.Wrong{
		{Args: "load -grace 5", Says: `-grace: "5" is not a time with its unit, as 30s` + explained},
		{Args: "load -max-p99 -1s", Says: "-max-p99: must not be negative, and is -1s" + explained},
		{Args: "load -rate NaN", Says: `-rate: "NaN" is not a number, as 100` + explained},
		{Args: "load -cleints 5", Says: "-cleints is not a flag; did you mean -clients? -h lists them" + explained},
		{Args: "load", Env: []string{"TUITALK_BENCH_GRACE=5"}, Says: `-grace (TUITALK_BENCH_GRACE): "5" is not a time with its unit, as 30s` + explained},
		{Args: "load", Env: []string{"TUITALK_BENCH_TARGETT=ws://a"}, Says: "the environment variable TUITALK_BENCH_TARGETT is no setting of any program; did you mean TUITALK_BENCH_TARGET? -h lists them" + explained},
		{Args: "load", Env: []string{"TUITALK_TARGET=ws://a"}, Says: "the environment variable TUITALK_TARGET is no setting of any program; did you mean TUITALK_BENCH_TARGET? -h lists them" + explained},
		{Args: "load -config FILE", File: "client 5", Says: `FILE, line 1: "client" is not a setting here; did you mean clients? -h lists them` + explained},
	})
}
