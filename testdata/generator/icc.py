"""ICC profiles, written by hand: matrix profiles for RGB, a small table for CMYK."""

import struct

D50 = (0.96420, 1.0, 0.82491)
# Colorants adapted to D50, as the registered profiles state them.
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def fixed(value):
    return struct.pack(">i", round(value * 65536))


def xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))


def gamma_curve(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def srgb_curve():
    """The parametric curve of sRGB and Display P3 (type 3)."""
    return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + b"".join(map(fixed, (2.4, 1 / 1.055, .055 / 1.055, 1 / 12.92, .04045)))


def description(text, version):
    if version == 4:
        encoded = text.encode("utf-16-be")
        return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded
    plain = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(plain)) + plain + b"\0" * (4 + 4 + 2 + 1 + 67)


def profile(version, kind, space, pcs, tags):
    tags = list(tags)
    body, table, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags:
        body += b"\0" * (-len(body) % 4)
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data
    body += b"\0" * (-len(body) % 4)
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", version << 24 | (0x400000 if version == 2 else 0), kind, space, pcs)
    header += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + b"".join(map(fixed, D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def matrix(name, colorants, curve, version):
    text = b"text\0\0\0\0CC0\0" if version == 2 else description("CC0", 4)
    return profile(version, b"mntr", b"RGB ", b"XYZ ", [
        (b"desc", description(name, version)), (b"cprt", text), (b"wtpt", xyz(D50)),
        (b"rXYZ", xyz(colorants[0])), (b"gXYZ", xyz(colorants[1])), (b"bXYZ", xyz(colorants[2])),
        (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve),
    ])


def adobe_rgb():
    return matrix("Adobe RGB (1998)", ADOBE_RGB, gamma_curve(2.19921875), 2)


def display_p3():
    return matrix("Display P3", DISPLAY_P3, srgb_curve(), 4)


def srgb():
    return matrix("sRGB", SRGB, srgb_curve(), 4)


def gray():
    return profile(2, b"mntr", b"GRAY", b"XYZ ", [
        (b"desc", description("Gray gamma 2.2", 2)), (b"cprt", b"text\0\0\0\0CC0\0"), (b"wtpt", xyz(D50)), (b"kTRC", gamma_curve(2.2)),
    ])


def cmyk():
    """A printer profile of 2 grid points an ink: every corner of the ink cube has its Lab colour."""
    inks = {"c": (55, -37, -50), "m": (48, 74, -3), "y": (89, -5, 93), "cm": (24, 22, -46), "cy": (50, -68, 33), "my": (47, 68, 48), "cmy": (23, 0, 0), "": (95, 0, -2)}
    nodes = b""
    for node in range(16):
        c, m, y, k = node >> 3 & 1, node >> 2 & 1, node >> 1 & 1, node & 1
        lightness, a, b = inks["c" * c + "m" * m + "y" * y]
        if k:
            lightness, a, b = lightness * .16, a * .05, b * .05
        nodes += bytes([round(lightness * 2.55), round(a + 128), round(b + 128)])
    identity = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + b"".join(fixed(float(i % 4 == 0)) for i in range(9))
    table += identity * 4 + nodes + identity * 3
    return profile(2, b"prtr", b"CMYK", b"Lab ", [
        (b"desc", description("Four inks", 2)), (b"cprt", b"text\0\0\0\0CC0\0"), (b"wtpt", xyz(D50)), (b"A2B0", table),
    ])
