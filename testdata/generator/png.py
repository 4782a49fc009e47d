"""PNG written chunk by chunk."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
END = b"\0\0\0\0IEND\xaeB`\x82"


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width, height, depth, kind, interlaced=False):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced))


def packed(samples, depth):
    """The bytes of one row."""
    if depth == 16:
        return struct.pack(f">{len(samples)}H", *samples)
    if depth == 8:
        return bytes(samples)
    each = 8 // depth
    samples = list(samples) + [0] * (-len(samples) % each)
    return bytes(sum(v << 8 - depth * (i + 1) for i, v in enumerate(samples[at:at + each])) for at in range(0, len(samples), each))


def filtered(row, above, kind, depth):
    step = max(1, CHANNELS[kind] * depth // 8)
    if kind == PALETTE or depth < 8:
        return b"\0" + row
    best = [b"\0" + row]
    best.append(b"\1" + bytes((v - (row[i - step] if i >= step else 0)) & 255 for i, v in enumerate(row)))
    if above:
        best.append(b"\2" + bytes((v - above[i]) & 255 for i, v in enumerate(row)))
    return min(best, key=lambda line: sum(min(v, 256 - v) for v in line[1:]))


def lines(rows, depth, kind):
    out, above = b"", None
    for samples in rows:
        row = packed(samples, depth)
        out += filtered(row, above, kind, depth)
        above = row
    return out


def rows_of(picture, kind, scale=1):
    """The rows of a Pillow picture as lists of samples."""
    width, count = picture.width, CHANNELS[kind]
    data = picture.tobytes()
    return [[v * scale for v in data[y * width * count:(y + 1) * width * count]] for y in range(picture.height)]


def image_data(rows, depth, kind, interlaced=False):
    if not interlaced:
        return zlib.compress(lines(rows, depth, kind), 9)
    count, out = CHANNELS[kind], b""
    for x0, y0, dx, dy in ADAM7:
        part = [[v for x in range(x0, len(row) // count, dx) for v in row[x * count:(x + 1) * count]] for row in rows[y0::dy]]
        out += lines([row for row in part if row], depth, kind)
    return zlib.compress(out, 9)


def png(rows, depth, kind, before=b"", after=b"", interlaced=False):
    """A whole file; `before` and `after` are chunks round the image data."""
    width = len(rows[0]) // CHANNELS[kind]
    data = chunk(b"IDAT", image_data(rows, depth, kind, interlaced))
    return SIGNATURE + header(width, len(rows), depth, kind, interlaced) + before + data + after + END


def of(picture, before=b"", after=b"", interlaced=False):
    """An 8-bit file of a Pillow picture of mode RGB, RGBA, L or LA."""
    kind = {"RGB": RGB, "RGBA": RGBA, "L": GRAY, "LA": GRAY_ALPHA}[picture.mode]
    return png(rows_of(picture, kind), 8, kind, before, after, interlaced)


def palette(picture, depth, transparent=None):
    """A palette file of at most 2^depth colours; `transparent` are alpha values for the first entries."""
    picture = picture.convert("RGB").quantize(1 << depth, dither=0)
    colours = bytes(picture.getpalette()[:3 << depth])
    before = chunk(b"PLTE", colours)
    if transparent:
        before += chunk(b"tRNS", bytes(transparent))
    return png(rows_of(picture, PALETTE), depth, PALETTE, before)


def profile_chunk(profile):
    return chunk(b"iCCP", b"icc\0\0" + zlib.compress(profile, 9))


def xmp_chunk(packet):
    return chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)


def animation(pictures, delay_ms=100):
    """An APNG of RGBA pictures, the first of them also the still image."""
    out = SIGNATURE + header(*pictures[0].size, 8, RGBA) + chunk(b"acTL", struct.pack(">II", len(pictures), 0))
    sequence = 0
    for i, picture in enumerate(pictures):
        data = image_data(rows_of(picture, RGBA), 8, RGBA)
        out += chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, *picture.size, 0, 0, delay_ms, 1000, 0, 0))
        sequence += 1
        if i == 0:
            out += chunk(b"IDAT", data)
        else:
            out += chunk(b"fdAT", struct.pack(">I", sequence) + data)
            sequence += 1
    return out + END
