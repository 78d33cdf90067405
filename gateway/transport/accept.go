package transport

import (
	"errors"
	"log/slog"
	"net"
	"time"
)

// Bounds of the pause after an accept that failed, as when no file is left.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// Accept takes connections until the listener is closed, or ended is during a pause.
func Accept(l net.Listener, ended <-chan struct{}, log *slog.Logger, take func(net.Conn)) {
	pause := acceptPauseMin
	for {
		tcp, err := l.Accept()
		switch {
		case err == nil:
			pause = acceptPauseMin
			take(tcp)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			log.Warn("accept failed", "err", err, "pause", pause)
			select {
			case <-time.After(pause):
			case <-ended:
				return
			}
			pause = min(2*pause, acceptPauseMax)
		}
	}
}
