"""The cases of `image/`: what is accepted, what is repaired, what is refused, what is broken."""

import io
import struct
import zlib

from PIL import Image

from . import exif, heif, icc, jpeg, png, raster, tools, webp
from .pictures import arrow, badge, stored

GPS = "image.metadata"
FORMAT = "image.format"
TRAILING = "image.trailing-bytes"
# The verdict on fewer than 8 bits a component: "not 8" fails by the letter of the rule.
LOW_DEPTH = "unfit"


def add(cases):
    add = cases.folder("image")
    jpegs(add)
    jpeg_colours(add)
    jpeg_tails(add)
    jpeg_broken(add)
    pngs(add)
    png_metadata(add)
    png_broken(add)
    webps(add)
    rasters(add)
    tiffs(add)
    heifs(add)
    others(add)
    bombs(add)


def jpegs(add):
    picture = arrow()
    base = jpeg.encode(picture)
    add("fit", "baseline", ".jpg", base, format="jpeg")
    add("fit", "extension-jpeg", ".jpeg", base, format="jpeg")
    add("fit", "progressive", ".jpg", jpeg.encode(picture, progressive=True), format="jpeg")
    add("fit", "sampling-444", ".jpg", jpeg.encode(picture, subsampling=0), format="jpeg")
    add("fit", "sampling-422", ".jpg", jpeg.encode(picture, subsampling=1), format="jpeg")
    add("fit", "rgb-components", ".jpg", jpeg.encode(picture, keep_rgb=True), format="jpeg")
    add("fit", "one-pixel", ".jpg", jpeg.encode(picture.crop((0, 0, 1, 1))), format="jpeg")
    add("fit", "comment", ".jpg", jpeg.encode(picture, comment=b"a comment with \xff\xd9 in it"), format="jpeg")
    ppm = io.BytesIO()
    picture.save(ppm, "PPM")
    add("unfit", "arithmetic", ".jpg", tools.run(["cjpeg", "-arithmetic", "-quality", "80"], stdin=ppm.getvalue()), format="jpeg", rules="image.coding")
    add("fit", "restart-markers", ".jpg", tools.run(["cjpeg", "-restart", "2B", "-quality", "80"], stdin=ppm.getvalue()), format="jpeg")
    for orientation in range(1, 9):
        turned = jpeg.encode(stored(picture, orientation))
        block = exif.exif(orientation=orientation, order="<>"[orientation % 2])
        add("fit", f"orientation-{orientation}", ".jpg", jpeg.insert(turned, jpeg.exif_segment(block)), format="jpeg",
            rules="image.orientation" if orientation > 1 else "")
    with_exif = [
        ("gps", exif.exif(gps=True), GPS),
        ("gps-big-endian", exif.exif(gps=True, order=">"), GPS),
        ("body-serial-number", exif.exif(serial=b"SN-0042-1717"), GPS),
        ("software-only", exif.exif(software=b"Darkroom 3"), ""),
        ("exif-loop", exif.exif(loop=True), ""),
        ("exif-offset-beyond-end", b"II*\0\xf0\xff\xff\x7f", ""),
        ("exif-orientation-9", exif.exif(orientation=9), ""),
    ]
    for what, block, rules in with_exif:
        add("fit", what, ".jpg", jpeg.insert(base, jpeg.exif_segment(block)), format="jpeg", rules=rules)
    turned = jpeg.insert(jpeg.encode(stored(picture, 6)), jpeg.exif_segment(exif.exif(orientation=6, gps=True)))
    add("fit", "gps-and-turned", ".jpg", turned, format="jpeg", rules=f"{GPS} image.orientation")
    add("fit", "xmp-gps", ".jpg", jpeg.insert(base, jpeg.xmp_segment(exif.GPS_XMP)), format="jpeg", rules=GPS)
    small = jpeg.encode(arrow(64, 48), quality=50)
    add("fit", "exif-thumbnail", ".jpg", jpeg.insert(base, jpeg.exif_segment(exif.exif(thumbnail=small))), format="jpeg")
    add("fit", "jpeg-inside", ".png", base, format="jpeg", rules="any.extension")
    add("fit", "jpeg-inside", ".heic", base, format="jpeg", rules="any.extension")
    add("fit", "no-extension", "", base, format="jpeg")


def jpeg_colours(add):
    picture, small = arrow(), arrow(96, 72)
    base, gray = jpeg.encode(picture), jpeg.encode(picture.convert("L"))
    profiles = [("adobe-rgb", icc.adobe_rgb(), "image.icc-profile"), ("display-p3", icc.display_p3(), "image.icc-profile"), ("srgb-profile", icc.srgb(), "")]
    for what, profile, rules in profiles:
        add("fit", what, ".jpg", jpeg.insert(base, jpeg.icc_segments(profile)), format="jpeg", rules=rules)
    split = jpeg.insert(base, jpeg.icc_segments(icc.adobe_rgb(), 200))
    add("fit", "adobe-rgb-in-parts", ".jpg", split, format="jpeg", rules="image.icc-profile")
    add("fit", "gray", ".jpg", gray, format="jpeg", rules="image.color")
    add("fit", "gray-profile", ".jpg", jpeg.insert(gray, jpeg.icc_segments(icc.gray())), format="jpeg",
        rules="image.color image.icc-profile", about="image.color")
    plain = jpeg.four_inks(small, None, False)
    photoshop = jpeg.four_inks(small, 0, True)
    add("unfit", "cmyk", ".jpg", plain, format="jpeg", rules="image.color")
    add("unfit", "cmyk-adobe-inverted", ".jpg", photoshop, format="jpeg", rules="image.color")
    add("unfit", "ycck-adobe-inverted", ".jpg", jpeg.four_inks(small, 2, True), format="jpeg", rules="image.color")
    add("unfit", "cmyk-profile", ".jpg", jpeg.insert(photoshop, jpeg.icc_segments(icc.cmyk())), format="jpeg",
        rules="image.color image.icc-profile", about="image.color")
    add("unfit", "twelve-bit", ".jpg", jpeg.twelve_bit(small), format="jpeg", rules="image.bit-depth", fixable=False)


def jpeg_tails(add):
    """Bytes after the end of the image: junk, a second picture, a gain map."""
    picture = arrow()
    base, second = jpeg.encode(picture), jpeg.encode(arrow(80, 60, "2"), quality=50)
    out = io.BytesIO()
    picture.save(out, "MPO", save_all=True, append_images=[arrow(80, 60, "2")], quality=75)
    add("fit", "mpo-second-image", ".jpg", out.getvalue(), format="jpeg", rules=TRAILING)
    add("fit", "trailing-junk", ".jpg", base + b"trailing junk " * 40, format="jpeg", rules=TRAILING)
    add("fit", "trailing-zeros", ".jpg", base + b"\0" * 512, format="jpeg", rules=TRAILING)
    gain = jpeg.insert(jpeg.encode(picture.convert("L").resize((40, 30)), quality=60), jpeg.xmp_segment(exif.xmp(
        '<rdf:Description rdf:about="" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" hdrgm:GainMapMax="2.3" hdrgm:HDRCapacityMax="2.3"/>')))
    list_of_items = exif.xmp(
        '<rdf:Description rdf:about="" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
        'xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/" hdrgm:Version="1.0">'
        '<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>'
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="{len(gain)}"/></rdf:li>'
        '</rdf:Seq></Container:Directory></rdf:Description>')
    add("fit", "gain-map", ".jpg", jpeg.insert(base, jpeg.xmp_segment(list_of_items)) + gain, format="jpeg", rules=TRAILING)
    cut = base[:jpeg.scan_start(base) + 900]
    add("broken", "cut-then-second-image", ".jpg", cut + b"\0" * 16 + second[:-2], format="jpeg", rules="image.truncated")


def jpeg_broken(add):
    base = jpeg.encode(arrow())
    scan = jpeg.scan_start(base)
    frame = jpeg.find(base, 0xC0)
    small = jpeg.encode(arrow(64, 48), quality=50)
    thumbnail = jpeg.insert(base, jpeg.exif_segment(exif.exif(thumbnail=small)))
    lying = base[:frame - 67] + b"\xff\xdb\xff\xf0" + base[frame - 63:]
    cases = [
        ("no-eoi", base[:-2]),
        ("cut-in-scan", base[:scan + (len(base) - scan) // 2]),
        ("cut-before-scan", base[:scan - 6]),
        ("cut-in-frame-header", base[:frame + 6]),
        ("eoi-only-in-thumbnail", thumbnail[:-400]),
        ("segment-length-beyond-end", lying[:frame + 200]),
        ("start-only", base[:2] + base[2:22]),
    ]
    for what, data in cases:
        add("broken", what, ".jpg", data, format="jpeg", rules="image.truncated")
    add("broken", "zero-size", ".jpg", jpeg.resized_header(base, 0, 0), format="jpeg", rules="any.malformed")
    add("fit", "scan-too-short", ".jpg", base[:scan + 900] + b"\xff\xd9", format="jpeg", fixable=False)


def pngs(add):
    picture = arrow()
    small = arrow(64, 48)
    gray = small.convert("L")
    values = png.rows_of(gray, png.GRAY)
    see_through = badge(96)
    add("fit", "rgb", ".png", png.of(picture), format="png")
    add("fit", "rgba", ".png", png.of(see_through), format="png")
    add("fit", "rgb-interlaced", ".png", png.of(picture, interlaced=True), format="png")
    add("fit", "rgb-key-colour", ".png", png.of(small, before=png.chunk(b"tRNS", struct.pack(">HHH", 255, 255, 255))), format="png")
    add("fit", "gray", ".png", png.of(gray), format="png", rules="image.color")
    add("fit", "gray-alpha", ".png", png.of(see_through.convert("LA")), format="png", rules="image.color")
    for depth in (1, 2, 4):
        rows = [[v >> 8 - depth for v in row] for row in values]
        add(LOW_DEPTH, f"gray-{depth}-bit", ".png", png.png(rows, depth, png.GRAY), format="png", rules="image.bit-depth image.color", about="image.bit-depth")
        add(LOW_DEPTH, f"palette-{depth}-bit", ".png", png.palette(small, depth), format="png", rules="image.bit-depth image.color", about="image.bit-depth")
    add("fit", "palette", ".png", png.palette(picture, 8), format="png", rules="image.color")
    add("fit", "palette-alpha", ".png", png.palette(picture, 8, [0, 128] + [255] * 20), format="png", rules="image.color")
    gray16 = [[v * 257 ^ x % 200 for x, v in enumerate(row)] for row in values]
    alpha16 = [sum(([v, 65535 - 700 * x] for x, v in enumerate(row)), []) for row in gray16]
    rgb16 = [[v * 257 ^ i % 200 for i, v in enumerate(row)] for row in png.rows_of(small, png.RGB)]
    rgba16 = [sum((row[3 * x:3 * x + 3] + [65535 - 700 * x] for x in range(64)), []) for row in rgb16]
    add("unfit", "gray16", ".png", png.png(gray16, 16, png.GRAY), format="png", rules="image.bit-depth image.color", about="image.bit-depth")
    add("unfit", "gray-alpha16", ".png", png.png(alpha16, 16, png.GRAY_ALPHA), format="png", rules="image.bit-depth image.color", about="image.bit-depth")
    add("unfit", "rgb16", ".png", png.png(rgb16, 16, png.RGB), format="png", rules="image.bit-depth")
    add("unfit", "rgba16", ".png", png.png(rgba16, 16, png.RGBA), format="png", rules="image.bit-depth")
    add("unfit", "rgb16-interlaced", ".png", png.png(rgb16, 16, png.RGB, interlaced=True), format="png", rules="image.bit-depth")
    frames = [badge(64, str(i)) for i in range(3)]
    add("unfit", "animated", ".png", png.animation(frames), format="apng", rules="image.animated", fixable=False)
    add("unfit", "animated", ".apng", png.animation(frames), format="apng", rules="image.animated", fixable=False)
    late = png.chunk(b"acTL", struct.pack(">II", 2, 0))
    add("fit", "animation-chunk-after-data", ".png", png.of(small, after=late), format="png")
    add("fit", "png-inside", ".jpg", png.of(small), format="png", rules="any.extension")


def png_metadata(add):
    small = arrow(96, 72)
    cases = [
        ("text", png.chunk(b"tEXt", b"Comment\0a comment with IEND in it"), ""),
        ("time-and-density", png.chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)) + png.chunk(b"tIME", struct.pack(">HBBBBB", 2020, 1, 1, 0, 0, 0)), ""),
        ("exif-gps", png.chunk(b"eXIf", exif.exif(gps=True)), GPS),
        ("exif-body-serial-number", png.chunk(b"eXIf", exif.exif(serial=b"SN-0042-1717", order=">")), GPS),
        ("xmp-gps", png.xmp_chunk(exif.GPS_XMP), GPS),
        ("adobe-rgb", png.profile_chunk(icc.adobe_rgb()), "image.icc-profile"),
        ("display-p3", png.profile_chunk(icc.display_p3()), "image.icc-profile"),
        ("srgb-profile", png.profile_chunk(icc.srgb()), ""),
        ("srgb-chunk", png.chunk(b"sRGB", b"\0"), ""),
    ]
    for what, chunks, rules in cases:
        add("fit", what, ".png", png.of(small, before=chunks), format="png", rules=rules)
    add("fit", "exif-orientation-6", ".png", png.of(stored(small, 6), before=png.chunk(b"eXIf", exif.exif(orientation=6))),
        format="png", rules="image.orientation")
    add("fit", "exif-gps-after-data", ".png", png.of(small, after=png.chunk(b"eXIf", exif.exif(gps=True))), format="png", rules=GPS)
    add("fit", "trailing-junk", ".png", png.of(small) + b"trailing junk " * 40, format="png", rules=TRAILING)


def png_broken(add):
    base = png.of(arrow(96, 72))
    data_at = base.index(b"IDAT") - 4
    add("broken", "no-iend", ".png", base[:-12], format="png", rules="image.truncated")
    add("broken", "cut-in-iend", ".png", base[:-5], format="png", rules="image.truncated")
    add("broken", "cut-in-data", ".png", base[:data_at + 400], format="png", rules="image.truncated")
    add("broken", "cut-in-header", ".png", base[:20], format="png", rules="image.truncated")
    add("broken", "signature-only", ".png", base[:8], format="png", rules="image.truncated")
    add("broken", "chunk-length-beyond-end", ".png", base[:data_at] + b"\x7f\xff\xff\xf0" + base[data_at + 4:], format="png", rules="image.truncated")
    zero = png.SIGNATURE + png.header(0, 0, 8, png.RGB) + base[data_at:]
    add("broken", "zero-size", ".png", zero, format="png", rules="any.malformed")
    wrong = png.SIGNATURE + png.header(96, 72, 3, png.RGB) + base[data_at:]
    add("broken", "bit-depth-3", ".png", wrong, format="png", rules="any.malformed image.bit-depth", about="any.malformed")
    short = png.SIGNATURE + png.header(96, 72, 8, png.RGB) + png.chunk(b"IDAT", zlib.compress(b"\0" * 500)) + png.END
    add("fit", "image-data-too-short", ".png", short, format="png", fixable=False)


def webps(add):
    picture = arrow()
    lossy = webp.encode(picture, quality=70)
    see_through = badge(128)
    add("unfit", "lossy", ".webp", lossy, format="webp", rules=FORMAT)
    add("unfit", "lossless", ".webp", webp.encode(picture, lossless=True), format="webp", rules=FORMAT)
    add("unfit", "lossy-alpha", ".webp", webp.encode(see_through, quality=70), format="webp", rules=FORMAT)
    add("unfit", "lossless-alpha", ".webp", webp.encode(see_through, lossless=True), format="webp", rules=FORMAT)
    frames = [badge(64, str(i)) for i in range(3)]
    add("unfit", "animated", ".webp", webp.animation(frames, [100] * 3, quality=60), format="webp",
        rules=f"{FORMAT} image.animated", fixable=False)
    turned = webp.encode(stored(picture, 6), quality=70)
    add("unfit", "exif-orientation-6", ".webp", webp.extended(turned, 120, 160, exif=exif.exif(orientation=6, gps=True)),
        format="webp", rules=f"{FORMAT} image.orientation {GPS}", about=f"{FORMAT} image.orientation")
    add("unfit", "display-p3", ".webp", webp.extended(lossy, 160, 120, icc=icc.display_p3()), format="webp",
        rules=f"{FORMAT} image.icc-profile")
    add("unfit", "trailing-junk", ".webp", lossy + b"trailing junk " * 20, format="webp", rules=f"{FORMAT} {TRAILING}")
    add("broken", "riff-length-within-data", ".webp", webp.with_length(lossy, len(lossy) - 8 - 200), format="webp",
        rules=f"{FORMAT} image.truncated {TRAILING}", about="image.truncated")
    add("broken", "riff-length-beyond-end", ".webp", webp.with_length(lossy, len(lossy) + 1000), format="webp",
        rules=f"{FORMAT} image.truncated", about="image.truncated")
    add("broken", "cut-in-data", ".webp", lossy[:len(lossy) // 2], format="webp", rules=f"{FORMAT} image.truncated", about="image.truncated")
    add("broken", "cut-in-header", ".webp", lossy[:18], format="webp", rules=f"{FORMAT} image.truncated", about="image.truncated")


def rasters(add):
    picture, see_through = arrow(96, 72), badge(96)
    add("unfit", "still", ".gif", raster.gif([picture]), format="gif", rules=FORMAT)
    add("unfit", "interlaced", ".gif", raster.gif([picture], interlace=True), format="gif", rules=FORMAT)
    add("unfit", "transparent", ".gif", raster.gif([see_through], transparent=True), format="gif", rules=FORMAT)
    frames = [arrow(96, 72, str(i)) for i in range(4)]
    moving = raster.gif(frames, [100] * 4)
    add("unfit", "animated", ".gif", moving, format="gif", rules=f"{FORMAT} image.animated", fixable=False)
    still = raster.gif([picture])
    for what, data in (("no-trailer", still[:-1]), ("cut-in-data", still[:len(still) // 2])):
        add("broken", what, ".gif", data, format="gif", rules=f"{FORMAT} image.truncated", about="image.truncated")
    add("broken", "animated-cut", ".gif", moving[:len(moving) * 2 // 3], format="gif",
        rules=f"{FORMAT} image.animated image.truncated", about="image.truncated")
    for bits in (1, 4, 8):
        indexed, colours = raster.bmp_palette(picture, bits)
        add("unfit", f"{bits}-bit", ".bmp", raster.bmp(96, 72, bits, raster.bmp_rows(indexed, bits), palette=colours),
            format="bmp", rules=FORMAT)
    add("unfit", "8-bit-rle", ".bmp", raster.bmp(96, 72, 8, raster.run_lengths(indexed), palette=colours, compression=1),
        format="bmp", rules=FORMAT)
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    add("unfit", "16-bit-565", ".bmp", raster.bmp(96, 72, 16, raster.bmp_rows(picture, 16), compression=3, masks=masks), format="bmp", rules=FORMAT)
    add("unfit", "24-bit", ".bmp", raster.bmp(96, 72, 24, raster.bmp_rows(picture, 24)), format="bmp", rules=FORMAT)
    add("unfit", "24-bit-top-down", ".bmp", raster.bmp(96, 72, 24, raster.bmp_rows(picture, 24, True), top_down=True), format="bmp", rules=FORMAT)
    small = see_through.resize((64, 64))
    add("unfit", "32-bit-alpha-v5", ".bmp", raster.bmp(64, 64, 32, raster.bmp_rows(small, 32), compression=3, info=124), format="bmp", rules=FORMAT)
    whole = raster.bmp(96, 72, 24, raster.bmp_rows(picture, 24))
    add("broken", "cut-in-data", ".bmp", whole[:3000], format="bmp", rules=f"{FORMAT} image.truncated", about="image.truncated")
    sizes = [(size, see_through.resize((size, size))) for size in (16, 32, 48)]
    add("unfit", "bitmaps", ".ico", raster.ico([(size, raster.ico_bitmap(p)) for size, p in sizes[:2]]), format="ico", rules=FORMAT)
    add("unfit", "png-inside", ".ico", raster.ico([(16, raster.ico_bitmap(sizes[0][1])), (256, png.of(badge(256)))]), format="ico", rules=FORMAT)


def tiffs(add):
    picture = arrow(96, 72)

    def pillow(image, **options):
        out = io.BytesIO()
        image.save(out, "TIFF", **options)
        return out.getvalue()

    add("unfit", "uncompressed", ".tif", exif.tiff(64, 48, 3, arrow(64, 48).tobytes()), format="tiff", rules=FORMAT)
    add("unfit", "big-endian-deflate", ".tiff", exif.tiff(96, 72, 3, zlib.compress(picture.tobytes(), 9), compression=8, order=">"), format="tiff", rules=FORMAT)
    add("unfit", "lzw", ".tif", pillow(picture, compression="tiff_lzw"), format="tiff", rules=FORMAT)
    add("unfit", "jpeg-inside", ".tif", pillow(picture, compression="jpeg", quality=75), format="tiff", rules=FORMAT)
    add("unfit", "bigtiff", ".tif", pillow(picture, compression="tiff_lzw", big_tiff=True), format="tiff", rules=FORMAT)
    add("unfit", "two-pages", ".tif", pillow(picture, compression="tiff_lzw", save_all=True, append_images=[arrow(96, 72, "2")]), format="tiff", rules=FORMAT)
    add("unfit", "alpha", ".tif", pillow(badge(96), compression="tiff_lzw"), format="tiff", rules=FORMAT)
    add("unfit", "gray", ".tif", pillow(picture.convert("L"), compression="tiff_lzw"), format="tiff", rules=FORMAT)
    add("unfit", "fax", ".tif", pillow(picture.convert("1", dither=0), compression="group4"), format="tiff", rules=FORMAT)
    wide = b"".join(struct.pack("<H", v * 257 ^ i % 200) for i, v in enumerate(picture.tobytes()))
    add("unfit", "16-bit", ".tif", exif.tiff(96, 72, 3, zlib.compress(wide, 9), depth=16, compression=8), format="tiff", rules=FORMAT)
    ink = bytes(v for pixel in jpeg.inks(picture) for v in pixel)
    add("unfit", "cmyk", ".tif", exif.tiff(96, 72, 4, zlib.compress(ink, 9), compression=8, photometric=5), format="tiff", rules=FORMAT)
    turned = stored(picture, 6)
    add("unfit", "orientation-6", ".tif", exif.tiff(72, 96, 3, zlib.compress(turned.tobytes(), 9), compression=8, orientation=6),
        format="tiff", rules=f"{FORMAT} image.orientation")


def heifs(add):
    picture = arrow(128, 96)
    tiles = arrow(256, 192)
    parts = [tiles.crop((x, y, x + 128, y + 96)) for y in (0, 96) for x in (0, 128)]
    orientation = f"{FORMAT} image.orientation"
    plain = heif.write([picture])
    add("unfit", "8-bit", ".heic", plain, format="heic", rules=FORMAT)
    add("unfit", "8-bit", ".heif", heif.write([picture], brand="mif1"), format="heic", rules=FORMAT)
    add("unfit", "10-bit", ".heic", heif.write([picture], pixels="yuv420p10le"), format="heic", rules=FORMAT)
    add("unfit", "grid", ".heic", heif.write(parts, columns=2, size=(250, 186)), format="heic", rules=FORMAT)
    add("unfit", "rotated", ".heic", heif.write([stored(picture, 6)], turns=3), format="heic", rules=orientation)
    add("unfit", "mirrored", ".heic", heif.write([stored(picture, 2)], mirror=1), format="heic", rules=orientation)
    phone = heif.write([part for part in [stored(tiles, 6).crop((x, y, x + 96, y + 128)) for y in (0, 128) for x in (0, 96)]],
                       columns=2, size=(192, 256), turns=3, icc=icc.display_p3(), exif=exif.exif(orientation=6, gps=True))
    add("unfit", "phone", ".heic", phone, format="heic", rules=f"{orientation} image.icc-profile {GPS}", about=FORMAT)
    add("unfit", "display-p3", ".heic", heif.write([picture], icc=icc.display_p3()), format="heic", rules=f"{FORMAT} image.icc-profile")
    add("unfit", "heic-inside", ".jpg", plain, format="heic", rules=f"{FORMAT} any.extension")
    add("unfit", "alpha", ".heic", heif.encoder_heif(badge(128)), format="heic", rules=FORMAT)
    add("unfit", "encoder", ".heic", heif.encoder_heif(picture), format="heic", rules=FORMAT)
    add("broken", "cut-in-data", ".heic", plain[:-400], format="heic", rules=f"{FORMAT} image.truncated", about="image.truncated")
    add("broken", "cut-in-meta", ".heic", plain[:200], format="heic", rules=f"{FORMAT} image.truncated", about="image.truncated")
    box = heif.write([picture], codec="av1")
    add("unfit", "8-bit", ".avif", box, format="avif", rules=FORMAT)
    add("unfit", "rotated", ".avif", heif.write([stored(picture, 6)], codec="av1", turns=3), format="avif", rules=orientation)
    add("unfit", "10-bit", ".avif", heif.encoder_avif([picture], ["-d", "10", "-y", "420"]), format="avif", rules=FORMAT)
    add("unfit", "alpha", ".avif", heif.encoder_avif([badge(128)]), format="avif", rules=FORMAT)
    add("unfit", "sequence", ".avif", heif.encoder_avif([arrow(64, 48, str(i)) for i in range(3)], ["--timescale", "10"]), format="avif",
        rules=f"{FORMAT} image.animated", fixable=False)
    add("broken", "cut-in-data", ".avif", box[:-200], format="avif", rules=f"{FORMAT} image.truncated", about="image.truncated")


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="60"><path d="M40 6 53 25H44V37H36V25H27Z" fill="#06c"/></svg>\n'


def others(add):
    picture = arrow()
    source = {"in.png": png.of(picture), "in.jpg": jpeg.encode(picture)}

    def cjxl(name, *arguments):
        return tools.run(["cjxl", name, "out.jxl", "--num_threads=0", *arguments], source, "out.jxl")

    add("unfit", "codestream", ".jxl", cjxl("in.png", "-d", "1", "--container=0"), format="jxl", rules=FORMAT)
    add("unfit", "container", ".jxl", cjxl("in.png", "-d", "1", "--container=1"), format="jxl", rules=FORMAT)
    add("unfit", "from-jpeg", ".jxl", cjxl("in.jpg", "--lossless_jpeg=1"), format="jxl", rules=FORMAT)
    add("unfit", "plain", ".svg", SVG.encode(), format="svg", rules=FORMAT, fixable=False)
    prolog = '<?xml version="1.0" encoding="UTF-8"?>\n<!-- a comment -->\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n'
    add("unfit", "prolog", ".svg", b"\xef\xbb\xbf" + (prolog + SVG).encode(), format="svg", rules=FORMAT, fixable=False)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packer.compress(SVG.encode()) + packer.flush()
    add("unfit", "compressed", ".svgz", packed, format="svg", rules=FORMAT, fixable=False)
    html = b"<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n"
    add("unfit", "html-inside", ".jpg", html, format="html", rules="document.type", role="document")
    add("unfit", "zeros", ".jpg", b"\0" * 4096, format="binary", rules="document.type", role="document", fixable=False)
    add("broken", "empty", ".jpg", b"", format="empty", rules="any.empty", role="document")


def bombs(add):
    """A few hundred bytes that claim 30000 by 30000 pixels (or the format's most)."""
    side = 30000
    small = jpeg.encode(arrow(16, 16))
    add("unfit", "bomb", ".jpg", jpeg.resized_header(small, side, side), format="jpeg", rules="any.limit", fixable=False)
    data = png.chunk(b"IDAT", zlib.compress(b"\0" * 100000, 9))
    add("unfit", "bomb", ".png", png.SIGNATURE + png.header(side, side, 8, png.RGBA) + data + png.END, format="png", rules="any.limit", fixable=False)
    limit = f"{FORMAT} any.limit"
    add("unfit", "bomb", ".gif", raster.gif_of_size(side, side), format="gif", rules=limit, about="any.limit", fixable=False)
    colours = [(0, 0, 0), (255, 255, 255)] * 128
    add("unfit", "bomb", ".bmp", raster.bmp(side, side, 8, b"\0\1", palette=colours, compression=1), format="bmp",
        rules=limit, about="any.limit", fixable=False)
    add("unfit", "bomb", ".tif", exif.tiff(side, side, 3, zlib.compress(b"\0" * 100000, 9), compression=8), format="tiff", rules=limit, about="any.limit", fixable=False)
    frame = webp.encode(Image.new("RGBA", (16, 16), (200, 0, 0, 255)), lossless=True)
    canvas = webp.canvas(webp.ANIMATION | webp.ALPHA, side, side) + webp.chunk(b"ANIM", b"\0" * 6)
    pictures = b"".join(webp.chunk(b"ANMF", b"\0" * 6 + webp.three(15) * 2 + webp.three(100) + b"\x02" + webp.image_chunks(frame)) for _ in range(2))
    add("unfit", "bomb-canvas", ".webp", webp.riff(canvas + pictures), format="webp", rules=f"{limit} image.animated", about="any.limit", fixable=False)
    add("unfit", "bomb-16383", ".webp", webp.one_colour_lossless(16383, 16383, (255, 200, 0, 0)), format="webp", rules=limit, about="any.limit", fixable=False)
    tiny = Image.new("RGB", (64, 64), (200, 0, 0))
    for codec, kind in (("hevc", "heic"), ("av1", "avif")):
        add("unfit", "bomb", f".{kind}", heif.write([tiny], codec=codec, claimed=(side, side)), format=kind, rules=limit, about="any.limit", fixable=False)
