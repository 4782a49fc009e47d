//! Samples that are stored plainly: integers, floating point, and the telephone's logarithms.

use super::core_audio;
use super::decoder::{Decoder, Spec, guard};
use super::layout::Layout;
use crate::bytes::{be16, be32};
use crate::demux::Track;
use crate::error::{Error, Result};

/// How one sample is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    Unsigned8,
    Signed8,
    Signed16,
    Signed24,
    Signed32,
    Float32,
    Float64,
    ALaw,
    MuLaw,
}

use Storage::{ALaw, Float32, Float64, MuLaw, Signed8, Signed16, Signed24, Signed32, Unsigned8};

/// How samples are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub storage: Storage,
    pub big_endian: bool,
}

impl Stored {
    /// Integers of this many bits, in as many bytes as it takes; 8 bits are `unsigned8` in WAV and signed elsewhere.
    pub(super) fn integers(bits: u16, big_endian: bool, unsigned8: bool) -> Option<Self> {
        let storage = match bits.div_ceil(8) {
            1 if unsigned8 => Unsigned8,
            1 => Signed8,
            2 => Signed16,
            3 => Signed24,
            4 => Signed32,
            _ => return None,
        };
        Some(Self { storage, big_endian })
    }

    /// Floating point of this many bits.
    pub(super) fn floats(bits: u16, big_endian: bool) -> Option<Self> {
        match bits {
            32 => Some(Self { storage: Float32, big_endian }),
            64 => Some(Self { storage: Float64, big_endian }),
            _ => None,
        }
    }

    /// One byte a sample.
    pub(super) const fn bytes(storage: Storage) -> Self {
        Self { storage, big_endian: false }
    }

    /// Bytes a sample.
    pub(super) const fn size(self) -> usize {
        match self.storage {
            Unsigned8 | Signed8 | ALaw | MuLaw => 1,
            Signed16 => 2,
            Signed24 => 3,
            Signed32 | Float32 => 4,
            Float64 => 8,
        }
    }

    /// Appends the samples in `bytes`; a part of one at the end is left out.
    pub(super) fn convert(self, bytes: &[u8], into: &mut Vec<f32>) {
        const SCALE8: f32 = 1.0 / 128.0;
        const SCALE16: f32 = 1.0 / 32_768.0;
        const SCALE32: f32 = 1.0 / 2_147_483_648.0;
        match (self.storage, self.big_endian) {
            (Unsigned8, _) => into.extend(bytes.iter().map(|&byte| (f32::from(byte) - 128.0) * SCALE8)),
            (Signed8, _) => into.extend(bytes.iter().map(|&byte| f32::from(byte.cast_signed()) * SCALE8)),
            (Signed16, false) => into.extend(chunks(bytes).map(|raw| f32::from(i16::from_le_bytes(raw)) * SCALE16)),
            (Signed16, true) => into.extend(chunks(bytes).map(|raw| f32::from(i16::from_be_bytes(raw)) * SCALE16)),
            (Signed24, false) => {
                into.extend(chunks(bytes).map(|[a, b, c]| i32::from_le_bytes([0, a, b, c]) as f32 * SCALE32));
            }
            (Signed24, true) => {
                into.extend(chunks(bytes).map(|[a, b, c]| i32::from_be_bytes([a, b, c, 0]) as f32 * SCALE32));
            }
            (Signed32, false) => into.extend(chunks(bytes).map(|raw| i32::from_le_bytes(raw) as f32 * SCALE32)),
            (Signed32, true) => into.extend(chunks(bytes).map(|raw| i32::from_be_bytes(raw) as f32 * SCALE32)),
            (Float32, false) => into.extend(chunks(bytes).map(|raw| finite(f32::from_le_bytes(raw)))),
            (Float32, true) => into.extend(chunks(bytes).map(|raw| finite(f32::from_be_bytes(raw)))),
            (Float64, false) => into.extend(chunks(bytes).map(|raw| finite(f64::from_le_bytes(raw) as f32))),
            (Float64, true) => into.extend(chunks(bytes).map(|raw| finite(f64::from_be_bytes(raw) as f32))),
            (ALaw, _) => into.extend(bytes.iter().map(|&byte| f32::from(a_law(byte)) * SCALE16)),
            (MuLaw, _) => into.extend(bytes.iter().map(|&byte| f32::from(mu_law(byte)) * SCALE16)),
        }
    }
}

fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

/// What is no number, or as loud as no microphone, is silence.
fn finite(sample: f32) -> f32 {
    if sample.is_finite() && sample.abs() < 1e4 { sample } else { 0.0 }
}

/// ITU-T G.711 table 1.
fn a_law(code: u8) -> i16 {
    let code = code ^ 0x55;
    let exponent = (code & 0x70) >> 4;
    let mantissa = i16::from(code & 0x0f) << 4;
    let size = if exponent == 0 { mantissa + 8 } else { (mantissa + 0x108) << (exponent - 1) };
    if code & 0x80 == 0 { -size } else { size }
}

/// ITU-T G.711 table 2.
fn mu_law(code: u8) -> i16 {
    let code = !code;
    let size = ((i16::from(code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4);
    if code & 0x80 == 0 { size - 0x84 } else { 0x84 - size }
}

/// Packets of stored samples.
pub(super) struct PcmDecoder {
    stored: Stored,
    spec: Spec,
}

impl PcmDecoder {
    /// For a track of MP4, QuickTime, Matroska or AVI.
    pub(super) fn of_track(track: &Track) -> Result<Self> {
        let unknown = || Error::unsupported("PCM in this form is not decoded; convert it to WAV first");
        let (channels, rate) = (track.channels.unwrap_or(1), track.sample_rate.ok_or_else(unknown)?);
        guard(u64::from(channels), rate, None)?;
        let bits = u16::from(track.bits.unwrap_or(16));
        let stored = match (track.codec.as_str(), track.sample_entry.as_deref()) {
            ("alaw", _) => Some(Stored::bytes(ALaw)),
            ("mulaw", _) => Some(Stored::bytes(MuLaw)),
            (_, Some(entry)) => of_sample_entry(entry, bits),
            // Matroska and AVI: little-endian, 8 bits unsigned.
            ("pcm-float", None) => Stored::floats(bits, false),
            (_, None) => Stored::integers(bits, false, true),
        };
        let layout = match track.sample_entry.as_deref().and_then(|entry| inner(entry, b"chan")) {
            // Version and flags stand in front.
            Some(body) => core_audio::layout(body.get(4..).unwrap_or_default(), channels),
            None => Layout::of_count(channels),
        };
        let spec = Spec { rate, layout };
        Ok(Self { stored: stored.ok_or_else(unknown)?, spec })
    }
}

impl Decoder for PcmDecoder {
    fn decode(&mut self, packet: &[u8], into: &mut Vec<f32>) -> Result<Spec> {
        let frame = self.stored.size() * usize::from(self.spec.layout.channels());
        let whole = packet.len() - packet.len() % frame.max(1);
        self.stored.convert(packet.get(..whole).unwrap_or_default(), into);
        Ok(self.spec)
    }
}

/// By the code of a sample entry, which stands behind the box' length, and the boxes in it (ISO/IEC 23003-5).
fn of_sample_entry(entry: &[u8], bits: u16) -> Option<Stored> {
    let code = entry.get(4..8)?;
    let pcm_c = || inner(entry, b"pcmC").and_then(|body| Some((*body.get(4)? & 1 == 0, u16::from(*body.get(5)?))));
    match code {
        b"ipcm" => pcm_c().and_then(|(big, bits)| Stored::integers(bits, big, false)),
        b"fpcm" => pcm_c().and_then(|(big, bits)| Stored::floats(bits, big)),
        b"lpcm" => of_version_2(entry),
        code => of_code(code, bits, inner(entry, b"enda").and_then(|body| be16(body, 0)) == Some(1)),
    }
}

/// By the code that QuickTime and AIFF-C have in common (QTFF, "Sound Sample Descriptions").
pub(super) fn of_code(code: &[u8], bits: u16, little_endian: bool) -> Option<Stored> {
    match code {
        b"sowt" => Stored::integers(bits, false, false),
        b"NONE" | b"none" | b"twos" => Stored::integers(bits, true, false),
        b"raw " => Stored::integers(bits, true, true),
        b"in24" => Stored::integers(24, !little_endian, false),
        b"in32" => Stored::integers(32, !little_endian, false),
        b"23ni" => Stored::integers(32, false, false),
        b"fl32" | b"FL32" => Stored::floats(32, !little_endian),
        b"fl64" | b"FL64" => Stored::floats(64, !little_endian),
        b"alaw" | b"ALAW" => Some(Stored::bytes(ALaw)),
        b"ulaw" | b"ULAW" => Some(Stored::bytes(MuLaw)),
        _ => None,
    }
}

/// Version 2 of QuickTime's sound description: bits at 56, flags at 60 behind the box' header of 8 bytes.
fn of_version_2(entry: &[u8]) -> Option<Stored> {
    if be16(entry, 16)? != 2 {
        return None;
    }
    let bits = u16::try_from(be32(entry, 56)?).ok()?;
    let flags = be32(entry, 60)?;
    if flags & 1 == 1 {
        Stored::floats(bits, flags & 2 == 2)
    } else {
        Stored::integers(bits, flags & 2 == 2, flags & 4 == 0)
    }
}

/// The content of the first box of this kind anywhere in a sample entry.
fn inner<'e>(entry: &'e [u8], kind: &[u8; 4]) -> Option<&'e [u8]> {
    let at = crate::bytes::find(entry, kind)?;
    entry.get(at + 4..)
}

/// The storage of WAV's format tags.
pub(super) fn of_wave(tag: u16, bits: u16) -> Option<Stored> {
    match tag {
        1 => Stored::integers(bits, false, true),
        3 => Stored::floats(bits, false),
        6 => Some(Stored::bytes(ALaw)),
        7 => Some(Stored::bytes(MuLaw)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(stored: Stored, bytes: &[u8]) -> Vec<f32> {
        let mut samples = Vec::new();
        stored.convert(bytes, &mut samples);
        samples
    }

    #[test]
    fn every_storage_reaches_half_scale() {
        let half = |storage, big_endian, bytes: &[u8]| {
            assert_eq!(converted(Stored { storage, big_endian }, bytes), [0.5, -0.5], "{storage:?} {big_endian}");
        };
        half(Unsigned8, false, &[192, 64]);
        half(Signed8, false, &[64, 192]);
        half(Signed16, false, &[0, 0x40, 0, 0xc0]);
        half(Signed16, true, &[0x40, 0, 0xc0, 0]);
        half(Signed24, false, &[0, 0, 0x40, 0, 0, 0xc0]);
        half(Signed24, true, &[0x40, 0, 0, 0xc0, 0, 0]);
        half(Signed32, true, &[0x40, 0, 0, 0, 0xc0, 0, 0, 0]);
        half(Float32, true, &[0x3f, 0, 0, 0, 0xbf, 0, 0, 0]);
        half(Float64, true, &[0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 0xbf, 0xe0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn logarithms_by_the_standard() {
        assert_eq!((a_law(0xd5), a_law(0x55), a_law(0xaa), a_law(0x2a)), (8, -8, 32_256, -32_256));
        assert_eq!((mu_law(0xff), mu_law(0x7f), mu_law(0x80), mu_law(0x00)), (0, 0, 32_124, -32_124));
    }

    #[test]
    fn what_is_no_number_is_silence() {
        let stored = Stored { storage: Float32, big_endian: false };
        assert_eq!(converted(stored, &f32::NAN.to_le_bytes()), [0.0]);
        assert_eq!(converted(stored, &f32::INFINITY.to_le_bytes()), [0.0]);
    }
}
