package talk

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

func TestCleanText(t *testing.T) {
	marks := func(n int) string { return strings.Repeat("\u0301", n) }
	kiss := "👩\U0001f3fd\u200d❤\ufe0f\u200d💋\u200d👨\U0001f3fd"
	family := "👨\U0001f3fb\u200d👩\U0001f3fc\u200d👧\U0001f3fd\u200d👦\U0001f3fe"
	wales := "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", " a  b ", " a  b "},
		{"newline, tab", "a\n\n\tb", "a\n\n b"},
		{"carriage return", "a\r\nb\rc", "a\nbc"},
		{"separators", "a\u2028b\u2029c", "a\nb\nc"},
		{"controls", controls(), " \n"},
		{"terminal title", "\x1b]0;owned\x07 \x9b31m", "]0;owned \ufffd31m"},
		{"C1 sequence", "\u009b31mred\u009c", "31mred"},
		{"direction", "a\u202eb\u2066c\u2069\u200e\u200f\u061c\u202a\u206fd", "abcd"},
		{"right to left", "שלום عليكم", "שלום عليكم"},
		{"joiners of words", "می\u200cخواهم क्\u200dष", "می\u200cخواهم क्\u200dष"},
		{"not UTF-8", "a\xff\xc0\x80\xed\xa0\x80", "a" + strings.Repeat("\ufffd", 6)},
		{"replacement", "\ufffd", "\ufffd"},
		{"noncharacters", "\uffff\U0010ffff", "\uffff\U0010ffff"},
		{"eight marks", "e" + marks(8) + "x", "e" + marks(8) + "x"},
		{"nine marks", "e" + marks(9) + "x", "e" + marks(8) + "x"},
		{"marks on every letter", strings.Repeat("e"+marks(4), 5), strings.Repeat("e"+marks(4), 5)},
		{"marks without a base", marks(100), marks(8)},
		{"marks behind a newline", "a\n" + marks(10) + "b", "a\n" + marks(8) + "b"},
		{"emoji", kiss + family + wales, kiss + family + wales},
		{"emoji, many", strings.Repeat(kiss, 20), strings.Repeat(kiss, 20)},
		{"joined without end", strings.Repeat("👩\u200d", 20), strings.Repeat("👩\u200d", 8) + strings.Repeat("👩", 12)},
		{"joiner behind joiner", "👩\u200d\u200d👩", "👩\u200d👩"},
		{"joiners alone", "a" + strings.Repeat("\u200d", 50) + "b", "a\u200db"},
		{"skin without end", "👩" + strings.Repeat("\U0001f3fb", 9), "👩" + strings.Repeat("\U0001f3fb", 8)},
		{"tags without end", "🏴" + strings.Repeat("\U000e0041", 9), "🏴" + strings.Repeat("\U000e0041", 8)},
		{"joined behind too many", "👩" + marks(9) + "\u200d👩b", "👩" + marks(8) + "b"},
		{"grows together", "👩" + marks(8) + "\u0903\u200d👩", "👩" + marks(8) + "👩"},
		{"flags", "🇩🇪🇫🇷" + marks(9) + "🇬🇧", "🇩🇪🇫🇷" + marks(8) + "🇬🇧"},
	}
	for _, test := range tests {
		if got := CleanText(test.in); got != test.want {
			t.Errorf("%s: %+q became\n     %+q, want\n     %+q", test.name, test.in, got, test.want)
		}
	}
}

func TestCleanName(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "ada", "ada"},
		{"space", " \t ada\n\u00a0\u3000 lovelace\u2028", "ada lovelace"},
		{"only space", " \u00a0\u2003\t", ""},
		{"controls", "a\x00d\x1b\u009ba\x7f", "ada"},
		{"format", "a\u200bd\u200d\u200e\u202e\u2060\ufeff\u00ada\U000e0041", "ada"},
		{"invisible letters", "a\u3164\u115f\u1160\uffa0\u034f\u17b4a", "aa"},
		{"space between invisible ones", "a \u200b b", "a b"},
		{"invisible ones around", "\u200b ada \u200b", "ada"},
		{"not UTF-8", "a\xffd\xc3a", "ada"},
		{"replacement", "a\ufffd", "a\ufffd"},
		{"heart", "❤\ufe0f", "❤\ufe0f"},
		{"marks", "e" + strings.Repeat("\u0301", 20), "e" + strings.Repeat("\u0301", 8)},
		{"many scripts", "Ådá ж 漢字 한글 שלום", "Ådá ж 漢字 한글 שלום"},
	}
	for _, test := range tests {
		if got := CleanName(test.in); got != test.want {
			t.Errorf("%s: %+q became %+q, want %+q", test.name, test.in, got, test.want)
		}
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name, in string
		check    func(string) (string, error)
		want     string
		refusal  *Refusal
	}{
		{"name", " ada ", CheckName, "ada", nil},
		{"empty name", "", CheckName, "", errEmptyName},
		{"name of spaces", " \u3000", CheckName, "", errEmptyName},
		{"name of zero width", "\u200b\u200d\ufeff", CheckName, "", errEmptyName},
		{"name of fillers", "\u3164\u2800", CheckName, "", errEmptyName},
		{"name of marks", "\u0301\ufe0f", CheckName, "", errEmptyName},
		{"name of one emoji", "😀", CheckName, "😀", nil},
		{"name of 32", strings.Repeat("é", 32), CheckName, strings.Repeat("é", 32), nil},
		{"name of 33", strings.Repeat("a", 33), CheckName, "", errLongName},
		{"name of 65 bytes", strings.Repeat("漢", 21) + "ab", CheckName, "", errLongName},
		{"name of 64 bytes", strings.Repeat("漢", 21) + "a", CheckName, strings.Repeat("漢", 21) + "a", nil},
		{"name with much space", "ada" + strings.Repeat(" ", 200), CheckName, "ada", nil},
		{"name without end", strings.Repeat(" ", 300), CheckName, "", errLongName},

		{"text", " hello\n", CheckText, " hello\n", nil},
		{"empty text", "", CheckText, "", errEmptyText},
		{"text of white space", " \n\t\u00a0", CheckText, "", errEmptyText},
		{"text of zero width", "\u200b\u202e", CheckText, "", errEmptyText},
		{"text of controls", "\x1b\x07", CheckText, "", errEmptyText},
		{"NUL", "a\x00", CheckText, "", errNUL},
		{"4000 bytes", strings.Repeat("a", 4000), CheckText, strings.Repeat("a", 4000), nil},
		{"4001 bytes", strings.Repeat("a", 4001), CheckText, "", errLongText},
		{"4000 bytes that grow", strings.Repeat("\xff", 4000), CheckText, "", errLongText},
		{"4001 bytes that shrink", strings.Repeat("\x1b", 4000) + "a", CheckText, "", errLongText},
	}
	for _, test := range tests {
		got, err := test.check(test.in)
		var refusal *Refusal
		if errors.As(err, &refusal); got != test.want || refusal != test.refusal || (err == nil) != (refusal == nil) {
			t.Errorf("%s: %q, %v; want %q, %v", test.name, got, err, test.want, test.refusal)
		}
	}
}

// checkClean holds what was cleaned to the promise: valid, no forbidden rune,
// nothing that piles up, and nothing left to clean.
func checkClean(t *testing.T, in string, clean func(string) string, forbidden func(rune) bool) string {
	out := clean(in)
	if !utf8.ValidString(out) {
		t.Errorf("%+q became %+q, not UTF-8", in, out)
	}
	if i := strings.IndexFunc(out, forbidden); i >= 0 {
		t.Errorf("%+q became %+q, with a forbidden rune at %d", in, out, i)
	}
	if again := clean(out); again != out {
		t.Errorf("%+q became\n%+q, and then\n%+q", in, out, again)
	}
	for clusters := uniseg.NewGraphemes(out); clusters.Next(); {
		marks := 0
		for _, c := range clusters.Runes() {
			if unicode.Is(unicode.M, c) {
				marks++
			}
		}
		if marks > maxMarks {
			t.Errorf("%+q became %+q, with %d marks on one", in, out, marks)
		}
	}
	return out
}

// odd are the runes whose company makes a difference to clusters. oddText spells
// with them what random bytes would hardly hit.
var odd = []rune("a \n\u0301\u0301\u0301\u0903\u0e33\u102b\u200d\u200d\u200c\ufe0f\u034f\u0600\u200b\u202e👩👩❤🇩🇪" +
	"\u1100\u1161\u11a8각क्\U0001f3fb\U000e0041\uff9e\u00a9\u3164\t\r\x00\ufffd")

func oddText(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(odd[int(s[i])%len(odd)])
	}
	return b.String()
}

func addTexts(f *testing.F) {
	for _, s := range []string{"", "ada", controls(), "\xff\xc0\x80", "a\u202eb\u2066\u061c\u2028", "\u200b \u3164\u2800",
		"👩\U0001f3fd\u200d❤\ufe0f\u200d💋\u200d👨\U0001f3fd", strings.Repeat("👩\u200d", 20), strings.Repeat("🇩🇪", 9),
		"👩" + strings.Repeat("\u0301", 8) + "\u0903\u200d👩" + strings.Repeat("\u0301", 9),
		strings.Repeat("가\u11a8", 20), "\u0600\u0600e" + strings.Repeat("\u0301", 20), "क्\u200dष" + strings.Repeat("\u102b", 20),
		"กำำำำำำำำำำ"} {
		f.Add(s)
	}
}

func FuzzCleanText(f *testing.F) {
	addTexts(f)
	forbidden := func(c rune) bool {
		return c != '\n' && (unicode.Is(unicode.Cc, c) || unicode.Is(unicode.Bidi_Control, c))
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkClean(t, oddText(s), CleanText, forbidden)
		checkClean(t, s, CleanText, forbidden)
		if text, err := CheckText(s); err == nil {
			if again, err := CheckText(text); err != nil || again != text {
				t.Errorf("%+q passed, but then %+q, %v", text, again, err)
			}
		}
	})
}

func FuzzCleanName(f *testing.F) {
	addTexts(f)
	forbidden := func(c rune) bool {
		return c != ' ' && unicode.IsSpace(c) || unicode.In(c, unicode.Cc, unicode.Cf, unicode.Bidi_Control)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkClean(t, oddText(s), CleanName, forbidden)
		name := checkClean(t, s, CleanName, forbidden)
		if strings.TrimSpace(name) != name || strings.Contains(name, "  ") {
			t.Errorf("%+q became %+q, with space", s, name)
		}
		if name, err := CheckName(s); err == nil {
			if again, err := CheckName(name); err != nil || again != name {
				t.Errorf("%+q passed, but then %+q, %v", name, again, err)
			}
		}
	})
}
