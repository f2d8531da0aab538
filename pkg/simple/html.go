package simple

import (
	"html"
	"strconv"
	"strings"
)

// page writes HTML. Everything that is not a constant goes through attr or
// text, or is a number.
type page struct{ strings.Builder }

// text writes escaped text, good between tags and within quotes. Control
// characters, which HTML does not allow at all, become U+FFFD.
func (p *page) text(s string) {
	p.WriteString(html.EscapeString(strings.Map(printable, strings.ToValidUTF8(s, "\uFFFD"))))
}

func printable(r rune) rune {
	if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
		return '\uFFFD'
	}
	return r
}

// attr writes an attribute with a blank before it.
func (p *page) attr(name, value string) {
	p.WriteString(" " + name + `="`)
	p.text(value)
	p.WriteString(`"`)
}

func (p *page) meta(name, content string) {
	p.WriteString("<meta")
	p.attr("name", name)
	p.attr("content", content)
	p.WriteString(">\n")
}

// begin writes all up to the body; meta writes more of the head.
func (p *page) begin(title string, meta func()) {
	p.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	p.meta("pypi:repository-version", APIVersion)
	meta()
	p.WriteString("<title>")
	p.text(title)
	p.WriteString("</title>\n</head>\n<body>\n<h1>")
	p.text(title)
	p.WriteString("</h1>\n")
}

// end closes the page. The comment is where older mirrors look for the serial.
func (p *page) end(serial uint64) []byte {
	p.WriteString("</body>\n</html>\n<!--SERIAL " + strconv.FormatUint(serial, 10) + "-->\n")
	return []byte(p.String())
}

// HTML renders the root page (PEP 503).
func (l *List) HTML() []byte {
	var p page
	p.Grow(512 + 48*len(l.Projects))
	p.begin("Projects", func() {})
	for _, project := range l.Projects {
		p.WriteString("<a")
		p.attr("href", project.Name+"/")
		p.WriteString(">")
		p.text(project.Name)
		p.WriteString("</a><br>\n")
	}
	return p.end(l.Serial)
}

// HTML renders the project's page (PEP 503, 592, 658, 714, 792).
func (p *Project) HTML() []byte {
	var out page
	out.Grow(512 + 512*len(p.Files))
	out.begin("Links for "+p.Name, func() {
		status := p.status()
		out.meta("pypi:project-status", status.Status)
		if status.Reason != "" {
			out.meta("pypi:project-status-reason", status.Reason)
		}
	})
	for _, f := range p.files() {
		out.file(&f)
	}
	return out.end(p.Serial)
}

func (p *page) file(f *File) {
	p.WriteString("<a")
	p.attr("href", f.URL+"#sha256="+f.SHA256)
	if f.RequiresPython != "" {
		p.attr("data-requires-python", f.RequiresPython)
	}
	if f.MetadataSHA256 != "" {
		p.attr("data-core-metadata", "sha256="+f.MetadataSHA256)
		// The name of before PEP 714, which pip below 23.2 knows.
		p.attr("data-dist-info-metadata", "sha256="+f.MetadataSHA256)
	}
	if f.Yanked != nil {
		p.attr("data-yanked", *f.Yanked)
	}
	if f.Provenance != "" {
		p.attr("data-provenance", f.Provenance)
	}
	p.WriteString(">")
	p.text(f.Filename)
	p.WriteString("</a><br>\n")
}
