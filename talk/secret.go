package talk

// Secret is what proves that a UUID is one's own: 32 random bytes that a client
// makes once for each server and shows to nobody else. The zero value means
// "none".
type Secret [secretLen]byte

const secretLen = 32

// identityLabel stands before the secret in what is hashed, so that nothing else
// that is made of the same secret is ever a UUID.
const identityLabel = "tuitalk identity 1\n"

// ProvenVersion is the version of the UUIDs that are derived from a secret.
// Nobody can take one over; those of any other version prove nothing.
const ProvenVersion = 8

// UUID is the identity that the secret proves; see "Identity" in the package
// comment.
func (s Secret) UUID() UUID {
	sum := sha256([]byte(identityLabel + string(s[:])))
	return MakeUUID(ProvenVersion, [16]byte(sum[:16]))
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s == Secret{} }

// String hides the secret: it must not get into logs.
func (s Secret) String() string { return "a secret" }

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String, for logs in JSON. On the wire it has a form of its own.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
