package redisbus

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/fanout"
)

// Options of a bus. Begin with Defaults or ParseURL.
type Options struct {
	Addrs    []string // some nodes of the cluster, as host:port; the others are found
	Username string   // with a password; empty is Redis' default user
	Password string
	// TLS: the servers are spoken to by TLS. The certificate of each must be for its
	// address, or for one of the hosts in Addrs.
	TLS bool
	// CAFile has the authorities that may sign them, in PEM; empty: the machine's own.
	CAFile string
	// Namespace begins every channel and key, so that several fleets can share
	// a cluster. The same on every node of a fleet; letters and digits.
	Namespace string

	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics

	// StartWait is how long Open waits for the bus to be healthy. A bus that is
	// not healthy by then goes on trying.
	StartWait time.Duration
	// DialTimeout bounds a connection and its handshake.
	DialTimeout time.Duration
	// CallTimeout bounds a round trip to a node.
	CallTimeout time.Duration
	// RefreshInterval is how often the bus asks who serves which slot while all
	// is well. It asks at once when something is not.
	RefreshInterval time.Duration
	// ProbeInterval is how often a probe goes through each master.
	ProbeInterval time.Duration
	// ProbeDeadline is when the bus stops being healthy for want of a probe's
	// return. After twice that the connection is given up. While other messages
	// arrive, both take four times as long.
	ProbeDeadline time.Duration

	// TrialInterval is how often the spool is tried at each master with a real
	// write while nothing is added to it.
	TrialInterval time.Duration

	QueueBytes int // most bytes that wait to be published to one master
	Lanes      int // goroutines that deliver, each for a part of the rooms
	InboxNotes int // most notes that wait in a lane
	InboxBytes int // most bytes that wait in a lane, by Note.Size

	SpoolCap  int           // most entries in each of the spool's partitions
	SpoolWait time.Duration // how long a replica has to confirm

	lookup func(ctx context.Context, host string) ([]string, error) // of a host's addresses
	roots  *x509.CertPool                                           // from CAFile; nil: the machine's
	memory time.Duration                                            // see topology.forget
}

// Defaults are the settings of a fleet on one local network.
func Defaults() Options {
	return Options{
		Namespace:       "tuitalk",
		Logger:          slog.New(slog.DiscardHandler),
		StartWait:       3 * time.Second,
		DialTimeout:     700 * time.Millisecond,
		CallTimeout:     2 * time.Second,
		RefreshInterval: time.Second,
		ProbeInterval:   250 * time.Millisecond,
		ProbeDeadline:   750 * time.Millisecond,
		TrialInterval:   5 * time.Second,
		QueueBytes:      16 << 20,
		Lanes:           min(runtime.GOMAXPROCS(0), 8),
		InboxNotes:      fanout.InboxNotes,
		InboxBytes:      fanout.InboxBytes,
		SpoolCap:        8192,
		SpoolWait:       500 * time.Millisecond,
		lookup:          net.DefaultResolver.LookupHost,
		memory:          time.Minute,
	}
}

// ParseURL reads redis://[[user]:password@]host:port,host:port,… into the
// defaults. A password's special characters are percent-encoded. With rediss:// it is
// TLS, and ?ca=FILE may follow, with an @ in it as %40.
func ParseURL(text string) (Options, error) {
	o := Defaults()
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme != "redis" && scheme != "rediss" {
		return Options{}, errors.New("parse the bus address: it must begin with redis:// or rediss://")
	}
	o.TLS = scheme == "rediss"
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, password, ok := strings.Cut(rest[:at], ":")
		if !ok || password == "" {
			return Options{}, errors.New("parse the bus address: before the @ there must be :password or user:password")
		}
		var err error
		if o.Username, err = url.PathUnescape(user); err == nil {
			o.Password, err = url.PathUnescape(password)
		}
		if err != nil {
			return Options{}, errors.New("parse the bus address: a % in the user or the password must be written %25")
		}
		rest = rest[at+1:]
	}
	rest, query, asked := strings.Cut(rest, "?")
	if asked {
		var err error
		if o.CAFile, err = parseCA(query); err != nil || !o.TLS { // not shown: it may hold a password
			return Options{}, errors.New("parse the bus address: after a ? only rediss:// has something, as ?ca=/etc/tuitalk/ca.crt; the password comes before the host, as :password@")
		}
	}
	o.Addrs = strings.Split(strings.TrimSuffix(rest, "/"), ",")
	if err := o.Validate(); err != nil {
		return Options{}, fmt.Errorf("parse the bus address: %w", err)
	}
	return o, nil
}

// parseCA reads ca=FILE.
func parseCA(query string) (file string, err error) {
	name, ok := strings.CutPrefix(query, "ca=")
	if !ok || name == "" || strings.Contains(name, "&") {
		return "", errors.New("not ca=FILE")
	}
	return url.PathUnescape(name)
}

// readCA reads what TLS needs.
func (o *Options) readCA() error {
	if o.CAFile == "" {
		return nil
	}
	text, err := os.ReadFile(o.CAFile)
	if err != nil {
		return fmt.Errorf("read ?ca= of the bus address: %w", err)
	}
	o.roots = x509.NewCertPool()
	if !o.roots.AppendCertsFromPEM(text) {
		return fmt.Errorf("?ca= of the bus address: no certificate is in %s; it has lines -----BEGIN CERTIFICATE-----", o.CAFile)
	}
	return nil
}

// tlsConfig is what a server at an address is spoken to with, nil for no TLS.
func (o *Options) tlsConfig(addr string) *tls.Config {
	if !o.TLS {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Nodes are dialled by the addresses that a host in Addrs has and that the cluster
		// names, and certificates may be for the host: the check is ours.
		InsecureSkipVerify: true,
		VerifyConnection:   func(s tls.ConnectionState) error { return o.verify(addr, s.PeerCertificates) },
	}
}

// verify checks whom a server's certificates are for, and who signed them.
func (o *Options) verify(addr string, certificates []*x509.Certificate) error {
	chain := x509.VerifyOptions{Roots: o.roots, Intermediates: x509.NewCertPool()}
	for _, c := range certificates[1:] {
		chain.Intermediates.AddCert(c)
	}
	if _, err := certificates[0].Verify(chain); err != nil {
		return err
	}
	var wrong error
	for _, one := range append([]string{addr}, o.Addrs...) {
		host, _, err := net.SplitHostPort(one)
		if err == nil {
			err = certificates[0].VerifyHostname(host)
		}
		if err == nil {
			return nil
		}
		wrong = cmp.Or(wrong, err)
	}
	return wrong
}

// Validate returns what is wrong with the options, in one sentence.
func (o Options) Validate() error {
	if len(o.Addrs) == 0 {
		return errors.New("no address of a Redis node is given")
	}
	for _, addr := range o.Addrs {
		host, port, err := net.SplitHostPort(addr)
		if err != nil || host == "" {
			return fmt.Errorf("%q is not of the form host:port", addr)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%q is not a port, in %q", port, addr)
		}
	}
	if o.Namespace == "" || strings.Trim(o.Namespace, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return fmt.Errorf("the namespace %q is not made of letters and digits", o.Namespace)
	}
	if o.Logger == nil {
		return errors.New("no logger is given")
	}
	return o.validateNumbers()
}

func (o Options) validateNumbers() error {
	for _, d := range []struct {
		name string
		span time.Duration
	}{
		{"start wait", o.StartWait}, {"dial timeout", o.DialTimeout}, {"call timeout", o.CallTimeout},
		{"refresh interval", o.RefreshInterval}, {"probe interval", o.ProbeInterval},
		{"probe deadline", o.ProbeDeadline}, {"spool wait", o.SpoolWait},
		{"trial interval", o.TrialInterval},
	} {
		if d.span < time.Millisecond || d.span > time.Minute {
			return fmt.Errorf("the %s of %v is not between 1ms and 1m", d.name, d.span)
		}
	}
	for _, n := range []struct {
		name string
		size int
	}{
		{"queue bytes", o.QueueBytes}, {"lanes", o.Lanes}, {"inbox notes", o.InboxNotes},
		{"inbox bytes", o.InboxBytes}, {"spool cap", o.SpoolCap},
	} {
		if n.size < 1 {
			return fmt.Errorf("%d %s are not enough", n.size, n.name)
		}
	}
	return nil
}
