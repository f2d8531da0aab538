package wheel

// Rule names what an [Error] or a [Warning] is about. The values are stable:
// programs may print them and scripts may match them. docs/intake.md explains
// each, and [Rules] lists them.
type Rule string

// Rules of files and archives.
const (
	RuleFilename   Rule = "filename"
	RuleArchive    Rule = "archive"
	RuleStructure  Rule = "structure"
	RuleMethod     Rule = "method"
	RuleContent    Rule = "content"
	RuleLimit      Rule = "limit"
	RuleDescriptor Rule = "descriptor"
)

// Rules of members' names and kinds.
const (
	RulePath      Rule = "path"
	RuleDuplicate Rule = "duplicate"
	RuleCollision Rule = "collision"
	RuleLink      Rule = "link"
	RuleMode      Rule = "mode"
	RuleRoot      Rule = "root"
)

// Rules of what a distribution says about itself.
const (
	RuleDistInfo     Rule = "dist-info"
	RuleMember       Rule = "member"
	RuleData         Rule = "data"
	RuleWheelFile    Rule = "wheel-file"
	RuleTags         Rule = "tags"
	RuleBuild        Rule = "build"
	RulePurelib      Rule = "purelib"
	RuleMetadata     Rule = "metadata"
	RuleName         Rule = "name"
	RuleVersion      Rule = "version"
	RuleRequirement  Rule = "requirement"
	RuleRecord       Rule = "record"
	RuleRecordFiles  Rule = "record-files"
	RuleRecordHash   Rule = "record-hash"
	RuleEntryPoints  Rule = "entry-points"
	RuleLicenseFiles Rule = "license-files"
)

// Rules of what is inside members.
const (
	RuleELF     Rule = "elf"
	RuleForeign Rule = "foreign"
)

// RuleText describes one rule.
type RuleText struct {
	Rule    Rule
	Refuses bool   // some files are refused by it
	Warns   bool   // some are only remarked upon
	Text    string // what a good file does, one sentence
}

// Rules lists all rules in the order in which they are applied.
func Rules() []RuleText {
	const refuse, warn = true, true
	const no = false
	return []RuleText{
		{RuleFilename, refuse, no, "The file name is that of a wheel or an sdist and at most 246 bytes long."},
		{RuleArchive, refuse, no, "The file is a zip or tar.gz that is complete and readable."},
		{RuleStructure, refuse, no, "Every reader sees the same members: headers agree, nothing overlaps, nothing lies between, before or behind."},
		{RuleLimit, refuse, no, "Sizes, the number of members and the ratio of compression are within the limits."},
		{RuleMethod, refuse, no, "Members are stored or deflated, not encrypted, and want no newer version of zip than 6.3."},
		{RuleDescriptor, no, warn, "Sizes stand before the members, not in data descriptors behind them."},
		{RulePath, refuse, no, "Members have relative, plain, UTF-8 paths that stay below the root."},
		{RuleLink, refuse, no, "Members are files and directories; links in sdists stay below the root."},
		{RuleMode, no, warn, "No member has set-user-ID, set-group-ID or sticky bits."},
		{RuleDuplicate, refuse, warn, "No path stands twice, and no file is also a directory."},
		{RuleCollision, refuse, warn, "No two members become one file when installed or on a file system that ignores case or Unicode form."},
		{RuleRoot, refuse, warn, "An sdist has one directory at its root, named for project and version."},
		{RuleDistInfo, refuse, warn, "A wheel has exactly one dist-info directory, at its root, named for project and version, and describes no other distribution."},
		{RuleMember, refuse, no, "METADATA, WHEEL and RECORD are there."},
		{RuleData, refuse, warn, "A .data directory has the name of the dist-info directory and holds only the schemes that installers know."},
		{RuleRecord, refuse, warn, "RECORD parses, lists no file twice, and lists itself."},
		{RuleRecordFiles, refuse, no, "RECORD lists every file of the wheel and no other."},
		{RuleRecordHash, refuse, no, "Each file has the size and the hash (SHA-256, SHA-384 or SHA-512) that RECORD gives."},
		{RuleContent, refuse, no, "Members unpack to the size and CRC that the archive gives."},
		{RuleWheelFile, refuse, no, "WHEEL parses and is of version 1."},
		{RuleTags, refuse, warn, "WHEEL has the tags of the file name."},
		{RuleBuild, refuse, warn, "WHEEL has the build tag of the file name."},
		{RulePurelib, no, warn, "A wheel with ELF files is not a purelib."},
		{RuleMetadata, refuse, warn, "METADATA parses, is of version 1.1 to 2.5, and has valid fields."},
		{RuleName, refuse, no, "METADATA has the project of the file name."},
		{RuleVersion, refuse, no, "METADATA has the version of the file name."},
		{RuleRequirement, refuse, warn, "Requires-Dist and Requires-Python parse as PEP 508 and PEP 440 have them."},
		{RuleEntryPoints, refuse, warn, "entry_points.txt parses; scripts have plain names and objects that can be imported."},
		{RuleLicenseFiles, no, warn, "Files that License-File names are in the wheel."},
		{RuleELF, refuse, warn, "ELF files are for the processor of the platform tag; a wheel for any platform has none."},
		{RuleForeign, refuse, warn, "There are no extension modules for Windows or macOS in wheels for Linux or for any platform."},
	}
}
