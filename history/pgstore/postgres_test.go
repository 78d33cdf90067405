package pgstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"tuitalk/history"
	"tuitalk/history/historytest"
)

// afterTests ends what tests share.
var afterTests []func()

func TestMain(m *testing.M) { historytest.Main(m, afterTests...) }

// TestSecretsStayHidden: no error of a wrong or unreachable address holds a
// password.
func TestSecretsStayHidden(t *testing.T) {
	for _, test := range []struct {
		dsn     string
		mayPass bool // ErrUnavailable
	}{
		{"", false}, {"tuitalk.db", false}, {"mysql://u:hunter2@h/db", false}, {"host=h password=hunter2 user=u", false},
		{"postgres://u:hunter2@h:port/db", false}, {"postgres://u:hunter2@[::1/db", false}, {"postgres://u:hunter2%zz@127.0.0.1:1/db", false},
		{"postgres://u:hunter2@127.0.0.1:1/db?sslmode=x", false}, {"postgres://u:a%2Fhunter2@127.0.0.1:1/db?sslmode=x", false},
		{"postgres://u:hunter2@127.0.0.1:1/db?connect_timeout=x", false}, {"postgres://u@127.0.0.1:1/db?password=hunter2&sslmode=x", false},
		{"postgres://u:hunter2@127.0.0.1:1/db?sslrootcert=/nowhere", false},
		{"postgres://u:hunter2@127.0.0.1:1/db", true}, {"postgres://u@127.0.0.1:1/db?password=hunter2", true},
		{"postgres://u:hunter2@127.0.0.1:1,127.0.0.1:2/db", true}, {"postgres://u:hunter2 with space@127.0.0.1:1/db", false},
	} {
		s, err := Open(t.Context(), test.dsn, Options{})
		if err == nil {
			s.Close()
			t.Errorf("%q was opened", test.dsn)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
		if errors.Is(err, history.ErrUnavailable) != test.mayPass {
			t.Errorf("%q: %v, may pass: %v", test.dsn, err, test.mayPass)
		}
	}
}

func TestMeaning(t *testing.T) {
	for code, want := range map[string]error{
		"22021": history.ErrBadEntry, "22P05": history.ErrBadEntry, "23514": history.ErrBadEntry, "54000": history.ErrBadEntry, "54001": history.ErrUnavailable,
		"23505": history.ErrBadEntry, "XX001": history.ErrCorrupt, "XX002": history.ErrCorrupt,
		"40P01": history.ErrUnavailable, "53100": history.ErrUnavailable, "57P01": history.ErrUnavailable, "25006": history.ErrUnavailable,
		"08006": history.ErrUnavailable, "42501": history.ErrUnavailable, "XX000": history.ErrUnavailable,
	} {
		err := failed("append", fmt.Errorf("inner: %w", &pgconn.PgError{Code: code, Message: "m", Detail: "Failing row contains (secret)"}))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", code, err, want)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the row: %v", code, err)
		}
	}
	if err := failed("append", &pgconn.PgError{Code: "23505", ConstraintName: "entries_pkey"}); !errors.Is(err, history.ErrCorrupt) {
		t.Errorf("a key of the schema: %v", err)
	}
	if err := failed("append", errors.New("broken pipe")); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if failed("append", nil) != nil {
		t.Error("no error became one")
	}
}
