# Prints what auditwheel's functions say of each ELF file in the wheels that are
# its arguments: {wheel: {member: {needed, soname, versions, module, undefined}}}.
import json
import sys
import tempfile
import zipfile
from pathlib import Path

from auditwheel import elfutils
from elftools.elf.elffile import ELFFile


def describe(path, name):
    with open(path, "rb") as f:
        elf = ELFFile(f)
        dynamic = elf.get_section_by_name(".dynamic")
        tags = list(dynamic.iter_tags()) if dynamic else []
        versions = {}
        for library, version in elfutils.elf_find_versioned_symbols(elf):
            versions.setdefault(library, set()).add(version)
        return {
            "needed": sorted({t.needed for t in tags if t.entry.d_tag == "DT_NEEDED"}),
            "soname": "".join(t.soname for t in tags if t.entry.d_tag == "DT_SONAME"),
            "versions": {k: sorted(v) for k, v in versions.items()},
            "module": elfutils.elf_is_python_extension(Path(name), elf)[0],
        }


result = {}
for wheel in sys.argv[1:]:
    members = result[Path(wheel).name] = {}
    with zipfile.ZipFile(wheel) as z, tempfile.TemporaryDirectory() as d:
        for name in z.namelist():
            if z.open(name).read(4) == b"\x7fELF":
                members[name] = describe(z.extract(name, d), name)
json.dump(result, sys.stdout)
