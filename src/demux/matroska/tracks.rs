//! A track as Matroska describes it (RFC 9559 §5.1.4).

use super::ebml::{child, children, float, signed, text, unsigned};
use super::id;
use crate::bytes::{array, le16};
use crate::codec::{self, opus};
use crate::demux::language::of_bcp47;
use crate::demux::{Kind, Track};
use crate::facts::{ColorTags, OtherKind};

/// Ticks per second of all times: Matroska counts in nanoseconds.
pub(super) const TICKS: u32 = 1_000_000_000;

/// Bytes of a WAVEFORMATEX and of a BITMAPINFOHEADER, behind which the codec's own configuration stands.
const WAVE_FORMAT: usize = 18;
const BITMAP_HEADER: usize = 40;

/// The most bytes that an unpacked configuration may have.
const MAX_CONFIG: usize = 1024 * 1024;

/// What a frame goes through before it is the codec's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Packing {
    /// Nothing.
    #[default]
    None,
    /// These bytes were taken off its start (§5.1.4.1.31.9).
    Header(Vec<u8>),
    /// It is packed by zlib.
    Zlib,
}

/// A track, and what reading its blocks needs.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub track: Track,
    /// The number that blocks carry.
    pub number: u64,
    /// Nanoseconds that each frame lasts.
    pub default_duration: Option<u64>,
    /// Nanoseconds of the codec's own delay, by which all times are late (§5.1.4.1.26).
    pub codec_delay: u64,
    pub packing: Packing,
    pub interlaced: bool,
}

/// The tracks of a Tracks element's content.
pub(super) fn read(content: &[u8], most: usize) -> Vec<Entry> {
    children(content)
        .take_while(|(found, _)| !id::OF_SEGMENT.contains(found))
        .filter(|(found, _)| *found == id::TRACK_ENTRY)
        .take(most)
        .map(|(_, entry)| entry_of(entry))
        .collect()
}

pub(super) fn entry_of(content: &[u8]) -> Entry {
    let code = child(content, id::CODEC_ID).map(text).unwrap_or_default();
    let (packing, scope_config, encrypted, unknown) = encodings(content);
    let kind = match child(content, id::TRACK_TYPE).map(unsigned) {
        Some(1) => Kind::Video,
        Some(2) => Kind::Audio,
        Some(0x11) => Kind::Other(OtherKind::Text),
        Some(0x21) => Kind::Other(OtherKind::Metadata),
        _ => Kind::Other(OtherKind::Unknown),
    };
    let number = child(content, id::TRACK_NUMBER).map_or(0, unsigned);
    let mut track = Track::new(number, kind, codec::of_matroska(code.as_bytes()), TICKS);
    let config = child(content, id::CODEC_PRIVATE).unwrap_or_default();
    track.config = if scope_config && packing == Packing::Zlib {
        miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(config, MAX_CONFIG).unwrap_or_default()
    } else {
        config.to_vec()
    };
    track.encrypted = encrypted;
    // §5.1.4.1.5: set where it is not stated.
    track.default = child(content, id::FLAG_DEFAULT).is_none_or(|flag| unsigned(flag) != 0);
    track.language = language(content);
    let mut entry = Entry {
        number,
        default_duration: child(content, id::DEFAULT_DURATION).map(unsigned).filter(|&ns| ns > 0),
        codec_delay: child(content, id::CODEC_DELAY).map_or(0, unsigned).min(u64::from(TICKS) * 10),
        packing,
        interlaced: false,
        track,
    };
    match kind {
        Kind::Video => video(&mut entry, content),
        Kind::Audio => audio(&mut entry, content, &code),
        Kind::Other(_) => {}
    }
    unwrap_config(&mut entry.track, &code);
    if encrypted {
        entry.track.codec = "encrypted".to_owned();
    } else if let Some(algorithm) = unknown {
        entry.track.codec = format!("compressed-{algorithm}");
    }
    entry
}

/// How frames are packed, whether the configuration is too, whether all is encrypted, and an algorithm that is not read.
fn encodings(content: &[u8]) -> (Packing, bool, bool, Option<u64>) {
    let (mut packing, mut config, mut encrypted, mut unknown) = (Packing::None, false, false, None);
    let encodings = child(content, id::CONTENT_ENCODINGS).unwrap_or_default();
    for (_, encoding) in children(encodings).filter(|(found, _)| *found == id::CONTENT_ENCODING) {
        let scope = child(encoding, id::CONTENT_ENCODING_SCOPE).map_or(1, unsigned);
        if child(encoding, id::CONTENT_ENCODING_TYPE).map_or(0, unsigned) == 1
            || child(encoding, id::CONTENT_ENCRYPTION).is_some()
        {
            encrypted = true;
            continue;
        }
        let compression = child(encoding, id::CONTENT_COMPRESSION).unwrap_or_default();
        let one = match child(compression, id::CONTENT_COMP_ALGO).map_or(0, unsigned) {
            0 => Packing::Zlib,
            3 => Packing::Header(child(compression, id::CONTENT_COMP_SETTINGS).unwrap_or_default().to_vec()),
            other => {
                unknown = Some(other);
                continue;
            }
        };
        config |= scope & 2 != 0;
        if scope & 1 != 0 {
            if packing != Packing::None {
                unknown = Some(99);
            }
            packing = one;
        }
    }
    (packing, config, encrypted, unknown)
}

/// §5.1.4.1.20: where the name by BCP 47 is there, the older one is not to be heeded.
fn language(content: &[u8]) -> Option<String> {
    let named = match child(content, id::LANGUAGE_BCP47).map(text) {
        Some(tag) => of_bcp47(&tag),
        None => child(content, id::LANGUAGE).map(text).and_then(|code| of_bcp47(&code)),
    };
    named.filter(|code| code != "und")
}

fn video(entry: &mut Entry, content: &[u8]) {
    let track = &mut entry.track;
    // §5.1.4.1.32: Dolby Vision's configuration is a block addition of this type.
    track.dolby_vision = children(content)
        .filter(|(found, _)| *found == id::BLOCK_ADDITION_MAPPING)
        .filter_map(|(_, mapping)| child(mapping, id::BLOCK_ADD_ID_TYPE).map(unsigned))
        .any(|kind| [*b"dvcC", *b"dvvC", *b"dvwC"].iter().any(|code| u64::from(u32::from_be_bytes(*code)) == kind));
    let Some(video) = child(content, id::VIDEO) else { return };
    let number = |id: u32| child(video, id).map(unsigned).and_then(|number| u32::try_from(number).ok());
    let cropped = |side, first, second| {
        let cut = number(first).unwrap_or(0).saturating_add(number(second).unwrap_or(0));
        number(side).map(|length| length.saturating_sub(cut))
    };
    let width = cropped(id::PIXEL_WIDTH, id::PIXEL_CROP_LEFT, id::PIXEL_CROP_RIGHT);
    let height = cropped(id::PIXEL_HEIGHT, id::PIXEL_CROP_TOP, id::PIXEL_CROP_BOTTOM);
    track.size = width.zip(height);
    entry.interlaced = number(id::FLAG_INTERLACED) == Some(1);
    // Units 0 (pixels), 1 and 2 (lengths) and 3 (a ratio) all tell a shape; 4 tells nothing.
    if let (Some((width, height)), Some(wide), Some(high)) =
        (track.size, number(id::DISPLAY_WIDTH), number(id::DISPLAY_HEIGHT))
        && number(id::DISPLAY_UNIT).unwrap_or(0) < 4
    {
        track.pixel_aspect = pixel_aspect((width, height), (wide, high));
    }
    track.color = child(video, id::COLOUR).and_then(color);
    let roll = child(video, id::PROJECTION).and_then(|projection| child(projection, id::PROJECTION_POSE_ROLL));
    track.matrix = roll.map(float).filter(|roll| roll.is_finite() && *roll != 0.0).map(turned);
}

/// The shape of a pixel by the size stored and the size shown; none where it is square.
fn pixel_aspect(stored: (u32, u32), shown: (u32, u32)) -> Option<(u32, u32)> {
    let wide = u64::from(shown.0) * u64::from(stored.1);
    let high = u64::from(shown.1) * u64::from(stored.0);
    let (mut one, mut other) = (wide, high);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    if one == 0 || wide == 0 || high == 0 {
        return None;
    }
    // A size shown in whole pixels is rounded: less than one of them is no other shape.
    if wide.abs_diff(high) < u64::from(stored.0.max(stored.1)) {
        return None;
    }
    let ratio = (u32::try_from(wide / one).ok()?, u32::try_from(high / one).ok()?);
    Some(ratio).filter(|ratio| ratio.0 != ratio.1)
}

/// §5.1.4.1.28.16 and on; the range counts 1 for broadcast, 2 for full.
fn color(colour: &[u8]) -> Option<ColorTags> {
    let number = |id: u32| child(colour, id).map(unsigned).and_then(|number| u8::try_from(number).ok());
    let tags = ColorTags {
        primaries: number(id::PRIMARIES).unwrap_or(2),
        transfer: number(id::TRANSFER_CHARACTERISTICS).unwrap_or(2),
        matrix: number(id::MATRIX_COEFFICIENTS).unwrap_or(2),
        full_range: number(id::RANGE) == Some(2),
    };
    Some(tags).filter(|tags| *tags != ColorTags::default())
}

/// The display matrix of a roll, which counts against the clock (§5.1.4.1.28.45).
fn turned(roll: f64) -> [i32; 9] {
    const ONE: f64 = 65_536.0;
    let (sine, cosine) = roll.to_radians().sin_cos();
    #[expect(clippy::cast_possible_truncation, reason = "within ±1")]
    let fixed = |part: f64| (part * ONE).round() as i32;
    [fixed(cosine), fixed(-sine), 0, fixed(sine), fixed(cosine), 0, 0, 0, 1 << 30]
}

fn audio(entry: &mut Entry, content: &[u8], code: &str) {
    let audio = child(content, id::AUDIO).unwrap_or_default();
    let rate = |id: u32| {
        let rate = child(audio, id).map(float).filter(|rate| (1.0..4_294_967_295.0).contains(rate))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within the range of the line above"
        )]
        Some(rate.round() as u32)
    };
    let track = &mut entry.track;
    // §5.1.4.1.29: 8000 Hz and one channel where nothing is stated.
    let core_rate = rate(id::SAMPLING_FREQUENCY).unwrap_or(8_000);
    track.sample_rate = Some(rate(id::OUTPUT_SAMPLING_FREQUENCY).unwrap_or(core_rate));
    let channels = child(audio, id::CHANNELS).map_or(1, unsigned);
    track.channels = u16::try_from(channels).ok().filter(|&channels| channels > 0);
    track.bits = child(audio, id::BIT_DEPTH).map(unsigned).and_then(|bits| u8::try_from(bits).ok());
    if entry.codec_delay > 0 {
        // Opus counts at 48 kHz, whatever rate the header names (RFC 7845 §4.2). Players go by this, not by the
        // pre-skip of the OpusHead, where a packager has cut and the two differ.
        let rate = if track.codec == "opus" { 48_000 } else { core_rate };
        let samples = (entry.codec_delay * u64::from(rate) + u64::from(TICKS) / 2) / u64::from(TICKS);
        track.priming = u32::try_from(samples).ok();
    } else if let Some(head) = opus::OpusHead::parse(&track.config).filter(|_| track.codec == "opus") {
        track.priming = Some(u32::from(head.pre_skip));
    }
    if track.codec == "aac" && track.config.is_empty() {
        track.config = aac_config(code, core_rate, track.sample_rate, channels);
    }
    if track.codec == "flac" {
        // The magic and the header of the first block stand before what FLAC calls STREAMINFO.
        if let Some(info) = track.config.strip_prefix(b"fLaC").and_then(|rest| rest.get(4..38)) {
            track.config = info.to_vec();
        }
    }
    if code == "A_PCM/INT/BIG" {
        track.codec = "pcm-be".to_owned();
    }
}

/// The configuration that old identifiers of AAC stand for: `A_AAC/MPEG4/LC/SBR`.
fn aac_config(code: &str, core_rate: u32, rate: Option<u32>, channels: u64) -> Vec<u8> {
    const RATES: [u32; 13] =
        [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
    let index = |rate: u32| RATES.iter().position(|&one| one == rate).and_then(|index| u8::try_from(index).ok());
    let (Some(core), Ok(channels @ 1..=7)) = (index(core_rate), u8::try_from(channels)) else { return Vec::new() };
    let object = match code {
        _ if code.contains("MAIN") => 1,
        _ if code.contains("SSR") => 3,
        _ if code.contains("LTP") => 4,
        _ => 2_u8,
    };
    let mut config = vec![object << 3 | core >> 1, core << 7 | channels << 3];
    if code.contains("SBR") {
        // The extension for spectral band replication (ISO/IEC 14496-3 §1.6.5).
        let played = rate.filter(|&rate| rate != core_rate).unwrap_or(core_rate.saturating_mul(2));
        config.extend(index(played).into_iter().flat_map(|index| [0x56, 0xE5, 0x80 | index << 3]));
    }
    config
}

/// Takes a configuration out of the header of another system that it stands in.
fn unwrap_config(track: &mut Track, code: &str) {
    let rest = |bytes: &[u8], skip: usize| bytes.get(skip..).unwrap_or_default().to_vec();
    match code {
        "A_MS/ACM" => {
            const EXTENSIBLE: u16 = 0xFFFE;
            let tag = le16(&track.config, 0).unwrap_or(0);
            let tag = if tag == EXTENSIBLE { le16(&track.config, 24).unwrap_or(tag) } else { tag };
            track.codec = codec::of_wave_tag(tag);
            track.config = rest(&track.config, WAVE_FORMAT);
        }
        "V_MS/VFW/FOURCC" => {
            track.codec = array(&track.config, 16).map_or_else(|| "unknown".to_owned(), codec::of_bitmap);
            track.config = rest(&track.config, BITMAP_HEADER);
        }
        _ => {}
    }
}

/// Seconds of a float element, in nanoseconds scaled by `scale`; none where it is not a length.
pub(super) fn scaled(duration: f64, scale: u64) -> Option<u64> {
    #[expect(clippy::cast_precision_loss, reason = "the scale is small")]
    let ticks = duration * scale as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range that is asked for")]
    (1.0..9.2e18).contains(&ticks).then_some(ticks.round() as u64)
}

/// A signed number of nanoseconds, as `DiscardPadding` has it, within a minute: more is a lie.
pub(super) fn discard(content: &[u8]) -> i64 {
    signed(content).clamp(-60_000_000_000, 60_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_pixels() {
        assert_eq!(pixel_aspect((720, 576), (1024, 576)), Some((64, 45)));
        assert_eq!(pixel_aspect((720, 576), (16, 9)), Some((64, 45)));
        assert_eq!(pixel_aspect((1920, 1080), (1920, 1080)), None);
        assert_eq!(pixel_aspect((0, 0), (1, 1)), None);
    }

    #[test]
    fn roll_counts_against_the_clock() {
        assert_eq!(turned(-90.0)[..5], [0, 65_536, 0, -65_536, 0]);
        assert_eq!(turned(180.0)[0], -65_536);
    }

    #[test]
    fn old_identifiers_stand_for_a_configuration() {
        assert_eq!(aac_config("A_AAC/MPEG4/LC", 44_100, None, 2), [0x12, 0x10]);
        assert_eq!(aac_config("A_AAC/MPEG4/LC/SBR", 22_050, Some(44_100), 2), [0x13, 0x90, 0x56, 0xE5, 0xA0]);
        assert!(aac_config("A_AAC", 12_345, None, 2).is_empty());
    }
}
