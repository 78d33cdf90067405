package names

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tuitalk/talk"
)

// lookLikeAda are names that were taken beside ada's and showed no difference.
var lookLikeAda = []string{
	"ada", "Ada", "ADA", " ada ", "a d a", "ada\u2800", "\u2800ada", "ada\u3164", "a\u115fda", "ada\uffa0", "ada\u200b",
	"a\u034fda", "ada\ufe0f", "ada\U000e0100", "\u0301ada", "ada\ue000", "ada\ufffc", "ada\U0001d159", "ɑda", "аdа", "αda",
	"ａｄａ", "𝐚𝐝𝐚", "𝒶𝒹𝒶", "𝖆𝖉𝖆", "𝚊𝚍𝚊", "ᵃᵈᵃ", "ⓐⓓⓐ", "🅐🅓🅐", "🅰🅳🅰", "ᴀᴅᴀ", "ạda", "аda", "ada.", "_ada_", "-ada-",
	"a·d·a", "aԁa", "𝔸𝔻𝔸", "ꓮꓓꓮ", "@ada@",
}

func TestLookAlikesHaveOneSkeleton(t *testing.T) {
	rules := NewRules()
	for _, name := range lookLikeAda {
		taken, err := rules.Check(name)
		if err != nil {
			t.Errorf("%+q is refused: %v", name, err)
		}
		for _, shown := range []string{name, taken} { // an old name is shown as it was taken once
			if got := talk.Skeleton(shown); got != "ada" {
				t.Errorf("%+q looks like %+q", shown, got)
			}
		}
	}
	for _, name := range []string{"adam", "adda", "aba", "ode", "艾达", "😀", "ada😀", "عدا"} {
		if talk.Skeleton(name) == "ada" {
			t.Errorf("%+q looks like ada", name)
		}
	}
}

func TestCheckNormalises(t *testing.T) {
	for in, want := range map[string]string{
		"ａｄａ": "ada", "𝐚𝐝𝐚": "ada", "ᵃᵈᵃ": "ada", "ada\u2800": "ada", "e\u0301": "é", "ﬁn": "fin", "Ⅷ": "VIII",
		"⠁⠙\u2800⠁": "⠁⠙ ⠁", "¨ada": "ada", "ハンカク": "ハンカク", "ﾊﾝｶｸ": "ハンカク", "👩\u200d🚀": "👩🚀", "葛\U000e0100": "葛\U000e0100",
		"❤\ufe0f": "❤\ufe0f", "ɑda": "ɑda", "Zoë": "Zoë", "Đặng": "Đặng", "नमस्ते": "नमस्ते", "สวัสดี": "สวัสดี", "Ångström": "Ångström",
	} {
		if got, err := NewRules().Check(in); err != nil || got != want {
			t.Errorf("%+q became %+q, %v; want %+q", in, got, err, want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	rules := NewRules("Help Desk", "", "\u200b")
	for _, name := range []string{
		"server", "Server", "SYSTEM", "TuiTalk", "tuitalk", "TuiTa1k", "TuiTaIk", "tui talk", "ｔｕｉｔａｌｋ", "ѕуѕtеm", "sуstem", "𝐬𝐲𝐬𝐭𝐞𝐦",
		"[system]", "* server *", "sẹrvẹr", "ＳＥＲＶＥＲ", "adrnin", "Adm1n", "аdmin", "ⓐdmin", "r00t", "server\u2800", "help desk", "server ✔", "✔️server", "★admin★", "TuiTalk®", "☑ system 🛡", "🛡️ moderator", "$root", "adm|n", "HelpDesk",
		"\u2800", "\u3164", "\u115f\u1160", "\ufffc", "\ue000", "\U0001d159", "\ufe0f", "\u0301",
	} {
		_, err := rules.Check(name)
		var refusal *talk.Refusal
		if !errors.As(err, &refusal) || refusal.Code != talk.CodeBadName || !strings.HasSuffix(refusal.Message, ".") {
			t.Errorf("%+q: %v", name, err)
		}
	}
	for _, name := range []string{"observer", "Serverin", "ada", "roots", "Systema", "★", "ada★", "root cause", "Servera ✔", "Ярослав", "Πέτρος", "محمد", "山田", "🌱", "Adminah", "5", "o", "!!!"} {
		if got, err := rules.Check(name); err != nil || got != name {
			t.Errorf("%+q became %+q, %v", name, got, err)
		}
	}
}

// NFKC may make a name longer: U+FDFA alone becomes eighteen letters.
func TestCheckHoldsLimitsBehindNormalising(t *testing.T) {
	if _, err := NewRules().Check(strings.Repeat("\ufdfa", 4)); err == nil {
		t.Error("a name of 72 letters is taken")
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range append(lookLikeAda, "\u0344\u0345\ufdfa", "\u1100\u1161\u11a8", "a\u200d\u0301\ufe0f", "가\u11a8\u3164", "e"+strings.Repeat("\u0301", 12)+"\u0323") {
		f.Add(s)
	}
	rules := NewRules()
	f.Fuzz(func(t *testing.T, s string) {
		if skeleton := talk.Skeleton(s); !utf8.ValidString(skeleton) || skeleton == "" && talk.CleanName(s) != "" {
			t.Errorf("the skeleton of %+q is %+q", s, skeleton)
		}
		name, err := rules.Check(s)
		if err != nil {
			return
		}
		if !norm.NFKC.IsNormalString(name) || !utf8.ValidString(name) {
			t.Errorf("%+q became %+q", s, name)
		}
		if again, err := rules.Check(name); err != nil || again != name {
			t.Errorf("%+q passed, but then %+q, %v", name, again, err)
		}
		if shown, err := talk.CheckName(name); err != nil || shown != name {
			t.Errorf("%+q passed, but a client shows %+q, %v", name, shown, err)
		}
	})
}
