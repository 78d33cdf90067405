package main

import (
	"bytes"
	"strings"
	"testing"

	"tuitalk/deploy/devcluster"
)

func TestStatusIsColoured(t *testing.T) {
	var out bytes.Buffer
	reports := []devcluster.PartReport{
		{PartState: devcluster.PartState{Name: "a"}, State: devcluster.Running, Well: true, Says: "fine"},
		{PartState: devcluster.PartState{Name: "b", Log: "b.log"}, State: devcluster.Running, Says: "sick"},
		{PartState: devcluster.PartState{Name: "c"}, State: devcluster.Stopped},
		{PartState: devcluster.PartState{Name: "d"}, State: devcluster.Dead},
	}
	show(&out, palette{on: true}, devcluster.ClusterState{}, reports)
	for _, want := range []string{"\x1b[32mwell", "\x1b[33munwell", "\x1b[35mfrozen", "\x1b[31mdead", "b.log"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
