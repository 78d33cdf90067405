//go:build integration

package pgstore

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
)

// TestExamine: what a gateway would find at an address, and what to do about it. None
// of it changes the database.
func TestExamine(t *testing.T) {
	dsn := newSchema(t)
	finds := func(name, dsn, says string, wrong bool) {
		t.Helper()
		found, err := Examine(t.Context(), dsn)
		if err != nil {
			found = err.Error()
		}
		if (err != nil) != wrong || !strings.Contains(found, says) {
			t.Errorf("%s: %q, %v; want %q", name, found, err, says)
		}
		u, parseErr := url.Parse(dsn)
		if parseErr != nil {
			t.Fatal(parseErr)
		}
		if password, _ := u.User.Password(); strings.Contains(found, password) {
			t.Errorf("%s: shows the password: %s", name, found)
		}
	}
	finds("nothing yet", dsn, "the first gateway makes the tables", false)
	finds("still nothing", dsn, "the first gateway makes the tables", false)
	open(t, dsn, Options{})
	finds("the tables", dsn, "the schema has version ", false)

	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	with := func(user *url.Userinfo, database string) string {
		other := *u
		if other.User = user; user == nil {
			other.User = u.User
		}
		if database != "" {
			other.Path = "/" + database
		}
		return other.String()
	}
	schema := u.Query().Get("search_path")
	execute(t, dsn, fmt.Sprintf(`CREATE ROLE reader%[1]s LOGIN PASSWORD 'examined'; GRANT USAGE ON SCHEMA %[1]s TO reader%[1]s;
		GRANT SELECT ON ALL TABLES IN SCHEMA %[1]s TO reader%[1]s; CREATE ROLE nobody%[1]s LOGIN PASSWORD 'examined'`, schema))
	execute(t, dsn, "CREATE DATABASE latin1"+schema+" ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	finds("a wrong password", with(url.UserPassword(u.User.Username(), "examined"), ""), "refuses the user or the password in -store", true)
	finds("no database", with(nil, "nowhere"), "has no database of that name: CREATE DATABASE", true)
	finds("reads only", with(url.UserPassword("reader"+schema, "examined"), ""), "has not the rights that a gateway needs (INSERT on rooms, UPDATE on rooms, INSERT on entries and ", true)
	execute(t, dsn, fmt.Sprintf(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %[1]s TO reader%[1]s`, schema))
	finds("data only", with(url.UserPassword("reader"+schema, "examined"), ""), "the schema has version ", false)
	finds("no rights", with(url.UserPassword("nobody"+schema, "examined"), ""), "no schema of the search_path is there", true)
	finds("another encoding", with(nil, "latin1"+schema), "has the encoding LATIN1", true)
	execute(t, dsn, "DELETE FROM tuitalk_schema WHERE version = (SELECT max(version) FROM tuitalk_schema)")
	execute(t, dsn, fmt.Sprintf(`GRANT ALL ON SCHEMA %[1]s TO reader%[1]s`, schema))
	finds("data only, and an older schema", with(url.UserPassword("reader"+schema, "examined"), ""), "may not bring the schema from version ", true)
	execute(t, dsn, "INSERT INTO tuitalk_schema (version) VALUES (99)")
	finds("a newer schema", dsn, "version 99 and this program knows ", true)
}

// update has what a fresh schema has written down.
var update = flag.Bool("update", false, "write schema.txt anew")

// TestKnownParts: what a database is held against is what the migrations make.
func TestKnownParts(t *testing.T) {
	dsn := newSchema(t)
	s := open(t, dsn, Options{})
	var parts []string
	scan := func(r row) error { return r.Scan(&parts) }
	if err := s.query(t.Context(), s.reads, "read", scan, `SELECT array_agg(part ORDER BY part COLLATE "C") FROM (`+schemaParts+`) AS there`); err != nil {
		t.Fatal(err)
	}
	made := strings.Join(parts, "\n") + "\n"
	if *update {
		if err := os.WriteFile("schema.txt", []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if made != knownParts {
		t.Errorf("the migrations make\n%s\nand schema.txt has\n%s: go test -tags integration -run TestKnownParts -update", made, knownParts)
	}
}

// TestChangedSchema: what is missing or different is named, and no gateway starts; what
// an operator has added is his.
func TestChangedSchema(t *testing.T) {
	for change, says := range map[string]string{
		`ALTER TABLE sessions DROP COLUMN broken_at CASCADE`:                                                             "column sessions.broken_at",
		`ALTER TABLE entries ALTER COLUMN body TYPE varchar(50)`:                                                         "column entries.body text",
		`DROP INDEX entries_ids`:                                                                                         "unique key entries_ids",
		`CREATE OR REPLACE FUNCTION lock_rooms(p_rooms int[]) RETURNS void LANGUAGE sql AS ''`:                           "function lock_rooms",
		`ALTER TABLE entries ADD COLUMN moderated boolean; CREATE UNIQUE INDEX own ON entries (moderated, room_id, seq)`: "",
	} {
		dsn := newSchema(t)
		if err := open(t, dsn, Options{}).Close(); err != nil {
			t.Fatal(err)
		}
		execute(t, dsn, change)
		_, err := Examine(t.Context(), dsn)
		s, openErr := Open(t.Context(), dsn, Options{})
		if openErr == nil {
			s.Close()
		}
		for _, err := range []error{err, openErr} {
			if (err != nil) != (says != "") || err != nil && (!strings.Contains(err.Error(), "was changed by hand, as this is missing or different: "+says) || !errors.Is(err, errUnusable)) {
				t.Errorf("%s: %v", change, err)
			}
		}
	}
}
