//! The pictures of a video coded anew by ffmpeg: H.264 Main without B-frames in two passes. Sound is put beside them by us.

use crate::cancel::Cancel;
use crate::engine::{Ffmpeg, input};
use crate::error::{Error, ErrorKind, Result};
use crate::facts::VideoTrack;
use crate::format::Format;
use crate::plan::VideoCoding;
use crate::source::Source;
use std::ffi::OsString;
use std::fs::File;

/// Picture heights that are tried, tallest first, in pixels of the shorter side.
const SIDES: [u32; 6] = [1080, 720, 540, 432, 360, 240];

/// Bits per pixel below which a smaller picture looks better (whatsapp-media §1.5).
const COMFORT_BPP: f64 = 0.05;

/// Bits per pixel below which nothing is worth looking at, at the smallest size.
const FLOOR_BPP: f64 = 0.025;

/// The most bits per pixel that are of use: more only keeps the source's own errors.
const CEILING_BPP: f64 = 0.20;

/// Bits per second below which libx264, which counts in thousands, takes none: what tiny pictures would come to.
const LEAST_RATE: f64 = 16_000.0;

/// Part of the size that the container's tables and the rate control's own error may take.
const OVERHEAD: f64 = 0.97;

/// What is to be made.
pub(in crate::convert) struct Job<'a> {
    /// What it is made of.
    pub source: &'a Source,
    /// Its format.
    pub format: Format,
    /// Which of its streams of pictures.
    pub video: usize,
    /// What was measured of it.
    pub facts: &'a VideoTrack,
    /// How many bytes the sound beside them takes.
    pub sound_bytes: u64,
    /// How long it plays, in microseconds.
    pub duration_us: u64,
    /// How the pictures are coded.
    pub coding: VideoCoding,
    /// Where a file that is cut is read as far as it goes.
    pub salvage: bool,
}

/// Codes `job` anew below its target.
///
/// # Errors
/// `CannotFit` with the length that would fit; `Malformed` with ffmpeg's own words; `Engine`, `Limit`, `Cancelled`.
pub(in crate::convert) fn transcode(
    ffmpeg: &Ffmpeg,
    job: &Job<'_>,
    share: f64,
    cancel: &Cancel,
) -> Result<(File, u64)> {
    let folder = tempfile::tempdir().map_err(|error| Error::io("a temporary folder cannot be made", error))?;
    let duration_us = if job.duration_us > 0 { job.duration_us } else { measured(ffmpeg, job, cancel)? };
    let (side, bitrate, seconds) = settled(job, duration_us, share * OVERHEAD)?;
    let out = folder.path().join("out.mp4");
    run(ffmpeg, job, (side, bitrate, seconds), folder.path(), cancel)?;
    let bytes = std::fs::metadata(&out).map_err(|error| Error::io("the result is not there", error))?.len();
    let file = File::open(&out).map_err(|error| Error::io("the result cannot be opened", error))?;
    Ok((file, bytes))
}

/// How long pictures play of which nothing tells it, as streams without a container: they are decoded for it, in microseconds.
fn measured(ffmpeg: &Ffmpeg, job: &Job<'_>, cancel: &Cancel) -> Result<u64> {
    let input = input(job.source, job.format)?;
    let mut arguments = input.arguments.clone();
    arguments.extend(["-map", &format!("0:v:{}", job.video), "-sn", "-dn"].map(OsString::from));
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
    running.finish()?;
    let last = told.lines().filter_map(|line| line.strip_prefix("out_time_us=")).next_back();
    Ok(last.and_then(|time| time.trim().parse().ok()).unwrap_or(0))
}

/// The shorter side, the bits per second for the pictures, and the length that is coded.
fn settled(job: &Job<'_>, duration_us: u64, share: f64) -> Result<(u32, u64, Option<f64>)> {
    let seconds = duration_us as f64 / 1e6;
    if seconds <= 0.0 {
        return Err(Error::unsupported("how long the video plays is not known, so that no bitrate can be chosen"));
    }
    let (wide, high) = job.facts.shown();
    let short = wide.min(high).max(2);
    let rate = job.facts.frame_rate.map_or(30.0, |rate| rate.per_second().clamp(1.0, 60.0));
    let bits = job.coding.target_bytes.saturating_sub(job.sound_bytes) as f64 * 8.0 * share;
    let budget = bits / seconds;
    let pixels = |side: u32| {
        let scale = f64::from(side.min(short)) / f64::from(short);
        f64::from(wide) * f64::from(high) * scale * scale * rate
    };
    let tallest = job.coding.max_height.unwrap_or(u32::MAX).min(short).min(1080);
    let mut sides = SIDES.into_iter().filter(|&side| side < tallest);
    let side = std::iter::once(tallest).chain(sides.by_ref()).find(|&side| budget / pixels(side) >= COMFORT_BPP);
    let side = side.unwrap_or_else(|| SIDES.last().copied().unwrap_or(240).min(tallest));
    let least = pixels(side) * FLOOR_BPP;
    if budget >= least {
        return Ok((side, budget.min((pixels(side) * CEILING_BPP).max(LEAST_RATE)) as u64, None));
    }
    let sound = job.sound_bytes as f64 * 8.0 / seconds;
    let fits = job.coding.target_bytes as f64 * 8.0 * share / (least + sound);
    if job.coding.trim_to_fit {
        return Ok((side, least as u64, Some(fits)));
    }
    Err(Error::cannot_fit(format!(
        "the video is too long for its limit; found {seconds:.0} s, {fits:.0} s would fit in {} bytes; cut it, or use --trim-to-fit",
        job.coding.target_bytes
    )))
}

fn run(
    ffmpeg: &Ffmpeg,
    job: &Job<'_>,
    (side, bitrate, seconds): (u32, u64, Option<f64>),
    folder: &std::path::Path,
    cancel: &Cancel,
) -> Result<()> {
    let input = input(job.source, job.format)?;
    let log = folder.join("pass");
    for pass in ["1", "2"] {
        cancel.check()?;
        let mut arguments: Vec<OsString> = vec!["-y".into()];
        arguments.extend(input.arguments.iter().cloned());
        arguments.extend(["-map", &format!("0:v:{}", job.video), "-sn", "-dn"].map(OsString::from));
        if let Some(seconds) = seconds {
            arguments.extend(["-t", &format!("{seconds:.3}")].map(OsString::from));
        }
        arguments.extend(["-vf", &filters(job.facts, side)].map(OsString::from));
        arguments.extend(
            ["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-bf", "0", "-pix_fmt", "yuv420p"]
                .map(OsString::from),
        );
        if let Some(quantiser) = job.coding.quantiser {
            arguments.extend(["-qmin", &quantiser.to_string()].map(OsString::from));
        }
        arguments.extend(["-vsync", "vfr", "-b:v", &bitrate.to_string(), "-pass", pass].map(OsString::from));
        arguments.extend(["-passlogfile".into(), log.clone().into_os_string()]);
        if pass == "1" {
            arguments.extend(["-an", "-f", "null", "-"].map(OsString::from));
        } else {
            arguments.push("-an".into());
            arguments.extend(
                ["-map_metadata", "-1", "-map_chapters", "-1", "-movflags", "+faststart", "-f", "mp4"]
                    .map(OsString::from),
            );
            arguments.push(folder.join("out.mp4").into_os_string());
        }
        let running = ffmpeg.start(&arguments, cancel)?;
        match running.finish() {
            // Of a damaged file as much is kept as could be read.
            Err(error) if error.kind() == ErrorKind::Malformed && job.salvage => {}
            other => other?,
        }
    }
    Ok(())
}

/// Progressive, square pixels, even sides, BT.709 or BT.601 as it was.
fn filters(facts: &VideoTrack, side: u32) -> String {
    let mut filters = Vec::new();
    if facts.interlaced {
        filters.push("yadif=deint=interlaced".to_owned());
    }
    // The frame is upright here: ffmpeg turns it by itself. Its pixels are made square by what was measured.
    let (wide, high) = facts.shown();
    let scale = f64::from(side.min(wide.min(high))) / f64::from(wide.min(high).max(1));
    let even = |length: u32| ((f64::from(length) * scale / 2.0).round() as u32 * 2).max(2);
    filters.push(format!("scale={}:{}:flags=lanczos,setsar=1", even(wide), even(high)));
    filters.join(",")
}
