//go:build js

package main

import (
	"syscall/js"

	"tuitalk/web/app"
)

// version is set by the build.
var version = "dev"

func main() {
	if err := app.Run(version); err != nil {
		// Not os.Stderr: package os is 4 % of the module.
		js.Global().Get("console").Call("error", "tuitalk-web: "+err.Error())
	}
}
