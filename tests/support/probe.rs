//! What ffprobe, which knows nothing of us, says of a video that was made fit.

use libtest_mimic::Failed;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The platform's limit, and what is aimed at where anything is coded anew.
const HARD_BYTES: usize = 16 * 1024 * 1024;
const TARGET_BYTES: usize = 16_000_000;

/// How much of a clip is decoded to see the kinds of its pictures.
const SECONDS: &str = "%+30";

/// A video as ffprobe has it.
#[derive(Debug)]
pub(crate) struct Probed {
    pub(crate) seconds: f64,
    /// Upright.
    pub(crate) size: (u32, u32),
}

/// The first ffprobe in the folders of `PATH`.
pub(crate) fn found() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("ffprobe")).find(|file| file.is_file())
}

/// Sees that the MP4 at `path` is what the platform takes; with `new` pictures, that they are as we make them.
pub(crate) fn probe(ffprobe: &Path, path: &Path, new: bool) -> Result<Probed, Failed> {
    let bytes = std::fs::read(path)?;
    let limit = if new { TARGET_BYTES } else { HARD_BYTES };
    holds(bytes.len() <= limit, || format!("{} bytes, allowed {limit}", bytes.len()))?;
    let boxes = boxes(&bytes);
    let of = |kind: &[u8; 4]| boxes.iter().position(|found| found == kind);
    holds(of(b"moov").is_some() && of(b"moov") < of(b"mdat"), || format!("no index first: {boxes:?}"))?;

    let told = ask(ffprobe, path, &["-show_streams", "-show_format"])?;
    let empty = Vec::new();
    let streams = told["streams"].as_array().unwrap_or(&empty);
    let of = |kind: &str| streams.iter().filter(|stream| stream["codec_type"] == kind).collect::<Vec<_>>();
    let (pictures, sound) = (of("video"), of("audio"));
    holds(pictures.len() == 1 && sound.len() <= 1 && streams.len() == 1 + sound.len(), || format!("{streams:?}"))?;
    for sound in sound {
        holds(sound["codec_name"] == "aac" && sound["profile"] == "LC", || format!("{sound}"))?;
    }
    let video = pictures[0];
    holds(video["codec_name"] == "h264", || format!("{video}"))?;
    let kinds: &[&str] = if new { &["Main"] } else { &["Constrained Baseline", "Baseline", "Main", "High"] };
    holds(kinds.iter().any(|kind| video["profile"] == *kind), || format!("profile {}", video["profile"]))?;
    // Full range has a name of its own; it is only copied, never made.
    let full = !new && video["pix_fmt"] == "yuvj420p";
    holds(full || video["pix_fmt"] == "yuv420p", || format!("pixels {}", video["pix_fmt"]))?;
    // Copied pictures of Main may have B-frames, which only warns.
    if new || video["profile"] != "Main" {
        holds(!new || video["has_b_frames"] == 0, || format!("reorders {} pictures", video["has_b_frames"]))?;
        let arguments = ["-select_streams", "v:0", "-read_intervals", SECONDS, "-show_entries", "frame=pict_type"];
        let frames = ask(ffprobe, path, &arguments)?;
        let frames = frames["frames"].as_array().unwrap_or(&empty);
        let right = |frame: &Value| frame["pict_type"] == "I" || frame["pict_type"] == "P";
        holds(!frames.is_empty() && frames.iter().all(right), || format!("{frames:?}"))?;
    }
    if new {
        holds(video["field_order"] == "progressive", || format!("fields {}", video["field_order"]))?;
        let aspect = &video["sample_aspect_ratio"];
        holds(aspect.is_null() || aspect == "1:1", || format!("pixels of {aspect}"))?;
    }
    let side = |name: &str| video[name].as_u64().and_then(|side| u32::try_from(side).ok()).unwrap_or(0);
    let turned = video["side_data_list"][0]["rotation"].as_i64().unwrap_or(0);
    holds(!new || turned == 0, || format!("turned by {turned}"))?;
    let (wide, high) = (side("width"), side("height"));
    let size = if turned % 180 == 0 { (wide, high) } else { (high, wide) };
    let seconds = told["format"]["duration"].as_str().and_then(|text| text.parse().ok()).ok_or("no duration")?;
    Ok(Probed { seconds, size })
}

fn ask(ffprobe: &Path, path: &Path, arguments: &[&str]) -> Result<Value, Failed> {
    let output = Command::new(ffprobe).args(["-v", "error", "-of", "json"]).args(arguments).arg(path).output()?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    holds(output.status.success(), || format!("{complaints}"))?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn holds(right: bool, why: impl FnOnce() -> String) -> Result<(), Failed> {
    if right { Ok(()) } else { Err(format!("ffprobe: {}", why()).into()) }
}

/// Kinds of the boxes at the top.
fn boxes(mut bytes: &[u8]) -> Vec<[u8; 4]> {
    let mut kinds = Vec::new();
    while let Some((&[a, b, c, d, e, f, g, h], rest)) = bytes.split_first_chunk() {
        kinds.push([e, f, g, h]);
        let length = match u32::from_be_bytes([a, b, c, d]) {
            1 => rest.first_chunk().map_or(0, |length| u64::from_be_bytes(*length)),
            short => u64::from(short),
        };
        let Some(next) = usize::try_from(length).ok().filter(|&length| length >= 8).and_then(|at| bytes.get(at..))
        else {
            break;
        };
        bytes = next;
    }
    kinds
}
