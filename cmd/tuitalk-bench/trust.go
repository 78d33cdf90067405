package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"tuitalk/bench/coordinator"
	"tuitalk/bench/tlsconfig"
)

// warning stands in front of everything else that a run with -insecure says,
// also if it is to be quiet.
const warning = `WARNING: -insecure: nobody checks that the target is the one that was named. Whoever sits
between it and here can read along, and what is measured may be somebody else's server.
`

// checkTrust finds out which certificates are good.
func (s *settings) checkTrust(o *coordinator.Options) (err error) {
	o.Trust, err = policyOf(s.ca, s.insecure, o.Targets)
	return err
}

// policyOf is whom the flags -ca and -insecure say to trust.
func policyOf(ca string, insecure bool, targets []string) (p tlsconfig.Policy, err error) {
	if ca == "" && !insecure {
		return p, nil
	}
	secured := false
	for _, t := range targets {
		secured = secured || strings.HasPrefix(t, "wss://")
	}
	switch {
	case ca != "" && insecure:
		return p, errors.New("-ca says whom to trust, and -insecure trusts everybody: leave out one")
	case !secured:
		return p, errors.New("-ca and -insecure are about certificates, and no target is named by wss://")
	}
	p.Insecure = insecure
	if ca == "" {
		return p, nil
	}
	file, err := os.ReadFile(ca)
	if err != nil {
		return p, fmt.Errorf("-ca: %w", err)
	}
	if p.Roots, err = tlsconfig.Certificates(file); err != nil {
		return p, fmt.Errorf("-ca %s: %w", ca, err)
	}
	return p, nil
}
