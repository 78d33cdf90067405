package main

import (
	"net"
	"os"
	"strconv"
	"time"

	"tuitalk/gateway"
)

// notifySystemd tells systemd, if it has started this program, that it is ready,
// and feeds its watchdog (WatchdogSec) for as long as the server does its rounds.
// The function that it returns ends that.
func notifySystemd(server *gateway.Server) (stop func()) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return func() {}
	}
	c, err := net.Dial("unixgram", socket)
	if err != nil {
		return func() {} // systemd will find it not ready, and say so
	}
	say := func(state string) { _, _ = c.Write([]byte(state)) } // as above
	say("READY=1")
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		feed(server, say, ended)
	}()
	return func() {
		close(ended)
		<-done
		say("STOPPING=1")
		_ = c.Close()
	}
}

// feed says WATCHDOG=1 three times as often as systemd wants to hear it.
func feed(server *gateway.Server, say func(string), ended <-chan struct{}) {
	micros, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || micros <= 0 {
		return
	}
	tick := time.NewTicker(time.Duration(micros) * time.Microsecond / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if server.Alive() {
				say("WATCHDOG=1")
			}
		case <-ended:
			return
		}
	}
}
