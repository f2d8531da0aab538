package index

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
)

// Name names an index: product, series (X.Y or X.YeaN) and variant.
type Name struct {
	Product string
	Series  string
	Variant string
}

var (
	productPattern = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)
	seriesPattern  = regexp.MustCompile(`^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(ea[1-9][0-9]*)?$`)
	variantPattern = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)
	// No dot: it ends the variant in a stage tag.
	writerPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// reservedSuffixes would make the tags of one index be those of another.
var reservedSuffixes = []string{"-test", ".head", ".retired", ".subset"}

// Bounds, in bytes, so that every tag stays within the 128 that OCI allows.
const (
	maxProduct = 64
	maxSeries  = 16
	maxVariant = 64
	maxWriter  = 24
)

// ParseName parses "product/series/variant".
func ParseName(s string) (Name, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return Name{}, artifact.Violates("name", "%q is not product/series/variant, such as tools/3.4/cpu-ubi9", s)
	}
	n := Name{parts[0], parts[1], parts[2]}
	return n, n.Check()
}

// Check holds the name against the grammar of docs/format.md.
func (n Name) Check() error {
	if len(n.Product) > maxProduct || !productPattern.MatchString(n.Product) {
		return artifact.Violates("name", "product %q: want lower-case letters and digits, joined by '.', '_' or '-', at most %d", n.Product, maxProduct)
	}
	if err := CheckSeries(n.Series); err != nil {
		return err
	}
	if len(n.Variant) > maxVariant || !variantPattern.MatchString(n.Variant) {
		return artifact.Violates("name", "variant %q: want lower-case letters and digits, joined by '.' or '-', at most %d", n.Variant, maxVariant)
	}
	for _, suffix := range reservedSuffixes {
		if strings.HasSuffix(n.Variant, suffix) {
			return artifact.Violates("name", "variant %q ends in %q, which is reserved", n.Variant, suffix)
		}
	}
	return nil
}

// CheckSeries accepts X.Y and X.YeaN without leading zeros.
func CheckSeries(series string) error {
	if len(series) > maxSeries || !seriesPattern.MatchString(series) {
		return artifact.Violates("name", "series %q: want X.Y or X.YeaN, such as 3.4 or 3.5ea1", series)
	}
	return nil
}

func (n Name) String() string { return n.Product + "/" + n.Series + "/" + n.Variant }

// LiveTag is the tag that users and mirrors follow.
func (n Name) LiveTag() string { return n.Series + "-" + n.Variant }

// HeadTag carries the signed statement of what is live.
func (n Name) HeadTag() string { return n.LiveTag() + ".head" }

// RetiredTag carries the index of files no longer listed.
func (n Name) RetiredTag() string { return n.LiveTag() + ".retired" }

// SubsetTag says what a mirror that keeps only a part has kept.
func (n Name) SubsetTag() string { return n.LiveTag() + ".subset" }

// CandidateTag is what is under test.
func (n Name) CandidateTag() string { return "test." + n.LiveTag() }

// RevisionTag keeps one revision.
func (n Name) RevisionTag(serial uint64) string {
	return "rev." + n.LiveTag() + "." + strconv.FormatUint(serial, 10)
}

// RetiredHistoryTag keeps the index of files that one revision retired, where
// nothing else keeps them.
func (n Name) RetiredHistoryTag(serial uint64) string {
	return "rev." + n.RetiredTag() + "." + strconv.FormatUint(serial, 10)
}

// HeadHistoryTag keeps the head of one promotion.
func (n Name) HeadHistoryTag(sequence uint64) string {
	return "rev." + n.HeadTag() + "." + strconv.FormatUint(sequence, 10)
}

// StageTag anchors the work in progress of one writer.
func (n Name) StageTag(writer string) (string, error) {
	if len(writer) > maxWriter || !writerPattern.MatchString(writer) {
		return "", artifact.Violates("writer", "%q: want lower-case letters and digits, joined by '-', at most %d", writer, maxWriter)
	}
	return "stage." + n.LiveTag() + "." + writer, nil
}

// LeaseTag says which writer's turn it is. It is no stage tag: variants are
// preceded by a series there, which begins with a digit.
func (n Name) LeaseTag() string { return "stage.lease." + n.LiveTag() }

// ReleaseTag is the tag of the release of a series.
func ReleaseTag(series string) string { return series }
