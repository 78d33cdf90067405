// Build makes web/dist, which the gateway embeds, from the browser client's
// sources: it compiles cmd/tuitalk-web to WebAssembly, joins the scripts, names
// every file by its hash, and packs it with brotli and gzip.
//
//	go run ./web/build [-version v1.2.3] [-gate 850000]
//
// It must be run at the module's root. A module above the gate is an error, so
// that the client cannot grow without somebody deciding it.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gateBytes is the most that the module may take on the wire, packed with
// brotli: 850 KB.
const gateBytes = 850_000

func main() {
	version := flag.String("version", "dev", "version that the client shows and tells the gateway")
	gate := flag.Int("gate", gateBytes, "most bytes that the module may have, packed with brotli")
	flag.Parse()
	if err := run(*version, *gate); err != nil {
		fmt.Fprintln(os.Stderr, "web/build:", err)
		os.Exit(1)
	}
}

func run(version string, gate int) error {
	if _, err := os.Stat("go.mod"); err != nil {
		return fmt.Errorf("run it at the module's root: %w", err)
	}
	module, err := compile(version)
	if err != nil {
		return err
	}
	runtime, err := runtimeScript()
	if err != nil {
		return err
	}
	out := newOutput(filepath.Join("web", "dist"))
	sizes, err := assemble(out, filepath.Join("web", "static"), module, runtime)
	if err != nil {
		return err
	}
	if err := out.sweep(); err != nil {
		return err
	}
	fmt.Print(sizes)
	if sizes.module.brotli > gate {
		return fmt.Errorf("the module has %d bytes packed with brotli, more than the gate of %d",
			sizes.module.brotli, gate)
	}
	return nil
}

// compile builds the client to WebAssembly.
func compile(version string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "tuitalk-web-")
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	defer os.RemoveAll(dir)
	target := filepath.Join(dir, "app.wasm")
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X main.version="+version, "-o", target, "./cmd/tuitalk-web")
	command.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("compile cmd/tuitalk-web: %w", err)
	}
	return os.ReadFile(target)
}

// runtimeScript is wasm_exec.js of the toolchain that compiles the module: the
// two belong together.
func runtimeScript() ([]byte, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("ask for GOROOT: %w", err)
	}
	script, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, fmt.Errorf("read the Go runtime's script: %w", err)
	}
	return script, nil
}
