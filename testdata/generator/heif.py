"""HEIC and AVIF written box by box round key frames that ffmpeg encodes."""

import struct

from . import png, tools

CODECS = {
    "hevc": ("hvc1", "hvcC", "libx265", ["-x265-params", "keyint=1:info=0:pools=none:frame-threads=1:log-level=none", "-crf", "22"]),
    "av1": ("av01", "av1C", "libaom-av1", ["-crf", "24", "-cpu-used", "4", "-row-mt", "0"]),
}


def box(name, body):
    return struct.pack(">I4s", len(body) + 8, name.encode()) + body


def full(name, body, version=0, flags=0):
    return box(name, struct.pack(">I", version << 24 | flags) + body)


def boxes(data, start=0, end=None):
    at, end = start, len(data) if end is None else end
    while at + 8 <= end:
        size, name = struct.unpack(">I4s", data[at:at + 8])
        yield name.decode("latin-1"), at, at + size
        at += size


def find(data, path, start=0, end=None):
    """The (start of payload, end) of a box by its path of plain containers."""
    for name in path.split("/"):
        start, end = next((s + 8, e) for n, s, e in boxes(data, start, end) if n == name)
        start += {"stsd": 8, "hvc1": 78, "av01": 78, "meta": 4}.get(name, 0)
    return start, end


def key_frames(pictures, codec, pixels):
    """The configuration box and the samples of pictures of one size, each coded by itself."""
    sample_entry, configuration, encoder, options = CODECS[codec]
    width, height = pictures[0].size
    raw = b"".join(picture.convert("RGB").tobytes() for picture in pictures)
    mp4 = tools.ffmpeg(
        ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "1", "-i", "in.rgb",
         "-vf", "scale=out_color_matrix=bt601:out_range=full", "-pix_fmt", pixels, "-color_range", "pc",
         "-colorspace", "smpte170m", "-c:v", encoder, "-g", "1", *options, "-tag:v", sample_entry],
        "out.mp4", {"in.rgb": raw})
    table = "moov/trak/mdia/minf/stbl"
    start, end = find(mp4, f"{table}/stsd/{sample_entry}/{configuration}")
    sizes_at = find(mp4, f"{table}/stsz")[0]
    one, count = struct.unpack(">II", mp4[sizes_at + 4:sizes_at + 12])
    sizes = [one] * count if one else struct.unpack(f">{count}I", mp4[sizes_at + 12:sizes_at + 12 + 4 * count])
    at = struct.unpack(">I", mp4[(s := find(mp4, f"{table}/stco")[0]) + 8:s + 12])[0]
    samples = []
    for size in sizes:
        samples.append(mp4[at:at + size])
        at += size
    return mp4[start:end], samples


def write(pictures, *, codec="hevc", pixels="yuv420p", columns=1, size=None, claimed=None, turns=0, mirror=None,
          icc=b"", exif=b"", brand=None):
    """One still image.

    Several pictures are tiles of a grid, row by row; `size` crops the grid. `claimed` lies about the
    size. `turns` are quarter turns to the left (irot), `mirror` an axis (imir).
    """
    sample_entry, configuration, _, _ = CODECS[codec]
    config, samples = key_frames(pictures, codec, pixels)
    grid = len(pictures) > 1
    tile = pictures[0].size
    whole = size or claimed or tile
    depth = 10 if "10" in pixels else 8
    properties = [
        box(configuration, config), full("ispe", struct.pack(">II", *(claimed if claimed and not grid else tile))),
        full("pixi", bytes([3, depth, depth, depth])), box("colr", b"nclx" + struct.pack(">HHHB", 1, 13, 6, 0x80)),
    ]
    tile_uses = [0x81, 2, 3, 4]
    whole_uses = list(tile_uses)
    if grid:
        properties.append(full("ispe", struct.pack(">II", *whole)))
        whole_uses = [5, 3, 4]
    for name, body in (("colr", b"prof" + icc if icc else None), ("irot", bytes([turns]) if turns else None),
                       ("imir", bytes([mirror]) if mirror is not None else None)):
        if body is not None:
            properties.append(box(name, body))
            whole_uses.append(len(properties) | (0 if name == "colr" else 0x80))
    items, references, uses = [], b"", []
    for i, sample in enumerate(samples):
        items.append((i + 1, sample_entry, sample, int(grid)))
        uses.append((i + 1, tile_uses if grid else whole_uses))
    primary = 1
    if grid:
        primary = len(items) + 1
        rows = len(pictures) // columns
        items.append((primary, "grid", struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *whole), 0))
        uses.append((primary, whole_uses))
        references += box("dimg", struct.pack(f">HH{len(samples)}H", primary, len(samples), *range(1, len(samples) + 1)))
    if exif:
        items.append((len(items) + 1, "Exif", struct.pack(">I", 6) + b"Exif\0\0" + exif, 1))
        references += box("cdsc", struct.pack(">HHH", len(items), 1, primary))
    association = struct.pack(">I", len(uses)) + b"".join(struct.pack(">HB", item, len(use)) + bytes(use) for item, use in uses)
    info = struct.pack(">H", len(items)) + b"".join(
        full("infe", struct.pack(">HH4s", number, 0, name.encode()) + b"\0", 2, hidden) for number, name, _, hidden in items)
    brand = brand or ("heic" if codec == "hevc" and depth == 8 else "heix" if codec == "hevc" else "avif")
    family = b"mif1heic" if codec == "hevc" else b"mif1miaf"
    head = box("ftyp", brand.encode() + b"\0\0\0\0" + brand.encode() + family)

    def meta(data_at):
        location, at = struct.pack(">BBH", 0x44, 0, len(items)), data_at
        for number, _, data, _ in items:
            location += struct.pack(">HHHII", number, 0, 1, at, len(data))
            at += len(data)
        return full("meta", full("hdlr", b"\0\0\0\0pict" + b"\0" * 13) + full("pitm", struct.pack(">H", primary))
                    + full("iloc", location) + full("iinf", info) + (full("iref", references) if references else b"")
                    + box("iprp", box("ipco", b"".join(properties)) + full("ipma", association)))

    data_at = len(head) + len(meta(0)) + 8
    return head + meta(data_at) + box("mdat", b"".join(data for _, _, data, _ in items))


def encoder_heif(picture, arguments=(), name="out.heic"):
    return tools.run(["heif-enc", "-q", "60", *arguments, "-o", name, "in.png"], {"in.png": png.of(picture)}, name)


def encoder_avif(pictures, arguments=()):
    names = [f"{i}.png" for i in range(len(pictures))]
    inputs = {name: png.of(picture) for name, picture in zip(names, pictures)}
    return timeless(tools.run(["avifenc", "-j", "1", "-s", "6", *arguments, *names, "out.avif"], inputs, "out.avif"))


def timeless(file):
    """Clears the creation and modification times (64-bit, version 1) of a sequence's headers."""
    out = bytearray(file)
    for name in (b"mvhd\1", b"tkhd\1", b"mdhd\1"):
        at = -1
        while (at := file.find(name, at + 1)) >= 0:
            out[at + 8:at + 24] = bytes(16)
    return bytes(out)
