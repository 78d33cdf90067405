//go:build integration

package devcluster_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"

	"tuitalk/deploy/devcluster"
)

// gatewayProgram is tuitalk-gateway, built once for all tests.
var gatewayProgram string

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerVariable); dir != "" {
		ownCluster(dir)
	}
	dir, err := os.MkdirTemp("", "tuitalk-devcluster-")
	if err == nil {
		gatewayProgram, err = devcluster.Build(dir, "tuitalk/cmd/tuitalk-gateway", false)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// Variables that make this test program the owner of a cluster and nothing else.
const (
	ownerVariable   = "TUITALK_TEST_CLUSTER_DIR"
	programVariable = "TUITALK_TEST_CLUSTER_PROGRAM"
)

// ownCluster starts a cluster, says what it consists of, and waits to be killed.
func ownCluster(dir string) {
	c, err := devcluster.StartCluster(context.Background(), devcluster.ClusterOptions{
		Program: os.Getenv(programVariable), Dir: dir, Gateways: 1, Isolated: devcluster.EveryGateway, Watchdog: true,
		Redis: devcluster.RedisOptions{Replicas: -1},
	})
	if err == nil {
		state := c.State()
		runtime.GC() // what nobody looks at any more runs on
		err = state.Save(dir + "/state.json")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}
