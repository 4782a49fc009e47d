"""TIFF directories, written by hand: the EXIF of every picture, and whole TIFF files."""

import struct

TYPES = {"byte": (1, "B"), "ascii": (2, "s"), "short": (3, "H"), "long": (4, "I"), "rational": (5, "I"), "undefined": (7, "s")}
ORDER = {"<": b"II", ">": b"MM"}


def directory(entries, start, order="<", following=0):
    """One IFD at offset `start`: entries are (tag, type, bytes or list of numbers)."""
    entries = sorted(entries)
    out = struct.pack(order + "H", len(entries))
    extra = b""
    extra_start = start + 2 + 12 * len(entries) + 4
    for tag, kind, value in entries:
        code, letter = TYPES[kind]
        if letter == "s":
            count, data = len(value), bytes(value)
        else:
            count = len(value) // (2 if kind == "rational" else 1)
            data = struct.pack(f"{order}{len(value)}{letter}", *value)
        if len(data) > 4:
            position = extra_start + len(extra)
            extra += data + b"\0" * (len(data) % 2)
            data = struct.pack(order + "I", position)
        out += struct.pack(order + "HHI", tag, code, count) + data.ljust(4, b"\0")
    return out + struct.pack(order + "I", following) + extra


def exif(orientation=None, gps=False, serial=None, thumbnail=None, software=None, order="<", loop=False):
    """An EXIF block as it stands in PNG, WebP and HEIF; JPEG puts `Exif\\0\\0` before it."""
    def main(exif_at, gps_at, thumbnail_at):
        entries = [(0x010F, "ascii", b"Camera Works\0")]
        if orientation is not None:
            entries.append((0x0112, "short", [orientation]))
        if software:
            entries.append((0x0131, "ascii", software + b"\0"))
        if serial:
            entries.append((0x8769, "long", [exif_at]))
        if gps:
            entries.append((0x8825, "long", [gps_at]))
        following = 8 if loop else thumbnail_at if thumbnail else 0
        return directory(entries, 8, order, following)

    detail = [(0x9000, "undefined", b"0231"), (0xA431, "ascii", (serial or b"") + b"\0")]
    place = [
        (0, "byte", [2, 3, 0, 0]), (1, "ascii", b"N\0"), (2, "rational", [52, 1, 31, 1, 12, 1]),
        (3, "ascii", b"E\0"), (4, "rational", [13, 1, 24, 1, 18, 1]),
    ]
    exif_at = 8 + len(main(0, 0, 0))
    gps_at = exif_at + (len(directory(detail, 0, order)) if serial else 0)
    thumbnail_at = gps_at + (len(directory(place, 0, order)) if gps else 0)
    out = ORDER[order] + struct.pack(order + "HI", 42, 8) + main(exif_at, gps_at, thumbnail_at)
    if serial:
        out += directory(detail, exif_at, order)
    if gps:
        out += directory(place, gps_at, order)
    if thumbnail:
        entries = [(0x0103, "short", [6]), (0x0201, "long", [0]), (0x0202, "long", [len(thumbnail)])]
        data_at = thumbnail_at + len(directory(entries, thumbnail_at, order))
        entries[1] = (0x0201, "long", [data_at])
        out += directory(entries, thumbnail_at, order) + thumbnail
    return out


def tiff(width, height, samples, strip, *, depth=8, compression=1, photometric=2, order="<", orientation=None, palette=None):
    """A TIFF file of one strip, the strip's bytes given as they are stored."""
    def entries(strip_at):
        out = [
            (256, "long", [width]), (257, "long", [height]), (258, "short", [depth] * samples),
            (259, "short", [compression]), (262, "short", [photometric]), (273, "long", [strip_at]),
            (277, "short", [samples]), (278, "long", [height]), (279, "long", [len(strip)]), (284, "short", [1]),
        ]
        if orientation:
            out.append((274, "short", [orientation]))
        if palette:
            out.append((320, "short", palette))
        return out

    head = ORDER[order] + struct.pack(order + "HI", 42, 8)
    strip_at = 8 + len(directory(entries(0), 8, order))
    return head + directory(entries(strip_at), 8, order) + strip


def xmp(body):
    """An XMP packet round the attributes or elements of one description."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"{body}</rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>"
    ).encode()


GPS_XMP = xmp(
    '<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    'exif:GPSLatitude="52,31.2N" exif:GPSLongitude="13,24.3E"/>'
)
