"""The cases of `audio/` and `voice/`."""

from . import jpeg, signal
from .pictures import arrow
from .signal import encode

AAC = ["-c:a", "aac", "-b:a", "48k"]
FAST = ["-movflags", "+faststart"]
MP3 = ["-c:a", "libmp3lame", "-b:a", "32k", "-write_xing", "0", "-id3v2_version", "0"]
CONTAINER, CODEC = "audio.container", "audio.codec"


def opus(output="out.ogg", channels=1, frame_ms=60, seconds=1):
    arguments = ["-c:a", "libopus", "-b:a", "24k", "-application", "voip", "-frame_duration", str(frame_ms)]
    return encode(output, *arguments, rate=48000, channels=channels, seconds=seconds)


def fragmented():
    return encode("out.m4a", *AAC, "-f", "mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof")


def add(cases):
    mp4(cases.folder("audio"))
    streams(cases.folder("audio"))
    ogg(cases.folder("audio"))
    refused(cases.folder("audio"))
    foreign(cases.folder("audio"))
    voice(cases.folder("voice"))


def mp4(add):
    plain = encode("out.m4a", *AAC, *FAST)
    add("fit", "aac", ".m4a", plain, format="m4a")
    add("fit", "aac-stereo", ".m4a", encode("out.m4a", *AAC, *FAST, channels=2), format="m4a")
    add("fit", "moov-last", ".m4a", encode("out.m4a", *AAC), format="m4a")
    add("fit", "brand-isom", ".m4a", encode("out.mp4", *AAC, *FAST), format="m4a")
    add("unfit", "fragmented", ".m4a", fragmented(), format="m4a", rules="audio.fragmented")
    add("unfit", "alac", ".m4a", encode("out.m4a", "-c:a", "alac", *FAST, rate=8000), format="m4a", rules=CODEC)
    tone = ["-f", "lavfi", "-i", signal.TONE.format(rate=44100, seconds=1)]
    two = encode("out.m4a", "-map", "0:a", "-map", "1:a", *AAC, *FAST, inputs=tone)
    add("unfit", "two-tracks", ".m4a", two, format="m4a", rules="audio.streams")
    half = encode("out.m4a", *AAC, *FAST, rate=22050)
    add("fit", "he-aac", ".m4a", signal.with_high_efficiency(half), format="m4a", rules="audio.profile")
    key = "0123456789abcdef0123456789abcdef"
    locked = encode("out.mp4", *AAC, "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key)
    add("unfit", "encrypted", ".m4a", locked, format="m4a", rules="audio.encrypted", fixable=False)
    add("broken", "cut-in-data", ".m4a", plain[:len(plain) * 2 // 3], format="m4a", rules="any.malformed")
    add("fit", "jpeg-stays-image", ".jpg", jpeg.encode(arrow(64, 48)), format="jpeg", role="image")


def streams(add):
    adts = encode("out.aac", *AAC)
    add("fit", "adts", ".aac", adts, format="adts")
    add("fit", "adts-id3", ".aac", signal.tag() + adts, format="adts")
    mp3 = encode("out.mp3", *MP3)
    add("fit", "mp3", ".mp3", mp3, format="mp3")
    add("fit", "mp3-id3", ".mp3", signal.tag() + mp3, format="mp3")
    add("fit", "mp3-cover", ".mp3", signal.cover(jpeg.encode(arrow(64, 48))) + mp3, format="mp3")
    add("fit", "mp3-leading-zeros", ".mp3", b"\0" * 1000 + mp3, format="mp3")
    add("fit", "mp3-low-rate", ".mp3", encode("out.mp3", *MP3, rate=16000), format="mp3")
    add("fit", "mp3-inside", ".m4a", mp3, format="mp3", rules="any.extension")
    add("fit", "adts-inside", ".mp3", adts, format="adts", rules="any.extension")
    add("fit", "amr", ".amr", signal.amr(), format="amr")
    add("unfit", "amr-wide", ".amr", signal.amr_wide(), format="amr-wb", rules=CODEC)


def ogg(add):
    add("fit", "opus-mono", ".ogg", opus(), format="ogg-opus")
    add("fit", "opus-mono", ".opus", opus(), format="ogg-opus", rules="any.extension")
    add("fit", "opus-mono", ".oga", opus(), format="ogg-opus", rules="any.extension")
    add("unfit", "opus-stereo", ".ogg", opus(channels=2), format="ogg-opus", rules="audio.channels")
    add("unfit", "vorbis", ".ogg", encode("out.ogg", "-c:a", "libvorbis", "-q:a", "1", channels=2), format="ogg-vorbis", rules=CODEC)
    add("unfit", "flac", ".ogg", encode("out.ogg", "-c:a", "flac", rate=16000), format="ogg-flac", rules=CODEC)
    add("unfit", "speex", ".ogg", encode("out.ogg", "-c:a", "libspeex", rate=16000), format="ogg-speex", rules=CODEC)


def refused(add):
    data = signal.pcm()
    wavs = {
        "pcm-u8": signal.wav(bytes(v + 128 & 255 for v in data[1::2]), bits=8),
        "pcm-s16": signal.wav(data),
        "pcm-s16-stereo": signal.wav(data, channels=2),
    }
    for codec in ("pcm_s24le", "pcm_f32le", "adpcm_ms", "adpcm_ima_wav", "pcm_alaw", "pcm_mulaw"):
        wavs[codec.replace("_", "-")] = encode("out.wav", "-c:a", codec, rate=8000, seconds=.5)
    for what, wav in wavs.items():
        add("unfit", what, ".wav", wav, format="wav", rules=CONTAINER)
    add("unfit", "rf64", ".wav", signal.rf64(data), format="rf64", rules=CONTAINER)
    add("unfit", "wav-inside", ".mp3", signal.wav(data), format="wav", rules=f"{CONTAINER} any.extension")
    short = {"rate": 8000, "seconds": .5}
    others = [
        ("pcm", "caf", ["-c:a", "pcm_s16be"], short),
        ("pcm", "aiff", ["-c:a", "pcm_s16be"], short),
        ("pcm", "flac", ["-c:a", "flac"], {"rate": 16000}),
        ("wmav2", "wma", ["-c:a", "wmav2", "-b:a", "32k"], {}),
        ("opus", "mka", ["-c:a", "libopus", "-b:a", "24k"], {"rate": 48000}),
    ]
    for what, ext, arguments, signal_options in others:
        add("unfit", what, f".{ext}", encode(f"out.{ext}", *arguments, **signal_options), format=ext, rules=CONTAINER)
    add("unfit", "opus", ".webm", opus("out.webm"), format="webm-audio", rules=CONTAINER)
    add("unfit", "quicktime-aac", ".mov", encode("out.mov", *AAC), format="mov-audio", rules=CONTAINER)


def foreign(add):
    """What hardly anything but ffmpeg writes."""
    add("unfit", "rifx", ".wav", signal.rifx(signal.pcm()), format="wav", rules=CONTAINER)
    short = {"rate": 8000, "seconds": .5}
    others = [
        ("pcm", "w64", "w64", ["-c:a", "pcm_s16le"], short),
        ("pcm", "au", "au", ["-c:a", "pcm_s16be"], short),
        ("pcm", "tta", "tta", [], short),
        ("pcm", "wv", "wavpack", [], short),
        ("ac3", "ac3", "ac3", ["-b:a", "64k"], {"rate": 48000, "seconds": .5}),
        ("eac3", "eac3", "ac3", ["-b:a", "64k"], {"rate": 48000, "seconds": .5}),
        ("dca", "dts", "dts", ["-c:a", "dca", "-strict", "-2", "-b:a", "256k"], {"rate": 48000, "seconds": .5}),
        ("aac", "latm", "loas", AAC, {}),
    ]
    for what, ext, name, arguments, signal_options in others:
        data = encode(f"out.{ext}", *arguments, **signal_options)
        add("unfit", what, f".{ext}", data, format=name, rules=CONTAINER)
        cut = data[:len(data) * 2 // 3 + 7]
        add("broken", f"{what}-cut", f".{ext}", cut, format=name, rules=f"any.malformed {CONTAINER}", about="any.malformed")


def voice(add):
    both = "voice.container voice.codec"
    add("fit", "opus-mono-60-ms", ".ogg", opus(), format="ogg-opus")
    add("fit", "opus-mono-20-ms", ".ogg", opus(frame_ms=20), format="ogg-opus")
    add("unfit", "opus-stereo", ".ogg", opus(channels=2, frame_ms=20), format="ogg-opus", rules="voice.channels")
    add("unfit", "opus", ".webm", opus("out.webm"), format="webm-audio", rules="voice.container")
    add("unfit", "aac-fragmented", ".m4a", fragmented(), format="m4a", rules=both)
    add("unfit", "mp3", ".mp3", encode("out.mp3", *MP3), format="mp3", rules=both)
    add("unfit", "pcm", ".wav", signal.wav(signal.pcm()), format="wav", rules=both)
    vorbis = encode("out.ogg", "-c:a", "libvorbis", "-q:a", "0")
    add("unfit", "vorbis", ".ogg", vorbis, format="ogg-vorbis", rules=both, about="voice.codec")
