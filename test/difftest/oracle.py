"""Answers questions about Python packaging: JSON lines in, JSON lines out.

Each question is {"op": ..., "a": ..., ...}; each answer has at least "ok".
"""

import json
import re
import sys

import packaging
from packaging import markers, metadata, requirements, specifiers, tags, utils, version

# What ParseFilename refuses on purpose beyond packaging.
SAFE_FILENAME = re.compile(r"[A-Za-z0-9._+!-]{1,246}", re.ASCII)

STRING_FIELDS = [
    "metadata_version", "name", "version", "summary", "license",
    "license_expression", "requires_python", "home_page", "author",
]
LIST_FIELDS = [
    "license_files", "requires_dist", "provides_extra", "classifiers", "dynamic",
]


def of_version(q):
    v = version.Version(q["a"])
    return {
        "norm": str(v), "key": utils.canonicalize_version(v), "public": v.public,
        "local": v.local or "", "release": ".".join(map(str, v.release)),
        "pre": v.is_prerelease, "post": v.is_postrelease, "dev": v.is_devrelease,
    }


def of_compare(q):
    a, b = version.Version(q["a"]), version.Version(q["b"])
    return {"norm": -1 if a < b else 1 if a > b else 0, "key": a == b}


def of_specifier(q):
    s = specifiers.SpecifierSet(q["a"])
    answers = []
    for text in q["versions"]:
        v = version.Version(text)
        answers.append([
            s.contains(v, prereleases=True),
            s.contains(v, prereleases=False),
            s.contains(v),
        ])
    parsed = [version.Version(text) for text in q["versions"]]
    return {
        "norm": str(s), "pre": bool(s.prereleases), "contains": answers,
        "filter": [str(v) for v in s.filter(parsed)],
    }


def of_marker(q):
    m = markers.Marker(q["a"])
    results = []
    for env in q["envs"]:
        env = dict(env)
        sets = env.pop("sets", None)
        for name, members in (sets or {}).items():
            env[name] = frozenset(members)
        try:
            results.append("true" if m.evaluate(env) else "false")
        except markers.UndefinedComparison:
            results.append("undefined comparison")
        except markers.UndefinedEnvironmentName:
            results.append("undefined name")
    return {"norm": text_of(m), "results": results}


def text_of(m):
    """str(m), but None where packaging has no spelling for it."""
    try:
        return str(m)
    except ValueError:
        return None


def of_requirement(q):
    r = requirements.Requirement(q["a"])
    marker = None if r.marker is None else text_of(r.marker)
    return {
        "norm": str(r) if r.marker is None or marker is not None else None,
        "name": r.name, "project": utils.canonicalize_name(r.name),
        "extras": sorted(r.extras), "specifier": str(r.specifier),
        "url": r.url or "", "marker": marker or "",
    }


def of_wheel(q):
    name, v, build, wheel_tags = utils.parse_wheel_filename(q["a"])
    check_filename(q["a"], q["a"].split("-")[0])
    return {
        "name": name, "norm": str(v),
        "build": [str(build[0]), build[1]] if build else ["", ""],
        "tags": sorted(map(str, wheel_tags)),
    }


def of_sdist(q):
    name, v = utils.parse_sdist_filename(q["a"])
    check_filename(q["a"], q["a"].rpartition("-")[0])
    return {"name": name, "norm": str(v)}


def check_filename(filename, name):
    if not SAFE_FILENAME.fullmatch(filename):
        raise ValueError("characters or length")
    utils.canonicalize_name(name, validate=True)


def of_tags(q):
    if not q["a"].isascii():
        raise ValueError("refused on purpose")
    return {"tags": sorted(map(str, tags.parse_tag(q["a"])))}


def of_name(q):
    answer = {"norm": utils.canonicalize_name(q["a"]), "pre": True}
    try:
        utils.canonicalize_name(q["a"], validate=True)
    except utils.InvalidName:
        answer["pre"] = False
    return answer


def of_metadata(q):
    raw, unparsed = metadata.parse_email(q["a"].encode())
    for field in [*STRING_FIELDS, "keywords"]:
        if field.replace("_", "-") in unparsed:
            raise ValueError(f"{field} stands more than once")
    for field in ("metadata_version", "name", "version"):
        if not raw.get(field):
            raise ValueError(f"{field} is missing")
    if raw["metadata_version"].split(".")[0] not in ("1", "2"):
        raise ValueError("metadata version")
    utils.canonicalize_name(raw["name"].strip(), validate=True)
    version.Version(raw["version"])
    return {
        "strings": [one_line(raw.get(field, "")) for field in STRING_FIELDS],
        "lists": [list(map(one_line, raw.get(field, []))) for field in LIST_FIELDS],
        "body": raw.get("description", ""),
    }


def one_line(value):
    """Folding is presentation: runs of white space count as one blank."""
    return " ".join(value.split())


def of_packaging(q):
    return {"norm": packaging.__version__}


def main():
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    for line in sys.stdin:
        q = json.loads(line)
        try:
            answer = {"ok": True, **globals()["of_" + q["op"]](q)}
        except ValueError as e:  # all of packaging's errors are
            answer = {"ok": False, "error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=q["op"] == "packaging")


if __name__ == "__main__":
    main()
