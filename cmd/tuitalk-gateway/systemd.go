package main

import (
	"net"
	"os"
	"strconv"
	"time"
)

const (
	// notifyTimeout bounds one note to systemd: a service manager that stands
	// still must not hold up the start or the end.
	notifyTimeout = time.Second
	// readyAgain is how often READY=1 is tried again where there is no watchdog.
	readyAgain = time.Second
)

// notifier tells systemd, if it has started this program, that it is ready, and
// feeds its watchdog (WatchdogSec) for as long as the server makes progress.
type notifier struct {
	socket   net.Conn
	watchdog bool
	every    time.Duration
	alive    func() bool
	ended    chan struct{}
	done     chan struct{}
}

// notifySystemd says READY=1. The function that it returns ends the notes.
func notifySystemd(alive func() bool) (stop func()) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return func() {}
	}
	socket, err := net.Dial("unixgram", path)
	if err != nil {
		return func() {} // systemd will find it not ready, and say so
	}
	n := &notifier{socket: socket, every: readyAgain, alive: alive, ended: make(chan struct{}), done: make(chan struct{})}
	if micros, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && micros > 0 {
		n.watchdog, n.every = true, time.Duration(micros)*time.Microsecond/3
	}
	go n.run(n.say("READY=1"))
	return n.stop
}

// say sends a note; false: systemd does not take it now.
func (n *notifier) say(state string) bool {
	_ = n.socket.SetWriteDeadline(time.Now().Add(min(notifyTimeout, n.every))) // cannot fail on an open socket
	_, err := n.socket.Write([]byte(state))
	return err == nil
}

// run says READY=1 until systemd has it, and WATCHDOG=1 three times as often as
// systemd wants to hear it.
func (n *notifier) run(ready bool) {
	defer close(n.done)
	tick := time.NewTicker(n.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-n.ended:
			return
		}
		if !ready {
			ready = n.say("READY=1")
		}
		if n.watchdog && n.alive() {
			n.say("WATCHDOG=1")
		}
	}
}

func (n *notifier) stop() {
	close(n.ended)
	<-n.done
	n.say("STOPPING=1")
	_ = n.socket.Close()
}
