package elf

import "fmt"

// machineName gives the processor as it ends platform tags (PEP 425: what
// sysconfig.get_platform says on it). Those that no platform tag names get
// their number, "elf-machine-190" (code for GPUs lies about in many wheels).
func machineName(machine uint16, class int, little bool) string {
	type key struct {
		machine uint16
		class   int
		little  bool
	}
	names := map[key]string{
		{3, 32, true}:   "i686",
		{20, 32, false}: "ppc",
		{21, 64, false}: "ppc64",
		{21, 64, true}:  "ppc64le",
		{22, 64, false}: "s390x",
		{40, 32, true}:  "armv7l",
		{62, 64, true}:  "x86_64",
		{183, 64, true}: "aarch64",
		{243, 64, true}: "riscv64",
		{243, 32, true}: "riscv32",
		{258, 64, true}: "loongarch64",
	}
	if name, ok := names[key{machine, class, little}]; ok {
		return name
	}
	return fmt.Sprintf("elf-machine-%d", machine)
}
