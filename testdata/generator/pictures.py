"""What the pictures show: an arrow that points up, a red dot top left, a gradient behind."""

import random

from PIL import Image, ImageDraw, ImageFont


def arrow(width=160, height=120, label="UP"):
    """An opaque RGB picture in which every mirroring and turn can be seen."""
    picture = Image.new("RGB", (width, height))
    picture.putdata([
        (40 + 180 * x // width, 90 + 130 * y // height, 220 - 150 * x // width)
        for y in range(height) for x in range(width)
    ])
    draw = ImageDraw.Draw(picture)
    w, h = width, height
    draw.polygon([(w * .5, h * .1), (w * .66, h * .42), (w * .34, h * .42)], fill=(255, 255, 255))
    draw.rectangle([w * .45, h * .42, w * .55, h * .62], fill=(255, 255, 255))
    draw.ellipse([w * .04, h * .05, w * .04 + h * .2, h * .25], fill=(230, 20, 20))
    draw.rectangle([w * .86, h * .05, w * .96, h * .2], fill=(20, 60, 200))
    write(draw, (w * .5, h * .8), label, h * .28, (0, 0, 0))
    return picture


def write(draw, centre, text, size, fill):
    draw.text(centre, text, font=ImageFont.load_default(size=max(8, int(size))), fill=fill, anchor="mm")


def badge(size=512, label="UP", angle=0):
    """A round RGBA sticker with a clear margin and a soft edge."""
    picture = Image.new("RGBA", (size * 2, size * 2), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    s = size * 2
    draw.ellipse([s * .06, s * .06, s * .94, s * .94], fill=(250, 190, 40, 255))
    draw.polygon([(s * .5, s * .14), (s * .68, s * .42), (s * .32, s * .42)], fill=(255, 255, 255, 255))
    draw.rectangle([s * .44, s * .42, s * .56, s * .6], fill=(255, 255, 255, 255))
    draw.ellipse([s * .2, s * .24, s * .3, s * .34], fill=(230, 20, 20, 255))
    write(draw, (s * .5, s * .74), label, s * .2, (20, 40, 90, 255))
    picture = picture.resize((size, size), Image.Resampling.LANCZOS)
    return picture.rotate(angle) if angle else picture


def noise(width, height, seed, mode="RGB"):
    """Random samples, the worst case for every encoder."""
    source = random.Random(seed)
    return Image.frombytes(mode, (width, height), source.randbytes(width * height * len(mode)))


# How the upright picture lies in a file of EXIF orientation 1 to 8.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored(picture, orientation):
    turn = STORED[orientation]
    return picture if turn is None else picture.transpose(turn)
