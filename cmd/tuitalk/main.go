// Tuitalk is the terminal client: it shows one room on a terminal and talks to
// a gateway. See package tui for what it does and package client for how it
// stays connected.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/cmd/setting"
	"tuitalk/tui"
)

// gcPercent trades a little work for memory: a long log is live, and the
// collector's room for twice as much of it would be most of what is resident.
const gcPercent = 40

func main() {
	debug.SetGCPercent(gcPercent)
	err := run(os.Args[1:], os.Stdout)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "tuitalk:", err)
	if errors.As(err, new(setting.Error)) {
		os.Exit(exitSettings)
	}
	os.Exit(exitFailed)
}

// Exit statuses.
const (
	exitFailed   = 1
	exitSettings = 2 // something is set wrong
)

// run is the program: parse, construct, run.
func run(args []string, out io.Writer) error {
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		o.flags.Help(out, about)
		return nil
	case err != nil:
		return err
	case o.version:
		fmt.Fprintln(out, "tuitalk", setting.Version())
		return nil
	}
	return chat(o, out)
}

// chat runs the client over the state of one window.
func chat(o *options, out io.Writer) error {
	notice := setOldStateAside(o.state)
	storage, err := client.OpenStorage(o.state, o.servers)
	if err != nil {
		return fmt.Errorf("keep the state of this window (-state): %w", err)
	}
	defer storage.Close()
	state, err := storage.Load()
	if errors.Is(err, client.ErrDamaged) {
		notice = "Stored data could not be read and was put aside. Unsent messages may be missing."
	} else if err != nil {
		return fmt.Errorf("read the state of this window (-state): %w", err)
	}
	session, err := client.New(o.config(state), state)
	if err != nil {
		return err
	}
	driver := client.NewDriver(session, client.NewDialerIn(o.form.Form), storage)
	defer driver.Close()
	if err := show(o, session, driver, storage, notice); err != nil {
		return err
	}
	driver.Close()
	if s := tui.Farewell(len(session.State().Outbox)); s != "" {
		fmt.Fprintln(out, s)
	}
	return nil
}

// setOldStateAside says what became of what an older version has left.
func setOldStateAside(dir string) (notice string) {
	folder, unsent, err := client.SetOldStateAside(dir)
	switch {
	case err != nil:
		return err.Error()
	case unsent > 0:
		return fmt.Sprintf("An older version left %d messages unsent, and nobody knows for which server: they are in %s and are not sent.", unsent, folder)
	}
	return ""
}

// show is the client's time on the screen. The terminal is given back in any
// case, also when something panics.
func show(o *options, session *client.Session, driver *client.Driver, prefs view.Prefs, notice string) error {
	screen, err := tui.OpenScreen()
	if err != nil {
		return err
	}
	defer screen.Close()
	options := tui.Options{
		Session: session,
		Theme:   tui.PickTheme(o.theme, screen.Colors(), os.Getenv("COLORFGBG")),
		Version: setting.Version(),
		Notice:  notice,
		Prefs:   prefs,
	}
	options.W, options.H = screen.Size()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	defer stop()
	tui.Run(ctx, screen, driver, tui.New(options))
	return nil
}
