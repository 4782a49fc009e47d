//! Whether sound and moving pictures kept what they had: length, size, the right way up.

use crate::error::{Error, Result};
use crate::facts::{AudioTrack, Facts, Media, StreamFacts, VideoTrack};
use crate::format::Format;
use crate::plan::Step;
use std::borrow::Cow;

/// How far the length of sound may be off, in microseconds: less than a frame of AAC.
const SOUND_US: u64 = 20_000;

/// How far the length of pictures may be off at least, in microseconds: a frame at 25 a second.
const PICTURES_US: u64 = 40_000;

/// How far sound may go on behind pictures that were cut, in microseconds: a packet, and what its decoder holds back.
const CUT_US: u64 = 150_000;

/// How far off a container's word may be that has no lengths of packets, in microseconds: a packet of FLAC, and of lossless
/// codecs with longer ones.
const PACKET_US: u64 = 120_000;
const LONG_PACKET_US: u64 = 1_100_000;

/// Headers that tell the length of the whole, or of whole packets: how much more they may say than there is to be heard or
/// seen, or less, in microseconds. Windows Media states one length for all streams; the clocks of a program stream run ahead
/// of what is shown; Core Audio's packet table may leave out how much of the last packet of ALAC is filled.
#[rustfmt::skip]
const ROUGH: &[(Format, Option<&str>, u64)] = &[
    (Format::Caf,       Some("alac"), 100_000),
    (Format::MpegPs,    None,         1_000_000),
    (Format::MpegVideo, None,         1_000_000),
    (Format::Wma,       None,         100_000),
    (Format::Wmv,       None,         100_000),
];

/// Compares the result with the streams of the source that `steps` name; `coded_us` of sound was coded anew.
pub(super) fn verify(source: &Facts, result: &Facts, steps: &[Step], coded_us: Option<u64>) -> Result<()> {
    let before = played(source);
    let (Some(before), Some(after)) = (before.as_deref(), streams(result)) else {
        return Err(Error::verify("the result holds no streams"));
    };
    // A file that was cut is as long as what could be read of it.
    if !source.damage.is_empty() {
        return match steps {
            [Step::EncodeAudio { .. }] => {
                length("sound", coded_us, after.audio.first().map(|track| track.duration_us), SOUND_US)
            }
            _ => Ok(()),
        };
    }
    if steps.iter().any(|step| matches!(step, Step::StripTags)) {
        return Ok(());
    }
    let cut = cut_at(before, after, steps);
    for step in steps {
        match step {
            // What was cut on purpose ends with its pictures.
            Step::CopyAudio { .. } | Step::EncodeAudio { .. } if cut.is_some() => {
                let (is, pictures) = (after.audio.first().and_then(|track| track.duration_us), cut);
                if is > pictures.map(|us| us.saturating_add(CUT_US)) {
                    let seconds = |us: Option<u64>| us.unwrap_or(0) as f64 / 1e6;
                    return Err(Error::verify(format!(
                        "the sound goes on behind the cut; found {:.3} s, pictures end at {:.3} s",
                        seconds(is),
                        seconds(pictures)
                    )));
                }
            }
            Step::CopyAudio { track } => {
                let was = before.audio.get(*track);
                let is = after.audio.first().map(|track| track.duration_us);
                let allowed = SOUND_US.max(rough(source, was.map(|track| track.codec.as_str())));
                length("sound", was.and_then(|track| track.duration_us), is, allowed)?;
            }
            Step::EncodeAudio { track, coding } => {
                let is = after.audio.first().map(|track| track.duration_us);
                length("sound", coded_us, is, SOUND_US)?;
                let was = before.audio.get(*track);
                if coding.trim_to_fit && is.flatten() < was.and_then(|track| track.duration_us) {
                    continue;
                }
                let allowed = stated_within(source, was).max(rough(source, was.map(|track| track.codec.as_str())));
                length("sound", was.and_then(|one| one.duration_us), is, allowed)?;
            }
            Step::CopyVideo { track } => {
                let (was, is) = (before.video.get(*track), after.video.first());
                let allowed = frame(was).max(rough(source, None));
                length("pictures", was.and_then(|one| one.duration_us), is.map(|one| one.duration_us), allowed)?;
                same_pictures(was, is)?;
            }
            Step::EncodeVideo { track, .. } => {
                let (was, is) = (before.video.get(*track), after.video.first());
                if cut.is_none() {
                    let allowed = frame(was).max(rough(source, None));
                    length("pictures", was.and_then(|one| one.duration_us), is.map(|one| one.duration_us), allowed)?;
                }
                same_aspect(was, is)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Where the result ends, in microseconds, if it was allowed to be cut and is by more than nobody notices.
pub(super) fn cut_noticeably(source: &Facts, result: &Facts, steps: &[Step]) -> Option<u64> {
    const NOTICED_US: u64 = 500_000;
    let (before, after) = (played(source)?, streams(result)?);
    steps.iter().filter(|_| source.damage.is_empty()).find_map(|step| {
        let (was, is) = match step {
            Step::EncodeAudio { track, coding } if coding.trim_to_fit => {
                (before.audio.get(*track)?.duration_us?, after.audio.first()?.duration_us?)
            }
            Step::EncodeVideo { track, coding } if coding.trim_to_fit => {
                (before.video.get(*track)?.duration_us?, after.video.first()?.duration_us?)
            }
            _ => return None,
        };
        (was > is.saturating_add(NOTICED_US)).then_some(is)
    })
}

/// The streams of a source; what a video of an animation has is known from its frames.
fn played(source: &Facts) -> Option<Cow<'_, StreamFacts>> {
    match &source.media {
        Media::Image(image) => {
            let video = image.as_track().into_iter().collect();
            Some(Cow::Owned(StreamFacts { video, ..StreamFacts::default() }))
        }
        _ => streams(source).map(Cow::Borrowed),
    }
}

/// How far the headers of `source` may be off, for a stream of `codec`.
fn rough(source: &Facts, codec: Option<&str>) -> u64 {
    let row = ROUGH.iter().find(|(format, only, _)| *format == source.format && (only.is_none() || *only == codec));
    row.map_or(0, |(_, _, allowed)| *allowed)
}

/// Where the result ends, in microseconds, if it was allowed to be cut and is.
fn cut_at(before: &StreamFacts, after: &StreamFacts, steps: &[Step]) -> Option<u64> {
    let allowed = |step: &Step| match step {
        Step::EncodeVideo { track, coding } if coding.trim_to_fit => before.video.get(*track),
        _ => None,
    };
    let was = steps.iter().find_map(allowed)?;
    let is = after.video.first()?.duration_us?;
    (was.duration_us? > is.saturating_add(frame(Some(was)))).then_some(is)
}

const fn streams(facts: &Facts) -> Option<&StreamFacts> {
    match &facts.media {
        Media::Audio(streams) | Media::Video(streams) => Some(streams),
        Media::Image(_) | Media::Document(_) => None,
    }
}

fn length(what: &str, was: Option<u64>, is: Option<Option<u64>>, allowed: u64) -> Result<()> {
    let Some(is) = is else { return Err(Error::verify(format!("the result lost its {what}"))) };
    // A container that does not tell its length cannot be compared with.
    let (Some(was), Some(is)) = (was, is) else { return Ok(()) };
    if was.abs_diff(is) <= allowed {
        return Ok(());
    }
    let seconds = |us: u64| us as f64 / 1e6;
    let (is, was) = (seconds(is), seconds(was));
    Err(Error::verify(format!("another length of {what} came out; found {is:.3} s, expected {was:.3} s")))
}

/// How exactly the length of sound is known that its container states.
fn stated_within(source: &Facts, track: Option<&AudioTrack>) -> u64 {
    let exact = matches!(
        source.format,
        Format::Mp4
            | Format::Mov
            | Format::M4v
            | Format::ThreeGp
            | Format::M4a
            | Format::MovAudio
            | Format::ThreeGpAudio
            | Format::Tta
            | Format::WavPack
    );
    match track {
        _ if exact => SOUND_US,
        Some(track) if track.has_long_packets() => LONG_PACKET_US,
        _ => PACKET_US,
    }
}

/// The length of a frame, in microseconds, or of a usual one.
fn frame(track: Option<&VideoTrack>) -> u64 {
    let rate = track.and_then(|track| track.frame_rate).map_or(25.0, |rate| rate.per_second().max(1.0));
    ((1_000_000.0 / rate) as u64 + 1000).max(PICTURES_US)
}

fn same_pictures(was: Option<&VideoTrack>, is: Option<&VideoTrack>) -> Result<()> {
    let (Some(was), Some(is)) = (was, is) else { return Err(Error::verify("the result lost its pictures")) };
    let of = |track: &VideoTrack| (track.width, track.height, track.rotation, track.odd_matrix, track.b_frames);
    if of(was) == of(is) {
        return Ok(());
    }
    Err(Error::verify(format!("the result's pictures changed; found {:?}, were {:?}", of(is), of(was))))
}

fn same_aspect(was: Option<&VideoTrack>, is: Option<&VideoTrack>) -> Result<()> {
    let (Some(was), Some(is)) = (was, is) else { return Err(Error::verify("the result lost its pictures")) };
    let ((was_wide, was_high), (wide, high)) = (was.shown(), is.shown());
    if was_wide == 0 || was_high == 0 {
        return Ok(());
    }
    // Each side is rounded to an even number.
    let off = (f64::from(wide) * f64::from(was_high) - f64::from(high) * f64::from(was_wide)).abs();
    if off <= 2.0 * f64::from(was_wide + was_high) + 1.0 {
        return Ok(());
    }
    Err(Error::verify(format!("the result's shape is wrong; found {wide}x{high}, was {was_wide}x{was_high}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::AudioTrack;

    fn sound(format: Format, codec: &str, duration_us: u64) -> Facts {
        let track = AudioTrack { codec: codec.to_owned(), duration_us: Some(duration_us), ..AudioTrack::default() };
        let streams = StreamFacts { audio: vec![track], ..StreamFacts::default() };
        Facts { format, bytes: 1, file_name: None, extension: None, damage: Vec::new(), media: Media::Audio(streams) }
    }

    #[test]
    fn only_headers_that_tell_the_length_roughly_may_be_off() {
        let result = sound(Format::M4a, "aac", 1_000_000);
        let compared = |format, codec: &str| {
            verify(&sound(format, codec, 1_050_000), &result, &[Step::CopyAudio { track: 0 }], None).is_ok()
        };
        assert!(compared(Format::Wma, "wma") && compared(Format::Caf, "alac"));
        assert!(!compared(Format::Caf, "pcm") && !compared(Format::Flac, "flac") && !compared(Format::M4a, "alac"));
    }
}
