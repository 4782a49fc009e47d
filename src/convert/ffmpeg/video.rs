//! The pictures of a video coded anew by ffmpeg: H.264 Main without B-frames in two passes. Sound is put beside them by us.

use super::cube;
use crate::cancel::Cancel;
use crate::engine::{Ffmpeg, input};
use crate::error::{Error, ErrorKind, Result};
use crate::facts::{ColorTags, Hdr, VideoTrack};
use crate::format::Format;
use crate::plan::VideoCoding;
use crate::source::Source;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

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

/// Bytes that any clip may take: less says too little of rate in so short a time for libx264's second pass.
const LEAST_BYTES: f64 = 16_384.0;

/// Part of the size that the container's tables and the rate control's own error may take.
const OVERHEAD: f64 = 0.97;

/// Names of matrices, which are those of primaries and transfers as well.
const BT709: &str = "bt709";
const BT601: &str = "smpte170m";

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
    /// Whether what does not decode is an error.
    pub strict: bool,
}

/// What was made.
pub(in crate::convert) struct Made {
    /// An MP4 of pictures alone.
    pub file: File,
    /// Its length.
    pub bytes: u64,
    /// Where they were cut to fit, in seconds.
    pub ends_at: Option<f64>,
}

/// What was decided.
#[derive(Clone, Copy)]
struct Chosen {
    /// Width and height.
    size: (u32, u32),
    /// Bits per second for the pictures.
    bitrate: u64,
    /// Where they are cut, in seconds.
    ends_at: Option<f64>,
}

/// Codes `job` anew below its target.
///
/// # Errors
/// `CannotFit` with the length that would fit; `Malformed` with ffmpeg's own words; `Engine`, `Limit`, `Cancelled`.
pub(in crate::convert) fn transcode(ffmpeg: &Ffmpeg, job: &Job<'_>, share: f64, cancel: &Cancel) -> Result<Made> {
    let folder = tempfile::tempdir().map_err(|error| Error::io("a temporary folder cannot be made", error))?;
    let chosen = settled(job, share * OVERHEAD)?;
    let out = folder.path().join("out.mp4");
    run(ffmpeg, job, chosen, folder.path(), cancel)?;
    let bytes = std::fs::metadata(&out).map_err(|error| Error::io("the result is not there", error))?.len();
    let file = File::open(&out).map_err(|error| Error::io("the result cannot be opened", error))?;
    Ok(Made { file, bytes, ends_at: chosen.ends_at })
}

fn settled(job: &Job<'_>, share: f64) -> Result<Chosen> {
    let seconds = job.duration_us as f64 / 1e6;
    if seconds <= 0.0 {
        return Err(Error::unsupported(
            "how long the video plays is not known, so that no bitrate can be chosen; convert it first",
        ));
    }
    let (wide, high) = job.facts.shown();
    if wide == 0 || high == 0 {
        return Err(Error::unsupported("how large the pictures are is not known; convert the file first"));
    }
    let short = wide.min(high);
    let rate = job.facts.frame_rate.map_or(30.0, |rate| rate.per_second().clamp(1.0, 60.0));
    let bits = job.coding.target_bytes.saturating_sub(job.sound_bytes) as f64 * 8.0 * share;
    let budget = bits / seconds;
    let scale = |side: u32| f64::from(side.min(short)) / f64::from(short);
    let pixels = |side: u32| f64::from(wide) * f64::from(high) * scale(side) * scale(side) * rate;
    let tallest = job.coding.max_height.unwrap_or(u32::MAX).min(short).min(1080);
    let mut sides = SIDES.into_iter().filter(|&side| side < tallest);
    let side = std::iter::once(tallest).chain(sides.by_ref()).find(|&side| budget / pixels(side) >= COMFORT_BPP);
    let side = side.unwrap_or_else(|| SIDES.last().copied().unwrap_or(240).min(tallest));
    let even = |length: u32| ((f64::from(length) * scale(side) / 2.0).round() as u32 * 2).max(2);
    let size = (even(wide), even(high));
    let least = (pixels(side) * FLOOR_BPP).max(LEAST_RATE);
    if budget >= least {
        let enough = (pixels(side) * CEILING_BPP).max(LEAST_RATE).max(LEAST_BYTES * 8.0 / seconds);
        let bitrate = budget.min(enough) as u64;
        return Ok(Chosen { size, bitrate, ends_at: None });
    }
    let sound = job.sound_bytes as f64 * 8.0 / seconds;
    let fits = (job.coding.target_bytes as f64 * 8.0 * share / (least + sound)).min(seconds);
    if job.coding.trim_to_fit && fits >= 1.0 {
        return Ok(Chosen { size, bitrate: least as u64, ends_at: Some(fits) });
    }
    // Down: what is cut to the length that is named must fit.
    let fits = (fits * OVERHEAD).floor();
    Err(Error::cannot_fit(format!(
        "the video is too long for its limit; found {seconds:.0} s, {fits:.0} s would fit in {} bytes; cut it, or use --trim-to-fit",
        job.coding.target_bytes
    )))
}

fn run(ffmpeg: &Ffmpeg, job: &Job<'_>, chosen: Chosen, folder: &Path, cancel: &Cancel) -> Result<()> {
    let input = input(job.source, job.format)?;
    let log = folder.join("pass");
    let colors = Colors::of(job.facts, &folder.join("colors.cube"))?;
    for pass in ["1", "2"] {
        cancel.check()?;
        let mut arguments: Vec<OsString> = vec!["-y".into()];
        if job.strict {
            arguments.extend(["-xerror", "-err_detect", "explode"].map(OsString::from));
        }
        arguments.extend(input.arguments.iter().cloned());
        arguments.extend(["-map", &format!("0:v:{}", job.video), "-sn", "-dn"].map(OsString::from));
        if let Some(seconds) = chosen.ends_at {
            arguments.extend(["-t", &format!("{seconds:.3}")].map(OsString::from));
        }
        arguments.extend(["-vf", &filters(chosen.size, &colors)].map(OsString::from));
        arguments.extend(
            ["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-bf", "0", "-pix_fmt", "yuv420p"]
                .map(OsString::from),
        );
        if let Some(quantiser) = job.coding.quantiser {
            arguments.extend(["-qmin", &quantiser.to_string()].map(OsString::from));
        }
        let tags = ["-colorspace", "-color_primaries", "-color_trc"].map(|option| [option, colors.becomes]);
        arguments.extend(tags.into_iter().flatten().chain(["-color_range", "tv"]).map(OsString::from));
        arguments.extend(["-vsync", "vfr", "-b:v", &chosen.bitrate.to_string(), "-pass", pass].map(OsString::from));
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

/// How the colours are stored, and what becomes of them: as with what is built in, BT.601 stays what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Colors {
    /// The matrix, where it is known and ffmpeg has a name for it.
    matrix: Option<&'static str>,
    /// Whether all values are used, where the container says so.
    full_range: bool,
    /// The table that makes BT.709 of wide gamut and high dynamic range.
    cube: Option<PathBuf>,
    /// Primaries, transfer and matrix of the result.
    becomes: &'static str,
}

impl Colors {
    /// By the facts; the table is written to `cube` where one is needed.
    fn of(facts: &VideoTrack, cube: &Path) -> Result<Self> {
        let color = facts.color.unwrap_or_default();
        if facts.hdr == Some(Hdr::DolbyVision) && color.transfer == ColorTags::default().transfer {
            return Err(Error::unsupported(
                "is Dolby Vision without a base layer that others play; convert the file first",
            ));
        }
        let cube = cube::written(color, cube)?.then(|| cube.to_path_buf());
        let matrix = match color.matrix {
            1 => Some(BT709),
            4 => Some("fcc"),
            5 | 6 => Some(BT601),
            7 => Some("smpte240m"),
            9 | 10 => Some("bt2020"),
            2 if color.primaries == 9 => Some("bt2020"),
            // As players take it.
            2 if facts.height >= 720 || facts.width >= 1280 => Some(BT709),
            2 => Some(BT601),
            _ => None,
        };
        let becomes = if matrix == Some(BT601) && cube.is_none() { BT601 } else { BT709 };
        Ok(Self { matrix, full_range: color.full_range, cube, becomes })
    }
}

/// Progressive, of this size with square pixels, BT.709 or BT.601 of limited range.
fn filters((wide, high): (u32, u32), colors: &Colors) -> String {
    let becomes = colors.becomes;
    // Frames are marked as interlaced or not; those that are not pass as they are. They are upright: ffmpeg turns them by itself.
    let mut filters = format!("yadif=deint=interlaced,scale={wide}:{high}:flags=lanczos+accurate_rnd");
    if let Some(matrix) = colors.matrix {
        filters.push_str(&format!(":in_color_matrix={matrix}"));
    }
    if colors.full_range {
        filters.push_str(":in_range=pc");
    }
    if let Some(cube) = &colors.cube {
        let name = escaped(&cube.to_string_lossy());
        filters.push_str(&format!(",format=gbrp12,lut3d=file={name}:interp=tetrahedral,scale=flags=accurate_rnd"));
    }
    filters.push_str(&format!(
        ":out_color_matrix={becomes}:out_range=tv,format=yuv420p,setsar=1,\
         setparams=range=tv:color_primaries={becomes}:color_trc={becomes}:colorspace={becomes}"
    ));
    filters
}

/// A value for a filter's option: escaped for the option, and once more for the chain of filters.
fn escaped(value: &str) -> String {
    let before = |text: &str, special: &[char]| {
        text.chars()
            .flat_map(|char| special.contains(&char).then_some('\\').into_iter().chain([char]))
            .collect::<String>()
    };
    before(&before(value, &['\\', '\'', ':']), &['\\', '\'', '[', ']', ',', ';'])
}

#[cfg(test)]
mod tests;
