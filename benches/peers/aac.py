#!/usr/bin/env python3
"""aac.py FILE...: how audible the errors of AAC-LC are, by mediafit and by ffmpeg's own encoder at the same bytes.

Each FILE is decoded to 48 kHz (two channels where its name holds "stereo", else one), coded at 64, 96 and 128 kbit/s, decoded by ffmpeg, and
compared with what it was: the mean over frames and bands of noise to mask in dB, lower is better. Masks are those of ITU-R
BS.1387 (quarter-Bark bands, spread by level, 3 dB below the signal and more towards high bands); levels are not weighted by
the ear's threshold. It stands in for a listening test, which it is not. Where ffmpeg has libfdk_aac, that is a third column.
Needs ffmpeg and numpy; MEDIAFIT names the binary.
"""
import os
import subprocess
import sys
import tempfile
import wave

import numpy as np

RATE, FRAME = 48_000, 2048
BINARY = os.environ.get("MEDIAFIT", "target/release/mediafit")


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments], check=True)


def samples(path):
    with wave.open(path) as file:
        assert file.getframerate() == RATE and file.getsampwidth() == 2
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return data.reshape(-1, file.getnchannels()).astype(np.float64) / 32768


def bands():
    """Quarter-Bark bands of a frame's spectrum, as a matrix, and their middles in Bark."""
    hertz = np.arange(FRAME // 2 + 1) * RATE / FRAME
    bark = 7 * np.arcsinh(hertz / 650)
    number = ((bark - bark[2]) / 0.25).astype(int)
    number[:2] = -1
    number[hertz > 18_000] = -1
    used = [band for band in range(number.max() + 1) if (number == band).any()]
    matrix = np.stack([number == band for band in used]).astype(np.float64)
    return matrix, np.array([bark[number == band].mean() for band in used])


MATRIX, BARK = bands()
OFFSET = 10 ** (-np.where(BARK <= 12, 3.0, 0.25 * BARK) / 10)


def spread(power):
    """Energies of bands as they mask their neighbours: 27 dB a Bark downwards, less upwards the louder they are."""
    level = 10 * np.log10(power + 1e-12) + 92
    hertz = 650 * np.sinh(BARK / 7)
    upwards = -24 - 230 / np.maximum(hertz, 50) + 0.2 * level
    total = np.zeros_like(power)
    for band in range(len(BARK)):
        away = BARK - BARK[band]
        slope = np.where(away < 0, 27 * away, np.minimum(upwards[:, band : band + 1], -4) * away)
        total += power[:, band : band + 1] * 10 ** (slope / 10)
    return total


def noise_to_mask(reference, coded):
    """The mean over the frames that are not silent."""
    length = min(len(reference), len(coded)) - FRAME
    starts = np.arange(0, length, FRAME // 2)
    window = np.hanning(FRAME)
    found = []
    for channel in range(reference.shape[1]):
        cut = lambda data: np.stack([data[start : start + FRAME, channel] * window for start in starts])
        powers = lambda data: (np.abs(np.fft.rfft(cut(data))) / FRAME * 4) ** 2
        signal = powers(reference)
        noise = powers(reference[: length + FRAME] - coded[: length + FRAME])
        ratio = (noise @ MATRIX.T) / (spread(signal @ MATRIX.T) * OFFSET + 1e-9)
        loud = signal.sum(axis=1) > 1e-6
        found.append(10 * np.log10(ratio.mean(axis=1)[loud] + 1e-9))
    return np.concatenate(found).mean()


def main():
    with tempfile.TemporaryDirectory() as work:
        place = lambda name: os.path.join(work, name)
        encoders = subprocess.run(["ffmpeg", "-hide_banner", "-encoders"], capture_output=True, text=True, check=True).stdout
        peers = ["aac"] + ["libfdk_aac"] * ("libfdk_aac" in encoders)
        print("file | kbit/s | bytes | mediafit |", " | ".join(peers))
        for path in sys.argv[1:]:
            shape = ["-ac", "2" if "stereo" in os.path.basename(path) else "1", "-ar", str(RATE)]
            ffmpeg("-i", path, "-vn", *shape, "-t", "60", "-c:a", "pcm_s16le", place("in.wav"))
            reference = samples(place("in.wav"))
            seconds = len(reference) / RATE
            for rate in (64, 96, 128):
                target = int(rate * 125 * seconds)
                command = [BINARY, "fit", place("in.wav"), "--as", "audio", "--audio-codec", "aac", "--target-size", str(target)]
                subprocess.run([*command, "--out", place(f"out{rate}")], check=True, capture_output=True)
                ours = place(f"out{rate}/in.m4a")
                ffmpeg("-i", ours, *shape, "-c:a", "pcm_s16le", place("out.wav"))
                row = [noise_to_mask(reference, samples(place("out.wav")))]
                size = os.path.getsize(ours)
                for peer in peers:
                    # To the same bytes: what a constant rate comes to is not what was asked for.
                    asked = size * 8 / seconds
                    for _ in range(3):
                        ffmpeg("-i", place("in.wav"), "-c:a", peer, "-b:a", str(int(asked)), place("peer.m4a"))
                        asked *= size / os.path.getsize(place("peer.m4a"))
                    ffmpeg("-i", place("peer.m4a"), *shape, "-c:a", "pcm_s16le", place("peer.wav"))
                    row.append(noise_to_mask(reference, samples(place("peer.wav"))))
                print(os.path.basename(path), rate, size, *(f"{value:.1f}" for value in row), sep=" | ", flush=True)


main()
