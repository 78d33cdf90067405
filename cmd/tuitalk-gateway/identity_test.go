//go:build integration

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"tuitalk/client"
	"tuitalk/talk"
)

// TestAnIdentityOutlivesTheServer: everything that a gateway ever had is lost, and
// a setting of an older version is still there, with a file that is not. Whoever
// comes is who he was.
func TestAnIdentityOutlivesTheServer(t *testing.T) {
	t.Parallel()
	secret := client.NewSecret()
	for range 2 {
		g := startGateway(t, t.TempDir(), "-secret-file", filepath.Join(t.TempDir(), "lost"))
		v := visitor{t: t, form: talk.Extended, secret: secret}.visit(g.addr)
		if v.uuid != secret.UUID() {
			t.Errorf("welcomed as %s, not as %s", v.uuid, secret.UUID())
		}
		v.say(talk.JoinRoom{RoomID: 1, UUID: v.uuid, Username: "ada"})
		if j := hearOf[talk.Joined](v); j.MemberCount != 1 {
			t.Errorf("%+v", j)
		}
		if n := strings.Count(g.Log(), "-secret-file is not needed any more"); n != 1 {
			t.Errorf("the log says so %d times:\n%s", n, g.Log())
		}
	}
}
