// Package postgres holds the settings that a PostgreSQL server for TuiTalk runs
// with, in a fleet as in tests.
package postgres

import _ "embed"

// Conf is tuitalk.conf: to be included at the end of postgresql.conf.
//
//go:embed tuitalk.conf
var Conf string
