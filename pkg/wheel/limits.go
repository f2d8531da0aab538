package wheel

// Default limits, chosen far above what real wheels need; they bound memory
// (METADATA and RECORD are read whole) and the time a hostile file can take.
const (
	DefaultMaxMembers   = 200_000
	DefaultMaxDirectory = 64 << 20
	DefaultMaxMetadata  = 4 << 20
	DefaultMaxWheelFile = 256 << 10
	DefaultMaxRecord    = 32 << 20
	DefaultMaxUnpacked  = 2 << 30
)

// Limits bound what [Inspect] reads. Zero fields stand for the defaults.
type Limits struct {
	Members   int   // entries of the archive; DefaultMaxMembers
	Directory int64 // bytes of the zip's central directory; DefaultMaxDirectory
	Metadata  int64 // bytes of METADATA or PKG-INFO; DefaultMaxMetadata
	WheelFile int64 // bytes of WHEEL; DefaultMaxWheelFile
	Record    int64 // bytes of RECORD; DefaultMaxRecord
	Unpacked  int64 // bytes of a tar.gz inflated in search of PKG-INFO; DefaultMaxUnpacked
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
		{&l.Unpacked, DefaultMaxUnpacked},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}
