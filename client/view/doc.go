// Package view is what the terminal's screen and the browser's page share:
// everything that people see and enter, without cells or elements. A client is
// a client.Session, the state of this package over it, and a screen.
//
//	command.go, complete.go  what the user enters: commands, completion
//	rows.go, fold.go         the log as rows: days, gaps, the unread line, folded joins
//	palette.go               colours of names, tags of names that look alike
//	links.go                 addresses in texts
//
// It only reads a Session, and belongs to the goroutine that owns it: there are
// no goroutines and no locks. It has no clock, and knows no library of screens.
package view
