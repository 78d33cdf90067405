package talk

// In a browser there is no JSON: it would make the program a quarter larger, and
// bincode says the same.
const hasJSON = false

func appendJSON(dst []byte, _ Message, _ bool) []byte { return dst }

func appendJSONEntry(dst []byte, _ *Entry, _ bool) []byte { return dst }

func decodeJSON([]byte) (Message, error) { return nil, ErrForm }
