"""Gives wheels to three installers: JSON lines in, JSON lines out.

Each line in is the path of a wheel; each line out maps "pip", "uv" and "wheel"
to "" for a wheel that was taken, or to the last lines of what was said.
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile

from pip._internal.cli.main import main as pip
from wheel._commands import main as wheel

UV = os.path.join(os.path.dirname(sys.executable), "uv")


def call(function, args):
    """Runs a command line program inside this process."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = function(args)
        except SystemExit as e:
            code = e.code
        except BaseException as e:  # an installer that crashes has not installed
            code = f"{type(e).__name__}: {e}"
    return "" if not code else (said.getvalue() + str(code))[-600:]


def run_wheel(args):
    sys.argv = ["wheel", *args]
    return wheel()


def ask(path):
    with tempfile.TemporaryDirectory() as d:
        target = os.path.join(d, "t")
        answer = {}
        answer["pip"] = call(pip, [
            "install", "--isolated", "--no-deps", "--no-index", "--no-compile", "--quiet", "--no-cache-dir",
            "--disable-pip-version-check", "--no-warn-script-location", "--target", target, path,
        ])
        shutil.rmtree(target, ignore_errors=True)
        uv = subprocess.run(
            [UV, "pip", "install", "--no-deps", "--no-index", "--no-config", "--offline", "--quiet", "--cache-dir", os.path.join(d, "c"),
             "--python", sys.executable, "--target", target, path],
            capture_output=True, text=True, check=False)
        answer["uv"] = "" if uv.returncode == 0 else uv.stderr[-600:] or str(uv.returncode)
        answer["wheel"] = call(run_wheel, ["unpack", "--dest", os.path.join(d, "w"), path])
        return answer


def main():
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(ask(json.loads(line))), file=out, flush=True)


if __name__ == "__main__":
    main()
