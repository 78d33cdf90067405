package coordinator

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"tuitalk/bench/tlsconfig"
	"tuitalk/bench/tlsconfig/trusttest"
	"tuitalk/talk"
)

// secure puts TLS in front of a chat, as a balancer does.
func secure(t *testing.T, c *chat) (target string, whom tlsconfig.Policy) {
	t.Helper()
	behind, err := url.Parse(strings.Replace(c.serve(t), "ws", "http", 1))
	if err != nil {
		t.Fatal(err)
	}
	behind.Path = ""
	authority := trusttest.New(t)
	cert, key := authority.For("127.0.0.1")
	s := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(behind))
	s.TLS = trusttest.Server(t, cert, key)
	s.StartTLS()
	t.Cleanup(s.Close)
	return "wss" + strings.TrimPrefix(s.URL, "https") + "/ws", tlsconfig.Policy{Roots: authority.PEM}
}

// TestARunOverTLS: the target is tried and its history read over TLS, and every
// worker is told whom to trust.
func TestARunOverTLS(t *testing.T) {
	t.Parallel()
	w := startWorkers(t, 2, func(int, *Worker) {})
	o := shortRun(t, w)
	o.Scenario.Check = true
	var target string
	target, o.Trust = secure(t, &chat{})
	o.Targets = []string{target}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Checked == nil || r.Target[0] != target {
		t.Errorf("checked: %v; the target is called %v", r.Checked, r.Target)
	}
	for i, f := range w.fakes {
		if f.cfg.Targets[0] != target || string(f.cfg.Trust.Roots) != string(o.Trust.Roots) || f.cfg.Trust.Insecure {
			t.Errorf("worker %d: targets %v, trust %+v", i, f.cfg.Targets, f.cfg.Trust)
		}
	}
}

func TestATargetThatIsNotTrusted(t *testing.T) {
	t.Parallel()
	target, whom := secure(t, &chat{})
	named := strings.Replace(target, "127.0.0.1", "localhost", 1)
	plain := strings.Replace((&chat{}).serve(t), "ws://", "wss://", 1)
	for _, tc := range []struct {
		target string
		whom   tlsconfig.Policy
		says   string
	}{
		{target, whom, ""},
		{target, tlsconfig.Policy{Insecure: true}, ""},
		{named, tlsconfig.Policy{Insecure: true}, ""},
		{target, tlsconfig.Policy{}, "the target's certificate is signed by nobody who is trusted here (-ca)"},
		{named, whom, "the target's certificate is for 127.0.0.1, not for localhost"},
		{plain, whom, "the target speaks plain HTTP on that port: name it by ws://"},
		{strings.Replace(target, "/ws", "/x", 1), whom, "the server answered 404 Not Found"},
		{"wss://127.0.0.1:1/ws", whom, "it cannot be reached: connection refused"},
	} {
		o, err := probeTarget(t.Context(), tc.target, &tc.whom, talk.ExtendedBincode, true)
		switch {
		case err == nil:
			if heads, err := o.Heads(t.Context(), []int32{7}); err != nil || heads[0].Seq != 0 {
				t.Errorf("%s: heads %v, %v", tc.target, heads, err)
			}
			o.Close()
			if tc.says != "" {
				t.Errorf("%s is trusted, want %q", tc.target, tc.says)
			}
		case tc.says == "" || !strings.HasSuffix(err.Error(), ": "+tc.says):
			t.Errorf("%v, want %q", err, tc.says)
		}
	}
}
