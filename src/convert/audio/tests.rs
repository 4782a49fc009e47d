//! Whole recordings through the room's doors.

use super::*;
use crate::convert::spool::{Body, Spool};
use crate::error::ErrorKind;
use crate::source::Source;
use std::io::Read;

/// A sine of 997 Hz.
pub(super) struct Tone {
    rate: u32,
    channels: u16,
    left: u64,
    at: u64,
    level: f32,
}

impl Tone {
    pub(super) fn new(rate: u32, channels: u16, frames: u64, level: f32) -> Self {
        Self { rate, channels, left: frames, at: 0, level }
    }
}

impl PcmSource for Tone {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn channels(&self) -> u16 {
        self.channels
    }

    fn read(&mut self, into: &mut Vec<f32>) -> Result<bool> {
        let now = self.left.min(1777);
        for index in self.at..self.at + now {
            let sample =
                (index as f64 / f64::from(self.rate) * 997.0 * std::f64::consts::TAU).sin() as f32 * self.level;
            into.extend(std::iter::repeat_n(sample, usize::from(self.channels)));
        }
        self.at += now;
        self.left -= now;
        Ok(now > 0)
    }
}

const VOICE: AudioCoding = AudioCoding {
    codec: AudioCodec::Opus,
    max_channels: 1,
    bitrate: 32_000,
    floor: 12_000,
    voice: true,
    loudness_centi_lufs: None,
    trim_to_fit: false,
    target_bytes: u64::MAX,
};

fn bytes(spool: Spool) -> Vec<u8> {
    match spool.into_body().unwrap() {
        Body::Memory(bytes) => bytes,
        Body::File(file, _) => {
            let mut bytes = Vec::new();
            file.file().read_to_end(&mut bytes).unwrap();
            bytes
        }
    }
}

#[test]
fn a_voice_note_fits_and_is_as_long() {
    let open = || -> Result<Box<dyn PcmSource>> { Ok(Box::new(Tone::new(44_100, 2, 44_100 * 20, 0.5))) };
    for max_bytes in [1_000_000, 60_000, 40_000] {
        let mut out = Spool::new(u64::MAX);
        let made =
            transcode(open().unwrap(), Some(20_000_000), &VOICE, max_bytes, &Cancel::default(), &mut out, &mut || {
                open()
            })
            .unwrap();
        assert!(out.len() <= max_bytes, "{} of {max_bytes}", out.len());
        assert_eq!((made.channels, made.duration_us), (1, 20_000_000));
        assert!(made.waveform.iter().all(|&bar| bar > 90), "{:?}", made.waveform);
        let bytes = bytes(out);
        assert_eq!(&bytes[28..36], b"OpusHead");
    }
    let error = transcode(
        open().unwrap(),
        Some(20_000_000),
        &VOICE,
        20_000,
        &Cancel::default(),
        &mut Spool::new(u64::MAX),
        &mut || open(),
    );
    assert_eq!(error.unwrap_err().kind(), ErrorKind::CannotFit);
}

#[test]
fn silence_without_samples_is_refused() {
    let wav = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0";
    let source = Source::from_bytes(wav.as_slice(), None);
    let open = || Ok(open_file(&source, crate::format::Format::Wav, false)?.unwrap());
    let mut out = Spool::new(u64::MAX);
    let error =
        transcode(open().unwrap(), None, &VOICE, 100_000, &Cancel::default(), &mut out, &mut || open()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

/// The files in testdata that are one stream.
#[rustfmt::skip]
const FILES: &[(&str, crate::format::Format)] = &[
    ("unfit__adpcm-ima-wav__audio.container.wav",  crate::format::Format::Wav),
    ("unfit__adpcm-ms__audio.container.wav",       crate::format::Format::Wav),
    ("unfit__pcm-alaw__audio.container.wav",       crate::format::Format::Wav),
    ("unfit__pcm-f32le__audio.container.wav",      crate::format::Format::Wav),
    ("unfit__pcm-mulaw__audio.container.wav",      crate::format::Format::Wav),
    ("unfit__pcm-s16-stereo__audio.container.wav", crate::format::Format::Wav),
    ("unfit__pcm-s24le__audio.container.wav",      crate::format::Format::Wav),
    ("unfit__pcm-u8__audio.container.wav",         crate::format::Format::Wav),
    ("unfit__rf64__audio.container.wav",           crate::format::Format::Wav),
    ("unfit__pcm__audio.container.aiff",           crate::format::Format::Aiff),
    ("unfit__pcm__audio.container.caf",            crate::format::Format::Caf),
    ("unfit__pcm__audio.container.flac",           crate::format::Format::Flac),
    ("fit__mp3.mp3",                               crate::format::Format::Mp3),
    ("fit__mp3-cover.mp3",                         crate::format::Format::Mp3),
];

#[test]
fn files_decode() {
    for (name, format) in FILES {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/audio").join(name);
        let source = Source::open(path).unwrap();
        let pcm = open_file(&source, *format, false).unwrap_or_else(|error| panic!("{name}: {error}"));
        let pcm = pcm.unwrap_or_else(|| {
            let packets = crate::demux::open(&source, *format).unwrap();
            open_track(packets, 0, Opening::default()).unwrap()
        });
        let length = listen(pcm, &Cancel::default()).unwrap().duration_us;
        assert!(length >= 250_000, "{name}: {length}");
    }
}

#[cfg(feature = "aac")]
#[test]
fn aac_ends_where_a_frame_does() {
    let coding =
        AudioCoding { codec: AudioCodec::Aac, max_channels: 2, bitrate: 96_000, floor: 32_000, voice: false, ..VOICE };
    for frames in [44_100, 44_101, 45_056, 87_041] {
        let open = || -> Result<Box<dyn PcmSource>> { Ok(Box::new(Tone::new(44_100, 1, frames, 0.5))) };
        let us = frames * 1_000_000 / 44_100;
        let mut encoded = encode_aac(open().unwrap(), Some(us), &coding, &Cancel::default(), &mut || open()).unwrap();
        let (edit, whole) = (encoded.track.edits.list.remove(0), encoded.track.duration.unwrap());
        let skipped = edit.media_time.unsigned_abs();
        assert_eq!(encoded.frames, frames);
        assert!((1024..2048).contains(&skipped) && whole - skipped - frames <= 33, "{frames}: {skipped} of {whole}");
    }
}
