package historytest

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tuitalk/talk"
)

// oddTexts are texts that careless stores change: they normalise, trim, fold,
// stop at or refuse something in them.
func oddTexts() []string {
	texts := []string{
		"", " ", "\t", "\n", "\r\n", "  leading and trailing  ", "\u200b", "\ufeff", "\ufeffbom first", "\u2028\u2029\u0085",
		"e\u0301 is not \u00e9", "\u1e9b\u0323", "A\u030a\u00c5\u212b", strings.Repeat("\u0301", 200) + "zalgo",
		"\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 abc", "\u202eevil\u202c\u2066x\u2069", "\u061c\u200e\u200f",
		"\ud7ff\ue000", "\ufffd\ufffe\uffff\ufdd0\ufdef", "👩‍👩‍👧‍👦🏳️‍🌈🇩🇪\U000e0067\U000e007f", "\U0001fffe\U0001ffff\U0010fffe\U0010ffff",
		"'\"`\\;--/**/%_?$1:name{}[]\\N\\x00\\0", "NULL", "\x01\x02\x1b[31m\x7f\u0080\u009f", "ﷺ﷽𒐫𒈙", "İıßẞſ", "\u0000"[:0] + "ok",
	}
	for plane := rune(0); plane <= 16; plane++ { // the first, a middle and the last characters of every plane
		var b strings.Builder
		for _, at := range []rune{1, 2, 0x20, 0x7ff, 0x800, 0x8000, 0xd7ff, 0xe000, 0xfffd, 0xfffe, 0xffff} {
			b.WriteRune(plane<<16 + at)
		}
		texts = append(texts, b.String())
	}
	return append(texts, everyCharacter()...)
}

// everyCharacter returns texts that together hold every character but NUL.
func everyCharacter() (texts []string) {
	var b strings.Builder
	for r := rune(1); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		if b.Len()+utf8.UTFMax > talk.MaxTextBytes {
			texts = append(texts, b.String())
			b.Reset()
		}
		b.WriteRune(r)
	}
	return append(texts, b.String())
}

func appendKeepsTextExactly(e *env) {
	texts := oddTexts()
	entries := make([]talk.Entry, len(texts))
	for i, text := range texts {
		entries[i] = Post(1, "ada", fmt.Sprint(i), text)
		name := text[:min(len(text), talk.MaxNameBytes)]
		for !utf8.ValidString(name) {
			name = name[:len(name)-1]
		}
		entries[i].Name = name
	}
	e.append(e.store(), entries...)
	log := e.log(1)
	if len(log) != len(entries) {
		e.Fatalf("%d entries stored, want %d", len(log), len(entries))
	}
	for i := range log {
		if log[i].Text != entries[i].Text {
			e.Errorf("text %q came back as %q", entries[i].Text, log[i].Text)
		}
		if log[i].Name != entries[i].Name {
			e.Errorf("name %q came back as %q", entries[i].Name, log[i].Name)
		}
	}
}
