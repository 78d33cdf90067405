package devcluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

// redisBusOffset is where a node's cluster bus listens, above its port.
const redisBusOffset = 10_000

// freeRedisPorts finds ports that are free together with their bus ports, and keeps
// them as FreePort does.
func freeRedisPorts(host string, n int) ([]int, error) {
	const lowest = 12_000
	highest := ephemeralLow() - 1 - redisBusOffset
	if highest <= lowest+n {
		return nil, fmt.Errorf("net.ipv4.ip_local_port_range begins at %d, which leaves no room below it", ephemeralLow())
	}
	var ports []int
	for try := 0; try < 1000 && len(ports) < n; try++ {
		port := lowest + rand.IntN(highest-lowest)
		if keep(host, port) && keep(host, port+redisBusOffset) {
			ports = append(ports, port)
		}
	}
	if len(ports) < n {
		return nil, errors.New("there are not enough free ports")
	}
	return ports, nil
}
