package tlsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Policy says which certificates are good. The zero value takes those that are
// made out to the host that was named, and signed by an authority that this
// machine trusts.
type Policy struct {
	Roots    []byte `json:"roots,omitempty"`    // PEM: authorities that are trusted besides the machine's
	Insecure bool   `json:"insecure,omitempty"` // any certificate is good
}

// Certificates are those of a PEM file, and nothing else that it holds: a policy
// is sent to other machines, and a private key must not go with it.
func Certificates(file []byte) ([]byte, error) {
	var all []byte
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Errorf("a certificate cannot be read: %w", err)
		}
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no certificate in it, as in a file that begins with -----BEGIN CERTIFICATE-----")
	}
	return all, nil
}

// Config is how clients speak with a host. It is not changed once it is made, and
// is for as many connections as there are. Each makes a handshake of its own and
// resumes none before, as the terminal client does.
func (p *Policy) Config(host string) (*tls.Config, error) {
	c := &tls.Config{
		ServerName: host, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, InsecureSkipVerify: p.Insecure,
		DynamicRecordSizingDisabled: true, // a frame is one record, and one write
	}
	if len(p.Roots) == 0 {
		return c, nil
	}
	var err error
	if c.RootCAs, err = x509.SystemCertPool(); err != nil {
		return nil, fmt.Errorf("read the authorities that this machine trusts: %w", err)
	}
	if !c.RootCAs.AppendCertsFromPEM(p.Roots) {
		return nil, errors.New("the certificates to trust cannot be read")
	}
	return c, nil
}
