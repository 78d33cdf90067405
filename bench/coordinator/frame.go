package coordinator

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	json "github.com/goccy/go-json"
)

// What a frame may be long, its kind included.
const (
	maxFrame    = 32 << 20
	maxStranger = 4 << 10 // before both sides have proved that they know the key
)

var (
	errFrameSize = errors.New("a frame has a size that the protocol does not allow")
	errFrameKind = errors.New("a frame is of a kind that does not belong here")
)

// appendFrame appends a frame with a payload to b.
func appendFrame(b []byte, k kind, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)+1))
	b = append(b, byte(k))
	return append(b, payload...)
}

// readFrame reads one frame of at most so many bytes. The payload is in buf, or
// in what takes its place.
func readFrame(r *bufio.Reader, most int, buf []byte) (k kind, payload []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, buf, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < 1 || size > uint32(most) {
		return 0, buf, fmt.Errorf("%w: %d bytes", errFrameSize, size)
	}
	b, err := r.ReadByte()
	if err != nil {
		return 0, buf, io.ErrUnexpectedEOF
	}
	payload, err = readAll(r, int(size-1), buf)
	return kind(b), payload, err
}

// readAll reads n bytes, and takes memory only as they come.
func readAll(r io.Reader, n int, buf []byte) ([]byte, error) {
	const step = 64 << 10
	buf = buf[:0]
	for len(buf) < n {
		from := len(buf)
		buf = append(buf, make([]byte, min(step, n-from))...)
		if _, err := io.ReadFull(r, buf[from:]); err != nil {
			return buf, io.ErrUnexpectedEOF
		}
	}
	return buf, nil
}

// decode reads the payload of a frame as the message that its kind has.
func decode(k kind, payload []byte) (any, error) {
	make, ok := messages[k]
	if !ok {
		return nil, fmt.Errorf("%w: %d", errFrameKind, byte(k))
	}
	m := make()
	if m == nil {
		return nil, nil
	}
	if err := json.Unmarshal(payload, m); err != nil {
		return nil, fmt.Errorf("read a frame of kind %d: %w", byte(k), err)
	}
	return m, nil
}
