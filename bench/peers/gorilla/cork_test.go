package gorilla

import (
	"net"
	"testing"
)

// counter is a connection that counts the writes.
type counter struct {
	net.Conn
	written []string
}

func (c *counter) Write(b []byte) (int, error) {
	c.written = append(c.written, string(b))
	return len(b), nil
}

func TestWhatIsHeldBackGoesOutAtOnce(t *testing.T) {
	kernel := &counter{}
	c := &corked{Conn: kernel}
	write := func(texts ...string) {
		for _, s := range texts {
			if n, err := c.Write([]byte(s)); err != nil || n != len(s) {
				t.Fatalf("write %q: %d, %v", s, n, err)
			}
		}
	}
	write("a")
	for _, text := range []string{"b", "c"} { // the second time with what the first gave back
		c.cork()
		write(text, text)
		if err := c.uncork(); err != nil {
			t.Fatal(err)
		}
	}
	write("d")
	if got := kernel.written; len(got) != 4 || got[0] != "a" || got[1] != "bb" || got[2] != "cc" || got[3] != "d" {
		t.Errorf("the kernel got %q", got)
	}
}
