// Package report shows what the load generator found: a page for a run, a page
// for a comparison, and a live view in the terminal while a run goes on.
//
//	err := report.HTML(file, result)
//	err := report.CompareHTML(file, comparison)
//
//	live := report.NewLive(os.Stderr, report.LiveOptions{})
//	live.Update(report.View{Phase: "measuring", …}) // as often as one likes
//	err := live.Close()                             // takes it off the terminal
//
// # A page
//
// It is one file that needs no network: style, script and drawings are in it, and
// its Content-Security-Policy allows nothing but exactly that style and script,
// by their hashes. It reads well without the script, in light and dark, on narrow
// screens and on paper.
//
//	Result → timeline of moments (moment.go)      at most 300 points, however long the run
//	       → sections of plots and strips         overtime.go, servers.go, curve.go, faults.go, verdict.go
//	       → drawings: where each line goes       plot.go, marks.go, strip.go, axis.go
//	       → page.gohtml, page.css, page.js
//
// A plot is drawn twice, for wide and for narrow windows, and the style shows one
// of them, so that texts keep their size. Its table holds the values that the
// script reads out when a pointer or an arrow key goes over the plot. Faults are
// numbered above each plot; the key to the numbers stands below the first one, and
// the script names the fault that the pointer is in.
//
// Every text that comes from outside (names of nodes, errors, commands, stories)
// is cleaned of controls (result.Line) and escaped by html/template. Nothing here
// makes markup of its own: Go only computes coordinates.
//
// If the generator was the bottleneck, no page shows its latencies.
//
// # The live view
//
// View.Lines (CompareView.Lines, for a comparison) is a pure function from how a run
// stands to lines of a terminal; Live puts them there, at most four times a second,
// and on anything but a terminal writes View.Line every five seconds. Live has no
// goroutine: it draws when it is updated.
package report
