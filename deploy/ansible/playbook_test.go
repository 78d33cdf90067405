//go:build integration

// Package ansible makes a fleet of machines, from an inventory.
package ansible

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// runs is how deploy/README.md runs the playbook, in this folder.
const runs = "ansible-playbook -i inventory.ini fleet.yml"

// TestPlaybook: Ansible takes the playbook with the example of an inventory, which has
// nine machines.
func TestPlaybook(t *testing.T) {
	t.Setenv("ANSIBLE_HOME", t.TempDir())
	if out, err := exec.Command("ansible-playbook", "-i", "inventory.example.ini", "--syntax-check", "fleet.yml").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	manual, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if steps := "    cd deploy/ansible\n    cp inventory.example.ini inventory.ini\n    " + runs + "\n"; !strings.Contains(string(manual), steps) {
		t.Errorf("the manual does not say\n%s", steps)
	}
	out, err := exec.Command("ansible-inventory", "-i", "inventory.example.ini", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	var inventory struct {
		Meta struct {
			Hostvars map[string]struct {
				Address string `json:"ansible_host"`
			}
		} `json:"_meta"`
	}
	if err := json.Unmarshal(out, &inventory); err != nil {
		t.Fatal(err)
	}
	if all := inventory.Meta.Hostvars; len(all) != 9 || all["gateway1"].Address != "10.0.0.11" {
		t.Errorf("the machines are %+v", all)
	}
}
