package main

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed campaign.html
var campaignPageSource string

var campaignPage = template.Must(template.New("campaign.html").Parse(campaignPageSource))

// previewPage writes a page that shows a mail as on a desktop, on a phone and as
// text, and needs nothing but a browser. The mail stands in frames that run no
// scripts.
func previewPage(out io.Writer, w words, v previewJSON) error {
	return campaignPage.Execute(out, struct {
		Words words
		previewJSON
		// The whole attribute: of HTML in an attribute html/template drops the tags.
		Mail template.HTMLAttr
	}{w, v, template.HTMLAttr(`srcdoc="` + template.HTMLEscapeString(v.HTML) + `"`)})
}
