//go:build integration

package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNothingOfOneServerReachesAnother: the user is on a real server, leaves
// something unsent there as it is killed, goes to another that writes down all that it
// gets and then refuses him, begins anew there, and comes back to the first.
func TestNothingOfOneServerReachesAnother(t *testing.T) {
	t.Parallel()
	a, b, term := startRealServer(t), startServer(t), openTerminal(t, 100, 20)
	term.start("USER=anton", "-server", a.url(), "-name", "ada", "-room", "1")
	term.has("ada ● online")
	term.line("said at a")
	term.has("┃ said at a")
	a.has("said at a")
	a.stop()
	term.line("only for a")
	term.has("┃ only for a", "reconnecting")
	term.line("/quit")
	term.has("1 message is not sent yet", "shell>")

	term.line("clear")
	term.start("USER=berta", "-server", b.url(), "-room", "1")
	term.has("berta ● online")
	term.line("said at b")
	b.has("said at b")
	b.refuse()
	term.has("✗ refused", "I do not know you", "F4 begins as somebody new")
	term.line("unsent at b")
	term.line("/identity new")
	term.has("berta ● online")
	b.has("said at b", "unsent at b")
	term.line("/quit")
	term.hasNot("online")

	a.restart()
	term.line("clear")
	term.start("USER=anton", "-server", a.url())
	term.has("ada ● online", "┃ said at a", "┃ only for a")
	a.has("said at a", "only for a")

	atA, secretsA := a.got()
	atB, secretsB := b.got()
	if len(secretsA) != 1 || len(secretsB) != 2 {
		t.Fatalf("who came to a showed %q, to b %q", secretsA, secretsB)
	}
	apart(t, "a", "b", atA, atB)
	apart(t, "b", "a", atB, atA)
	for word, where := range map[string]string{"only for a": atB, "said at a": atB, `"ada"`: atB, "said at b": atA, "berta": atA} { // ada alone is hexadecimal
		if strings.Contains(where, word) {
			t.Errorf("%q came to the other server", word)
		}
	}
}

var (
	anyUUID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anySecret = regexp.MustCompile(`[0-9a-f]{64}`)
)

// apart checks that no secret, user, window or message of one is named to the other.
func apart(t *testing.T, one, other, atOne, atOther string) {
	t.Helper()
	for _, any := range []*regexp.Regexp{anyUUID, anySecret} {
		names := any.FindAllString(atOne, -1)
		slices.Sort(names)
		for _, id := range slices.Compact(names) {
			if strings.Contains(atOther, id) {
				t.Errorf("%s of %s came to %s", id, one, other)
			}
		}
	}
}

// TestTwoDatabasesAtOneAddress: two checkouts are run in turn on the same port.
// The second never saw the user; he is who he is.
func TestTwoDatabasesAtOneAddress(t *testing.T) {
	t.Parallel()
	s, term := startServer(t), openTerminal(t, 80, 20)
	term.start("", "-server", s.url(), "-name", "ada", "-room", "1")
	term.has("ada ● online")
	s.stop()
	term.has("reconnecting")
	s.mu.Lock()
	s.entries = nil // another database
	s.mu.Unlock()
	s.restart()
	term.has("ada ● online")
	term.line("here too")
	s.has("here too")
	if _, secrets := s.got(); len(secrets) != 1 {
		t.Errorf("%d identities", len(secrets))
	}
}
