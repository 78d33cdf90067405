package devcluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// reply is a value of Redis' protocol: a text, or a list.
type reply struct {
	text string
	list []reply
}

// Do runs one command on a node over a connection of its own. The items of a
// list come as lines.
func (c *RedisCluster) Do(ctx context.Context, i int, args ...string) (string, error) {
	r, err := c.nodes[i].do(ctx, args...)
	return r.String(), err
}

func (r reply) String() string {
	if r.list == nil {
		return r.text
	}
	lines := make([]string, len(r.list))
	for i, item := range r.list {
		lines[i] = item.String()
	}
	return strings.Join(lines, "\n")
}

// do runs one command over a connection of its own.
func (n *redisNode) do(ctx context.Context, args ...string) (reply, error) {
	r, err := n.converse(ctx, args)
	if err != nil {
		return reply{}, fmt.Errorf("%s on %s: %w", args[0], n.addr, err)
	}
	return r, nil
}

func (n *redisNode) converse(ctx context.Context, args []string) (reply, error) {
	const timeout = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", n.addr)
	if err != nil {
		return reply{}, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return reply{}, err
	}
	in := bufio.NewReader(conn)
	if n.opts.Password != "" {
		if _, err := call(conn, in, []string{"AUTH", n.opts.Password}); err != nil {
			return reply{}, err
		}
	}
	return call(conn, in, args)
}

func call(out io.Writer, in *bufio.Reader, args []string) (reply, error) {
	request := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, arg := range args {
		request = fmt.Appendf(request, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := out.Write(request); err != nil {
		return reply{}, err
	}
	return readReply(in)
}

func readReply(in *bufio.Reader) (reply, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	if len(line) < 3 {
		return reply{}, errors.New("an empty reply")
	}
	kind, rest := line[0], line[1:len(line)-2]
	switch kind {
	case '+', ':':
		return reply{text: rest}, nil
	case '-':
		return reply{}, errors.New(rest)
	}
	size, err := strconv.Atoi(rest)
	if err != nil || size < 0 {
		return reply{}, err
	}
	switch kind {
	case '$':
		data := make([]byte, size+2)
		_, err := io.ReadFull(in, data)
		return reply{text: string(data[:size])}, err
	case '*':
		list := make([]reply, size)
		for i := range list {
			if list[i], err = readReply(in); err != nil {
				return reply{}, err
			}
		}
		return reply{list: list}, nil
	}
	return reply{}, fmt.Errorf("an unknown reply %q", line)
}
