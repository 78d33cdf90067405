//go:build !js

// Tuitalk-web is the browser client. It is compiled to WebAssembly by
// "go run ./web/build", embedded in the gateway, and runs in the page that the
// gateway serves; nothing is to be started by hand.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "tuitalk-web runs in a browser: build it with \"go run ./web/build\", start tuitalk-gateway, and open the address that it prints")
	os.Exit(2)
}
