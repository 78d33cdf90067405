//go:build !js

package chromium

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// callTimeout bounds one question to the browser.
const callTimeout = 30 * time.Second

// closeTimeout is how long a browser may take to end by itself.
const closeTimeout = 5 * time.Second

// programs are the names that Chromium goes by, in the order tried.
var programs = []string{"chromium", "chromium-browser", "google-chrome"}

// Browser is one running Chromium with an empty profile.
type Browser struct {
	conn    *conn
	command *exec.Cmd
	profile string
	log     *tail

	exited    chan struct{} // closed when the process is gone
	orphans   bool          // it left children behind; read it after exited
	closeOnce sync.Once
	closeErr  error
}

// Start runs a browser; TUITALK_TEST_CHROMIUM names another program than those
// found on the PATH. Close must be called; when ctx ends the browser is killed.
func Start(ctx context.Context) (*Browser, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "tuitalk-chromium-")
	if err != nil {
		return nil, fmt.Errorf("make a profile: %w", err)
	}
	b, err := launch(ctx, program, profile)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(profile))
	}
	var version struct {
		Product string `json:"product"`
	}
	if err := b.conn.call(ctx, "", "Browser.getVersion", struct{}{}, &version); err != nil {
		b.Close()
		return nil, fmt.Errorf("start %s: %w: %s", program, err, b.log)
	}
	return b, nil
}

func find() (string, error) {
	if program := os.Getenv("TUITALK_TEST_CHROMIUM"); program != "" {
		return program, nil
	}
	for _, name := range programs {
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	return "", fmt.Errorf("find a browser: none of %s is on the PATH (apt install chromium)",
		strings.Join(programs, ", "))
}

// launch starts the process with its two DevTools pipes as descriptors 3 and 4.
func launch(ctx context.Context, program, profile string) (*Browser, error) {
	fromUs, toBrowser, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	fromBrowser, toUs, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open a pipe: %w", err), fromUs.Close(), toBrowser.Close())
	}
	b := &Browser{profile: profile, log: new(tail), exited: make(chan struct{})}
	b.command = exec.CommandContext(ctx, program, flags(profile)...)
	b.command.ExtraFiles = []*os.File{fromUs, toUs}
	b.command.Stderr = b.log
	b.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	b.command.Cancel = b.kill
	b.command.WaitDelay = closeTimeout
	err = b.command.Start()
	fromUs.Close()
	toUs.Close()
	if err != nil {
		toBrowser.Close()
		fromBrowser.Close()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	b.conn = newConn(fromBrowser, toBrowser)
	go b.wait(fromBrowser)
	return b, nil
}

// wait reaps the process, then lets go of the pipes.
func (b *Browser) wait(fromBrowser *os.File) {
	defer close(b.exited)
	// The status of a browser that was told to end says nothing.
	b.orphans = errors.Is(b.command.Wait(), exec.ErrWaitDelay)
	<-b.conn.done
	fromBrowser.Close()
	b.conn.out.Close()
}

func flags(profile string) []string {
	return []string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-default-apps", "--disable-extensions", "--disable-breakpad",
		"--disable-dev-shm-usage", "--disable-background-timer-throttling",
		"--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
		"--disable-features=Translate,OptimizationHints,MediaRouter,InterestFeedContentSuggestions",
		"--hide-scrollbars", "--mute-audio", "--password-store=basic", "--use-mock-keychain",
		"--remote-debugging-pipe", "--user-data-dir=" + profile, "about:blank",
	}
}

// kill ends the process and all of its children at once.
func (b *Browser) kill() error {
	return syscall.Kill(-b.command.Process.Pid, syscall.SIGKILL)
}

// Close ends the browser with all of its pages and removes its profile.
func (b *Browser) Close() error {
	b.closeOnce.Do(func() { b.closeErr = b.close() })
	return b.closeErr
}

func (b *Browser) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = b.conn.call(ctx, "", "Browser.close", struct{}{}, nil) // the process ending is the answer
	select {
	case <-b.exited:
	case <-ctx.Done():
		_ = b.kill()
		<-b.exited
	}
	if b.orphans {
		_ = b.kill()
	}
	if err := os.RemoveAll(b.profile); err != nil {
		return fmt.Errorf("remove the profile: %w", err)
	}
	return nil
}

// tail keeps the end of what the browser writes to its standard error.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - tailBytes; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.kept))
}
