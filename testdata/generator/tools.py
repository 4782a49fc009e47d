"""The outside encoders: one call each, one thread, no time stamps."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DEBIAN_PACKAGES = {
    "avifenc": "libavif-bin",
    "cjpeg": "libjpeg-turbo-progs",
    "cjxl": "libjxl-tools",
    "ffmpeg": "ffmpeg",
    "heif-enc": "libheif-examples",
}
QUIET = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-nostdin"]
EXACT = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1", "-threads", "1"]


def require():
    missing = sorted({package for tool, package in DEBIAN_PACKAGES.items() if not shutil.which(tool)})
    if missing:
        sys.exit(f"make.py: encoders are missing; do: apt-get install {' '.join(missing)}")


def run(arguments, inputs=None, output=None, stdin=None):
    """Runs a tool in a fresh folder holding `inputs` (name to bytes); returns the file `output`, or stdout."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (inputs or {}).items():
            Path(folder, name).write_bytes(data)
        done = subprocess.run(arguments, cwd=folder, input=stdin, capture_output=True)
        if done.returncode:
            sys.exit(f"make.py: {' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
        return Path(folder, output).read_bytes() if output else done.stdout


def ffmpeg(arguments, output, inputs=None):
    """Runs ffmpeg with bit-exact settings put before the output's name."""
    return run(QUIET + arguments + EXACT + [output], inputs, output)
