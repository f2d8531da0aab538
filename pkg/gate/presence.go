package gate

import (
	"context"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// sbom wants an SBOM in every wheel (PEP 770).
func (j *judge) sbom(context.Context) error {
	for _, f := range j.now.files {
		if f.facts != nil && f.PackageType == index.Wheel && len(f.facts.SBOMs) == 0 {
			j.addFile(f, Finding{Severity: Error, Rule: "missing", Message: "no SBOM",
				Fix: "build the wheel with one in its .dist-info/sboms"})
		}
	}
	return nil
}

// provenance wants a provenance object for every file (PEP 740).
func (j *judge) provenance(context.Context) error {
	for _, f := range j.now.files {
		if f.Provenance == nil {
			j.addFile(f, Finding{Severity: Error, Rule: "missing", Message: "no provenance",
				Fix: "publish the file with its provenance"})
		}
	}
	return nil
}
