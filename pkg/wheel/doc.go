// Package wheel reads what Python distributions say about themselves: file
// names, versions, requirements, core metadata, RECORD, and the wheel and sdist
// archives that carry them.
//
// It follows the PyPA specifications (PEP 440, 503, 508, 625, the wheel format
// and core metadata) as the reference library `packaging` implements them;
// test/difftest holds it to that. Where it is stricter on purpose, the
// function says so. It speaks neither HTTP nor OCI, and everything it is given
// is untrusted: sizes are bounded by [Limits], text by the Max constants.
package wheel

// Bounds on text. Longer input is an error before it is looked at.
const (
	// MaxVersionLength is in bytes, for one version or one clause of a specifier.
	MaxVersionLength = 1 << 10
	// MaxRequirementLength is in bytes, for one requirement, marker or
	// set of specifiers.
	MaxRequirementLength = 64 << 10
	// MaxFilenameLength is in bytes. With ".metadata" added, longer names
	// pass the 255 bytes that most file systems allow.
	MaxFilenameLength = 246
	// MaxTags bounds what one compressed tag set may expand to.
	MaxTags = 1000
	// MaxMarkerDepth is how deep parentheses may nest in a marker.
	MaxMarkerDepth = 200
)
