// Package tui is the terminal client: what a user sees and does, on a tty.
//
// A key's life: tcell reads it and Screen (screen.go, the only file that knows
// tcell) translates it into an Event. The loop (run.go) gives it to
// Model.Update, which changes the state and answers with effects. What the
// client has to do goes to the Driver, whose outcome comes back as a
// ClientOutcome. A frame's life: when frameLimiter (frame_limiter.go) says so,
// the loop calls Model.Settle once for all that has happened, Model.View draws
// the state on a Grid, and Screen writes the cells that differ.
//
// Model is pure: it has no clock, no socket and no terminal, and it only reads
// the client.Session. What it shows and what the user enters is in client/view,
// as for the browser. So everything that people see is tested as a table of
// events or as a golden screen (testdata).
//
// The log is shown from view.Rows, of which only the rows on the screen are
// ever laid out (row_layout.go); how they were wrapped is kept per row
// (wrap.go). The place of the view is a row and its line on the screen, not a
// number of lines (scroll.go), so nothing that comes above or below moves it.
//
// Whatever comes from others passes talk.CleanText or talk.CleanName where it
// is shown, and Grid drops once more what a terminal could take for a command:
// tcell writes the content of cells as it is.
//
// Goroutines: the loop, which is the caller of Run and owns Model, Session and
// Driver; and the pump of Screen, which ends with Close. There are no locks but
// the one in Screen over the channel that tells the pump to drop events.
package tui
