package coordinator

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestFramesOfAStreamComeOutAsTheyWentIn(t *testing.T) {
	var b []byte
	payloads := [][]byte{nil, []byte("x"), bytes.Repeat([]byte("y"), 200<<10)}
	for i, p := range payloads {
		b = appendFrame(b, kind(i+1), p)
	}
	in := bufio.NewReader(bytes.NewReader(b))
	for i, want := range payloads {
		k, got, err := readFrame(in, maxFrame, nil)
		if err != nil || k != kind(i+1) || !bytes.Equal(got, want) {
			t.Errorf("frame %d: kind %d, %d bytes, %v", i, k, len(got), err)
		}
	}
	if _, _, err := readFrame(in, maxFrame, nil); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last: %v", err)
	}
}

func TestAFrameThatIsTooLongIsNotRead(t *testing.T) {
	for _, b := range [][]byte{
		{0, 0, 0, 0},
		{0xff, 0xff, 0xff, 0xff, 1},
		appendFrame(nil, kindHello, make([]byte, maxStranger)),
	} {
		if _, _, err := readFrame(bufio.NewReader(bytes.NewReader(b)), maxStranger, nil); !errors.Is(err, errFrameSize) {
			t.Errorf("%x…: %v", b[:4], err)
		}
	}
}

// FuzzFrames: whatever comes, reading ends, takes no more memory than has come,
// and what is read is written as it was.
func FuzzFrames(f *testing.F) {
	f.Add(appendFrame(nil, kindTick, []byte(`{"sample":{"at":1,"latency":""},"clients":2}`)))
	f.Add(appendFrame(nil, kindPlan, []byte(`{"scenario":{"clients":3,"duration":"1s"},"targets":["ws://a/ws"],"sources":["127.0.0.1"]}`)))
	f.Add(appendFrame(appendFrame(nil, kindHeads, []byte(`{"heads":{"1":2}}`)), kindStop, nil))
	f.Add(appendFrame(nil, kindGreet, []byte(`{"version":1,"nonce":"AAAA","proof":""}`)))
	f.Add([]byte{0, 0, 0, 9, 200})
	f.Fuzz(func(t *testing.T, data []byte) {
		in := bufio.NewReader(bytes.NewReader(data))
		var again, buf []byte
		for {
			k, payload, err := readFrame(in, maxFrame, buf)
			if cap(payload) > 2*len(data)+1<<20 {
				t.Fatalf("%d bytes made %d", len(data), cap(payload))
			}
			if err != nil {
				break
			}
			_, _ = decode(k, payload) // it must not panic
			again = appendFrame(again, k, payload)
			buf = payload
		}
		if !bytes.HasPrefix(data, again) {
			t.Fatalf("%x became %x", data, again)
		}
	})
}
