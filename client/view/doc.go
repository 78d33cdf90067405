// Package view is what the terminal's screen and the browser's page share:
// everything that people see and enter, without cells or elements. A client is
// a client.Session, a View over it, and a screen that draws the one and edits
// the other.
//
//	view.go            View: takes over what a Handle of the driver changed; rooms, drafts, Save
//	submit.go          what a line of input means, over command.go, the table of commands
//	input_history.go   lines that were entered before
//	complete.go        completion of commands, rooms and names
//	rows.go, fold.go   the log as rows: days, gaps, the unread line, folded joins
//	read_mark.go       how far the user has read, and the unread line
//	search.go          searching in the rows
//	history_loader.go  when older history is loaded, and what is above the first row
//	names.go           how people are shown, and who is here
//	palette.go         colours of names, tags of names that look alike
//	links.go           addresses in texts
//
// # The life of a frame
//
// What the user enters goes to Submit, and the Events of its answer to the
// driver. Each Outcome of the driver goes to Update, which says what is new.
// Before a frame the screen calls Attend, WantsOlder and Settle, and draws. When
// SaveAfter has passed since something was Unsaved, and at the end, it calls
// Save.
//
// A View only reads its Session, and belongs to the goroutine that owns it:
// there are no goroutines and no locks. It has no clock and knows no library of
// screens. Names and texts of others are as they came, unless a method says that
// they are cleaned.
package view
