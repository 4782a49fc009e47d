//! A track of moving pictures.

use super::bitrate;
use super::edit::Played;
use crate::bytes::Cursor;
use crate::codec::{h264, hevc, vpx_av1};
use crate::demux::Track;
use crate::demux::isobmff::{Measured, Timing};
use crate::error::Result;
use crate::facts::{ColorTags, FrameRate, Hdr, VideoTrack};
use crate::inspect::tracks::of_jpeg;
use crate::source::Source;

/// How much of a first frame is searched for parameter sets that stand there alone (`avc3`, `hev1`).
const FIRST_FRAME: usize = 4096;

/// By how much frames may differ in length and still be even: times are rounded to milliseconds by some recorders.
const ROUNDING_US: u64 = 1000;

/// Transfer characteristics (ITU-T H.273 table 3).
const PQ: u8 = 16;
const HLG: u8 = 18;

/// What is known of it.
pub(super) fn facts(source: &Source, track: &Track, measured: &Measured, played: &Played) -> Result<VideoTrack> {
    let timing = &measured.timing;
    let (width, height) = track.size.unwrap_or_default();
    let mut facts = VideoTrack {
        codec: track.codec.clone(),
        width,
        height,
        pixel_aspect: track.pixel_aspect,
        interlaced: measured.two_fields,
        b_frames: timing.reordered,
        frame_rate: frame_rate(timing, track.timescale),
        variable_rate: is_variable(timing, track.timescale),
        frames: Some(timing.samples),
        duration_us: played.duration_us,
        bitrate: bitrate(timing.bytes, played.stored_us),
        color: track.color,
        language: track.language.clone(),
        default: track.default,
        encrypted: track.encrypted,
        edit: played.edit,
        ..VideoTrack::default()
    };
    if let Some(matrix) = track.matrix {
        (facts.rotation, facts.odd_matrix, facts.mirrored) = turned(matrix);
    }
    match track.codec.as_str() {
        "h264" => by_h264(source, track, timing, &mut facts)?,
        "hevc" => by_hevc(source, track, timing, &mut facts)?,
        "av1" => by_record(vpx_av1::Config::parse_av1c(&track.config), &mut facts),
        "mjpeg" => facts.color = Some(of_jpeg(track.color)),
        "vp8" | "vp9" => by_record(vpx_av1::Config::parse_vpcc(&track.config), &mut facts),
        _ => {}
    }
    facts.pixel_aspect = facts.pixel_aspect.filter(|(wide, high)| wide != high);
    let dolby = track.dolby_vision
        || measured.code.is_some_and(|code| matches!(&code, b"dvh1" | b"dvhe" | b"dvav" | b"dva1" | b"dav1"));
    facts.hdr = match facts.color.map(|color| color.transfer) {
        _ if dolby => Some(Hdr::DolbyVision),
        Some(PQ) => Some(Hdr::Pq),
        Some(HLG) => Some(Hdr::Hlg),
        _ => None,
    };
    Ok(facts)
}

fn by_h264(source: &Source, track: &Track, timing: &Timing, facts: &mut VideoTrack) -> Result<()> {
    let config = h264::Config::parse(&track.config);
    if let Some(config) = config {
        facts.profile = h264::profile_name(config.profile_idc, config.constraints).map(str::to_owned);
        (facts.profile_idc, facts.level) = (Some(config.profile_idc), Some(config.level_idc));
    }
    let mut sps = config.and_then(|config| config.sps).and_then(h264::Sps::parse);
    if sps.is_none() {
        let length_size = config.map_or(4, |config| config.length_size);
        sps = in_band(source, track, timing, length_size, h264::Sps::parse)?;
    }
    let Some(sps) = sps else { return Ok(()) };
    facts.profile = sps.profile().map(str::to_owned);
    (facts.profile_idc, facts.level) = (Some(sps.profile_idc), Some(sps.level_idc));
    (facts.chroma, facts.bit_depth) = (Some(sps.chroma), Some(sps.bit_depth));
    facts.interlaced |= !sps.frames_only;
    // What the stream says itself goes before the index: one without offsets may have lost the order.
    facts.b_frames = sps.reorder.map_or(facts.b_frames, |frames| frames > 0);
    said_by_stream((sps.width, sps.height), sps.pixel_aspect, sps.color, facts);
    Ok(())
}

fn by_hevc(source: &Source, track: &Track, timing: &Timing, facts: &mut VideoTrack) -> Result<()> {
    let config = hevc::Config::parse(&track.config);
    if let Some(config) = config {
        (facts.profile_idc, facts.level) = (Some(config.profile_idc), Some(config.level));
        (facts.chroma, facts.bit_depth) = (config.chroma, Some(config.bit_depth));
    }
    let mut sps = config.and_then(|config| config.sps).and_then(hevc::Sps::parse);
    if sps.is_none() {
        let length_size = config.map_or(4, |config| config.length_size);
        sps = in_band(source, track, timing, length_size, hevc::Sps::parse)?;
    }
    if let Some(sps) = sps {
        (facts.profile_idc, facts.level) = (Some(sps.profile_idc), Some(sps.level));
        (facts.chroma, facts.bit_depth) = (Some(sps.chroma), Some(sps.bit_depth));
        facts.interlaced |= sps.fields;
        facts.b_frames &= sps.reorder > 0;
        said_by_stream((sps.width, sps.height), sps.pixel_aspect, sps.color, facts);
    }
    facts.profile = facts.profile_idc.and_then(hevc::profile_name).map(str::to_owned);
    Ok(())
}

/// What a parameter set says holds where the container does not.
fn said_by_stream(size: (u32, u32), aspect: Option<(u32, u32)>, color: Option<ColorTags>, facts: &mut VideoTrack) {
    if size.0 > 0 && size.1 > 0 {
        (facts.width, facts.height) = size;
    }
    facts.pixel_aspect = facts.pixel_aspect.or(aspect);
    facts.color = match (facts.color, color) {
        // QuickTime's tags have no range, and writers leave it out elsewhere.
        (Some(mut known), Some(coded)) if (known.primaries, known.transfer) != (2, 2) => {
            known.full_range |= coded.full_range;
            Some(known)
        }
        (known, coded) => coded.or(known),
    };
}

fn by_record(config: Option<vpx_av1::Config>, facts: &mut VideoTrack) {
    let Some(config) = config else { return };
    facts.profile = Some(config.profile.to_owned());
    (facts.profile_idc, facts.level) = (Some(config.profile_idc), config.level);
    (facts.chroma, facts.bit_depth) = (Some(config.chroma), Some(config.bit_depth));
    facts.color = facts.color.or(config.color);
}

/// The parameter set at the start of the first frame.
fn in_band<T>(
    source: &Source,
    track: &Track,
    timing: &Timing,
    length_size: u8,
    parse: fn(&[u8]) -> Option<T>,
) -> Result<Option<T>> {
    let Some(start) = timing.start.filter(|_| !track.encrypted) else { return Ok(None) };
    let bytes = source.bytes_at(start, FIRST_FRAME)?;
    let mut rest = Cursor(&bytes);
    while let Some(length) = rest.number(length_size.into()) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(unit) = rest.take(length) else { break };
        if let Some(found) = parse(unit) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Frames per second on average, reduced, and cut to 32 bits.
fn frame_rate(timing: &Timing, timescale: u32) -> Option<FrameRate> {
    let (frames, seconds) = (u128::from(timing.samples) * u128::from(timescale), u128::from(timing.ticks));
    if frames == 0 || seconds == 0 {
        return None;
    }
    let divisor = common_divisor(frames, seconds);
    let (mut frames, mut seconds) = (frames / divisor, seconds / divisor);
    while frames > u128::from(u32::MAX) || seconds > u128::from(u32::MAX) {
        (frames, seconds) = (frames / 2, seconds / 2);
    }
    let (frames, seconds) = (u32::try_from(frames).ok()?, u32::try_from(seconds).ok()?);
    (frames > 0 && seconds > 0).then_some(FrameRate { frames, seconds })
}

const fn common_divisor(mut one: u128, mut other: u128) -> u128 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    if one == 0 { 1 } else { one }
}

/// Whether frames differ in length by more than rounding.
fn is_variable(timing: &Timing, timescale: u32) -> bool {
    let Some((shortest, longest)) = timing.lengths else { return false };
    let spread = u64::from(longest - shortest);
    spread > 1 && spread * 1_000_000 / u64::from(timescale.max(1)) > ROUNDING_US
}

/// Degrees clockwise, whether there is more to it, and whether that is a mirror which comes first, by the matrix
/// `a b u c d v x y w`.
fn turned(track: [i32; 9]) -> (u16, bool, bool) {
    let [a, b, _, c, d, ..] = track.map(i64::from);
    // Writers leave zeros where they mean nothing.
    let product = if (a, b, c, d) == (0, 0, 0, 0) { [1, 0, 0, 1] } else { [a, b, c, d] };
    let largest = product.iter().map(|value| value.abs()).max().unwrap_or(0);
    // A sixty-fourth is what rounding leaves of nothing.
    let signs = product.map(|value| if value.abs() * 64 <= largest { 0 } else { value.signum() });
    match signs {
        [1, 0, 0, 1] => (0, false, false),
        [0, 1, -1, 0] => (90, false, false),
        [-1, 0, 0, -1] => (180, false, false),
        [0, -1, 1, 0] => (270, false, false),
        [-1, 0, 0, 1] => (0, true, true),
        [0, -1, -1, 0] => (90, true, true),
        [1, 0, 0, -1] => (180, true, true),
        [0, 1, 1, 0] => (270, true, true),
        _ => (0, true, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_become_quarter_turns_or_odd() {
        const ONE: i32 = 1 << 16;
        let matrix = |a, b, c, d| [a, b, 0, c, d, 0, 640 << 16, 0, 1 << 30];
        assert_eq!(turned(matrix(ONE, 0, 0, ONE)), (0, false, false));
        assert_eq!(turned(matrix(0, ONE, -ONE, 0)), (90, false, false));
        assert_eq!(turned(matrix(-ONE, 1, -1, -ONE)), (180, false, false));
        assert_eq!(turned(matrix(0, -ONE, ONE, 0)), (270, false, false));
        assert_eq!(turned([0; 9]), (0, false, false));
        assert_eq!(turned(matrix(-ONE, 0, 0, ONE)), (0, true, true));
        assert_eq!(turned(matrix(0, -ONE, -ONE, 0)), (90, true, true));
        assert_eq!(turned(matrix(ONE, 0, 0, -ONE)), (180, true, true));
        assert_eq!(turned(matrix(0, ONE, ONE, 0)), (270, true, true));
        assert_eq!(turned(matrix(ONE, ONE, -ONE, ONE)), (0, true, false));
    }

    #[test]
    fn rates_are_reduced_and_rounding_is_no_variation() {
        let rate = |samples, ticks, timescale| frame_rate(&Timing { samples, ticks, ..Timing::default() }, timescale);
        assert_eq!(rate(30, 30_030, 30_000), Some(FrameRate { frames: 30_000, seconds: 1001 }));
        assert_eq!(rate(u64::MAX, 1, 1), None);
        let varies =
            |lengths, timescale| is_variable(&Timing { lengths: Some(lengths), ..Timing::default() }, timescale);
        assert!(!varies((33, 34), 1000) && !varies((20, 21), 600) && !varies((2970, 3060), 90_000));
        assert!(varies((512, 1024), 15_360) && varies((2970, 3200), 90_000));
    }
}
