package publish

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// MaxPlan bounds a saved plan, in bytes.
const MaxPlan = 256 << 20

// Encode returns the plan as JSON for a file.
func (p *Plan) Encode() ([]byte, error) { return encodePlan(p) }

func encodePlan(p any) ([]byte, error) {
	data, err := strictjson.Marshal(p)
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// DecodePlan reads a saved plan of a publication.
func DecodePlan(data []byte) (*Plan, error) {
	var p Plan
	if err := decodePlan(data, "publish", &p); err != nil {
		return nil, err
	}
	if p.Kind != "publish" {
		return nil, input("plan: its kind is %q, not publish", p.Kind)
	}
	p.Again = true
	return &p, p.check()
}

// check finds objects that are not what they are called.
func (p *Plan) check() error {
	objects := slices.Concat([]Object{p.Catalog, p.CatalogManifest, p.SignatureManifest}, p.Bundles, p.Facts, p.Evidence)
	for _, u := range p.Uploads {
		if u.Signature != nil {
			objects = append(objects, u.Signature.Bundle, u.Signature.Manifest)
		}
	}
	for _, o := range objects {
		if err := o.check(); err != nil {
			return err
		}
	}
	return nil
}

func decodePlan(data []byte, kind string, v any) error {
	if len(data) > MaxPlan {
		return input("plan: %d bytes, the limit is %d", len(data), MaxPlan)
	}
	if err := strictjson.Unmarshal(bytes.TrimSpace(data), v); err != nil {
		var x struct{ Kind string }
		if json.Unmarshal(data, &x) == nil && x.Kind != "" && x.Kind != kind {
			return input("plan: its kind is %q, not %s", x.Kind, kind)
		}
		return input("plan: not a saved plan: %v", err)
	}
	return nil
}

// Encode returns the plan as JSON for a file.
func (p *Promotion) Encode() ([]byte, error) { return encodePlan(p) }

// DecodePromotion reads a saved plan of a promotion.
func DecodePromotion(data []byte) (*Promotion, error) {
	var p Promotion
	if err := decodePlan(data, "promote", &p); err != nil {
		return nil, err
	}
	if p.Kind != "promote" {
		return nil, input("plan: its kind is %q, not promote", p.Kind)
	}
	return &p, p.checkSaved()
}

// checkSaved finds promotions that were edited by hand.
func (p *Promotion) checkSaved() error {
	objects := append([]Object{p.Revision}, p.Head.Bundles...)
	if p.Retired != nil {
		objects = append(objects, *p.Retired)
	}
	for _, t := range p.Sigs {
		objects = append(append(objects, t.Manifest), t.Payloads...)
	}
	for _, o := range append(objects, p.Head.Manifest) {
		if err := o.check(); err != nil {
			return err
		}
	}
	return p.checkHead()
}

// checkHead finds out whether the plan says what its head says.
func (p *Promotion) checkHead() error {
	for i, b := range p.Head.Bundles {
		statement, err := statementOf(b.Data)
		if err != nil {
			return input("plan: head: %v", err)
		}
		if i == len(p.Head.Bundles)-1 {
			return nil // the freshness, which names the promotion by digest
		}
		s, err := index.DecodePromotion(statement)
		if err != nil {
			return input("plan: head: %v", err)
		}
		if s.Name != p.Name || s.Revision != p.Revision.Digest || s.Serial != p.Serial || s.Sequence != p.Sequence {
			return input("plan: name, revision, serial and sequence are not those of its head; plans must not be edited: plan again")
		}
	}
	return input("plan: it has no head")
}
