package local

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

var errPortTaken = errors.New("the port is taken")

// redisBusOffset is where a node's cluster bus listens, above its port.
const redisBusOffset = 10_000

// freeRedisPorts finds ports that are free together with their bus ports. They
// lie below the range from which the kernel takes clients' ports, so that no
// client's connection in TIME_WAIT keeps a node from coming back.
func freeRedisPorts(host string, n int) ([]int, error) {
	const lowest = 12_000
	highest := ephemeralLow() - 1 - redisBusOffset
	if highest <= lowest+n {
		return nil, fmt.Errorf("net.ipv4.ip_local_port_range begins at %d, which leaves no room below it", ephemeralLow())
	}
	var ports []int
	for try := 0; try < 1000 && len(ports) < n; try++ {
		port := lowest + rand.IntN(highest-lowest)
		if freeAt(host, port) && freeAt(host, port+redisBusOffset) {
			ports = append(ports, port)
		}
	}
	if len(ports) < n {
		return nil, errors.New("there are not enough free ports")
	}
	return ports, nil
}

// free tells whether nobody listens on a port of this machine.
func free(port int) bool { return freeAt("127.0.0.1", port) }

func freeAt(host string, port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// ephemeralLow is the lowest port that the kernel gives to clients.
func ephemeralLow() int {
	low := 32768
	if data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		fmt.Sscan(string(data), &low)
	}
	return low
}
