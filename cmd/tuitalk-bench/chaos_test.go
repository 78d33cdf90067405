package main

import (
	"errors"
	"strings"
	"testing"

	"tuitalk/bench/chaos"
	"tuitalk/bench/measure"
	"tuitalk/deploy/devcluster"
)

// TestLinksCarrySoManyOnly: each client takes two files of the proxy.
func TestLinksCarrySoManyOnly(t *testing.T) {
	files, err := measure.RaiseFiles()
	if err != nil {
		t.Fatal(err)
	}
	of := func(list string) []chaos.Fault {
		faults, err := chaos.Choose(list)
		if err != nil {
			t.Fatal(err)
		}
		return faults
	}
	pair := chaos.Fault{Name: "gateway-kill (seed 1, 1 of 2)"}
	for name, tc := range map[string]struct {
		clients int
		faults  []chaos.Fault
		want    int
	}{
		"few":                       {1, of("all,links"), devcluster.EveryGateway},
		"many":                      {files / 2, of("links"), 1},
		"many and two gateways die": {files / 2, of("all,links"), 0},
		"many and a pair":           {files / 2, append(of("links"), pair), 0},
		"too many":                  {files, of("links"), 0},
	} {
		behind, err := linked(tc.clients, 3, tc.faults)
		if behind != tc.want {
			t.Errorf("%s: %d gateways behind links, want %d", name, behind, tc.want)
		}
		if u := (usage{}); (tc.want == 0) != errors.As(err, &u) || tc.want == 0 && !strings.Contains(err.Error(), "whose open files suffice for") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
