// Package names decides which names a server takes.
//
// Names are not unique: there is no registration, and two people named Ada must
// be able to chat. What looks alike is told apart where it is shown
// (talk.Skeleton, client/view). A server does what one side alone cannot:
// it brings a name into the one form in which all see it (Unicode's NFKC), and
// keeps the names by which people would take somebody for the service itself.
//
// It is a package of its own for the tables of NFKC, which a browser's client
// need not load: the server answers with the name that it took.
package names

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tuitalk/talk"
)

// reserved are the service's own names. Whatever looks like one of them is
// refused too.
var reserved = []string{
	"TuiTalk", "server", "system", "gateway", "service", "admin", "administrator", "moderator", "operator", "root",
}

var errUnstable = &talk.Refusal{Code: talk.CodeBadName, Message: "This name is written in too odd a way, choose another one."}

// Rules are a server's. They are immutable.
type Rules struct {
	reserved map[string]bool // by skeleton
}

// NewRules returns rules that keep the given names besides the service's own.
func NewRules(more ...string) *Rules {
	r := &Rules{reserved: make(map[string]bool)}
	for _, list := range [][]string{reserved, more} {
		for _, name := range list {
			if name = talk.CleanName(norm.NFKC.String(name)); name != "" {
				r.reserved[talk.Skeleton(name)] = true
			}
		}
	}
	return r
}

// Check is talk.CheckName for a server: the name comes back in NFKC, and is not
// one that the service keeps. The error is a *talk.Refusal. What it returned
// once it returns unchanged.
func (r *Rules) Check(s string) (name string, err error) {
	if name, err = talk.CheckName(s); err != nil {
		return "", err
	}
	if name, err = normal(name); err != nil {
		return "", err
	}
	if name, err = talk.CheckName(name); err != nil {
		return "", err
	}
	if r.reserved[talk.Skeleton(name)] || r.reserved[talk.Skeleton(undecorated(name))] {
		return "", &talk.Refusal{Code: talk.CodeBadName, Message: "The name " + strings.ToLower(name) +
			" is kept for the service itself, choose another one."}
	}
	return name, nil
}

// undecorated is a name without symbols. Who is called ada and a star is somebody
// else than ada; the server with a tick is taken for the server.
func undecorated(name string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSymbol(c) && c != '|' { // which looks like a letter
			return -1
		}
		return c
	}, name)
}

// normal brings a name into NFKC. Normalising can make something to clean, and
// cleaning something to normalise, so both are done until nothing changes.
func normal(name string) (string, error) {
	const rounds = 4
	for range rounds {
		next := talk.CleanName(norm.NFKC.String(name))
		if next == name {
			return name, nil
		}
		name = next
	}
	return "", errUnstable
}
