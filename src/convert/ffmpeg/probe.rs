//! What only a decoder tells of pictures: size, shape and colour of the first of them, and how long all play.

use crate::cancel::Cancel;
use crate::codec::h264::Sps;
use crate::demux::annexb;
use crate::engine::{Ffmpeg, input};
use crate::error::Result;
use crate::facts::{Facts, Hdr, Media, VideoTrack};
use crate::format::Format;
use crate::plan::{Engine, Plan, Step};
use crate::source::Source;
use std::ffi::OsString;

/// How much of a coded picture is read for its headers, in bytes.
const HEADERS: usize = 64 * 1024;

/// The type of a NAL unit with a sequence parameter set.
const SPS: u8 = 7;

/// Numbers of ITU-T H.273.
const PQ: u8 = 16;
const HLG: u8 = 18;

/// Completes `facts` of the pictures that `plan` has ffmpeg code anew, by what it decodes: few containers tell the shape of a
/// pixel, some not even the size. What cannot be decoded stays as it is.
///
/// # Errors
/// `Cancelled`; `Io` when a temporary file cannot be written.
pub(crate) fn complete(
    source: &Source,
    facts: &mut Facts,
    plan: &Plan,
    ffmpeg: Option<&Ffmpeg>,
    cancel: &Cancel,
) -> Result<()> {
    let (Plan::Rewrite(rewrite), Some(ffmpeg)) = (plan, ffmpeg) else { return Ok(()) };
    let mut steps = rewrite.rungs.iter().flat_map(|rung| &rung.steps);
    let coded = steps.find_map(|step| if let Step::EncodeVideo { track, .. } = step { Some(*track) } else { None });
    let format = facts.format;
    if let (Media::Video(streams), Some(video), Engine::Ffmpeg) = (&mut facts.media, coded, rewrite.engine)
        && let Some(track) = streams.video.get_mut(video)
    {
        if let Some(sps) = first(ffmpeg, source, format, video, cancel)? {
            completed(track, &sps);
        }
        if track.duration_us.or(streams.duration_us).unwrap_or(0) == 0 {
            track.duration_us = length(ffmpeg, source, format, video, cancel)?;
        }
    }
    cancel.check()
}

/// Whoever decodes the pictures knows their size; what a container says of shape and colour goes before what they say themselves.
fn completed(track: &mut VideoTrack, sps: &Sps) {
    (track.width, track.height) = (sps.width, sps.height);
    track.pixel_aspect = track.pixel_aspect.or_else(|| annexb::pixel_aspect(sps));
    let told = track.color.filter(|color| *color != crate::facts::ColorTags::default());
    // Its range is that of what was coded here.
    track.color = told.or_else(|| sps.color.map(|color| crate::facts::ColorTags { full_range: false, ..color }));
    track.hdr = track.hdr.or(match track.color.map(|color| color.transfer) {
        Some(PQ) => Some(Hdr::Pq),
        Some(HLG) => Some(Hdr::Hlg),
        _ => None,
    });
}

/// The first picture, as it is stored: coded without loss of its size, its header tells all.
fn first(ffmpeg: &Ffmpeg, source: &Source, format: Format, video: usize, cancel: &Cancel) -> Result<Option<Sps>> {
    let input = input(source, format)?;
    let mut arguments: Vec<OsString> = vec!["-noautorotate".into()];
    arguments.extend(input.arguments.iter().cloned());
    arguments.extend(["-map", &format!("0:v:{video}"), "-an", "-sn", "-dn"].map(OsString::from));
    // Without subsampled colour, sides may be odd.
    arguments.extend(
        ["-frames:v", "1", "-pix_fmt", "yuv444p", "-c:v", "libx264", "-preset", "ultrafast", "-f", "h264", "pipe:1"]
            .map(OsString::from),
    );
    let mut running = ffmpeg.start(&arguments, cancel)?;
    let mut coded = vec![0; HEADERS];
    let count = running.read(&mut coded)?;
    coded.truncate(count);
    Ok(annexb::units(&coded).find(|nal| annexb::kind(nal) == SPS).and_then(Sps::parse))
}

/// How long pictures play of which nothing tells it, as streams without a container: they are decoded for it, in microseconds.
fn length(ffmpeg: &Ffmpeg, source: &Source, format: Format, video: usize, cancel: &Cancel) -> Result<Option<u64>> {
    let input = input(source, format)?;
    let mut arguments = input.arguments.clone();
    arguments.extend(["-map", &format!("0:v:{video}"), "-an", "-sn", "-dn"].map(OsString::from));
    arguments.extend(["-f", "null", "-progress", "pipe:1", "-"].map(OsString::from));
    let mut running = ffmpeg.start(&arguments, cancel)?;
    let (mut told, mut block) = (String::new(), [0; 4096]);
    loop {
        let count = running.read(&mut block)?;
        if count == 0 {
            break;
        }
        told.push_str(&String::from_utf8_lossy(block.get(..count).unwrap_or_default()));
        // The last report counts.
        if let Some(at) = told.rfind("\nprogress=continue") {
            told.drain(..at);
        }
    }
    let last = told.lines().filter_map(|line| line.strip_prefix("out_time_us=")).next_back();
    Ok(last.and_then(|time| time.trim().parse().ok()).filter(|&us| us > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Chroma, ColorTags};

    #[test]
    fn what_the_container_says_goes_before_the_pictures_own_word() {
        let color = ColorTags { primaries: 9, transfer: HLG, matrix: 9, full_range: true };
        let sps = Sps {
            profile_idc: 244,
            constraints: 0,
            level_idc: 30,
            chroma: Chroma::Full,
            bit_depth: 8,
            frames_only: true,
            width: 720,
            height: 576,
            pixel_aspect: Some((64, 45)),
            color: Some(color),
            reorder: None,
        };
        let mut bare = VideoTrack::default();
        completed(&mut bare, &sps);
        assert_eq!((bare.shown(), bare.hdr), ((1024, 576), Some(Hdr::Hlg)));
        assert_eq!(bare.color, Some(ColorTags { full_range: false, ..color }));
        let stated = ColorTags { primaries: 1, transfer: 1, matrix: 1, full_range: true };
        let mut told = VideoTrack { pixel_aspect: Some((4, 3)), color: Some(stated), ..VideoTrack::default() };
        completed(&mut told, &sps);
        assert_eq!((told.shown(), told.color, told.hdr), ((960, 576), Some(stated), None));
    }
}
