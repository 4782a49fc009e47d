"""The cases of `sticker/`: 512 by 512, still, small, nothing after the RIFF length.

How long frames may be shown matters only where animated stickers are asked for: by default the animation alone fails.
"""

from PIL import Image

from . import exif, icc, jpeg, png, raster, webp
from .pictures import arrow, badge, noise

FORMAT = "sticker.format"
SIZE = "sticker.dimensions"
MOVING = "sticker.animated"


def add(cases):
    add = cases.folder("sticker")
    still(add)
    sized(add)
    containers(add)
    moving(add)
    other_formats(add)


def still(add):
    picture = badge(512)
    add("fit", "lossless", ".webp", webp.encode(picture, lossless=True), format="webp")
    add("fit", "lossy-alpha", ".webp", webp.encode(picture, quality=50), format="webp")
    add("fit", "opaque", ".webp", webp.encode(arrow(512, 512), quality=40), format="webp")
    add("fit", "no-margin", ".webp", webp.encode(badge(600).crop((44, 44, 556, 556)), quality=40), format="webp")
    for width, height in ((512, 511), (511, 512), (192, 192), (640, 512)):
        resized = picture.resize((width, height), Image.Resampling.LANCZOS)
        add("unfit", f"{width}x{height}", ".webp", webp.encode(resized, quality=40), format="webp", rules=SIZE)


def textured(side):
    """A badge with a square of noise in it: the square's side sets the size of the file."""
    picture = badge(512)
    grain = noise(side, side, 42).convert("RGBA")
    picture.paste(grain, (256 - side // 2, 256 - side // 2))
    return picture


def between(least, most):
    """A lossless sticker of a size within the bounds, found by bisection over the noise."""
    low, high = 166, 182
    while low <= high:
        side = (low + high) // 2
        data = webp.encode(textured(side), lossless=True, method=4)
        if least < len(data) <= most:
            return data
        low, high = (side + 1, high) if len(data) <= least else (low, side - 1)
    raise ValueError("no such size")


def sized(add):
    add("fit", "between-limits", ".webp", between(100_000, 102_400), format="webp", rules="sticker.size")
    add("unfit", "over-limit", ".webp", between(102_400, 105_500), format="webp", rules="sticker.size")


def containers(add):
    plain = webp.encode(badge(512), quality=40)
    alpha = webp.ALPHA

    def extended(**parts):
        return webp.extended(plain, 512, 512, flags=alpha, **parts)

    add("fit", "exif-gps", ".webp", extended(exif=exif.exif(gps=True)), format="webp", rules="image.metadata")
    add("fit", "exif-body-serial-number", ".webp", extended(exif=exif.exif(serial=b"SN-0042-1717")), format="webp", rules="image.metadata")
    add("fit", "exif-software", ".webp", extended(exif=exif.exif(software=b"Sticker maker 2")), format="webp", rules="image.metadata")
    add("fit", "display-p3", ".webp", extended(icc=icc.display_p3()), format="webp", rules="image.icc-profile")
    add("fit", "srgb-profile", ".webp", extended(icc=icc.srgb()), format="webp", rules="image.metadata")
    add("fit", "unknown-chunk", ".webp", webp.riff(plain[12:] + webp.chunk(b"NOTE", b"an unknown chunk")), format="webp")
    trailing = "sticker.trailing-bytes"
    add("unfit", "trailing-junk", ".webp", plain + b"trailing junk " * 20, format="webp", rules=trailing)
    add("unfit", "trailing-byte", ".webp", plain + b"\0", format="webp", rules=trailing)
    last = webp.chunk(b"EXIF", exif.exif(software=b"Sticker maker 2"))
    add("unfit", "last-chunk-after-riff-length", ".webp", plain + last, format="webp", rules=trailing)
    truncated = "image.truncated"
    add("broken", "riff-length-beyond-end", ".webp", webp.with_length(plain, len(plain) + 1000), format="webp", rules=truncated)
    add("broken", "riff-length-within-data", ".webp", webp.with_length(plain, len(plain) - 8 - 300), format="webp",
        rules=f"{truncated} {trailing}", about=truncated)
    add("broken", "cut-in-data", ".webp", plain[:len(plain) // 2], format="webp", rules=truncated)
    add("broken", "cut-in-header", ".webp", plain[:22], format="webp", rules=truncated)
    add("fit", "webp-inside", ".png", plain, format="webp", rules="any.extension")


def moving(add):
    frames = [badge(512, str(i), angle=-8 + 8 * i) for i in range(3)]

    def animation(durations, **options):
        return webp.animation(frames, durations, quality=5, alpha_quality=40, **options)

    def case(what, data, extra=""):
        add("unfit", what, ".webp", data, format="webp", rules=f"{MOVING} {extra}", fixable=False)

    case("animated", animation([100, 100, 100]))
    case("animated-8-ms", animation([8, 8, 8]))
    case("animated-7-ms", animation([100, 7, 100]))
    case("animated-10000-ms", animation([5000, 3000, 2000]))
    case("animated-10001-ms", animation([5000, 3000, 2001]))
    small = [frame.resize((256, 256)) for frame in frames]
    case("animated-256x256", webp.animation(small, [100] * 3, quality=5), SIZE)
    one = webp.animation(frames[:1], [100], quality=5)
    case("animated-one-frame", one)
    cut = animation([100, 100, 100])
    add("broken", "animated-cut", ".webp", cut[:len(cut) * 3 // 4], format="webp", rules=f"{MOVING} image.truncated", about="image.truncated")


def other_formats(add):
    logo = badge(120).crop((0, 20, 120, 100))
    both = f"{FORMAT} {SIZE}"
    add("unfit", "logo", ".png", png.of(logo), format="png", rules=both)
    add("unfit", "photo", ".jpg", jpeg.encode(arrow()), format="jpeg", rules=both, about=FORMAT)
    add("unfit", "tall", ".png", png.of(arrow(20, 200, "")), format="png", rules=both, about=SIZE)
    add("unfit", "512x512", ".png", png.palette(badge(512).convert("RGB"), 4), format="png", rules=FORMAT)
    turned = jpeg.insert(jpeg.encode(arrow(160, 120).transpose(Image.Transpose.ROTATE_90)), jpeg.exif_segment(exif.exif(orientation=6)))
    add("unfit", "turned-photo", ".jpg", turned, format="jpeg", rules=both, about=FORMAT)
    gif = raster.gif([badge(96)], transparent=True)
    add("unfit", "still", ".gif", gif, format="gif", rules=both, about=FORMAT)
    frames = raster.gif([badge(96, str(i)) for i in range(3)], [100] * 3, transparent=True)
    add("unfit", "animated", ".gif", frames, format="gif", rules=f"{both} {MOVING}", about=f"{FORMAT} {MOVING}", fixable=False)
    apng = png.animation([badge(64, str(i)) for i in range(3)])
    add("unfit", "animated", ".png", apng, format="apng", rules=f"{both} {MOVING}", about=f"{FORMAT} {MOVING}", fixable=False)
    add("unfit", "one-pixel", ".png", png.of(Image.new("RGBA", (1, 1), (0, 120, 60, 255))), format="png", rules=both, about=SIZE)
    bomb = png.SIGNATURE + png.header(30000, 30000, 8, png.RGBA) + png.chunk(b"IDAT", b"x\x9cc\0\0\0\x01\0\x01") + png.END
    add("unfit", "bomb", ".png", bomb, format="png", rules=f"{both} any.limit", about="any.limit", fixable=False)
