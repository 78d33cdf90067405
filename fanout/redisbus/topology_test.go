package redisbus

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// nodesLine is one line of CLUSTER NODES.
func nodesLine(addr, flags string, epoch int, slots string) string {
	return fmt.Sprintf("0123456789abcdef %s@17000 %s - 0 1700000000000 %d connected %s\n", addr, flags, epoch, slots)
}

func TestParseNode(t *testing.T) {
	for line, want := range map[string]serving{
		nodesLine("10.0.0.1:7000", "myself,master", 3, "0-5460 7000"):                     {addr: "10.0.0.1:7000", epoch: 3, ranges: [][2]uint16{{0, 5460}, {7000, 7000}}},
		nodesLine("10.0.0.1:7000", "master", 3, "5 [93-<-292f8b36] [77->-e7d1eecc] 9-9"):  {addr: "10.0.0.1:7000", epoch: 3, ranges: [][2]uint16{{5, 5}, {9, 9}}},
		nodesLine(":7000", "myself,master", 1, ""):                                        {addr: "asked:7000", epoch: 1},
		nodesLine("fe80::1:7000", "slave", 1, ""):                                         {addr: "[fe80::1]:7000", epoch: 1},
		"id 10.0.0.1:7000@17000,redis-0.internal master,fail - 0 0 12 disconnected 1-2\n": {addr: "10.0.0.1:7000", epoch: 12, ranges: [][2]uint16{{1, 2}}},
		"id 10.0.0.1:7000@17000 master - 0 0 12 connected 1-99999 70000 -1 x 4-\n":        {addr: "10.0.0.1:7000", epoch: 12},
	} {
		got, ok := parseNode(line, "asked:1")
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v, want %+v", line, got, ok, want)
		}
	}
	for _, line := range []string{
		"", "\n", "a b c", nodesLine(":0", "master,noaddr", 1, "5"), nodesLine("h:1", "handshake", 1, ""),
		"id nocolon master - 0 0 1 connected 5", "id h:1@2 master - 0 0 epoch connected 5",
	} {
		if got, ok := parseNode(line, "asked:1"); ok {
			t.Errorf("%q: %+v", line, got)
		}
	}
}

func TestNewestClaimWins(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	topo := newTopology([]string{"seed:1"})
	all := func(want string) {
		t.Helper()
		for i, c := range topo.claims {
			if c.addr != want {
				t.Fatalf("partition %d is at %q, want %q", i, c.addr, want)
			}
		}
	}
	all("")
	topo.merge(now, "a:1", nodesLine("a:1", "myself,master", 1, "0-16383")+nodesLine("b:1", "slave", 1, ""))
	all("a:1")
	topo.merge(now, "b:1", nodesLine("a:1", "master,fail", 1, "")+nodesLine("b:1", "myself,master", 7, "0-16383"))
	all("b:1")
	// The old master was cut off and still claims everything.
	topo.merge(now.Add(2*time.Second), "a:1", nodesLine("a:1", "myself,master", 1, "0-16383")+nodesLine("b:1", "slave,fail", 1, ""))
	all("b:1")
	// One slot has moved.
	topo.merge(now.Add(2*time.Second), "c:1", nodesLine("c:1", "myself,master", 8, fmt.Sprint(tagSlots[5])))
	for i, c := range topo.claims {
		if want := map[bool]string{true: "c:1", false: "b:1"}[i == 5]; c.addr != want {
			t.Errorf("partition %d is at %q, want %q", i, c.addr, want)
		}
	}
	if len(topo.nodes) != 4 {
		t.Errorf("known nodes: %v", topo.nodes)
	}
}

// A cluster that was made anew begins with low epochs.
func TestClaimsGrowOld(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	topo := newTopology([]string{"seed:1"})
	topo.merge(now, "a:1", nodesLine("a:1", "myself,master", 100, "0-16383"))
	fresh := nodesLine("b:1", "myself,master", 1, "0-16383")
	topo.merge(now.Add(claimMemory), "b:1", fresh)
	if topo.claims[0].addr != "a:1" {
		t.Error("a lower epoch won too early")
	}
	topo.merge(now.Add(claimMemory+1), "b:1", fresh)
	if topo.claims[0].addr != "b:1" {
		t.Error("an old claim stands for ever")
	}
	nodes := len(topo.nodes)
	topo.forget(time.Minute, []string{"seed:1"})
	if len(topo.nodes) != max(nodes, 2) {
		t.Errorf("forgotten while nobody answers, however long that lasts: %v", topo.nodes)
	}
	topo.merge(now.Add(time.Hour), "b:1", fresh)
	topo.forget(time.Minute, []string{"seed:1"})
	if _, seed := topo.nodes["seed:1"]; len(topo.nodes) != 2 || !seed {
		t.Errorf("known nodes, an hour after others were named: %v", topo.nodes)
	}
}

func FuzzParseNode(f *testing.F) {
	f.Add(nodesLine("10.0.0.1:7000", "myself,master", 3, "0-5460 7000 [93-<-292f8b36]"))
	f.Add("id :7000@1 master - 0 0 1 connected 5-1 9")
	f.Fuzz(func(t *testing.T, line string) {
		s, ok := parseNode(line, "asked:1")
		if ok && s.addr == "" {
			t.Fatal("a node without an address")
		}
		topo := newTopology(nil)
		topo.merge(time.Now(), "asked:1", line)
	})
}
