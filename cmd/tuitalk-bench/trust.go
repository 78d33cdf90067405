package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"tuitalk/bench/crew"
	"tuitalk/bench/trust"
)

// warning stands in front of everything else that a run with -insecure says,
// also if it is to be quiet.
const warning = `WARNING: -insecure: nobody checks that the target is the one that was named. Whoever sits
between it and here can read along, and what is measured may be somebody else's server.
`

// checkTrust finds out which certificates are good.
func (s *settings) checkTrust(o *crew.Options) error {
	if s.ca == "" && !s.insecure {
		return nil
	}
	secured := false
	for _, t := range o.Targets {
		secured = secured || strings.HasPrefix(t, "wss://")
	}
	switch {
	case s.ca != "" && s.insecure:
		return errors.New("-ca says whom to trust, and -insecure trusts everybody: leave out one")
	case !secured:
		return errors.New("-ca and -insecure are about certificates, and no target is named by wss://")
	}
	o.Trust.Insecure = s.insecure
	if s.ca == "" {
		return nil
	}
	file, err := os.ReadFile(s.ca)
	if err != nil {
		return fmt.Errorf("-ca: %w", err)
	}
	if o.Trust.Roots, err = trust.Certificates(file); err != nil {
		return fmt.Errorf("-ca %s: %w", s.ca, err)
	}
	return nil
}
