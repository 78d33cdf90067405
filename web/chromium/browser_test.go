//go:build integration

package chromium_test

import (
	"bytes"
	"errors"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tuitalk/web/chromium"
)

const testPage = `<!doctype html><title>t</title><textarea id=a autofocus></textarea>
<button id=b>b</button><script>
const keys = [];
addEventListener("keydown", e => keys.push((e.shiftKey ? "S-" : "") + e.key + "/" + e.keyCode + (e.isComposing ? "c" : "")));
b.addEventListener("click", e => { keys.push(e.isTrusted ? "click" : "fake"); });
console.log("ready", 1);
</script>`

func start(t *testing.T) (*chromium.Browser, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(testPage))
	}))
	t.Cleanup(server.Close)
	browser, err := chromium.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := browser.Close(); err != nil {
			t.Error(err)
		}
	})
	return browser, server.URL
}

func TestRealKeysAndMouse(t *testing.T) {
	browser, url := start(t)
	page, err := browser.Page(url)
	if err != nil {
		t.Fatal(err)
	}
	steps := []func() error{
		func() error { return page.Click("#a") },
		func() error { return page.Type("aB é\n") },
		func() error { return page.Compose("ni") },
		func() error { return page.PressProcessed("Enter") },
		func() error { return page.Insert("你") },
		func() error { return page.Click("#b") },
		func() error { return page.WaitFor(`keys.includes("click")`) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	var got struct {
		Value string
		Keys  []string
	}
	if err := page.Eval(`({Value: a.value, Keys: keys})`, &got); err != nil {
		t.Fatal(err)
	}
	if got.Value != "aB é\n你" {
		t.Errorf("the textarea holds %q", got.Value)
	}
	want := "a/65 B/66  /32 S-Enter/13"
	if keys := strings.Join(got.Keys, " "); !strings.HasPrefix(keys, want) || !strings.Contains(keys, "/229") {
		t.Errorf("the page saw %q", keys)
	}
}

func TestPagesAndPersons(t *testing.T) {
	browser, url := start(t)
	ada, err := browser.Page(url)
	if err != nil {
		t.Fatal(err)
	}
	if err := ada.Eval(`localStorage.setItem("k", "v")`, nil); err != nil {
		t.Fatal(err)
	}
	second, err := ada.Sibling(url)
	if err != nil {
		t.Fatal(err)
	}
	bob, err := browser.Page(url)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		page *chromium.Page
		want string
	}{{second, "v"}, {bob, ""}} {
		var got string
		if err := c.page.Eval(`localStorage.getItem("k") || ""`, &got); err != nil || got != c.want {
			t.Errorf("got %q, %v, want %q", got, err, c.want)
		}
	}
	if lines := ada.Console(); len(lines) != 1 || lines[0] != (chromium.Line{Level: "log", Text: "ready 1"}) {
		t.Errorf("console: %v", lines)
	}
	if err := ada.Reload(); err != nil {
		t.Error(err)
	}
	if err := ada.Eval(`nothing.here`, nil); err == nil || !strings.Contains(err.Error(), "ReferenceError") {
		t.Errorf("a wrong expression: %v", err)
	}
	if err := ada.Click("#none"); err == nil {
		t.Error("an element that is not there was clicked")
	}
}

func TestScreens(t *testing.T) {
	browser, url := start(t)
	page, err := browser.Page(url)
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Show(chromium.Screen{Width: 390, Height: 844, Scale: 2, Mobile: true, Dark: true}); err != nil {
		t.Fatal(err)
	}
	var dark bool
	if err := page.Eval(`matchMedia("(prefers-color-scheme: dark)").matches`, &dark); err != nil || !dark {
		t.Errorf("dark is %t, %v", dark, err)
	}
	path := filepath.Join(t.TempDir(), "shot.png")
	if err := page.Screenshot(path); err != nil {
		t.Fatal(err)
	}
	shot, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	image, err := png.DecodeConfig(bytes.NewReader(shot))
	if err != nil || image.Width != 780 || image.Height != 1688 {
		t.Errorf("the screenshot is %d x %d, %v", image.Width, image.Height, err)
	}
}

func TestABrowserThatEndsIsNoticed(t *testing.T) {
	browser, url := start(t)
	page, err := browser.Page(url)
	if err != nil {
		t.Fatal(err)
	}
	if err := browser.Close(); err != nil {
		t.Fatal(err)
	}
	if err := page.WaitFor("true"); !errors.Is(err, chromium.ErrGone) {
		t.Errorf("got %v", err)
	}
}
