package wheel

// Default limits, chosen far above what real wheels need; they bound memory
// (METADATA and RECORD are read whole) and the time a hostile file can take.
const (
	DefaultMaxMembers     = 200_000
	DefaultMaxDirectory   = 64 << 20
	DefaultMaxMetadata    = 4 << 20
	DefaultMaxWheelFile   = 256 << 10
	DefaultMaxRecord      = 32 << 20
	DefaultMaxEntryPoints = 1 << 20
	DefaultMaxUnpacked    = 32 << 30
	DefaultMaxRatio       = 100
)

// ratioFrom is how many unpacked bytes an archive may have whatever the ratio:
// small files of zeros are legal and harmless.
const ratioFrom = 64 << 20

// Limits bound what [Inspect] reads. Zero fields stand for the defaults.
type Limits struct {
	Members     int   // entries of the archive; DefaultMaxMembers
	Directory   int64 // bytes of the zip's central directory; DefaultMaxDirectory
	Metadata    int64 // bytes of METADATA or PKG-INFO; DefaultMaxMetadata
	WheelFile   int64 // bytes of WHEEL; DefaultMaxWheelFile
	Record      int64 // bytes of RECORD; DefaultMaxRecord
	EntryPoints int64 // bytes of entry_points.txt; DefaultMaxEntryPoints
	Unpacked    int64 // bytes of all members unpacked; DefaultMaxUnpacked
	Ratio       int64 // unpacked bytes for each byte of the file, beyond 64 MiB unpacked; DefaultMaxRatio
}

func (l Limits) withDefaults() Limits {
	if l.Members == 0 {
		l.Members = DefaultMaxMembers
	}
	for _, d := range []struct {
		field *int64
		value int64
	}{
		{&l.Directory, DefaultMaxDirectory}, {&l.Metadata, DefaultMaxMetadata},
		{&l.WheelFile, DefaultMaxWheelFile}, {&l.Record, DefaultMaxRecord},
		{&l.EntryPoints, DefaultMaxEntryPoints},
		{&l.Unpacked, DefaultMaxUnpacked}, {&l.Ratio, DefaultMaxRatio},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// checkRatio refuses files that unpack to much more than they are.
func (l Limits) checkRatio(unpacked, packed int64) error {
	if unpacked > ratioFrom && unpacked/l.Ratio > packed {
		return limitError("%d bytes unpack to %d, more than %d for each", packed, unpacked, l.Ratio)
	}
	return nil
}
