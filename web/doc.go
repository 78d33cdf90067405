// Package web serves the browser client: a page, a style sheet, one script and
// one WebAssembly module, all embedded in the program.
//
// # What is where
//
//	static/     the page's sources: index.html, style.css, shell.js, bridge.js, icon.svg
//	app/        the client itself in Go; pure but for one file
//	../cmd/tuitalk-web   its js/wasm main
//	build/      the program that makes dist/ from all of these
//	dist/       what is embedded; only unbuilt.html is under version control
//	chromium/   drives a real browser for tests
//
// # The life of a page load
//
// The gateway gives "/" to Handler, which sends index.html: it paints at once,
// needing only the style sheet. shell.js then opens the WebSocket, before the
// module is there, and keeps the frames that come in window.tuitalkEarly; the
// client's dialer adopts both. When the module runs it owns the page: it hands
// bridge.js one batched list of changes a frame, and is called for events.
//
// # Names and caching
//
// All files but the page carry a part of their SHA-256 in their name and may be
// kept for ever; the page is asked for each time, by ETag. During an upgrade of
// a fleet the page may come from one gateway and its files be asked of another:
// a style sheet or a script with an unknown hash is answered with the one at
// hand, not to be kept, and shell.js, which alone names the module, asks for it
// again until a gateway that has it answers.
//
// The package starts no goroutine.
package web
