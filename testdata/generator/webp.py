"""WebP: Pillow's bitstreams in containers put together by hand."""

import io
import struct

ICC, ALPHA, EXIF, XMP, ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02


def encode(picture, **options):
    out = io.BytesIO()
    picture.save(out, "WEBP", **{"method": 6, **options})
    return out.getvalue()


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def riff(body):
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def with_length(file, length):
    """The same file claiming another RIFF length."""
    return file[:4] + struct.pack("<I", length) + file[8:]


def chunks(file):
    at, out = 12, []
    while at < len(file):
        size = struct.unpack("<I", file[at + 4:at + 8])[0]
        out.append((file[at:at + 4], file[at + 8:at + 8 + size]))
        at += 8 + size + size % 2
    return out


def image_chunks(file):
    return b"".join(chunk(name, data) for name, data in chunks(file) if name in (b"VP8 ", b"VP8L", b"ALPH"))


def three(value):
    return struct.pack("<I", value)[:3]


def canvas(flags, width, height):
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + three(width - 1) + three(height - 1))


def extended(file, width, height, flags=0, icc=b"", exif=b"", xmp=b""):
    """The still image of `file` in an extended container with metadata."""
    flags |= (ICC if icc else 0) | (EXIF if exif else 0) | (XMP if xmp else 0)
    body = canvas(flags, width, height)
    if icc:
        body += chunk(b"ICCP", icc)
    body += image_chunks(file)
    if exif:
        body += chunk(b"EXIF", exif)
    if xmp:
        body += chunk(b"XMP ", xmp)
    return riff(body)


def animation(pictures, durations_ms, width=None, height=None, **options):
    """An animated file; every picture fills the canvas unless the canvas is given."""
    width, height = width or pictures[0].width, height or pictures[0].height
    body = canvas(ANIMATION | ALPHA, width, height) + chunk(b"ANIM", b"\0\0\0\0\0\0")
    for picture, duration in zip(pictures, durations_ms):
        frame = three(0) + three(0) + three(picture.width - 1) + three(picture.height - 1) + three(duration) + b"\x02"
        body += chunk(b"ANMF", frame + image_chunks(encode(picture, **options)))
    return riff(body)


def one_colour_lossless(width, height, argb):
    """A valid VP8L image of any size in a few bytes: codes of one symbol cost no bits a pixel."""
    bits = [(width - 1, 14), (height - 1, 14), (0, 1), (0, 3), (0, 1), (0, 1), (0, 1)]
    a, r, g, b = argb
    for symbol in (g, r, b, a):
        bits += [(1, 1), (0, 1), (1, 1), (symbol, 8)]
    bits += [(1, 1), (0, 1), (0, 1), (0, 1)]
    value = at = 0
    for number, count in bits:
        value |= number << at
        at += count
    return riff(chunk(b"VP8L", b"\x2f" + value.to_bytes(at // 8 + 1, "little")))
