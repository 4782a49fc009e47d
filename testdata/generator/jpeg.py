"""JPEG: Pillow's files, segments put in by hand, and a small encoder for what Pillow cannot write."""

import io
import math
import struct

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8))


def encode(picture, **options):
    out = io.BytesIO()
    picture.save(out, "JPEG", **{"quality": 80, **options})
    return out.getvalue()


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def exif_segment(block):
    return segment(0xE1, b"Exif\0\0" + block)


def xmp_segment(packet):
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def icc_segments(profile, size=60000):
    parts = [profile[i:i + size] for i in range(0, len(profile), size)]
    return b"".join(segment(0xE2, b"ICC_PROFILE\0" + bytes([i + 1, len(parts)]) + part) for i, part in enumerate(parts))


def insert(jpeg, segments):
    """Puts segments before all others; a JFIF segment gives way to EXIF."""
    rest = jpeg[2:]
    if rest[:2] == b"\xff\xe0" and b"Exif\0\0" in segments:
        rest = rest[2 + struct.unpack(">H", rest[2:4])[0]:]
    elif rest[:2] == b"\xff\xe0":
        end = 2 + struct.unpack(">H", rest[2:4])[0]
        segments, rest = rest[:end] + segments, rest[end:]
    return b"\xff\xd8" + segments + rest


def find(jpeg, marker):
    """The offset of the first segment of this marker, walking the segments."""
    at = 2
    while jpeg[at + 1] != marker:
        at += 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]
    return at


def scan_start(jpeg):
    at = find(jpeg, 0xDA)
    return at + 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]


def resized_header(jpeg, width, height):
    """The same bytes with another size in the frame header."""
    at = find(jpeg, 0xC0)
    return jpeg[:at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9:]


class Bits:
    def __init__(self):
        self.value, self.count, self.out = 0, 0, bytearray()

    def put(self, value, count):
        self.value, self.count = self.value << count | value, self.count + count
        while self.count >= 8:
            byte = self.value >> self.count - 8 & 255
            self.out += b"\xff\0" if byte == 255 else bytes([byte])
            self.count -= 8
        self.value &= (1 << self.count) - 1

    def done(self):
        self.put((1 << -self.count % 8) - 1, -self.count % 8)
        return bytes(self.out)


COSINE = [[math.cos((2 * x + 1) * u * math.pi / 16) * (math.sqrt(.125) if u == 0 else .5) for x in range(8)] for u in range(8)]


def transformed(block):
    rows = [[sum(row[x] * COSINE[u][x] for x in range(8)) for u in range(8)] for row in block]
    return [[sum(rows[y][u] * COSINE[v][y] for y in range(8)) for u in range(8)] for v in range(8)]


def by_hand(planes, width, height, precision=8, quant=8, adobe=None):
    """A JPEG of full-size planes, any number of components, 8 or 12 bit, with flat code tables.

    `adobe` is the transform byte of the APP14 segment; without it there is none.
    """
    most = 10 if precision == 8 else 14
    alternating = [run << 4 | size for run in range(16) for size in range(1, most + 1)] + [0x00, 0xF0]
    length = 8 if precision == 8 else 9
    dc = bytes([0] * 4 + [16] + [0] * 11) + bytes(range(16))
    ac = bytes([0] * (length - 1) + [len(alternating)] + [0] * (16 - length)) + bytes(alternating)
    code = {symbol: i for i, symbol in enumerate(alternating)}
    bits, predicted = Bits(), [0] * len(planes)
    for by in range(0, height, 8):
        for bx in range(0, width, 8):
            for n, plane in enumerate(planes):
                block = [[plane[min(by + y, height - 1) * width + min(bx + x, width - 1)] - (1 << precision - 1) for x in range(8)] for y in range(8)]
                flat = sum(transformed(block), [])
                values = [round(flat[i] / quant) for i in ZIGZAG]
                difference, predicted[n] = values[0] - predicted[n], values[0]
                size = abs(difference).bit_length()
                bits.put(size, 5)
                bits.put(difference if difference >= 0 else difference + (1 << size) - 1, size)
                run = 0
                last = max((i for i in range(1, 64) if values[i]), default=0)
                for value in values[1:last + 1]:
                    if value == 0:
                        run += 1
                        continue
                    while run > 15:
                        bits.put(code[0xF0], length)
                        run -= 16
                    size = abs(value).bit_length()
                    bits.put(code[run << 4 | size], length)
                    bits.put(value if value >= 0 else value + (1 << size) - 1, size)
                    run = 0
                if last < 63:
                    bits.put(code[0], length)
    count = len(planes)
    frame = struct.pack(">BHHB", precision, height, width, count) + b"".join(bytes([i + 1, 0x11, 0]) for i in range(count))
    scan = bytes([count]) + b"".join(bytes([i + 1, 0]) for i in range(count)) + bytes([0, 63, 0])
    out = b"\xff\xd8"
    if adobe is not None:
        out += segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, adobe))
    out += segment(0xDB, b"\0" + bytes([quant]) * 64)
    out += segment(0xC0 if precision == 8 else 0xC1, frame)
    out += segment(0xC4, b"\0" + dc) + segment(0xC4, b"\x10" + ac)
    return out + segment(0xDA, scan) + bits.done() + b"\xff\xd9"


def ycc(r, g, b, top=255):
    half = (top + 1) / 2
    y = .299 * r + .587 * g + .114 * b
    return tuple(min(top, max(0, round(v))) for v in (y, half + .564 * (b - y), half + .713 * (r - y)))


def inks(picture):
    """Cyan, magenta, yellow and black amounts (0 to 255) of every pixel."""
    out = []
    for r, g, b in picture.convert("RGB").getdata():
        k = 255 - max(r, g, b)
        scale = 255 / (255 - k) if k < 255 else 0
        out.append(tuple(round((255 - v - k) * scale) for v in (r, g, b)) + (k,))
    return out


def four_inks(picture, adobe, inverted):
    """A CMYK (`adobe` 0 or None) or YCCK (`adobe` 2) JPEG, inverted as Photoshop does or not."""
    pixels = inks(picture)
    if adobe == 2:
        assert inverted
        pixels = [ycc(c, m, y) + (255 - k,) for c, m, y, k in pixels]
    elif inverted:
        pixels = [tuple(255 - v for v in pixel) for pixel in pixels]
    return by_hand(list(zip(*pixels)), *picture.size, adobe=adobe)


def twelve_bit(picture):
    pixels = [ycc(*(v * 4095 / 255 for v in pixel), top=4095) for pixel in picture.getdata()]
    return by_hand(list(zip(*pixels)), *picture.size, precision=12, quant=32)
