"""Sound made by rule, and the bytes of audio containers that no tool at hand writes as wanted."""

import ctypes
import math
import struct
import sys

from . import heif, tools

TONE = "sine=frequency=440:sample_rate={rate}:duration={seconds}"


def encode(output, *arguments, rate=44100, seconds=1, channels=1, inputs=()):
    """A tone through ffmpeg; the arguments stand before the output's name."""
    source = ["-f", "lavfi", "-i", TONE.format(rate=rate, seconds=seconds)]
    return tools.ffmpeg(source + list(inputs) + ["-ac", str(channels), *arguments], output)


def samples(rate, seconds):
    return [round(8000 * math.sin(2 * math.pi * 440 * i / rate)) for i in range(int(rate * seconds))]


def library(name, package):
    try:
        return ctypes.CDLL(name)
    except OSError:
        sys.exit(f"make.py: {name} is missing; do: apt-get install {package}")


def amr(seconds=1):
    """AMR-NB at 12.2 kb/s."""
    codec = library("libopencore-amrnb.so.0", "libopencore-amrnb0")
    codec.Encoder_Interface_init.restype = ctypes.c_void_p
    state = ctypes.c_void_p(codec.Encoder_Interface_init(0))
    out, pcm = b"#!AMR\n", samples(8000, seconds)
    for at in range(0, len(pcm) - 159, 160):
        frame = (ctypes.c_ubyte * 64)()
        size = codec.Encoder_Interface_Encode(state, 7, (ctypes.c_short * 160)(*pcm[at:at + 160]), frame, 0)
        out += bytes(frame[:size])
    return out


def amr_wide(seconds=1):
    """AMR-WB at 12.65 kb/s."""
    codec = library("libvo-amrwbenc.so.0", "libvo-amrwbenc0")
    codec.E_IF_init.restype = ctypes.c_void_p
    state = ctypes.c_void_p(codec.E_IF_init())
    out, pcm = b"#!AMR-WB\n", samples(16000, seconds)
    for at in range(0, len(pcm) - 319, 320):
        frame = (ctypes.c_ubyte * 128)()
        size = codec.E_IF_encode(state, 2, (ctypes.c_short * 320)(*pcm[at:at + 320]), frame, 0)
        out += bytes(frame[:size])
    return out


def tag(size=600):
    """An ID3v2.4 tag with a title and padding."""
    title = b"\x03A tone"
    body = (b"TIT2" + struct.pack(">IH", len(title), 0) + title).ljust(size, b"\0")
    return b"ID3\x04\0\0" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0)) + body


def cover(picture):
    """An ID3v2.3 tag with a cover picture."""
    body = b"\0image/jpeg\0\x03\0" + picture
    frame = b"APIC" + struct.pack(">IH", len(body), 0) + body
    return b"ID3\x03\0\0" + bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0)) + frame


def wav(data, *, kind=1, bits=16, channels=1, rate=8000):
    """A WAV file round PCM data."""
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def rf64(data, rate=8000):
    """An RF64 file: the 32-bit lengths are all ones, the true ones stand in ds64."""
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    body = b"WAVEds64" + struct.pack("<IQQQI", 28, 72 + len(data), len(data), len(data) // 2, 0)
    body += b"fmt " + struct.pack("<I", 16) + form + b"data\xff\xff\xff\xff" + data
    return b"RF64\xff\xff\xff\xff" + body


def rifx(data, rate=8000):
    """A WAV file whose numbers are big-endian, round little-endian data."""
    form = struct.pack(">HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    swapped = bytes(byte for at in range(0, len(data), 2) for byte in (data[at + 1], data[at]))
    body = b"WAVEfmt " + struct.pack(">I", len(form)) + form + b"data" + struct.pack(">I", len(data)) + swapped
    return b"RIFX" + struct.pack(">I", len(body)) + body


def pcm(rate=8000, seconds=0.5):
    values = samples(rate, seconds)
    return struct.pack(f"<{len(values)}h", *values)


def with_brand(mp4, brand):
    """The same file under another major brand."""
    return mp4[:8] + brand + mp4[12:]


def with_high_efficiency(m4a):
    """Declares the AAC stream as HE-AAC (object type 5) at twice its rate: 22,050 in, 44,100 out."""
    plain = bytes.fromhex("1388")
    at = m4a.index(b"\x05\x80\x80\x80") + 4
    size = m4a[at]
    assert size >= 4 and m4a[at + 1:at + 3] == plain, m4a[at:at + 8].hex()
    bits = "00101" + "0111" + "0001" + "0100" + "00010" + "000"
    config = int(bits.ljust(size * 8, "0"), 2).to_bytes(size, "big")
    return m4a[:at + 1] + config + m4a[at + 1 + size:]


def moov_size(mp4):
    return next(end - start for name, start, end in heif.boxes(mp4) if name == "moov")
