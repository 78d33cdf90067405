package tlsconfig_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"net"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/tlsconfig"
	"tuitalk/bench/tlsconfig/trusttest"
)

// serve hands each connection to do, and closes it, until the test ends.
func serve(t *testing.T, do func(net.Conn)) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			do(c)
			c.Close()
		}
	}()
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func serveTLS(t *testing.T, config *tls.Config) (port string) {
	return serve(t, func(c net.Conn) {
		s := tls.Server(c, config)
		if s.Handshake() == nil {
			_, _ = s.Read(make([]byte, 1)) // until the other side has had enough
		}
	})
}

func TestWhomAPolicyTrusts(t *testing.T) {
	mine, others := trusttest.New(t), trusttest.New(t)
	config := func(a *trusttest.Authority, hosts ...string) *tls.Config {
		cert, key := a.For(hosts...)
		return trusttest.Server(t, cert, key)
	}
	cert, key := mine.ForUntil(time.Date(2020, 2, 3, 4, 5, 0, 0, time.UTC), "localhost")
	old := trusttest.Server(t, cert, key)
	weak := config(mine, "localhost")
	weak.MaxVersion = tls.VersionTLS11
	closed := serve(t, func(net.Conn) {})
	good := serveTLS(t, config(mine, "localhost", "127.0.0.1"))
	for name, tc := range map[string]struct {
		port, host string
		policy     tlsconfig.Policy
		says       string // "": it is good
	}{
		"good":              {good, "localhost", tlsconfig.Policy{Roots: mine.PEM}, ""},
		"good by address":   {good, "127.0.0.1", tlsconfig.Policy{Roots: mine.PEM}, ""},
		"one of two":        {good, "localhost", tlsconfig.Policy{Roots: append(append([]byte{}, others.PEM...), mine.PEM...)}, ""},
		"nobody knows it":   {good, "localhost", tlsconfig.Policy{}, "the target's certificate is signed by nobody who is trusted here (-ca)"},
		"another authority": {good, "localhost", tlsconfig.Policy{Roots: others.PEM}, "the target's certificate is signed by nobody who is trusted here (-ca)"},
		"insecure":          {good, "localhost", tlsconfig.Policy{Insecure: true}, ""},
		"wrong host": {
			serveTLS(t, config(mine, "a.example", "b.example", "c.example")), "localhost", tlsconfig.Policy{Roots: mine.PEM},
			"the target's certificate is for a.example, b.example, …, not for localhost",
		},
		"no host at all": {
			serveTLS(t, config(mine)), "localhost", tlsconfig.Policy{Roots: mine.PEM}, "the target's certificate is for no host, not for localhost",
		},
		"wrong host, insecure": {serveTLS(t, config(mine, "a.example")), "localhost", tlsconfig.Policy{Insecure: true}, ""},
		"old": {
			serveTLS(t, old), "localhost", tlsconfig.Policy{Roots: mine.PEM},
			"the target's certificate holds from 2020-02-01 04:05 to 2020-02-03 04:05 UTC only",
		},
		"an old version": {serveTLS(t, weak), "localhost", tlsconfig.Policy{Roots: mine.PEM}, "the target refuses the TLS handshake: protocol version not supported"},
		"plain HTTP": {
			serve(t, func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }), "localhost", tlsconfig.Policy{},
			"the target speaks plain HTTP on that port: name it by ws://",
		},
		"mail": {
			serve(t, func(c net.Conn) { _, _ = c.Write([]byte("220 mail ready\r\n")) }), "localhost", tlsconfig.Policy{},
			"the target does not speak TLS on that port",
		},
		"hangs up": {closed, "localhost", tlsconfig.Policy{}, tlsconfig.HungUp},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.policy.Try(t.Context(), "wss://"+net.JoinHostPort(tc.host, tc.port)+"/ws")
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || err.Error() != tc.says) {
				t.Errorf("%v, want %q", err, tc.says)
			}
		})
	}
}

func TestATargetThatSaysNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	port := serve(t, func(net.Conn) { <-t.Context().Done() }) // not a word before the end
	if err := new(tlsconfig.Policy).Try(ctx, "wss://127.0.0.1:"+port); err == nil || err.Error() != tlsconfig.TimedOut {
		t.Error(err)
	}
	if err := new(tlsconfig.Policy).Try(t.Context(), "wss://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "it cannot be reached: connection refused") {
		t.Error(err)
	}
}

// TestAPolicyTravels: what is sent to other machines means the same there, and
// has no key in it.
func TestAPolicyTravels(t *testing.T) {
	a := trusttest.New(t)
	cert, key := a.For("localhost")
	file := append([]byte("a remark\n"), append(append(append([]byte{}, key...), a.PEM...), cert...)...)
	roots, err := tlsconfig.Certificates(file)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := json.Marshal(tlsconfig.Policy{Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	var there tlsconfig.Policy
	if err := json.Unmarshal(sent, &there); err != nil {
		t.Fatal(err)
	}
	if text := string(there.Roots); strings.Contains(text, "PRIVATE") || strings.Contains(text, "remark") || strings.Count(text, "BEGIN CERT") != 2 {
		t.Errorf("it sends %s", text)
	}
	port := serveTLS(t, trusttest.Server(t, cert, key))
	if err := there.Try(t.Context(), "wss://localhost:"+port+"/ws"); err != nil {
		t.Error(err)
	}
	broken := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no")})
	for _, bad := range [][]byte{nil, []byte("hello"), key, broken} {
		if roots, err := tlsconfig.Certificates(bad); err == nil || len(roots) > 0 {
			t.Errorf("%q is taken", bad)
		}
	}
}
