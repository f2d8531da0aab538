package simple

import (
	"bytes"
	"encoding/json"
)

// uploadTime is the format that PEP 700 demands; times are in UTC.
const uploadTime = "2006-01-02T15:04:05.000000Z"

type jsonMeta struct {
	LastSerial uint64 `json:"_last-serial"`
	APIVersion string `json:"api-version"`
}

type jsonListed struct {
	LastSerial uint64 `json:"_last-serial"`
	Name       string `json:"name"`
}

type jsonList struct {
	Meta     jsonMeta     `json:"meta"`
	Projects []jsonListed `json:"projects"`
}

type jsonStatus struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

type jsonHashes struct {
	SHA256 string `json:"sha256"`
}

// jsonFile leaves out what is not there: uv refuses a whole page for one null
// in size, upload-time or yanked.
type jsonFile struct {
	Filename       string      `json:"filename"`
	URL            string      `json:"url"`
	Hashes         jsonHashes  `json:"hashes"`
	RequiresPython string      `json:"requires-python,omitempty"`
	CoreMetadata   *jsonHashes `json:"core-metadata,omitempty"`
	Yanked         any         `json:"yanked,omitempty"`
	Size           int64       `json:"size"`
	UploadTime     string      `json:"upload-time,omitempty"`
	Provenance     string      `json:"provenance,omitempty"`
}

type jsonProject struct {
	Meta     jsonMeta   `json:"meta"`
	Name     string     `json:"name"`
	Status   jsonStatus `json:"project-status"`
	Versions []string   `json:"versions"`
	Files    []jsonFile `json:"files"`
}

// JSON renders the root page (PEP 691). Members that begin with an underscore
// are private to an index; mirrors know "_last-serial".
func (l *List) JSON() []byte {
	page := jsonList{Meta: jsonMeta{l.Serial, APIVersion}, Projects: make([]jsonListed, len(l.Projects))}
	for i, p := range l.Projects {
		page.Projects[i] = jsonListed{p.Serial, p.Name}
	}
	return encode(page)
}

// JSON renders the project's page (PEP 691, 700, 792).
func (p *Project) JSON() []byte {
	page := jsonProject{
		Meta: jsonMeta{p.Serial, APIVersion}, Name: p.Name, Status: jsonStatus(p.status()),
		Versions: append([]string{}, p.Versions...), Files: []jsonFile{},
	}
	for _, f := range p.files() {
		page.Files = append(page.Files, f.json())
	}
	return encode(page)
}

func (f *File) json() jsonFile {
	j := jsonFile{
		Filename: f.Filename, URL: f.URL, Hashes: jsonHashes{f.SHA256}, RequiresPython: f.RequiresPython,
		Size: f.Size, Provenance: f.Provenance,
	}
	if f.MetadataSHA256 != "" {
		j.CoreMetadata = &jsonHashes{f.MetadataSHA256}
	}
	if f.Yanked != nil {
		j.Yanked = *f.Yanked
		if *f.Yanked == "" {
			j.Yanked = true
		}
	}
	if !f.UploadTime.IsZero() {
		j.UploadTime = f.UploadTime.UTC().Format(uploadTime)
	}
	return j
}

// encode cannot fail for the types above: they hold strings, numbers and lists
// only. Text that is not UTF-8 becomes U+FFFD.
func encode(page any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(page); err != nil {
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
