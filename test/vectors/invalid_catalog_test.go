package vectors_test

import (
	"slices"
	"strings"
)

func catalogRows() []row {
	return slices.Concat(catalogHeaderRows, projectRows, fileRows, retiredFileRows, withdrawnFileRows, targetRows)
}

var (
	long = strings.Repeat("x", 1025)
	zero = strings.Repeat("0", 64)
)

var catalogHeaderRows = []row{
	{"full", "json--unknown-member", swap(`"format":1`, `"forma":0,"format":1`)},
	{"full", "json--duplicate-member", swap(`"format":1`, `"format":1,"format":1`)},
	{"full", "json--duplicate-member-in-ext", swap(`"number":1.5`, `"number":1.5,"number":1.5`)},
	{"full", "json--unknown-member-of-a-file", swap(`"yanked":""`, `"yanked":"","yanked-at":"2026-03-01T09:30:00Z"`)},
	{"full", "json--serial-is-a-string", swap(`"serial":3`, `"serial":"3"`)},
	{"full", "json--serial-is-negative", swap(`"serial":3`, `"serial":-3`)},
	{"full", "json--time-is-not-rfc-3339", swap(`"issued":"2026-03-03T12:30:00Z"`, `"issued":"2026-03-03 12:30:00"`)},
	{"full", "json--lone-surrogate", swap(`Ünïcode`, `\ud800`)},
	{"full", "canonical--escaped-angle", swap(`<angle>`, `\u003cangle>`)},
	{"full", "canonical--number-in-ext", swap(`"number":1.5`, `"number":1.50`)},
	{"full", "canonical--missing-member", swap(`"serial":3,`, ``)},
	{"full", "canonical--empty-optional-member", swap(`"license":"Apache-2.0"`, `"license":""`)},
	{"full", "canonical--null-optional-member", swap(`"yanked":""`, `"yanked":null`)},
	{"full", "canonical--empty-ext", swap(`{"io.example":{"list":[true,null,"é"],"number":1.5}}`, `{}`)},
	{"full", "canonical--serial-beyond-two-to-the-53", swap(`"serial":3`, `"serial":9007199254740993`)},
	{"full", "canonical--fraction-of-a-second", swap(`"issued":"2026-03-03T12:30:00Z"`, `"issued":"2026-03-03T12:30:00.0Z"`)},
	{"full", "canonical--numeric-utc", swap(`"issued":"2026-03-03T12:30:00Z"`, `"issued":"2026-03-03T12:30:00+00:00"`)},
	{"first", "canonical--empty-retired", swap(`"serial":1,`, `"retired":[],"serial":1,`)},
	{"full", "format--two", swap(`"format":1`, `"format":2`)},
	{"full", "format--zero", swap(`"format":1`, `"format":0`)},
	{"full", "name--product-in-upper-case", swap(`"product":"tools"`, `"product":"Tools"`)},
	{"full", "name--series", swap(`"series":"3.4"`, `"series":"3.04"`)},
	{"full", "name--variant-reserved", swap(`"variant":"cpu-ubi9"`, `"variant":"cpu-test"`)},
	{"full", "serial--zero", swap(`"serial":3`, `"serial":0`)},
	{"full", "serial--two-to-the-53", swap(`"serial":3`, `"serial":9007199254740992`)},
	{"full", "epoch--zero", swap(`"epoch":1`, `"epoch":0`)},
	{"full", "issued--with-an-offset", swap(`"issued":"2026-03-03T12:30:00Z"`, `"issued":"2026-03-03T12:30:00+02:00"`)},
	{"full", "issued--half-a-second", swap(`"issued":"2026-03-03T12:30:00Z"`, `"issued":"2026-03-03T12:30:00.5Z"`)},
	{"full", "issued--before-2000", swap(`"issued":"2026-03-03T12:30:00Z"`, `"issued":"1999-12-31T23:59:59Z"`)},
	{"full", "digest--previous", swap(`"previous":"sha256:8`, `"previous":"sha512:8`)},
	{"full", "digest--facts", swap(`"facts":[{"digest":"sha256:`, `"facts":[{"digest":"`)},
	{"full", "size--facts", swap(`"facts":[`, `"facts":[{"digest":"sha256:`+zero+`","size":0},`)},
	{"full", "duplicate-entry--facts-are-evidence", swap(`0694aacb66d62e742a92e8d5f1e82bd9d2a8ca1be88744201fbe63d0f5007502`, `96fae88b97d61d0a3bf8779903e40002b1f4f140e91eb147959ce3f59ae542be`)},
	{"full", "duplicate-entry--facts-are-a-file", swap(`0694aacb66d62e742a92e8d5f1e82bd9d2a8ca1be88744201fbe63d0f5007502`, `d91d5f1219b67965dde2a0d5647e112b4a7bdbb926265e7ecd469d7b05548a49`)},
	{"full", "ext--not-an-object", swap(`{"io.example":{"list":[true,null,"é"],"number":1.5}}`, `[1]`)},
	{"full", "gates--result", swap(`"result":"pass"`, `"result":"passed"`)},
	{"full", "size--gate-report", swap(`"size":19}`, `"size":0}`)},
	{"full", "digest--gates-live", swap(`"live":"sha256:8`, `"live":"8`)},
}

var projectRows = []row{
	{"full", "order--projects", swap(`"name":"beta"`, `"name":"aardvark"`)},
	{"full", "order--project-twice", swap(`"name":"delta-tools"`, `"name":"beta"`)},
	{"full", "project--not-normalised", swap(`"name":"delta-tools"`, `"name":"delta_tools"`)},
	{"full", "project--not-a-name", swap(`"name":"delta-tools"`, `"name":"delta tools"`)},
	{"full", "project--markup", swap(`"name":"delta-tools"`, `"name":"d<script>"`)},
	{"full", "project--ends-in-a-dash", swap(`"name":"delta-tools"`, `"name":"delta-"`)},
	{"full", "project--of-another", swap(`"name":"beta"`, `"name":"better"`)},
	{"full", "changed--after-the-serial", first(`"changed":3`, `"changed":4`)},
	{"full", "changed--zero", first(`"changed":3`, `"changed":0`)},
	{"full", "status--unknown", swap(`"status":"archived"`, `"status":"retired"`)},
	{"full", "status--active-is-not-written", swap(`"status":"archived"`, `"status":"active"`)},
	{"full", "status--reason-with-escape", swap(`"reason":"use alpha"`, `"reason":"use \u001b[31malpha"`)},
	{"full", "summary--line-end", swap(`Ünïcode, `, `Ünïcode,\n`)},
	{"full", "summary--c1-control", swap(`Ünïcode, `, "Ünïcode,\u009b")},
	{"full", "summary--line-separator", swap(`Ünïcode, `, "Ünïcode,\u2028")},
	{"full", "summary--too-long", swap(`Ünïcode, `, long+long)},
	{"full", "license--too-long", swap(`"license":"Apache-2.0"`, `"license":"`+long+`"`)},
	{"full", "license--delete", swap(`"license":"Apache-2.0"`, "\"license\":\"Apache\u007f-2.0\"")},
}

var fileRows = []row{
	{"full", "order--files", exchange(`"filename":"gamma-1.0-cp311-cp311-linux_x86_64.whl"`, `"filename":"gamma-1.0-cp312-cp312-linux_x86_64.whl"`)},
	{"full", "order--file-twice", swap(`"filename":"gamma-1.0-cp312-cp312-linux_x86_64.whl"`, `"filename":"gamma-1.0-cp311-cp311-linux_x86_64.whl"`)},
	{"full", "duplicate-filename--listed-and-retired", swap(`"filename":"alpha-0.8-py3-none-any.whl"`, `"filename":"alpha-0.9-py3-none-any.whl"`)},
	{"full", "filename--not-a-wheel-name", swap(`"filename":"alpha-1.0-py3-none-any.whl"`, `"filename":"alpha-1.0-any.whl"`)},
	{"full", "filename--path", swap(`"filename":"alpha-1.0.tar.gz"`, `"filename":"alpha-1.0/../x.tar.gz"`)},
	{"full", "filename--too-long", swap(`"filename":"alpha-1.0.tar.gz"`, `"filename":"alpha-1.0.`+strings.Repeat("1", 240)+`.tar.gz"`)},
	{"full", "filename--tilde", swap(`"filename":"alpha-1.0.tar.gz"`, `"filename":"alpha-1.0~1.tar.gz"`)},
	{"full", "package-type--egg", swap(`"package-type":"sdist"`, `"package-type":"bdist_egg"`)},
	{"full", "filename--wheel-as-sdist", swap(`"package-type":"sdist"`, `"package-type":"bdist_wheel"`)},
	{"full", "version--of-another-file", swap(`"version":"0.9"`, `"version":"0.9.1"`)},
	{"full", "version--not-normalised", swap(`"version":"0.9"`, `"version":"v0.9"`)},
	{"full", "version--equal-but-spelled-otherwise", swap(`"version":"0.9"`, `"version":"0.9.0"`)},
	{"full", "sha256--upper-case", swap(`"sha256":"0cfe`, `"sha256":"0CFE`)},
	{"full", "sha256--with-the-algorithm", swap(`"sha256":"0cfe`, `"sha256":"sha256:0cfe`)},
	{"full", "size--zero", swap(`"size":25,`, `"size":0,`)},
	{"full", "size--two-to-the-53", swap(`"size":25,`, `"size":9007199254740992,`)},
	{"full", "size--two-sizes-of-the-same-bytes", swap(`"sha256":"89e2b284f10f774d9b0456f2584f6298bf847501181a1d0d190070a7fe15e8ea","size":47`, `"sha256":"7dafe8a3c90ff34fde94333cf66dffe7cacefb0220f408726223691ec1b272f0","size":48`)},
	{"full", "manifest--two-sizes", last(`"size":1253`, `"size":1254`)},
	{"full", "digest--manifest", swap(`"manifest":{"digest":"sha256:59be`, `"manifest":{"digest":"sha256-59be`)},
	{"full", "size--manifest", swap(`"size":723`, `"size":-1`)},
	{"full", "metadata--none", swap(`"metadata":{"sha256":"0de7fac7a5cb8cffcbc0b150ad8c4ec085f2b5aba9c25d0a42aea2b54de0ce81","size":38},`, ``)},
	{"full", "metadata--too-large", swap(`"size":28}`, `"size":16777217}`)},
	{"full", "metadata--sha256", swap(`"sha256":"0de7`, `"sha256":"0de`)},
	{"full", "digest--provenance", swap(`"provenance":{"digest":"sha256:3`, `"provenance":{"digest":"sha256:`)},
	{"full", "upload-time--with-an-offset", first(`"upload-time":"2026-03-01T09:30:00Z"`, `"upload-time":"2026-03-01T09:30:00-01:00"`)},
	{"full", "yanked--control-character", swap(`"yanked":""`, `"yanked":"\t"`)},
	{"full", "requires-python--line-end", swap(`"requires-python":">=3.11"`, `"requires-python":">=3.11\r"`)},
	{"full", "requires-python--too-long", swap(`"requires-python":">=3.11"`, `"requires-python":"`+long+`"`)},
}

var retiredFileRows = []row{
	{"full", "since--zero", swap(`"since":2`, `"since":0`)},
	{"full", "since--after-the-serial", swap(`"since":2`, `"since":4`)},
	{"full", "order--retired-twice", times(2, `{"at":`)},
	{"full", "at--after-the-catalog", swap(`"at":"2026-03-02T12:30:00Z"`, `"at":"2026-03-03T12:30:01Z"`)},
	{"full", "at--with-an-offset", swap(`"at":"2026-03-02T12:30:00Z"`, `"at":"2026-03-02T12:30:00+01:00"`)},
	{"full", "version--retired", swap(`"version":"0.8"`, `"version":"0.9"`)},
}

var withdrawnFileRows = []row{
	{"full", "withdrawn--also-listed", swap(`"filename":"epsilon-1.0-py3-none-any.whl"`, `"filename":"alpha-1.0-py3-none-any.whl"`)},
	{"full", "withdrawn--also-retired", swap(`"filename":"epsilon-1.0-py3-none-any.whl"`, `"filename":"alpha-0.8-py3-none-any.whl"`)},
	{"full", "withdrawn--not-a-file-name", swap(`"filename":"epsilon-1.0-py3-none-any.whl"`, `"filename":"epsilon\u001b.whl"`)},
	{"full", "withdrawn--sha256", swap(`"sha256":"1b2a`, `"sha256":"1b2`)},
	{"full", "withdrawn--since-zero", swap(`"since":3`, `"since":0`)},
	{"full", "withdrawn--reason-too-long", swap(`"reason":"malicious code"`, `"reason":"`+long+`"`)},
	{"full", "since--withdrawn-after-the-serial", swap(`"since":3`, `"since":4`)},
	{"full", "order--withdrawn-twice", times(2, `{"filename":"epsilon`)},
}

var targetRows = []row{
	{"full", "target--no-python", swap(`"pythons":["3.11","3.12","3.14t"]`, `"pythons":[]`)},
	{"full", "target--no-platform", swap(`"platforms":["linux_aarch64","linux_x86_64"]`, `"platforms":[]`)},
	{"full", "target--python", swap(`"3.14t"`, `"4.0"`)},
	{"full", "target--platform", swap(`"platforms":["linux_aarch64","linux_x86_64"]`, `"platforms":["linux_aarch64","manylinux_2_34_x86_64"]`)},
	{"full", "target--glibc", swap(`"glibc":"2.34"`, `"glibc":"2.034"`)},
	{"full", "target--package-type", swap(`"package-types":["bdist_wheel","sdist"]`, `"package-types":["bdist_egg"]`)},
	{"full", "order--pythons", swap(`"3.11","3.12"`, `"3.12","3.11"`)},
	{"full", "order--platforms", swap(`"linux_aarch64","linux_x86_64"`, `"linux_x86_64","linux_aarch64"`)},
	{"full", "target--glibcxx", swap(`"glibcxx":"3.4.29"`, `"glibcxx":"6.0.29"`)},
	{"full", "target--accelerator-kind", swap(`"kind":"cuda"`, `"kind":"gpu"`)},
	{"full", "target--accelerator-without-version", swap(`"kind":"cuda","version":"13.0"`, `"kind":"cuda"`)},
	{"full", "target--cpu-with-version", swap(`"kind":"cuda"`, `"kind":"cpu"`)},
	{"full", "target--base-of-another-platform", swap(`"platform":"linux_aarch64"`, `"platform":"linux_ppc64le"`)},
	{"full", "target--library-with-a-path", swap(`"libraries":["libc.so.6"]`, `"libraries":["/lib64/libc.so.6"]`)},
	{"full", "target--no-libraries", swap(`"libraries":["libc.so.6"]`, `"libraries":[]`)},
	{"full", "target--base-python-version", swap(`"pip":"26.3"`, `"pip":"v26.3"`)},
	{"full", "target--base-python-name", swap(`"pip":"26.3"`, `"Pip":"26.3"`)},
	{"full", "target--base-without-distributions", swap(`"3.12":{"pip":"26.3","setuptools":"80.1.0"}`, `"3.12":{}`)},
	{"full", "target--base-of-no-python", swap(`"3.12":{"pip"`, `"cp312":{"pip"`)},
	{"full", "order--libraries", swap(`"libc.so.6","libstdc++.so.6"`, `"libstdc++.so.6","libc.so.6"`)},
	{"full", "order--base", swap(`"platform":"linux_aarch64"`, `"platform":"linux_x86_64"`)},
	{"full", "target--gate-mode", swap(`"sbom":"warn"`, `"sbom":"maybe"`)},
	{"full", "target--gate-name", swap(`"provenance":"off"`, `"Provenance":"off"`)},
	{"full", "target--partial-of-another-platform", swap(`"partial":[{"platforms":["linux_x86_64"]`, `"partial":[{"platforms":["linux_s390x"]`)},
	{"full", "target--partial-without-reason", swap(`"reason":"the vendor supports no other"`, `"reason":""`)},
	{"full", "order--partial-twice", swap(`"partial":[`, `"partial":[{"platforms":["linux_x86_64"],"project":"gamma","reason":"twice"},`)},
	{"full", "target--pin", swap(`"torch":"==2.9.*"`, `"torch":"=2.9"`)},
	{"full", "target--pin-not-normalised", swap(`"torch":"==2.9.*"`, `"Torch":"==2.9.*"`)},
	{"full", "target--waiver-without-ticket", swap(`"ticket":"TOOLS-17"`, `"ticket":""`)},
	{"full", "target--waiver-versions", swap(`"versions":"==1.0"`, `"versions":"1.0"`)},
	{"full", "target--waiver-half-a-second", first(`"expires":"2026-03-30T00:30:00Z"`, `"expires":"2026-03-30T00:30:00.5Z"`)},
	{"full", "order--waiver-twice", times(2, `{"expires":`)},
	{"full", "order--package-type-twice", swap(`["bdist_wheel","sdist"]`, `["sdist","sdist"]`)},
}
