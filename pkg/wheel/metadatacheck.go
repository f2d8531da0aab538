package wheel

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// metadataVersions are those that there are. 2.0 was never agreed upon, but
// was written by every wheel of several years.
var metadataVersions = []string{"1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5"}

// checkMetadata holds Metadata against the file name and takes what the index
// shows. member is where it comes from.
func (info *Info) checkMetadata(r *report, member string) (*Metadata, error) {
	m, err := ParseMetadata(info.Metadata)
	if err != nil {
		return nil, r.take(inMember(member, err))
	}
	if NormalizeName(m.Name) != info.Project {
		r.refuse(RuleName, member, "says Name: %s, the file name says %s", m.Name, info.Name)
	}
	if !m.Version.Equal(info.Version) {
		r.refuse(RuleVersion, member, "says Version: %s, the file name says %s", m.RawVersion, info.Version)
	}
	sum := sha256.Sum256(info.Metadata)
	info.MetadataSHA256 = hex.EncodeToString(sum[:])
	info.Name, info.Summary, info.RequiresPython = m.Name, m.Summary, m.RequiresPython
	info.License, info.Requires, info.ProvidesExtra = m.LicenseLine(), m.RequiresDist, m.ProvidesExtra
	info.MetadataDefect = m.Defect
	r.checkMetadataVersion(m.MetadataVersion, member, info.PackageType)
	if m.Defect != "" {
		r.warn(RuleMetadata, member, "%s", m.Defect)
	}
	r.checkRequirements(m, member)
	return m, nil
}

// checkMetadataVersion follows the specification: a newer minor version is
// read with a warning. Wheels begin with 1.1.
func (r *report) checkMetadataVersion(version, member, packageType string) {
	major, minor, _ := strings.Cut(version, ".")
	switch {
	case version == "1.0" && packageType == TypeWheel:
		r.refuse(RuleMetadata, member, "Metadata-Version is 1.0, wheels have 1.1 or newer")
	case slices.Contains(metadataVersions, version):
	case major == "2" && allDigits(minor) && newNumber(minor).compare(newNumber("5")) > 0:
		r.warn(RuleMetadata, member, "Metadata-Version is %s, newer than 2.5: fields that are new in it are not read", version)
	default:
		r.refuse(RuleMetadata, member, "Metadata-Version %q does not exist", version)
	}
}

// checkRequirements refuses requirements that installers cannot read: pip takes
// a version with a broken Requires-Dist, and uv one with a broken
// Requires-Python, for one that cannot be installed.
func (r *report) checkRequirements(m *Metadata, member string) {
	for _, text := range m.RequiresDist {
		if _, err := ParseRequirement(text); err != nil {
			r.refuse(RuleRequirement, member, "Requires-Dist: %v", err)
		}
	}
	if m.RequiresPython != "" {
		if _, err := ParseSpecifiers(m.RequiresPython); err != nil {
			if _, lenient := ParseSpecifiers(withoutStars(m.RequiresPython)); lenient == nil {
				r.warn(RuleRequirement, member, "Requires-Python: %v; pip ignores it, uv leaves out the .*", err)
			} else {
				r.refuse(RuleRequirement, member, "Requires-Python: %v", err)
			}
		}
	}
	for _, extra := range m.ProvidesExtra {
		if CheckName(extra) != nil {
			r.warn(RuleRequirement, member, "Provides-Extra: %q is no name", extra)
		}
	}
}

// withoutStars turns ">=3.6.*", which many wheels of 2018 have, into ">=3.6".
func withoutStars(specifiers string) string {
	clauses := strings.Split(specifiers, ",")
	for i, clause := range clauses {
		if strings.HasPrefix(strings.TrimSpace(clause), ">=") {
			clauses[i] = strings.TrimSuffix(strings.TrimSpace(clause), ".*")
		}
	}
	return strings.Join(clauses, ",")
}
