"""The cases of `video/`: 128 by 96 pixels, a second or less."""

import struct

from . import heif, png, signal, tools
from .pictures import arrow

FRAMES = 10
AAC = ["-c:a", "aac", "-b:a", "32k"]
FAST = ["-movflags", "+faststart"]
CONTAINER, CODEC, SOUND = "video.container", "video.codec", "video.audio-codec"
ALL = f"{CONTAINER} {CODEC} {SOUND}"


def clip(output, *arguments, sound=True, rate=44100, pixels="yuv420p", filters="null", inputs=()):
    """The arrow, sliding, with a tone: through ffmpeg with these settings."""
    source = ["-loop", "1", "-framerate", "10", "-i", "in.png"]
    if sound:
        source += ["-f", "lavfi", "-i", signal.TONE.format(rate=rate, seconds=1)]
    moving = ["-vf", f"scroll=h=0.02,{filters},format={pixels}", "-frames:v", str(FRAMES)]
    return tools.ffmpeg(source + list(inputs) + moving + list(arguments), output, {"in.png": png.of(arrow(128, 96))})


def h264(profile="main", extra="", b_frames=0):
    return ["-c:v", "libx264", "-profile:v", profile, "-x264-params", f"bframes={b_frames}:b-adapt=0:keyint=5:threads=1{extra}", "-crf", "30"]


PLAIN = [*h264(), *AAC]
HEVC = ["-c:v", "libx265", "-x265-params", "info=0:pools=none:frame-threads=1:log-level=none", "-crf", "30", "-tag:v", "hvc1"]


def add(cases):
    add = cases.folder("video")
    accepted(add)
    profiles(add)
    tracks(add)
    brands(add)
    codecs(add)
    containers(add)


def accepted(add):
    plain = clip("out.mp4", *PLAIN, *FAST)
    add("fit", "h264-main-aac", ".mp4", plain, format="mp4")
    add("fit", "h264-baseline-aac", ".mp4", clip("out.mp4", *h264("baseline"), *AAC, *FAST), format="mp4")
    add("fit", "no-sound", ".mp4", clip("out.mp4", *h264(), *FAST, sound=False), format="mp4")
    add("fit", "h264-aac", ".3gp", clip("out.3gp", *PLAIN, *FAST), format="3gp")
    add("fit", "moov-last", ".mp4", clip("out.mp4", *PLAIN), format="mp4", rules="video.moov-last")
    add("fit", "mp4-inside", ".avi", plain, format="mp4", rules="any.extension")
    add("fit", "rotated", ".mp4", turn(plain), format="mp4")
    add("broken", "cut-in-data", ".mp4", plain[:len(plain) * 2 // 3], format="mp4", rules="any.malformed")
    moov = signal.moov_size(plain)
    add("broken", "cut-in-moov", ".mp4", plain[:moov // 2], format="mp4", rules="any.malformed")


def turn(mp4):
    """Writes the matrix of a quarter turn into the first track header."""
    plain = bytes.fromhex("00010000 00000000 00000000 00000000 00010000 00000000 00000000 00000000 40000000".replace(" ", ""))
    quarter = bytes.fromhex("00000000 00010000 00000000 ffff0000 00000000 00000000 00600000 00000000 40000000".replace(" ", ""))
    at = mp4.index(plain, mp4.index(b"tkhd"))
    return mp4[:at] + quarter + mp4[at + len(plain):]


def profiles(add):
    def case(verdict, what, arguments, rules, pixels="yuv420p"):
        add(verdict, what, ".mp4", clip("out.mp4", *arguments, *AAC, *FAST, pixels=pixels), format="mp4", rules=rules)

    case("unfit", "high-b-frames", h264("high", b_frames=2), "video.profile")
    case("fit", "high", h264("high"), "video.profile")
    case("fit", "main-b-frames", h264("main", b_frames=2), "video.b-frames")
    case("unfit", "high-10", h264("high10"), "video.bit-depth video.profile", "yuv420p10le")
    case("unfit", "high-422", h264("high422"), "video.pixel-format video.profile", "yuv422p")
    case("unfit", "high-444", h264("high444"), "video.pixel-format video.profile", "yuv444p")
    case("fit", "interlaced", [*h264("main", ":interlaced=1"), "-flags", "+ildct+ilme"], "video.interlaced")


def tracks(add):
    tone = ["-f", "lavfi", "-i", signal.TONE.format(rate=44100, seconds=1)]
    two = clip("out.mp4", "-map", "0:v", "-map", "1:a", "-map", "2:a", *PLAIN, *FAST, inputs=tone)
    add("unfit", "two-sounds", ".mp4", two, format="mp4", rules="video.audio-streams")
    late = clip("out.mp4", "-map", "0:v", "-map", "1:a", *PLAIN, *FAST, sound=False,
                inputs=["-itsoffset", "0.5", "-f", "lavfi", "-i", signal.TONE.format(rate=44100, seconds=1)])
    add("fit", "late-sound", ".mp4", late, format="mp4", rules="video.edit-list")
    add("fit", "timecode", ".mp4", clip("out.mp4", *PLAIN, *FAST, "-timecode", "00:00:00:00"), format="mp4", rules="video.streams")
    add("fit", "surround", ".mp4", clip("out.mp4", *h264(), "-c:a", "aac", "-b:a", "64k", "-ac", "6", *FAST), format="mp4", rules="video.audio-profile")
    placed = place(clip("out.mp4", *PLAIN, *FAST))
    add("fit", "gps", ".mp4", placed, format="mp4", rules="video.metadata")
    fragments = ["-movflags", "+frag_keyframe+empty_moov+default_base_moof"]
    add("unfit", "fragmented", ".mp4", clip("out.mp4", *PLAIN, *fragments), format="mp4", rules="video.fragmented")
    key = "0123456789abcdef0123456789abcdef"
    locked = clip("out.mp4", *PLAIN, "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key)
    add("unfit", "encrypted", ".mp4", locked, format="mp4", rules="video.encrypted video.moov-last", about="video.encrypted", fixable=False)
    sound = signal.encode("out.mp4", *AAC, *FAST)
    add("fit", "sound-only", ".mp4", sound, format="m4a", role="audio")


def place(mp4):
    """Puts a position (udta/©xyz) at the end of moov, and the sample offsets behind it right."""
    text = b"+52.5200+013.4050/"
    item = heif.box("udta", struct.pack(">I4sHH", 12 + len(text), b"\xa9xyz", len(text), 0x15C7) + text)
    start, end = next((s, e) for name, s, e in heif.boxes(mp4) if name == "moov")
    moov = bytearray(mp4[start:end] + item)
    moov[:4] = struct.pack(">I", len(moov))
    at = -1
    while (at := moov.find(b"stco", at + 1)) > 0:
        count = struct.unpack(">I", moov[at + 8:at + 12])[0]
        for i in range(at + 12, at + 12 + 4 * count, 4):
            moov[i:i + 4] = struct.pack(">I", struct.unpack(">I", moov[i:i + 4])[0] + len(item))
    return mp4[:start] + bytes(moov) + mp4[end:]


def brands(add):
    add("unfit", "h264-aac", ".mov", clip("out.mov", *PLAIN, *FAST), format="mov", rules="video.brand")
    m4v = signal.with_brand(clip("out.mp4", *PLAIN, *FAST), b"M4V ")
    add("unfit", "h264-aac", ".m4v", m4v, format="m4v", rules="video.brand")
    add("unfit", "phone", ".mov", clip("out.mov", *HEVC, *AAC, "-timecode", "00:00:00:00"), format="mov",
        rules="video.brand video.codec video.streams video.moov-last", about="video.brand video.codec")


def codecs(add):
    av1 = ["-c:v", "libaom-av1", "-crf", "45", "-cpu-used", "8", "-row-mt", "0"]
    for what, arguments in (("hevc", HEVC), ("av1", av1), ("mpeg4", ["-c:v", "mpeg4", "-q:v", "10"])):
        add("unfit", what, ".mp4", clip("out.mp4", *arguments, *AAC, *FAST), format="mp4", rules=CODEC)
    for what, arguments in (("ac3", ["-c:a", "ac3", "-b:a", "64k"]), ("opus", ["-c:a", "libopus", "-b:a", "24k"]), ("mp3", ["-c:a", "libmp3lame", "-b:a", "32k"])):
        add("unfit", what, ".mp4", clip("out.mp4", *h264(), *arguments, *FAST, rate=48000), format="mp4", rules=SOUND)
    old = tools.run(
        [*tools.QUIET, "-loop", "1", "-framerate", "10", "-i", "in.png", "-i", "in.amr", "-map", "0:v", "-map", "1:a", "-frames:v", str(FRAMES),
         "-c:v", "h263", "-q:v", "10", "-c:a", "copy", *tools.EXACT, "-movflags", "+faststart", "out.3gp"],
        {"in.png": png.of(arrow(128, 96)), "in.amr": signal.amr()}, "out.3gp")
    add("unfit", "h263-amr", ".3gp", old, format="3gp", rules=f"{CODEC} {SOUND}")


def containers(add):
    vorbis = ["-c:a", "libvorbis", "-q:a", "0"]
    vpx = ["-b:v", "60k", "-cpu-used", "8", "-row-mt", "0"]
    cases = [
        ("h264-aac", "mkv", "mkv", PLAIN, CONTAINER),
        ("h264-aac", "ts", "mpegts", PLAIN, CONTAINER),
        ("h264-aac", "flv", "flv", PLAIN, CONTAINER),
        ("vp8-vorbis", "webm", "webm", ["-c:v", "libvpx", *vpx[:4], *vorbis], ALL),
        ("vp9-opus", "webm", "webm", ["-c:v", "libvpx-vp9", *vpx, "-c:a", "libopus", "-b:a", "24k"], ALL),
        ("mpeg4-mp3", "avi", "avi", ["-c:v", "mpeg4", "-q:v", "10", "-c:a", "libmp3lame", "-b:a", "32k"], ALL),
        ("wmv2-wmav2", "wmv", "asf", ["-c:v", "wmv2", "-q:v", "10", "-c:a", "wmav2", "-b:a", "32k"], ALL),
        ("theora-vorbis", "ogv", "ogg-theora", ["-c:v", "libtheora", "-q:v", "3", *vorbis], ALL),
    ]
    for what, ext, format, arguments, rules in cases:
        add("unfit", what, f".{ext}", clip(f"out.{ext}", *arguments, rate=48000), format=format, rules=rules, about=CONTAINER)
    # As old cameras have it: sound of 8 bits, and no Huffman tables, here by making them comments.
    jpeg = ["-c:v", "mjpeg", "-q:v", "31", "-huffman", "default"]
    camera = clip("out.avi", *jpeg, "-c:a", "pcm_u8", rate=8000, pixels="yuvj422p")
    add("unfit", "mjpeg-pcm", ".avi", camera.replace(b"\xff\xc4", b"\xff\xfe"), format="avi", rules=ALL, about=CONTAINER)
    movie = clip("out.mov", *jpeg, *FAST, sound=False, pixels="yuvj420p")
    add("unfit", "mjpeg", ".mov", movie, format="mov", rules=f"video.brand {CODEC}", about="video.brand")
