//go:build integration

package pgstore

import (
	"fmt"
	"net/url"
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
	finds("reads only", with(url.UserPassword("reader"+schema, "examined"), ""), "may not write the tables", true)
	finds("no rights", with(url.UserPassword("nobody"+schema, "examined"), ""), "no schema of the search_path is there", true)
	finds("another encoding", with(nil, "latin1"+schema), "has the encoding LATIN1", true)
	execute(t, dsn, "INSERT INTO tuitalk_schema (version) VALUES (99)")
	finds("a newer schema", dsn, "version 99 and this program knows ", true)
}
