package app

import "strings"

// Ref is the number by which the page's elements are called; 0 is none.
type Ref int32

// Operations of a Patch: the numbers are those of web/static/bridge.js. An
// operation is one number, then its operands in the order of the comment. A
// number stands for itself; a text is its length in UTF-16 units, and its
// characters are the next ones of the patch's text.
const (
	opBind   = iota // ref, text id: a number for an element of the page
	opMake          // ref, text tag, text class: an element; without a number it goes into the current one
	opWords         // text: into the current element
	opAttr          // text name, text value
	opUnattr        // text name
	opStyle         // text name, text value: a property of the style
	opClass         // text
	opEnd           // back to the element before
	opPick          // ref: makes an element the current one
	opEmpty         // removes what the current element holds
	opPut           // ref, ref parent, ref before; 0: at the end
	opDrop          // ref: removes an element, and its number is free
	opValue         // text, caret in UTF-16 units: what the current input holds
	opFocus         // the current element
	opLive          // 1: the last row shown is the newest one
	opTitle         // text
	opVisit         // 1 replaces, text: an address in the browser's history
	opReveal        // the current element within the box that scrolls it
)

// Scroll says where the view goes after a Patch.
type Scroll string

const (
	ScrollKeep Scroll = "keep" // what is in view stays where it is, or the end is followed
	ScrollEnd  Scroll = "end"
	ScrollRow  Scroll = "row" // Patch.Row into view
	ScrollUp   Scroll = "up"  // by a page
	ScrollDown Scroll = "down"
)

// Patch is a list of changes to the page, applied in one call. It is used
// again for each frame.
type Patch struct {
	Scroll Scroll
	Row    Ref // ScrollRow

	ops  []byte // numbers as little-endian int32
	text strings.Builder
}

// Reset empties the patch.
func (p *Patch) Reset() {
	p.Scroll, p.Row = ScrollKeep, 0
	p.ops = p.ops[:0]
	p.text.Reset()
}

// Empty reports whether nothing would change.
func (p *Patch) Empty() bool { return len(p.ops) == 0 && p.Scroll == ScrollKeep }

// Ops are the operations, valid until the next Reset; Text is what they say.
func (p *Patch) Ops() []byte  { return p.ops }
func (p *Patch) Text() string { return p.text.String() }

// number appends n without encoding/binary, which would bring reflection into
// the module. Inlined in its hundreds of callers it would be much of the module.
//
//go:noinline
func (p *Patch) number(n int32) { p.ops = append(p.ops, byte(n), byte(n>>8), byte(n>>16), byte(n>>24)) }

func (p *Patch) string(s string) {
	p.number(int32(utf16Len(s)))
	p.text.WriteString(s)
}

// utf16Len is the length of s in the units that JavaScript counts. s is valid
// UTF-8: everything shown went through talk's sanitiser.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

func (p *Patch) bind(ref Ref, id string) {
	p.number(opBind)
	p.number(int32(ref))
	p.string(id)
}

// root makes an element with a number, which stands nowhere until it is put.
func (p *Patch) root(ref Ref, tag, class string) { p.make(ref, tag, class) }

// begin makes an element within the current one.
func (p *Patch) begin(tag, class string) { p.make(0, tag, class) }

func (p *Patch) make(ref Ref, tag, class string) {
	p.number(opMake)
	p.number(int32(ref))
	p.string(tag)
	p.string(class)
}

func (p *Patch) end() { p.number(opEnd) }

// leaf makes an element that holds only words.
func (p *Patch) leaf(tag, class, words string) {
	p.begin(tag, class)
	p.words(words)
	p.end()
}

func (p *Patch) words(s string) {
	if s != "" {
		p.number(opWords)
		p.string(s)
	}
}

func (p *Patch) attr(name, value string) {
	p.number(opAttr)
	p.string(name)
	p.string(value)
}

func (p *Patch) unattr(name string) {
	p.number(opUnattr)
	p.string(name)
}

// flag sets or removes an attribute that counts by being there.
func (p *Patch) flag(name string, on bool) {
	if on {
		p.attr(name, "")
	} else {
		p.unattr(name)
	}
}

func (p *Patch) style(name, value string) {
	p.number(opStyle)
	p.string(name)
	p.string(value)
}

func (p *Patch) class(class string) {
	p.number(opClass)
	p.string(class)
}

func (p *Patch) pick(ref Ref) {
	p.number(opPick)
	p.number(int32(ref))
}

func (p *Patch) empty() { p.number(opEmpty) }

// say makes words the only content of an element.
func (p *Patch) say(ref Ref, words string) {
	p.pick(ref)
	p.empty()
	p.words(words)
	p.end()
}

// show shows or hides an element.
func (p *Patch) show(ref Ref, on bool) {
	p.pick(ref)
	p.flag("hidden", !on)
	p.end()
}

func (p *Patch) put(ref, parent, before Ref) {
	p.number(opPut)
	p.number(int32(ref))
	p.number(int32(parent))
	p.number(int32(before))
}

func (p *Patch) drop(ref Ref) {
	p.number(opDrop)
	p.number(int32(ref))
}

// value fills an input and puts the caret before byte caret of it.
func (p *Patch) value(ref Ref, value string, caret int) {
	p.pick(ref)
	p.number(opValue)
	p.string(value)
	p.number(int32(utf16Len(value[:caret])))
	p.end()
}

func (p *Patch) focus(ref Ref) {
	p.pick(ref)
	p.number(opFocus)
	p.end()
}

func (p *Patch) reveal() { p.number(opReveal) }

func (p *Patch) live(on bool) {
	p.number(opLive)
	p.number(oneIf(on))
}

func (p *Patch) title(s string) {
	p.number(opTitle)
	p.string(s)
}

func (p *Patch) visit(address string, replace bool) {
	p.number(opVisit)
	p.number(oneIf(replace))
	p.string(address)
}

func oneIf(on bool) int32 {
	if on {
		return 1
	}
	return 0
}
