package publish

import (
	"bytes"
	"compress/gzip"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// gzipFrom is the size, in bytes, from which a catalog is stored compressed.
const gzipFrom = 16 << 10

// storedCatalog is the catalog as it is stored. Which form and which
// compressor does not matter to readers, who look at the decoded bytes.
func storedCatalog(decoded []byte) (Object, error) {
	if len(decoded) < gzipFrom {
		return newObject(artifact.MediaTypeCatalog, decoded), nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return Object{}, err
	}
	if _, err := z.Write(decoded); err != nil {
		return Object{}, err
	}
	if err := z.Close(); err != nil {
		return Object{}, err
	}
	return newObject(artifact.MediaTypeCatalogGzip, b.Bytes()), nil
}

func decodedCatalog(o Object) ([]byte, error) {
	if o.MediaType != artifact.MediaTypeCatalogGzip {
		return o.Data, nil
	}
	return verify.Gunzip(o.Data, index.MaxCatalog)
}
