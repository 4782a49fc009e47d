"""pillow-search.py IN OUT LIMIT: the largest quality under LIMIT bytes by binary search, as a bot's developer would write it."""

import io
import sys

from PIL import Image

Image.MAX_IMAGE_PIXELS = None
source, to, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
picture = Image.open(source)
picture.load()
low, high, best = 1, 95, b""
while low <= high:
    quality = (low + high) // 2
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    if out.tell() <= limit:
        best, low = out.getvalue(), quality + 1
    else:
        high = quality - 1
with open(to, "wb") as file:
    file.write(best)
