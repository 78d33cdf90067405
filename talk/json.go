//go:build !js

package talk

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-json/jsontext"
	json "github.com/goccy/go-json/v2"
)

const hasJSON = true

// decodeJSON reads a message. The library knows the names by their case, takes
// none twice, and refuses half a surrogate pair and more than 10,000 levels.
func decodeJSON(data []byte) (Message, error) {
	return decodeFrame(data, false)
}

// decodeFrame reads a message, or one of a History's. That one must not be a
// History, and is not looked into any further if it is.
func decodeFrame(data []byte, event bool) (Message, error) {
	if !utf8.Valid(data) {
		return nil, ErrNotUTF8
	}
	var f jsonFrame
	if err := json.UnmarshalOf(data, &f); err != nil {
		return nil, sentinelOf(err)
	}
	if event && f.History != nil {
		return nil, ErrWrongType
	}
	m, count, err := f.messages()
	switch {
	case count == 0:
		return nil, ErrUnknownVariant
	case count > 1:
		return nil, ErrSyntax
	case err != nil:
		return nil, within(variantNames[m.Tag()], within("text", err))
	}
	return m, nil
}

// sentinelOf makes one of this package's errors of one of the library's, whose
// text has parts of the frame.
func sentinelOf(err error) error {
	var value *json.SemanticError
	var syntax *jsontext.SyntacticError
	var at jsontext.Pointer
	reason := ErrSyntax
	switch {
	case errors.As(err, &value):
		at, reason = value.JSONPointer, reasonOf(value)
	case errors.As(err, &syntax):
		at = syntax.JSONPointer
		if errors.Is(err, jsontext.ErrDuplicateName) {
			reason = ErrDuplicate
		}
	}
	if place := placeOf(at); place != "" {
		return within(place, reason)
	}
	return reason
}

// reasonOf is why a value does not fit its field.
func reasonOf(value *json.SemanticError) error {
	isNegative := len(value.JSONValue) > 0 && value.JSONValue[0] == '-'
	switch {
	case errors.Is(value, ErrBadUUID):
		return ErrBadUUID
	case errors.Is(value, ErrBadSecret):
		return ErrBadSecret
	case errors.Is(value, strconv.ErrRange), value.JSONKind == '0' && isNegative:
		return ErrOutOfRange
	}
	return ErrWrongType
}

// knownNames are those of variants and fields.
var knownNames = func() map[string]bool {
	known := map[string]bool{}
	for _, name := range append(variantNames[:], fieldNames...) {
		known[name] = true
	}
	return known
}()

// maxPlace is how many names tell a place: no message nests deeper.
const maxPlace = 4

// placeOf is PostMessage.message.text for /PostMessage/message/text, as far as the
// names are the protocol's own, and at most maxPlace of them. The number of an
// array's item is left out.
func placeOf(pointer jsontext.Pointer) string {
	var names []string
	for name := range pointer.Tokens() {
		if _, err := strconv.Atoi(name); err == nil {
			continue
		}
		if !knownNames[name] || len(names) == maxPlace {
			break
		}
		names = append(names, name)
	}
	return strings.Join(names, ".")
}

// appendVariant appends {"Name":fields}.
func appendVariant[T any](dst []byte, tag Tag, fields T) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, variantNames[tag]...)
	dst = append(dst, `":`...)
	body, err := json.MarshalOf(fields)
	if err != nil {
		panic("talk: numbers and valid text have JSON: " + err.Error())
	}
	return append(append(dst, body...), '}')
}

// jsonUUID is a UUID as text. The type of the protocol has no such methods, since
// what marshals it elsewhere is not the wire.
type jsonUUID UUID

func (u jsonUUID) IsZero() bool { return u == jsonUUID{} }

func (u jsonUUID) AppendText(dst []byte) ([]byte, error) { return (*UUID)(&u).appendTo(dst), nil }

func (u *jsonUUID) UnmarshalText(text []byte) error {
	if len(text) != uuidLen {
		return ErrBadUUID
	}
	parsed, err := parseUUID((*[uuidLen]byte)(text))
	*u = jsonUUID(parsed)
	return err
}

// jsonSecret is a Secret as the wire shows it.
type jsonSecret Secret

func (s jsonSecret) IsZero() bool { return s == jsonSecret{} }

func (s jsonSecret) AppendText(dst []byte) ([]byte, error) { return (*Secret)(&s).appendTo(dst), nil }

func (s *jsonSecret) UnmarshalText(text []byte) error {
	parsed, err := parseSecret(text)
	*s = jsonSecret(parsed)
	return err
}

func (s *Secret) appendTo(dst []byte) []byte {
	for _, b := range s {
		dst = append(dst, hexDigits[b>>4], hexDigits[b&0x0f])
	}
	return dst
}

// parseSecret reads 64 hexadecimal digits of either case.
func parseSecret(text []byte) (s Secret, err error) {
	if len(text) != 2*secretLen {
		return Secret{}, ErrBadSecret
	}
	for i := range s {
		high, low := hexValue[text[2*i]], hexValue[text[2*i+1]]
		if high|low > 0x0f {
			return Secret{}, ErrBadSecret
		}
		s[i] = high<<4 | low
	}
	return s, nil
}

// jsonEventsOf is the array of a History's messages.
func jsonEventsOf(events []Message, extended bool) jsontext.Value {
	list := append(make([]byte, 0, 256*(len(events)+1)), '[')
	for i, event := range events {
		if i > 0 {
			list = append(list, ',')
		}
		list = appendJSON(list, event, extended)
	}
	return append(list, ']')
}

// eventsOf reads such an array, whose syntax the library has approved. It takes its
// items one by one and stops at the first bad one, so that what is no History costs
// no more than its bytes.
func eventsOf(list jsontext.Value) (events []Message, err error) {
	if len(list) == 0 || list.Kind() == 'n' {
		return nil, nil
	}
	if list.Kind() != '[' {
		return nil, ErrWrongType
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(list))
	if _, err := d.ReadToken(); err != nil {
		return nil, ErrSyntax
	}
	for d.PeekKind() != ']' {
		one, err := d.ReadValue()
		if err != nil {
			return nil, ErrSyntax
		}
		m, err := decodeFrame(one, true)
		if err != nil {
			return nil, err
		}
		if !inHistory(m) {
			return nil, ErrWrongType
		}
		events = append(events, m)
	}
	return events, nil
}
