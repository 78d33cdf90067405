// Package app is the browser client: what it shows and how it answers to the
// user's hands. It is pure but for page_js.go: a Session, events of the page and
// the time go in, patches for the page come out, and so all of it is tested
// natively, against a page made of Go.
//
// # The life of a frame
//
//	page event ── Handle ──┐
//	line event ── Drive  ──┼─> what is stale ── Frame ──> one Patch ──> bridge.js
//	time       ── Tick   ──┘
//
// Handle, Drive and Tick change state and note what is stale; none of them
// touches the page. Frame, called at most once a screen frame, writes the
// changes of all stale parts into one Patch. So a thousand messages a second
// cost sixty patches.
//
// What it shows and what the user enters is in client/view, as for the terminal.
//
// # What is in the page
//
// Of the log a window of at most maxShown rows is in the page (window.go). It
// follows the end, or grows towards the side that the user scrolls to and
// shrinks on the other; the bridge keeps what is in view where it is. Everything
// that came from other people goes through talk.CleanText or view.ShowName and
// reaches the page as text, never as markup.
//
// # Goroutines
//
// One loop (Run, in page_js.go) owns the App, the Session and the Driver. The
// page's callbacks hand their event to it and wait for the answer; since the
// loop never waits for the page, that takes no turn of the browser's own loop.
package app
