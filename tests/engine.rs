//! What an installed ffmpeg decodes and codes anew: pictures of the right shape and colours, progressive; sound in its place.
//! Without an ffmpeg the tests are reported as ignored.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use libtest_mimic::{Arguments, Failed, Trial};
use mediafit::facts::{ColorTags, Media, VideoTrack};
use mediafit::plan::{AudioCodec, EngineChoice, Options, Step};
use mediafit::{Ask, Ending, Ffmpeg, Fitter, Policy, Role, Source};
use std::path::Path;
use std::process::Command;

/// A test by its name.
type Test = (&'static str, fn() -> Result<(), Failed>);

fn main() {
    let arguments = Arguments::from_args();
    let absent = Ffmpeg::find().is_none();
    if absent {
        eprintln!("ignored: ffmpeg not found");
    }
    let tests: [Test; 8] = [
        ("pixels_are_made_square_by_what_is_decoded", shape),
        ("high_dynamic_range_is_mapped_as_here", range),
        ("pictures_without_tags_keep_their_colours", untagged),
        ("fields_are_put_together", fields),
        ("flash_video_has_a_size", flash),
        ("theora_is_given_to_ffmpeg", theora),
        ("what_fails_here_goes_on_to_ffmpeg", lossless),
        ("sound_stays_where_it_was", sound),
    ];
    let trials = tests.map(|(name, test)| Trial::test(name, test).with_ignored_flag(absent));
    libtest_mimic::run(&arguments, trials.into()).exit();
}

/// A picture of the result: width, height, and its planes one behind the other.
struct Shown {
    track: VideoTrack,
    pixels: Vec<u8>,
}

impl Shown {
    fn levels(&self) -> [u8; 3] {
        let (wide, high) = (self.track.width as usize, self.track.height as usize);
        let middle = |width: usize, height: usize| height / 2 * width + width / 2;
        let luma = wide * high;
        let chroma = middle(wide / 2, high / 2);
        [middle(wide, high), luma + chroma, luma + luma / 4 + chroma].map(|at| self.pixels[at])
    }
}

/// Runs ffmpeg with words, and one more argument behind them.
fn ffmpeg(words: &str, last: &Path) -> Result<Vec<u8>, Failed> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(words.split_whitespace())
        .arg(last)
        .output()?;
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

fn fitter() -> Fitter {
    Fitter::new(Policy::cloud()).with_ffmpeg(Ffmpeg::find())
}

/// The last picture of what `fitter` makes of a file that ffmpeg makes by `words`.
fn made(words: &str, name: &str, fitter: &Fitter) -> Result<Shown, Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(name);
    ffmpeg(words, &path)?;
    let (_, ending) = fitter.fit(&Source::open(&path)?, Ask::Content)?;
    let Ending::Fitted { fitted, .. } = ending else { return Err(format!("{ending:?}").into()) };
    let Media::Video(streams) = &fitted.facts().media else { return Err("no video".into()) };
    let result = folder.path().join("result.mp4");
    fitted.save(&result)?;
    let raw = folder.path().join("result.yuv");
    let input = result.to_str().ok_or("a name that is no text")?;
    ffmpeg(&format!("-i {input} -f rawvideo"), &raw)?;
    let track = streams.video[0].clone();
    let pixels = std::fs::read(&raw)?;
    let size = (track.width * track.height * 3 / 2) as usize;
    let pixels = pixels.get(pixels.len().saturating_sub(size)..).unwrap_or_default().to_vec();
    Ok(Shown { track, pixels })
}

fn shape() -> Result<(), Failed> {
    for name in ["a.ts", "a.wmv"] {
        let codec = if name == "a.ts" { "mpeg2video" } else { "wmv2" };
        let words = format!("-f lavfi -i testsrc2=s=180x144:r=25:d=0.4 -vf setsar=64/45 -c:v {codec}");
        let track = made(&words, name, &fitter())?.track;
        assert_eq!(((track.width, track.height), track.pixel_aspect), ((256, 144), None), "{name}");
    }
    Ok(())
}

fn range() -> Result<(), Failed> {
    // Reference white of HLG, 75 %, in 10 bits.
    let words = "-f lavfi -i color=gray:s=64x64:r=25:d=0.2 -vf format=yuv422p10le,geq=lum=721:cb=512:cr=512 \
                 -c:v prores_ks -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc";
    let shown = made(words, "a.mov", &fitter())?;
    let [y, cb, cr] = shown.levels();
    assert!(y.abs_diff(166) <= 2 && cb.abs_diff(128) <= 1 && cr.abs_diff(128) <= 1, "{y} {cb} {cr}");
    let tags = ColorTags { primaries: 1, transfer: 1, matrix: 1, full_range: false };
    assert_eq!((shown.track.color, shown.track.hdr), (Some(tags), None));
    Ok(())
}

fn untagged() -> Result<(), Failed> {
    let words = "-f lavfi -i color=red:s=1280x720:r=5:d=0.4 -vf scale=out_color_matrix=bt709,format=yuv420p -c:v mpeg4";
    let fitter = fitter().with_options(Options { max_height: Some(180), ..Options::default() });
    let shown = made(words, "a.avi", &fitter)?;
    assert_eq!((shown.track.width, shown.track.color.map(|color| color.matrix)), (320, Some(1)));
    let [y, cb, cr] = shown.levels();
    assert!(y.abs_diff(63) <= 2 && cb.abs_diff(102) <= 2 && cr.abs_diff(240) <= 2, "{y} {cb} {cr}");
    Ok(())
}

fn fields() -> Result<(), Failed> {
    // Two fields of different brightness, which changes all the time.
    let words = "-f lavfi -i color=gray:s=64x64:r=25:d=0.4 \
                 -vf format=yuv420p,geq=lum=60+40*mod(N+mod(Y\\,2)\\,3):cb=128:cr=128 \
                 -c:v mpeg2video -q:v 2 -flags +ilme+ildct -top 1";
    let shown = made(words, "a.ts", &fitter())?;
    let lines: Vec<u8> = shown.pixels.chunks(64).take(64).map(|line| line[32]).collect();
    let comb = lines.windows(2).map(|two| two[0].abs_diff(two[1])).max();
    assert!(comb.is_some_and(|most| most < 12), "{lines:?}");
    Ok(())
}

fn flash() -> Result<(), Failed> {
    let track = made("-f lavfi -i testsrc2=s=176x144:r=25:d=0.4 -c:v flv", "a.flv", &fitter())?.track;
    assert_eq!((track.width, track.height), (176, 144));
    Ok(())
}

fn theora() -> Result<(), Failed> {
    let words = "-f lavfi -i testsrc2=s=160x96:r=25:d=0.4 -f lavfi -i sine=d=0.4 -c:v libtheora -c:a libvorbis";
    let track = made(words, "a.ogv", &fitter())?.track;
    assert_eq!((track.width, track.height), (160, 96));
    let without = Fitter::new(Policy::cloud());
    let refused = made(words, "a.ogv", &without).err().and_then(|failed| failed.message().map(str::to_owned));
    assert!(refused.is_some_and(|message| message.contains("theora") && message.contains("install ffmpeg")));
    Ok(())
}

fn lossless() -> Result<(), Failed> {
    // Blocks that are not transformed.
    let words = "-f lavfi -i testsrc2=s=160x96:r=25:d=0.6 -c:v libx264 -qp 0 -pix_fmt yuv420p";
    let mut policy = Policy::cloud();
    (policy.video.size.hard_bytes, policy.video.size.target_bytes) = (20_000, 20_000);
    let fitter = Fitter::new(policy).with_ffmpeg(Ffmpeg::find());
    assert_eq!(made(words, "a.mp4", &fitter)?.track.frames, Some(15));
    let here = fitter.with_options(Options { engine: EngineChoice::Builtin, ..Options::default() });
    assert!(made(words, "a.mp4", &here).is_err());
    Ok(())
}

/// Samples of a millisecond.
const MS: usize = 48;

/// What a file of sound decodes to.
fn samples(path: &Path) -> Result<Vec<f32>, Failed> {
    let raw = path.with_extension("raw");
    let input = path.to_str().ok_or("a name that is no text")?;
    ffmpeg(&format!("-i {input} -ac 1 -ar 48000 -f f32le"), &raw)?;
    Ok(std::fs::read(&raw)?.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

/// By how many samples `is` is later than `was`, up to 30 ms.
fn lag(was: &[f32], is: &[f32]) -> isize {
    const REACH: usize = 30 * MS;
    let middle = &was[REACH..was.len().min(is.len()) - REACH];
    let alike = |shift: usize| -> f32 { middle.iter().zip(&is[shift..]).map(|(one, other)| one * other).sum() };
    let best = (0..=2 * REACH).max_by(|&one, &other| alike(one).total_cmp(&alike(other))).unwrap();
    best as isize - REACH as isize
}

/// Priming and padding are taken off once, whoever decodes.
fn sound() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut seen = 0;
    for (name, codec) in [
        ("a.webm", "libopus"),
        ("a.mkv", "libopus"),
        ("a.mp4", "libopus"),
        ("a.m4a", "aac"),
        ("a.mp3", "libmp3lame"),
        ("a.ogg", "libvorbis"),
    ] {
        let path = folder.path().join(name);
        ffmpeg(&format!("-f lavfi -i aevalsrc=0.4*sin(2*PI*(300+900*t)*t):s=48000:d=0.517 -c:a {codec}"), &path)?;
        let options = Options {
            engine: EngineChoice::Ffmpeg,
            audio_codec: Some(AudioCodec::Opus),
            loudness_centi_lufs: Some(-1600),
            ..Options::default()
        };
        let (_, ending) = fitter().with_options(options).fit(&Source::open(&path)?, Ask::Role(Role::Audio))?;
        let Ending::Fitted { fitted, steps, .. } = ending else { return Err(format!("{name}: {ending:?}").into()) };
        assert!(matches!(steps[..], [Step::EncodeAudio { .. }]), "{name}: {steps:?}");
        let result = folder.path().join("result.ogg");
        fitted.save(&result)?;
        let (was, is) = (samples(&path)?, samples(&result)?);
        let (late, length) = (lag(&was, &is), was.len().abs_diff(is.len()));
        assert!(late.unsigned_abs() <= 2 * MS && length <= 20 * MS, "{name}: {late} samples late, {length} apart");
        seen += 1;
    }
    assert_eq!(seen, 6);
    Ok(())
}
