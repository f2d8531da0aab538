package simple

import (
	"net/url"
	"strings"
)

// Type is a representation of a page. The zero value is what a client gets
// that does not say what it wants.
type Type int

// The representations (PEP 691). TextHTML and HTML have the same bytes.
const (
	TextHTML Type = iota
	HTML
	JSON
)

// Types is the number of representations.
const Types = 3

// ContentType is the exact value of the Content-Type header. The versioned
// types have no parameter, because clients compare them as strings.
func (t Type) ContentType() string {
	switch t {
	case JSON:
		return "application/vnd.pypi.simple.v1+json"
	case HTML:
		return "application/vnd.pypi.simple.v1+html"
	default:
		return "text/html; charset=utf-8"
	}
}

// String is the media type.
func (t Type) String() string {
	s, _, _ := strings.Cut(t.ContentType(), ";")
	return s
}

// ParseType finds the representation with this media type. "latest" is another
// name of version 1 (PEP 691). Case does not matter (RFC 9110 section 8.3.1).
func ParseType(mediaType string) (Type, bool) {
	for _, t := range [...]struct {
		name string
		t    Type
	}{
		{"application/vnd.pypi.simple.v1+json", JSON},
		{"application/vnd.pypi.simple.latest+json", JSON},
		{"application/vnd.pypi.simple.v1+html", HTML},
		{"application/vnd.pypi.simple.latest+html", HTML},
		{"text/html", TextHTML},
	} {
		if strings.EqualFold(mediaType, t.name) {
			return t.t, true
		}
	}
	return 0, false
}

// FromQuery reads the "format" parameter of a query (PEP 691, "URL parameter"),
// which overrides Accept: json, html, or a whole media type, whose plus sign
// may have become a space. given says that there is one, ok that it is known.
func FromQuery(rawQuery string) (t Type, given, ok bool) {
	if rawQuery == "" {
		return 0, false, true
	}
	for pair := range strings.SplitSeq(rawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name != "format" {
			continue
		}
		value, err := url.QueryUnescape(value)
		if err != nil {
			return 0, true, false
		}
		switch strings.ToLower(value) {
		case "json":
			return JSON, true, true
		case "html":
			return TextHTML, true, true
		}
		t, ok = ParseType(strings.ReplaceAll(value, " ", "+"))
		return t, true, ok
	}
	return 0, false, true
}

// Negotiate chooses the representation for the values of the Accept headers
// (RFC 9110 section 12.5.1): for each representation the most specific range
// that matches gives its quality; the highest quality wins. Among equals a
// range that names the type beats */*, and then JSON goes before versioned HTML
// before text/html. No header, and a header of */* alone, give text/html. ok is
// false if nothing is acceptable.
func Negotiate(accept []string) (t Type, ok bool) {
	var found [Types]match
	ranges := false
	for _, header := range accept {
		for header != "" {
			var element string
			element, header = cutElement(header)
			if strings.TrimSpace(element) == "" {
				continue
			}
			ranges = true
			offer(&found, element)
		}
	}
	if !ranges {
		return TextHTML, true
	}
	best := match{}
	for candidate := range Types {
		if found[candidate].quality > 0 && found[candidate].beats(best) {
			t, best, ok = Type(candidate), found[candidate], true
		}
	}
	return t, ok
}

// match is the most specific range seen for one representation.
type match struct {
	quality     int // thousandths
	specificity int // 1: */*, 2: type/*, 3: type/subtype
}

// beats decides between a representation and an earlier, less preferred one.
func (m match) beats(earlier match) bool {
	if m.quality != earlier.quality {
		return m.quality > earlier.quality
	}
	return m.specificity > 1
}

// offer notes what one element of an Accept header says about each
// representation. What does not parse says nothing.
func offer(found *[Types]match, element string) {
	mediaRange, parameters, _ := strings.Cut(element, ";")
	quality, ok := qualityOf(parameters)
	if !ok {
		return
	}
	mediaRange = strings.TrimSpace(mediaRange)
	note := func(t Type, specificity int) {
		if specificity > found[t].specificity || specificity == found[t].specificity && quality > found[t].quality {
			found[t] = match{quality, specificity}
		}
	}
	switch {
	case mediaRange == "*/*":
		note(TextHTML, 1)
		note(HTML, 1)
		note(JSON, 1)
	case strings.EqualFold(mediaRange, "application/*"):
		note(HTML, 2)
		note(JSON, 2)
	case strings.EqualFold(mediaRange, "text/*"):
		note(TextHTML, 2)
	default:
		if t, ok := ParseType(mediaRange); ok {
			note(t, 3)
		}
	}
}

// cutElement splits a list at its first comma that is not within a quoted
// string.
func cutElement(list string) (element, rest string) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}

// qualityOf reads the weight from the parameters of a media range. A range that
// asks for a parameter that no representation has does not match; the charset
// is passed over, since all representations are UTF-8.
func qualityOf(parameters string) (quality int, ok bool) {
	for parameters != "" {
		var p string
		p, parameters, _ = strings.Cut(parameters, ";")
		name, value, _ := strings.Cut(p, "=")
		name = strings.TrimSpace(name)
		switch {
		case name == "" || strings.EqualFold(name, "charset"):
		case strings.EqualFold(name, "q"):
			// What follows the weight are extensions of Accept, not of the type.
			return ParseQuality(strings.TrimSpace(value))
		default:
			return 0, false
		}
	}
	return 1000, true
}

// ParseQuality reads a quality value (RFC 9110 section 12.4.2), from "0" to
// "1" with up to three digits, in thousandths.
func ParseQuality(s string) (thousandths int, ok bool) {
	if s == "" || len(s) > 5 || s[0] != '0' && s[0] != '1' || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	thousandths = int(s[0]-'0') * 1000
	scale := 100
	for _, c := range []byte(s[min(2, len(s)):]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		thousandths += int(c-'0') * scale
		scale /= 10
	}
	return thousandths, thousandths <= 1000
}
