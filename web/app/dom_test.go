package app

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// element is an element of the page made of Go: it understands patches as
// bridge.js does, and fails where a browser would.
type element struct {
	tag, class string
	attrs      map[string]string
	styles     map[string]string
	words      string // of a text node, whose tag is ""
	children   []*element
	parent     *element
	value      string
	caret      int
	ref        Ref
}

type dom struct {
	t        testing.TB
	byID     map[string]*element
	nodes    map[Ref]*element
	focused  *element
	revealed *element
	live     bool
	title    string
	visits   []string
	scroll   Scroll
	row      *element
	made     int // elements made by patches
}

// newDOM has an element for every id of the real page.
func newDOM(t testing.TB) *dom {
	t.Helper()
	page, err := os.ReadFile("../static/index.html")
	if err != nil {
		t.Fatal(err)
	}
	d := &dom{t: t, byID: make(map[string]*element), nodes: make(map[Ref]*element), live: true}
	for _, match := range regexp.MustCompile(`<(\w+) [^>]*id="([\w-]+)"[^>]*>`).FindAllStringSubmatch(string(page), -1) {
		e := newElement(match[1])
		e.attrs["id"] = match[2]
		if strings.Contains(match[0], " hidden") {
			e.attrs["hidden"] = ""
		}
		d.byID[match[2]] = e
	}
	return d
}

func newElement(tag string) *element {
	return &element{tag: tag, attrs: make(map[string]string), styles: make(map[string]string)}
}

// reader takes a patch apart.
type reader struct {
	t    testing.TB
	ops  []byte
	text []uint16
}

func (r *reader) number() int {
	if len(r.ops) < 4 {
		r.t.Fatal("the patch ends within an operation")
	}
	n := int32(uint32(r.ops[0]) | uint32(r.ops[1])<<8 | uint32(r.ops[2])<<16 | uint32(r.ops[3])<<24)
	r.ops = r.ops[4:]
	return int(n)
}

func (r *reader) string() string {
	n := r.number()
	if n > len(r.text) {
		r.t.Fatal("the patch says less than its operations")
	}
	s := string(utf16.Decode(r.text[:n]))
	r.text = r.text[n:]
	return s
}

// apply does what a patch says.
func (d *dom) apply(p *Patch) {
	d.t.Helper()
	r := &reader{t: d.t, ops: p.Ops(), text: utf16.Encode([]rune(p.Text()))}
	var stack []*element
	for len(r.ops) > 0 {
		stack = d.step(r, stack)
	}
	if len(stack) != 0 || len(r.text) != 0 {
		d.t.Fatalf("after the patch %d elements are open and %d characters are left", len(stack), len(r.text))
	}
	d.scroll, d.row = p.Scroll, nil
	if p.Scroll == ScrollRow {
		if d.row = d.nodes[p.Row]; d.row == nil {
			d.t.Fatal("the patch scrolls to a row that is not there")
		}
	}
}

func (d *dom) step(r *reader, stack []*element) []*element {
	d.t.Helper()
	top := newElement("none")
	if len(stack) > 0 {
		top = stack[len(stack)-1]
	}
	switch op := r.number(); op {
	case opBind:
		ref, id := Ref(r.number()), r.string()
		if d.byID[id] == nil {
			d.t.Fatalf("the page has no element %s", id)
		}
		d.nodes[ref] = d.byID[id]
	case opMake:
		e := d.makeElement(Ref(r.number()), r.string(), r.string())
		if e.ref == 0 {
			top.add(e, nil)
		}
		return append(stack, e)
	case opWords:
		top.add(&element{words: r.string()}, nil)
	case opAttr:
		name := r.string()
		top.attrs[name] = r.string()
	case opUnattr:
		delete(top.attrs, r.string())
	case opStyle:
		name := r.string()
		top.styles[name] = r.string()
	case opClass:
		top.class = r.string()
	case opEnd:
		return stack[:len(stack)-1]
	case opPick:
		return append(stack, d.node(Ref(r.number())))
	case opEmpty:
		top.children = nil
	case opPut:
		e, parent, before := d.node(Ref(r.number())), d.node(Ref(r.number())), Ref(r.number())
		e.remove()
		if before == 0 {
			parent.add(e, nil)
		} else {
			parent.add(e, d.node(before))
		}
	case opDrop:
		ref := Ref(r.number())
		d.node(ref).remove()
		delete(d.nodes, ref)
	case opValue:
		top.value, top.caret = r.string(), r.number()
	case opFocus:
		d.focused = top
	case opReveal:
		d.revealed = top
	case opLive:
		d.live = r.number() == 1
	case opTitle:
		d.title = r.string()
	case opVisit:
		how := map[int]string{0: "push ", 1: "replace "}[r.number()]
		d.visits = append(d.visits, how+r.string())
	default:
		d.t.Fatalf("no such operation: %d", op)
	}
	return stack
}

func (d *dom) makeElement(ref Ref, tag, class string) *element {
	e := newElement(tag)
	e.class, e.ref = class, ref
	d.made++
	if ref != 0 {
		if d.nodes[ref] != nil {
			d.t.Fatalf("the number %d is given twice", ref)
		}
		d.nodes[ref] = e
	}
	return e
}

func (d *dom) node(ref Ref) *element {
	d.t.Helper()
	e := d.nodes[ref]
	if e == nil {
		d.t.Fatalf("no element has the number %d", ref)
	}
	return e
}

func (e *element) add(child, before *element) {
	at := len(e.children)
	if before != nil {
		at = slices.Index(e.children, before)
	}
	child.parent = e
	e.children = slices.Insert(e.children, at, child)
}

func (e *element) remove() {
	if e.parent != nil {
		e.parent.children = slices.DeleteFunc(e.parent.children, func(c *element) bool { return c == e })
		e.parent = nil
	}
}

// text is what an element shows.
func (e *element) text() string {
	s := e.words
	for _, c := range e.children {
		s += c.text()
	}
	return s
}

// all finds the elements within e that have a class.
func (e *element) all(class string) (found []*element) {
	for _, c := range e.children {
		if slices.Contains(strings.Fields(c.class), class) {
			found = append(found, c)
		}
		found = append(found, c.all(class)...)
	}
	return found
}

func (e *element) hidden() bool {
	_, hidden := e.attrs["hidden"]
	return hidden
}
