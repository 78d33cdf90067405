//go:build !js

// Package chromium drives a real headless Chromium for tests: it opens pages,
// presses real keys, moves a real mouse and looks at what the page shows.
//
// It speaks the DevTools protocol over the browser's two pipes
// (--remote-debugging-pipe), so there is no port, and a browser whose test has
// died ends by itself.
//
//	browser, err := chromium.Start(ctx)
//	defer browser.Close()
//	ada, err := browser.Page("http://127.0.0.1:8080/")  // a person: own storage
//	err = ada.WaitFor(ctx, `document.querySelector("#log")`)
//	err = ada.Type("hello")
//	err = ada.Press("Enter")
//
// Every Page of Browser.Page has storage of its own, as a person at another
// machine has. Page.Sibling opens a further tab of the same person.
//
// Two goroutines belong to a Browser: the reader, which hands answers to their
// callers and events to their pages, and the one that waits for the process.
// Close ends and awaits both. Lock order: conn.mu and Page.mu are never held
// together, and neither while something is written.
package chromium
