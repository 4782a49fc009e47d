//! Sample entries of sound (ISO/IEC 14496-12 §12.2.3; QTFF "Sound Sample Descriptions", versions 0 to 2).

use super::guard::child;
use crate::bytes::{array, be16, be32, be64, byte};
use crate::codec::ac3;
use crate::demux::Track;

/// Lengths of the fields in front of an entry's boxes, by its version.
const FIELDS: [usize; 3] = [28, 44, 64];

/// Reads the entry's own fields into `track`; gives the bytes of its boxes.
pub(super) fn read<'b>(body: &'b [u8], stsd_version: u8, track: &mut Track) -> &'b [u8] {
    // ISO's own version 1 stands in an `stsd` of version 1 and has no further fields.
    let version = match be16(body, 8) {
        Some(version @ 1..=2) if stsd_version == 0 => usize::from(version),
        _ => 0,
    };
    track.channels = be16(body, 16);
    track.bits = be16(body, 18).and_then(|bits| u8::try_from(bits).ok());
    track.sample_rate = be32(body, 24).map(|rate| rate >> 16);
    if version == 2 {
        let rate = be64(body, 32).map(f64::from_bits).filter(|rate| (1.0..=1e7).contains(rate));
        track.sample_rate = rate.map(|rate| rate.round() as u32);
        track.channels = be32(body, 40).and_then(|channels| u16::try_from(channels).ok());
        track.bits = be32(body, 48).and_then(|bits| u8::try_from(bits).ok());
    }
    let boxes = FIELDS.get(version).and_then(|&fields| body.get(fields..)).unwrap_or_default();
    // A rate that does not fit into 16 bits stands in a box of its own.
    if let Some(rate) = child(boxes, b"srat").and_then(|srat| be32(srat, 4)) {
        track.sample_rate = Some(rate);
    }
    track.sample_rate = track.sample_rate.filter(|&rate| rate > 0);
    track.channels = track.channels.filter(|&channels| channels > 0);
    boxes
}

/// ALACSpecificConfig: what it says is what is played.
pub(super) fn by_alac(cookie: &[u8], track: &mut Track) {
    track.bits = byte(cookie, 5);
    track.channels = byte(cookie, 9).map(u16::from).filter(|&channels| channels > 0).or(track.channels);
    track.sample_rate = be32(cookie, 20).filter(|&rate| rate > 0).or(track.sample_rate);
}

/// FLAC's STREAMINFO (RFC 9639 §8.2): 20 bits of rate, 3 of channels, 5 of depth.
pub(super) fn by_streaminfo(info: &[u8], track: &mut Track) {
    let Some(packed) = be32(info, 10) else { return };
    track.sample_rate = Some(packed >> 12).filter(|&rate| rate > 0);
    track.channels = u16::try_from(packed >> 9 & 7).ok().map(|channels| channels + 1);
    track.bits = u8::try_from(packed >> 4 & 31).ok().map(|bits| bits + 1);
}

/// `dac3` and `dec3` (ETSI TS 102 366 annex F), which know better than the entry's template values.
pub(super) fn by_ac3(code: &[u8; 4], track: &mut Track) {
    let Some(bits) = be64(&[track.config.as_slice(), &[0; 8]].concat(), 0).filter(|_| track.config.len() >= 3) else {
        return;
    };
    let field = |at: u32, count: u32| (bits << at >> (64 - count)) as usize;
    let (rate, mode) = if code == b"ac-3" { (field(0, 2), field(10, 4)) } else { (field(16, 2), field(28, 4)) };
    track.channels = ac3::CHANNELS.get(mode >> 1).map(|&channels| channels + (mode & 1) as u16);
    track.sample_rate = ac3::RATES.get(rate).copied().or(track.sample_rate);
    track.bits = None;
}

/// Uncompressed sound: depth, and as configuration the layout of a sample by the name that ffmpeg gave it: `s16le`.
pub(super) fn by_pcm<'b>(code: [u8; 4], body: &[u8], found: impl Fn(&[u8; 4]) -> Option<&'b [u8]>, track: &mut Track) {
    let coded = track.bits.filter(|&bits| bits > 0).unwrap_or(16);
    // QuickTime's `enda` and `pcmC` of ISO/IEC 23003-5 tell the order of bytes.
    let enda = found(b"enda").and_then(|body| be16(body, 0)) == Some(1);
    let pcmc = found(b"pcmC").and_then(|body| array::<2>(body, 4));
    let (letter, bits, little) = match &code {
        b"sowt" => ('s', coded, true),
        b"twos" => ('s', coded, false),
        b"raw " | b"NONE" | b"none" | b"\0\0\0\0" => (if coded == 8 { 'u' } else { 's' }, coded, false),
        b"in24" => ('s', 24, enda),
        b"in32" => ('s', 32, enda),
        b"23ni" => ('s', 32, true),
        b"fl32" | b"FL32" => ('f', 32, enda),
        b"fl64" | b"FL64" => ('f', 64, enda),
        b"ipcm" | b"fpcm" => {
            let letter = if &code == b"ipcm" { 's' } else { 'f' };
            (letter, pcmc.map_or(coded, |[_, bits]| bits), pcmc.is_some_and(|[flags, _]| flags & 1 == 1))
        }
        b"lpcm" => {
            // CoreAudio's format flags: float, big-endian, signed.
            let flags = be32(body, 52).unwrap_or(4);
            let letter = match (flags & 1 != 0, flags & 4 != 0) {
                (true, _) => 'f',
                (_, true) => 's',
                _ => 'u',
            };
            (letter, coded, flags & 2 == 0)
        }
        b"alaw" | b"ulaw" | b"ALAW" | b"ULAW" => {
            track.bits = Some(8);
            return;
        }
        _ => {
            track.bits = None;
            return;
        }
    };
    if letter == 'f' {
        "pcm-float".clone_into(&mut track.codec);
    }
    track.bits = Some(bits);
    let order = match (bits, little) {
        (0..=8, _) => "",
        (_, true) => "le",
        (_, false) => "be",
    };
    track.config = format!("{letter}{bits}{order}").into_bytes();
}

/// Bytes of one sample of all channels, where sound is stored sample by sample.
pub(super) fn frame_bytes(track: &Track) -> Option<u32> {
    matches!(track.codec.as_str(), "pcm" | "pcm-float" | "alaw" | "mulaw").then_some(())?;
    let bytes = u32::from(track.bits?).div_ceil(8) * u32::from(track.channels?);
    (bytes > 0 && !track.encrypted).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_keep_their_numbers_in_different_places() {
        let mut body = vec![0; 64];
        body[9] = 2;
        body[17] = 3;
        body[32..40].copy_from_slice(&96_000_f64.to_bits().to_be_bytes());
        body[43] = 6;
        body[51] = 24;
        let described = |version| {
            let mut track = Track::new(1, crate::demux::Kind::Audio, "pcm", 1);
            read(&body, version, &mut track);
            track
        };
        let track = described(0);
        assert_eq!((track.channels, track.sample_rate, track.bits), (Some(6), Some(96_000), Some(24)));
        assert_eq!(described(1).channels, Some(3));
    }

    #[test]
    fn layouts_of_uncompressed_sound() {
        let layout = |code: &[u8; 4], bits: u8| {
            let mut track = Track::new(1, crate::demux::Kind::Audio, "pcm", 1);
            (track.bits, track.channels) = (Some(bits), Some(2));
            by_pcm(*code, &[0; 64], |_| None, &mut track);
            (String::from_utf8(track.config.clone()).unwrap(), frame_bytes(&track))
        };
        assert_eq!(layout(b"sowt", 16), ("s16le".to_owned(), Some(4)));
        assert_eq!(layout(b"in24", 16), ("s24be".to_owned(), Some(6)));
        assert_eq!(layout(b"raw ", 8), ("u8".to_owned(), Some(2)));
        assert_eq!(layout(b"fl32", 16), ("f32be".to_owned(), Some(8)));
    }
}
