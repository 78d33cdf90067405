package tlsconfig

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// Sentences that others use too.
const (
	HungUp   = "the target hangs up in the TLS handshake"
	TimedOut = "the TLS handshake timed out"
)

// Reason says in one sentence why a handshake with a host has failed.
func Reason(host string, err error) string {
	var (
		plain     tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		network   *net.OpError
		timeout   net.Error
	)
	switch {
	case errors.As(err, &plain):
		if strings.HasPrefix(string(plain.RecordHeader[:]), "HTTP/") {
			return "the target speaks plain HTTP on that port: name it by ws://"
		}
		return "the target does not speak TLS on that port"
	case errors.As(err, &authority):
		return "the target's certificate is signed by nobody who is trusted here (-ca)"
	case errors.As(err, &name):
		return fmt.Sprintf("the target's certificate is for %s, not for %s", madeOutTo(name.Certificate), host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("the target's certificate holds from %s to %s only",
			invalid.Cert.NotBefore.Format("2006-01-02 15:04"), invalid.Cert.NotAfter.Format("2006-01-02 15:04 MST"))
	case errors.As(err, &network) && network.Op == "remote error":
		return "the target refuses the TLS handshake: " + bare(network.Err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return TimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return HungUp
	}
	return "the TLS handshake failed: " + bare(err)
}

// bare is what an error of a library says, without the library's name.
func bare(err error) string {
	text := strings.TrimPrefix(err.Error(), "tls: ")
	return strings.TrimPrefix(strings.TrimPrefix(text, "failed to verify certificate: "), "x509: ")
}

// madeOutTo are the first of the hosts of a certificate.
func madeOutTo(c *x509.Certificate) string {
	const most = 2
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names[:len(names):len(names)], ip.String())
	}
	switch {
	case len(names) == 0:
		return "no host"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
