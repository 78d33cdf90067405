// Package postgres holds the settings that PostgreSQL for TuiTalk runs with, in
// a fleet as in tests.
package postgres

import _ "embed"

// Conf is tuitalk.conf: to be included at the end of postgresql.conf.
//
//go:embed tuitalk.conf
var Conf string

// Replication is replication.conf: to be included after Conf where there are
// standbys.
//
//go:embed replication.conf
var Replication string

// HBA is pg_hba.conf of a fleet.
//
//go:embed pg_hba.conf
var HBA string
