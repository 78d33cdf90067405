package redisbus

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

// What a master may lose is named with what to do about it, and nothing else is.
func TestFlawsOfDurability(t *testing.T) {
	for name, test := range map[string]struct {
		info, config       map[string]string // what is other than it should be
		infoErr, configErr error
		says               []string // one for each flaw
	}{
		"as it should be":           {},
		"no file":                   {info: map[string]string{"aof_enabled": "0"}, says: []string{"appendonly is no"}},
		"not written through":       {config: map[string]string{"appendfsync": "everysec"}, says: []string{"appendfsync is everysec"}},
		"never written through":     {config: map[string]string{"appendfsync": "no"}, says: []string{"appendfsync is no,"}},
		"not while it is rewritten": {config: map[string]string{"no-appendfsync-on-rewrite": "yes"}, says: []string{"no-appendfsync-on-rewrite is yes"}},
		"evicts":                    {info: map[string]string{"maxmemory_policy": "allkeys-lru"}, says: []string{"maxmemory-policy is allkeys-lru"}},
		"evicts without a bound":    {info: map[string]string{"maxmemory_policy": "allkeys-lru", "maxmemory": "0"}},
		"evicts others' keys":       {info: map[string]string{"maxmemory_policy": "volatile-lru"}},
		"all of it": {info: map[string]string{"aof_enabled": "0", "maxmemory_policy": "allkeys-random"}, config: map[string]string{"appendfsync": "everysec"},
			says: []string{"appendonly is no", "maxmemory-policy is allkeys-random", "appendfsync is everysec"}},
		"nobody may see it": {infoErr: errors.New("NOPERM no info"), configErr: errors.New("NOPERM no config|get"),
			says: []string{"maxmemory-policy cannot be seen: NOPERM no info (deploy/README.md", "appendfsync cannot be seen: NOPERM no config|get (deploy/README.md"}},
		"a hosted Redis": {info: map[string]string{"aof_enabled": "0"}, configErr: errors.New("unknown command 'CONFIG'"),
			says: []string{"appendonly is no", "appendfsync cannot be seen: unknown command"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := durability{infoErr: test.infoErr, configErr: test.configErr}
			if d.infoErr == nil {
				d.info = parseInfo("# Persistence\r\naof_enabled:1\r\n# Memory\r\nmaxmemory:1073741824\r\nmaxmemory_policy:noeviction\r\n")
				maps.Copy(d.info, test.info)
			}
			if d.configErr == nil {
				d.config = map[string]string{"appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
				maps.Copy(d.config, test.config)
			}
			got := d.flaws(explain)
			if len(got) != len(test.says) {
				t.Fatalf("it says %q", got)
			}
			for i, want := range test.says {
				if !strings.Contains(got[i], want) {
					t.Errorf("it says %q, not %q", got[i], want)
				}
			}
		})
	}
}
