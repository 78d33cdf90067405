package redisbus

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseURL(t *testing.T) {
	for text, want := range map[string]struct {
		addrs          []string
		user, password string
	}{
		"redis://h:1":                           {addrs: []string{"h:1"}},
		"redis://a:1,b:2,c:65535/":              {addrs: []string{"a:1", "b:2", "c:65535"}},
		"redis://[::1]:7000,10.0.0.1:7001":      {addrs: []string{"[::1]:7000", "10.0.0.1:7001"}},
		"redis://:secret@h:1":                   {addrs: []string{"h:1"}, password: "secret"},
		"redis://ada:s%40c%3Aret%20@h:1,h:2":    {addrs: []string{"h:1", "h:2"}, user: "ada", password: "s@c:ret "},
		"redis://:with@sign@h:1":                {addrs: []string{"h:1"}, password: "with@sign"},
		"redis://:p@redis-0.redis.internal:637": {addrs: []string{"redis-0.redis.internal:637"}, password: "p"},
	} {
		o, err := ParseURL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if !reflect.DeepEqual(o.Addrs, want.addrs) || o.Username != want.user || o.Password != want.password {
			t.Errorf("%s: %q, %q, %q", text, o.Addrs, o.Username, o.Password)
		}
	}
}

func TestParseURLOfTLS(t *testing.T) {
	for text, ca := range map[string]string{
		"rediss://ada:p@h:1,h:2":                        "",
		"rediss://ada:p@h:1,h:2?ca=/etc/tuitalk/ca.crt": "/etc/tuitalk/ca.crt",
		"rediss://ada:p@h:1,h:2/?ca=a%20b":              "a b",
	} {
		o, err := ParseURL(text)
		if err != nil || !o.TLS || o.CAFile != ca || !reflect.DeepEqual(o.Addrs, []string{"h:1", "h:2"}) || o.Password != "p" {
			t.Errorf("%s: %v, %+v", text, err, o)
		}
	}
	if o, err := ParseURL("redis://h:1"); err != nil || o.TLS {
		t.Errorf("redis:// is TLS, or not taken: %v", err)
	}
}

func TestParseURLRefuses(t *testing.T) {
	for _, text := range []string{
		"", "redis://", "h:1", "rediss://", "http://h:1", "redis://h", "redis://h:", "redis://h:0", "redis://h:65536",
		"redis://h:x", "redis://:1", "redis://h:1,", "redis://h:1,,h:2", "redis://h:1/2", "redis://secret@h:1",
		"redis://:@h:1", "redis://:%zz@h:1", "redis://h:1:2", "redis://h:1?password=secret",
		"rediss://h:1?password=secret", "rediss://h:1?ca=", "rediss://h:1?ca=%zz", "rediss://h:1?ca=a&b=secret", "redis://h:1?ca=secret",
	} {
		o, err := ParseURL(text)
		if err == nil {
			t.Errorf("%q gives %q", text, o.Addrs)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "%zz") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestValidate(t *testing.T) {
	for name, spoil := range map[string]func(*Options){
		"no address":         func(o *Options) { o.Addrs = nil },
		"no namespace":       func(o *Options) { o.Namespace = "" },
		"a tag as namespace": func(o *Options) { o.Namespace = "a{b}" },
		"no logger":          func(o *Options) { o.Logger = nil },
		"no deadline":        func(o *Options) { o.ProbeDeadline = 0 },
		"a long deadline":    func(o *Options) { o.ProbeDeadline = time.Hour },
		"no lanes":           func(o *Options) { o.Lanes = 0 },
		"no spool":           func(o *Options) { o.SpoolCap = -1 },
	} {
		o := Defaults()
		o.Addrs = []string{"h:1"}
		if err := o.Validate(); err != nil {
			t.Fatalf("the defaults: %v", err)
		}
		if spoil(&o); o.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
