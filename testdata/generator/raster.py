"""GIF, BMP and ICO by hand."""

import io
import struct

from . import png


def gif(pictures, durations_ms=None, transparent=False, colours=64, interlace=False):
    """A GIF by Pillow; `transparent` keeps the alpha of RGBA pictures."""
    frames = []
    for picture in pictures:
        frame = picture.convert("RGB").quantize(colours - 1, dither=0)
        if transparent:
            frame.paste(colours - 1, mask=picture.getchannel("A").point(lambda a: 255 if a < 128 else 0))
            frame.info["transparency"] = colours - 1
        frames.append(frame)
    options = {"optimize": False, "interlace": interlace}
    if transparent:
        options.update(transparency=colours - 1, disposal=2)
    if len(frames) > 1:
        options.update(save_all=True, append_images=frames[1:], duration=durations_ms, loop=0)
    out = io.BytesIO()
    frames[0].save(out, "GIF", **options)
    return out.getvalue()


def gif_of_size(width, height):
    """A GIF that claims a size and holds one code: clear, then end."""
    size = struct.pack("<HH", width, height)
    head = b"GIF89a" + size + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    return head + b"," + b"\0\0\0\0" + size + b"\0" + b"\x02\x01\x2c\0" + b";"


def bmp(width, height, bits, data, *, palette=(), compression=0, masks=b"", top_down=False, info=40):
    """A BMP round rows as they are stored."""
    colours = b"".join(struct.pack("<BBBB", b, g, r, 0) for r, g, b in palette)
    head = struct.pack("<IiiHHIIiiII", info, width, -height if top_down else height, 1, bits, compression, len(data), 2835, 2835, len(palette), 0)
    if info == 124:
        head += struct.pack("<IIII4s", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs") + b"\0" * 48 + struct.pack("<IIII", 4, 0, 0, 0)
    head += masks + colours
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(data), 0, 0, 14 + len(head)) + head + data


def bmp_rows(picture, bits, top_down=False):
    rows = []
    for y in range(picture.height):
        pixels = [picture.getpixel((x, y)) for x in range(picture.width)]
        if bits <= 8:
            row = png.packed(pixels, bits)
        elif bits == 16:
            row = b"".join(struct.pack("<H", r >> 3 << 11 | g >> 2 << 5 | b >> 3) for r, g, b in pixels)
        elif bits == 24:
            row = b"".join(bytes([b, g, r]) for r, g, b in pixels)
        else:
            row = b"".join(bytes([b, g, r, a]) for r, g, b, a in pixels)
        rows.append(row + b"\0" * (-len(row) % 4))
    return b"".join(rows if top_down else reversed(rows))


def bmp_palette(picture, bits):
    indexed = picture.quantize(1 << bits, dither=0)
    flat = indexed.getpalette()[:3 << bits]
    return indexed, [tuple(flat[i:i + 3]) for i in range(0, len(flat), 3)]


def run_lengths(picture):
    """RLE8 data, bottom row first."""
    out = b""
    for y in reversed(range(picture.height)):
        x = 0
        while x < picture.width:
            value, run = picture.getpixel((x, y)), 1
            while x + run < picture.width and run < 255 and picture.getpixel((x + run, y)) == value:
                run += 1
            out += bytes([run, value])
            x += run
        out += b"\0\0"
    return out + b"\0\1"


def ico(entries):
    """An icon file of (size, bytes) entries, each a PNG or a headless BMP."""
    out, at, body = struct.pack("<HHH", 0, 1, len(entries)), 6 + 16 * len(entries), b""
    for size, data in entries:
        out += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(data), at + len(body))
        body += data
    return out + body


def ico_bitmap(picture):
    """The 32-bit bitmap of an icon: twice the height, the mask below."""
    size = picture.width
    head = struct.pack("<IiiHHIIiiII", 40, size, size * 2, 1, 32, 0, 0, 0, 0, 0, 0)
    return head + bmp_rows(picture, 32) + b"\0" * ((size + 31) // 32 * 4 * size)
