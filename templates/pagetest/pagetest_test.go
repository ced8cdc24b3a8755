package pagetest_test

import (
	"slices"
	"testing"

	"heraut/templates/pagetest"
)

// A page that is wrong on purpose: each judge has to see its own fault. A judge
// that never speaks proves nothing about the pages that pass.
const wrong = `<!doctype html>
<html>
<head><title>x</title></head>
<body>
<h1>Kop</h1>
<p style="color: #ddd; background: #fff; display: grid">Te licht om te lezen</p>
<div style="width: 900px">breed</div>
<p>open <b>vet</i></p>
<script>throw new Error("stuk")</script>
</body>
</html>
`

func TestJudgesSpeak(t *testing.T) {
	found, err := pagetest.Findings(pagetest.Page{Name: "wrong", HTML: wrong, Mail: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][2]string{
		{"axe", "html-has-lang"}, {"axe", "color-contrast"}, {"reflow", "1.4.10"},
		{"html-validate", "close-order"}, {"caniemail", "display:grid"}, {"chromium", "error"},
	} {
		if !slices.ContainsFunc(found, func(f pagetest.Finding) bool { return f.Judge == want[0] && f.Rule == want[1] }) {
			t.Errorf("%s did not name %s; found %+v", want[0], want[1], found)
		}
	}
}
