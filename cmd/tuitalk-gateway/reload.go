package main

import (
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"tuitalk/cmd/setting"
)

// reloader reads the settings again on SIGHUP: the file that -config names may have
// changed. From its making on that signal ends nobody's chat.
type reloader struct {
	signals chan os.Signal
	args    []string
	running *config // what the gateway was started with
	flags   *setting.Flags
}

func newReloader(c *config, flags *setting.Flags, args []string) *reloader {
	r := &reloader{signals: make(chan os.Signal, 1), args: args, running: c, flags: flags}
	signal.Notify(r.signals, syscall.SIGHUP)
	return r
}

// run has SIGHUP reload until stop. After that it is ignored, as the end has begun.
func (r *reloader) run(log *slog.Logger) (stop func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-r.signals:
				r.reload(log)
			case <-ended:
				return
			}
		}
	}()
	return func() {
		close(ended)
		<-done
	}
}

// reload takes what can be changed while a gateway runs, and names what cannot.
func (r *reloader) reload(log *slog.Logger) {
	c, flags := newConfig()
	err := flags.Parse(r.args)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		log.Error("settings read again (SIGHUP): they are wrong, and those from before hold", "err", err)
		return
	}
	r.running.level.Set(c.level.Level())
	changed := flags.Differing(r.flags)
	if c.budgets.PerAddress != r.running.budgets.PerAddress && !slices.Contains(changed, "max-conns") {
		changed = append(changed, "max-conns-per-address")
	}
	changed = slices.DeleteFunc(changed, func(name string) bool { return name == "log-level" })
	if len(changed) > 0 {
		log.Warn("settings read again (SIGHUP): these have changed and need a restart", "settings", strings.Join(changed, " "), "log_level", c.level.Level())
		return
	}
	log.Info("settings read again (SIGHUP)", "log_level", c.level.Level())
}
