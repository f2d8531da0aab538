// Package simple renders the pages of the Python package index "simple" API:
// the list of projects and the page of one project, as HTML and as JSON.
//
// It implements version 1.4 of the simple repository API (PEP 503, 592, 629,
// 658, 691, 700, 714, 740, 792) and the negotiation of representations (PEP
// 691 with the quality values of RFC 9110). It is given plain values, does no
// I/O and gives the same bytes for the same values.
package simple

import "time"

// APIVersion is the version of the simple API that pages announce (PEP 629).
// 1.5 would announce namespaces (PEP 752), which are not here.
const APIVersion = "1.4"

// List is the root page: all projects of an index.
type List struct {
	// Serial counts publications and never falls; mirrors look at it.
	Serial   uint64
	Projects []Listed
}

// Listed is one project of the root page.
type Listed struct {
	Name   string // normalised (PEP 503)
	Serial uint64 // the last one that changed the project
}

// Status is a project status marker (PEP 792).
type Status struct {
	Status string // active, archived, quarantined or deprecated
	Reason string // may be empty
}

// StatusQuarantined is the status of a project of which no file may be offered
// (PEP 792).
const StatusQuarantined = "quarantined"

// Project is the page of one project.
type Project struct {
	Name     string // normalised (PEP 503)
	Serial   uint64 // the last one that changed the project
	Status   Status // the zero value is active
	Versions []string
	// Files stand on the page in this order, unless the project is
	// quarantined: then there are none.
	Files []File
}

// File is one file of a project.
type File struct {
	Filename string
	// URL is relative to the page or absolute, escaped, without query and
	// fragment: clients append ".metadata" to it.
	URL    string
	SHA256 string // hexadecimal
	Size   int64  // in bytes
	// RequiresPython is a version specifier, unescaped; "" is none.
	RequiresPython string
	// MetadataSHA256 is the digest of what <URL>.metadata serves (PEP 658);
	// "" says that nothing does.
	MetadataSHA256 string
	UploadTime     time.Time // the zero value is left out
	// Yanked is the reason, which may be empty, of a yanked file; nil is not
	// yanked (PEP 592).
	Yanked *string
	// Provenance is an absolute URL (PEP 740); "" is none.
	Provenance string
}

// status is never empty.
func (p *Project) status() Status {
	if p.Status.Status == "" {
		return Status{Status: "active", Reason: p.Status.Reason}
	}
	return p.Status
}

// files are those that may be offered.
func (p *Project) files() []File {
	if p.Status.Status == StatusQuarantined {
		return nil
	}
	return p.Files
}
