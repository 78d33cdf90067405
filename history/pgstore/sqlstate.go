package pgstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"tuitalk/history"
)

// readOnlyTransaction is the SQLSTATE of a server that is the primary no longer.
const readOnlyTransaction = "25006"

// meanings tell what an SQLSTATE, or a class of them, says to the callers of a
// Store; what is not listed is ErrUnavailable. testdata/sqlstates.txt has all.
//
// ErrBadEntry here is a suspicion only: most of these codes are also what a
// database says that takes nothing at all (54000 before transaction ids wrap
// around, 23514 where a partition is missing, 22003 where a counter of the room
// is at its end). So history.Batch asks the database before it refuses anything.
var meanings = map[string]error{
	"22": history.ErrBadEntry, // data exceptions: NUL, encoding, range
	"23": history.ErrBadEntry, // a constraint
	"44": history.ErrBadEntry, // a view's check, which an operator may have put there
	"P0": history.ErrBadEntry, // a trigger raised it

	"54000": history.ErrBadEntry, // too large for an index
	"P0003": history.ErrUnavailable,
	"P0004": history.ErrUnavailable,

	"XX001": history.ErrCorrupt,
	"XX002": history.ErrCorrupt,
}

// uniqueViolation is the SQLSTATE of a key that is there twice.
const uniqueViolation = "23505"

// ownKeys are the unique keys of the schema. Each is looked up, or made from a
// counter, before it is inserted: who violates one has found damage, such as a room
// whose head is behind its entries. Any other unique key is an operator's, and a
// constraint like others, which one entry may violate and the next does not.
var ownKeys = map[string]bool{
	"rooms_pkey": true, "entries_pkey": true, "entries_ids": true, "members_pkey": true, "members_order": true,
	"sessions_pkey": true, "leases_pkey": true, "probes_pkey": true, "turns_pkey": true,
}

// meaning tells what an error of the server says, or of what is between.
func meaning(err error) error {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return history.ErrUnavailable
	}
	if pe.Code == uniqueViolation && ownKeys[pe.ConstraintName] {
		return history.ErrCorrupt
	}
	return meaningOf(pe.Code)
}

func meaningOf(state string) error {
	if m, ok := meanings[state]; ok {
		return m
	}
	if len(state) == 5 {
		if m, ok := meanings[state[:2]]; ok {
			return m
		}
	}
	return history.ErrUnavailable
}

// state returns the SQLSTATE of an error of the server, "" for another one.
func state(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code
	}
	return ""
}

// failed says what an error means to the callers of a Store.
func failed(op string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{history.ErrBadEntry, history.ErrUnavailable, history.ErrCorrupt, history.ErrSchema} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	return fmt.Errorf("%s: %w: %w", op, meaning(err), err)
}

// refusedForGood tells whether the server will not let this program in, or let
// it make its schema, however often it tries.
func refusedForGood(err error) bool {
	s := state(err)
	return strings.HasPrefix(s, "28") || strings.HasPrefix(s, "3D") || strings.HasPrefix(s, "42")
}
