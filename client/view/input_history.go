package view

// maxInputs is how many inputs are remembered.
const maxInputs = 200

// InputHistory is what the user entered before. The zero value is empty and
// ready.
type InputHistory struct {
	lines []string
	at    int    // the one shown; len(lines): none, the input is new
	fresh string // the new input, while an old one is shown
}

// Add remembers an input, unless it is the one before once more. What comes
// into the input next is new.
func (h *InputHistory) Add(line string) {
	if n := len(h.lines); n == 0 || h.lines[n-1] != line {
		h.lines = append(h.lines, line)
	}
	if len(h.lines) > maxInputs {
		h.lines = h.lines[1:]
	}
	h.at, h.fresh = len(h.lines), ""
}

// Move is the older (-1) or newer (+1) input to show in the place of current,
// and behind the newest what was new. An old input that was changed is a new
// one. It is not ok when there is none.
func (h *InputHistory) Move(by int, current string) (line string, ok bool) {
	if h.at < len(h.lines) && h.lines[h.at] != current {
		h.at = len(h.lines)
	}
	to := h.at + by
	if to < 0 || to > len(h.lines) {
		return "", false
	}
	if h.at == len(h.lines) {
		h.fresh = current
	}
	if h.at = to; to == len(h.lines) {
		return h.fresh, true
	}
	return h.lines[to], true
}
