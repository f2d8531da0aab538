package shim

import (
	"bytes"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// landingPage is for people who open the server in a browser.
var landingPage = template.Must(template.New("landing").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Python package indexes</title>
</head>
<body>
<h1>Python package indexes</h1>
{{range .}}<h2>{{.Name}}{{if .Test}} (under test){{end}}</h2>
<p>{{if .Revision}}Serial {{.Serial}}, revision <code>{{.Revision}}</code>{{else}}Not ready: see <a href="/readyz">/readyz</a>{{end}}</p>
<pre>pip install --index-url {{.URL}} PACKAGE
uv pip install --default-index {{.URL}} PACKAGE</pre>
<p><a href="{{.Path}}">Projects</a></p>
{{else}}<p>There are none.</p>
{{end}}</body>
</html>
`))

type landingIndex struct {
	Name     string
	Test     bool
	Revision string
	Serial   uint64
	URL      string
	Path     string
}

// landing lists the indexes and what to paste. The address is the one that the
// client used; nothing else depends on it.
func (h *Handler) landing(w http.ResponseWriter, r *http.Request) error {
	base := "http://" + r.Host
	if r.TLS != nil {
		base = "https://" + r.Host
	}
	var all []landingIndex
	for _, root := range h.order {
		s := root.source.Status()
		one := landingIndex{Name: root.name.String(), Test: root.live != nil, URL: base + root.path + "/simple/", Path: root.path + "/simple/"}
		if s.Serving() {
			one.Revision, one.Serial = string(s.Revision), s.Serial
		}
		all = append(all, one)
	}
	var body bytes.Buffer
	header := w.Header()
	header.Set("Vary", "Accept")
	header["Cache-Control"] = cacheNotFound
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		header.Set("Content-Type", "text/html; charset=utf-8")
		if err := landingPage.Execute(&body, all); err != nil {
			return err
		}
	} else {
		header.Set("Content-Type", "text/plain; charset=utf-8")
		landingText(&body, all)
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes())
	}
	return nil
}

func landingText(out *bytes.Buffer, all []landingIndex) {
	out.WriteString("Python package indexes\n")
	for _, ix := range all {
		state := "not ready, see /readyz"
		if ix.Revision != "" {
			state = "serial " + strconv.FormatUint(ix.Serial, 10) + ", " + ix.Revision
		}
		out.WriteString("\n" + ix.Name)
		if ix.Test {
			out.WriteString(" (under test)")
		}
		out.WriteString(": " + state + "\n  pip install --index-url " + ix.URL + " PACKAGE\n  uv pip install --default-index " + ix.URL + " PACKAGE\n")
	}
}
