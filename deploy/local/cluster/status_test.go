package main

import (
	"bytes"
	"strings"
	"testing"

	"tuitalk/deploy/local"
)

func TestStatusIsColoured(t *testing.T) {
	var out bytes.Buffer
	reports := []local.PartReport{
		{PartState: local.PartState{Name: "a"}, State: local.Running, Well: true, Says: "fine"},
		{PartState: local.PartState{Name: "b", Log: "b.log"}, State: local.Running, Says: "sick"},
		{PartState: local.PartState{Name: "c"}, State: local.Stopped},
		{PartState: local.PartState{Name: "d"}, State: local.Dead},
	}
	show(&out, palette{on: true}, local.ClusterState{}, reports)
	for _, want := range []string{"\x1b[32mwell", "\x1b[33munwell", "\x1b[35mfrozen", "\x1b[31mdead", "b.log"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
