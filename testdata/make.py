#!/usr/bin/env python3
"""Makes the test data: the role folders beside this file, and `expected.tsv`.

Needs Pillow and the encoders listed in `generator/tools.py`. Run it again and the bytes are the same,
as far as the encoders' versions are.
"""

import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True

from generator import audio, document, image, sticker, tools, video  # noqa: E402
from generator.cases import Cases  # noqa: E402

MOST_BYTES = 6_000_000


def main():
    started = time.monotonic()
    tools.require()
    cases = Cases()
    for module in (image, sticker, audio, video, document):
        module.add(cases)
    count, total = cases.write(Path(__file__).parent)
    print(f"{count} files, {total} bytes, {time.monotonic() - started:.0f} s")
    assert total < MOST_BYTES


if __name__ == "__main__":
    main()
