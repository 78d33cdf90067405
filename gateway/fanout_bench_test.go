package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tuitalk/talk"
)

// counter counts the texts that a member is sent.
type counter struct {
	conn net.Conn
	r    *bufio.Reader
}

func joinCounter(b *testing.B, addr string, room int32) *counter {
	b.Helper()
	r := dialRaw(b, addr)
	r.upgrade()
	r.say(talk.Hello{Client: "count", Secret: newSecret()})
	_, welcome, err := r.readFrame()
	if err != nil {
		b.Fatal(err)
	}
	m, err := talk.Decode(talk.Extended, welcome)
	if err != nil {
		b.Fatal(err)
	}
	join, err := talk.Append(nil, talk.Extended, talk.JoinRoom{RoomID: room, UUID: m.(talk.Welcome).UUID, Username: "count"})
	if err != nil {
		b.Fatal(err)
	}
	r.send(frame(0x81, join))
	for {
		_, p, err := r.readFrame()
		if err != nil {
			b.Fatal(err)
		}
		if bytes.Contains(p, []byte(`"Joined"`)) {
			_ = r.SetDeadline(time.Time{}) // a benchmark takes what it takes
			return &counter{r.Conn, r.r}
		}
	}
}

// read reads until so many texts have come.
func (c *counter) read(texts int) error {
	for texts > 0 {
		h, err := c.r.Peek(4)
		if err != nil {
			return err
		}
		size := 2 + int(h[1])
		if h[1] == 126 {
			size = 4 + int(binary.BigEndian.Uint16(h[2:]))
		}
		p, err := c.r.Peek(size)
		if err != nil {
			return err
		}
		if bytes.Contains(p, []byte("xxxx")) {
			texts--
		}
		if _, err := c.r.Discard(size); err != nil {
			return err
		}
	}
	return nil
}

func cpuSeconds() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it cannot fail
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// BenchmarkFanOutOverTCP posts to a room of readers, all in this process.
func BenchmarkFanOutOverTCP(b *testing.B) {
	const members, window = 300, 40
	n := start(b, nil)
	var readers []*counter
	for range members {
		readers = append(readers, joinCounter(b, n.addr, 1))
	}
	ada := hello(b, n.addr)
	ada.join(1, "ada")
	texts := 0
	cpu := cpuSeconds()
	for b.Loop() {
		var reading sync.WaitGroup
		for _, r := range readers {
			reading.Go(func() {
				if err := r.read(window); err != nil {
					b.Error(err)
				}
			})
		}
		for range window {
			ada.post(1, strings.Repeat("x", 60)+fmt.Sprintf("%04d", texts))
			texts++
		}
		ada.heardText(strings.Repeat("x", 60) + fmt.Sprintf("%04d", texts-1))
		reading.Wait()
	}
	deliveries := float64(texts * members)
	b.ReportMetric((cpuSeconds()-cpu)*1e9/deliveries, "cpu-ns/delivery")
	b.ReportMetric(deliveries/b.Elapsed().Seconds(), "deliveries/s")
}
