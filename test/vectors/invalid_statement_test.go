package vectors_test

var claimsRows = []row{
	{"full", "statement--type", swap(`in-toto.io/Statement/v1`, `in-toto.io/Statement/v0.1`)},
	{"full", "statement--no-subject", cut(`{"digest":{`, `]`)},
	{"full", "statement--sha512", swap(`"digest":{"sha256"`, `"digest":{"sha512"`)},
	{"full", "statement--two-digests", swap(`"digest":{`, `"digest":{"sha1":"00",`)},
	{"full", "statement--space", after(" ")},
	{"full", "statement--unknown-member", swap(`"predicateType"`, `"predicateKind":"x","predicateType"`)},
	{"full", "predicate-type--promotion", swap(`predicate/revision/v1`, `predicate/promotion/v1`)},
	{"full", "predicate-type--other-tool", swap(`https://github.com/pinwheel-oci/pinwheel/predicate/revision/v1`, `https://sigstore.dev/cosign/sign/v1`)},
	{"full", "subject--other-manifest", swap(`79018f03`, `79018f00`)},
	{"full", "subject--two", times(2, `{"digest":{`)},
	{"full", "subject--name", last(`"name":"tools/3.4/cpu-ubi9"`, `"name":"tools/3.4/cpu"`)},
	{"full", "subject--no-name", last(`,"name":"tools/3.4/cpu-ubi9"`, ``)},
	{"full", "json--no-predicate", cut(`"predicate":`, `"predicateType"`)},
	{"full", "json--unknown-claim", swap(`"serial":3`, `"serial":3,"stage":"live"`)},
	{"full", "canonical--missing-claim", swap(`"epoch":1,`, ``)},
	{"full", "sha256--catalog", swap(`"catalog":"d`, `"catalog":"D`)},
	{"full", "epoch--zero", swap(`"epoch":1`, `"epoch":0`)},
	{"full", "serial--zero", swap(`"serial":3`, `"serial":0`)},
	{"full", "issued--with-an-offset", swap(`"2026-03-03T12:30:00Z"`, `"2026-03-03T12:30:00+01:00"`)},
	{"full", "name--no-series", first(`"name":"tools/3.4/cpu-ubi9"`, `"name":"tools/cpu-ubi9"`)},
}

func promotionRows() []row {
	recent := `"recent":[{"from":"2026-03-01T10:30:00Z",`
	return []row{
		{"full", "predicate-type--release", swap(`predicate/promotion/v1`, `predicate/release/v1`)},
		{"full", "subject--other-revision", last(`cea94b7b`, `cea94b70`)},
		{"full", "subject--name", last(`"name":"tools/3.4/cpu-ubi9"`, `"name":"tools/3.5/cpu-ubi9"`)},
		{"full", "json--unknown-member", swap(`"stage":"live"`, `"stage":"live","until":1`)},
		{"full", "canonical--empty-recent", cut(`{"from"`, `]`)},
		{"full", "stage--candidate", swap(`"stage":"live"`, `"stage":"candidate"`)},
		{"full", "sequence--zero", swap(`"sequence":2`, `"sequence":0`)},
		{"full", "serial--zero", swap(`"serial":3`, `"serial":0`)},
		{"full", "epoch--zero", swap(`"epoch":1`, `"epoch":0`)},
		{"full", "issued--half-a-second", swap(`"issued":"2026-03-03T14:30:00Z"`, `"issued":"2026-03-03T14:30:00.5Z"`)},
		{"full", "name--variant-reserved", first(`"name":"tools/3.4/cpu-ubi9"`, `"name":"tools/3.4/cpu.head"`)},
		{"full", "digest--revision", swap(`"revision":"sha256:c`, `"revision":"sha256:C`)},
		{"full", "by--line-end", swap(`"by":"release team"`, `"by":"release\nteam"`)},
		{"full", "by--too-long", swap(`"by":"release team"`, `"by":"`+long+`"`)},
		{"full", "reason--escape", swap(`"reason":"gamma 1.0"`, `"reason":"\u001b]0;gamma"`)},
		{"full", "recent--sequence-not-before", swap(`"sequence":1`, `"sequence":2`)},
		{"full", "recent--sequence-zero", swap(`"sequence":1`, `"sequence":0`)},
		{"full", "recent--serial-after", swap(`"serial":1`, `"serial":4`)},
		{"full", "recent--until-before-from", swap(`"until":"2026-03-03T14:30:00Z"`, `"until":"2026-03-01T10:29:59Z"`)},
		{"full", "recent--until-after-issued", swap(`"until":"2026-03-03T14:30:00Z"`, `"until":"2026-03-03T14:30:01Z"`)},
		{"full", "recent--oldest-first", swap(recent, recent+`"revision":"sha256:`+zero+`","sequence":1,"serial":1,"until":"2026-03-01T10:30:00Z"},{"from":"2026-03-01T10:30:00Z",`)},
		{"full", "recent--time-with-an-offset", swap(`"from":"2026-03-01T10:30:00Z"`, `"from":"2026-03-01T10:30:00+01:00"`)},
		{"full", "recent--sixty-five", times(65, `{"from"`)},
		{"full", "digest--recent", swap(`"revision":"sha256:8422`, `"revision":"8422`)},
		{"full", "withdrawn--file-name", swap(`"filename":"epsilon-1.0-py3-none-any.whl"`, `"filename":"../epsilon.whl"`)},
		{"full", "withdrawn--since-two-to-the-53", swap(`"since":3`, `"since":9007199254740992`)},
		{"full", "order--withdrawn-twice", times(2, `{"filename":"epsilon`)},
	}
}

var freshnessRows = []row{
	{"full", "predicate-type--promotion", swap(`predicate/freshness/v1`, `predicate/promotion/v1`)},
	{"full", "subject--other-promotion", last(`5417eeb6`, `5417eeb0`)},
	{"full", "subject--name", last(`,"name":"tools/3.4/cpu-ubi9"`, ``)},
	{"full", "sha256--promotion", swap(`"promotion":"5417eeb6`, `"promotion":"sha256:5417eeb6`)},
	{"full", "counter--zero", swap(`"counter":1`, `"counter":0`)},
	{"full", "epoch--zero", swap(`"epoch":1`, `"epoch":0`)},
	{"full", "stage--none", swap(`"stage":"live"`, `"stage":""`)},
	{"full", "expires--when-issued", swap(`"expires":"2026-03-10T14:30:00Z"`, `"expires":"2026-03-03T14:30:00Z"`)},
	{"full", "expires--with-an-offset", swap(`"expires":"2026-03-10T14:30:00Z"`, `"expires":"2026-03-10T14:30:00+01:00"`)},
	{"full", "issued--with-an-offset", swap(`"issued":"2026-03-03T14:30:00Z"`, `"issued":"2026-03-03T14:30:00+01:00"`)},
	{"full", "name--empty", first(`"name":"tools/3.4/cpu-ubi9"`, `"name":""`)},
}

var releaseStatementRows = []row{
	{"two", "predicate-type--revision", swap(`predicate/release/v1`, `predicate/revision/v1`)},
	{"two", "subject--other-release", swap(`c230047c`, `c2300470`)},
	{"two", "subject--name", last(`"name":"tools/3.4"`, `"name":"tools/3.5"`)},
	{"two", "claims--sequence", swap(`"sequence":2`, `"sequence":3`)},
	{"two", "claims--name", first(`"name":"tools/3.4"`, `"name":"tools/3.5"`)},
	{"two", "claims--issued", swap(`"issued":"2026-03-04T08:30:00Z"`, `"issued":"2026-03-04T08:30:01Z"`)},
	{"two", "claims--epoch", swap(`"epoch":1`, `"epoch":2`)},
	{"two", "json--unknown-claim", swap(`"sequence":2`, `"sequence":2,"series":"3.4"`)},
	{"two", "canonical--missing-claim", swap(`"epoch":1,`, ``)},
}
