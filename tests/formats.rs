//! Formats of sound that archives hold and hardly anybody writes any more, as an installed ffmpeg writes them: measured, found
//! broken where they are cut, made fit by what is built in or by ffmpeg, and refused by name without one.
//! Without an ffmpeg the tests are reported as ignored.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod pictures;

use libtest_mimic::{Arguments, Failed, Trial};
use mediafit::facts::Media;
use mediafit::inspect::inspect;
use mediafit::plan::Reason;
use mediafit::sniff::sniff;
use mediafit::{Ask, Ending, Facts, Ffmpeg, Fitter, Policy, Role, Source, Standing};
use pictures::Seeded;
use std::path::Path;
use std::process::Command;

/// How much longer or shorter a result may be, in microseconds.
const UNNOTICED_US: u64 = 20_000;

/// How far codecs that only have whole frames may be beyond what was put into them, in microseconds.
const FRAMES_US: u64 = 45_000;

/// How often each file is damaged.
const MUTATIONS: u64 = 200;

/// A file as ffmpeg writes it: its name, arguments, and what is measured of it; whether it is decoded here.
struct Case(&'static str, &'static str, &'static str, &'static str, u32, u16, bool);

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case("a.ac3",   "-ar 44100 -c:a ac3",                    "ac3",     "ac3",       44_100, 2, false),
    Case("b.ac3",   "-ac 6 -c:a ac3",                        "ac3",     "ac3",       48_000, 6, false),
    Case("a.eac3",  "-c:a eac3",                             "ac3",     "eac3",      48_000, 2, false),
    Case("b.eac3",  "-ac 1 -ar 32000 -c:a eac3",             "ac3",     "eac3",      32_000, 1, false),
    Case("a.dts",   "-c:a dca -strict -2",                   "dts",     "dts",       48_000, 2, false),
    Case("b.dts",   "-ac 6 -ar 44100 -c:a dca -strict -2",   "dts",     "dts",       44_100, 6, false),
    Case("dts.wav", "-c:a dca -strict -2",                   "wav",     "dts",       48_000, 2, false),
    Case("a.latm",  "-ar 44100 -c:a aac",                    "loas",    "aac-latm",  44_100, 2, false),
    Case("a.tta",   "-ac 1",                                 "tta",     "tta",       48_000, 1, false),
    Case("a.wv",    "-ar 44100",                             "wavpack", "wavpack",   44_100, 2, false),
    Case("b.wv",    "-ac 6",                                 "wavpack", "wavpack",   48_000, 6, false),
    Case("a.w64",   "",                                      "w64",     "pcm",       48_000, 2, true),
    Case("b.w64",   "-c:a pcm_f32le -ac 1",                  "w64",     "pcm-float", 48_000, 1, true),
    Case("c.w64",   "-c:a adpcm_ms",                         "w64",     "adpcm",     48_000, 2, true),
    Case("a.au",    "-ac 1",                                 "au",      "pcm",       48_000, 1, true),
    Case("b.au",    "-c:a pcm_mulaw -ar 8000",               "au",      "mulaw",      8_000, 2, true),
    Case("c.au",    "-c:a pcm_f64be",                        "au",      "pcm-float", 48_000, 2, true),
    Case("d.au",    "-c:a pcm_alaw -ar 8000 -ac 1",          "au",      "alaw",       8_000, 1, true),
];

fn main() {
    let arguments = Arguments::from_args();
    let absent = Ffmpeg::find().is_none();
    if absent {
        eprintln!("ignored: ffmpeg not found");
    }
    let trials = CASES
        .iter()
        .map(|case| Trial::test(format!("{} {}", case.0, case.1), move || one(case)).with_ignored_flag(absent));
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// A chord of two seconds.
fn made(case: &Case) -> Result<Vec<u8>, Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(case.0);
    let tone = "aevalsrc=0.3*sin(2*PI*t*440)|0.2*sin(2*PI*t*660):s=48000:d=2";
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", tone])
        .args(case.1.split_whitespace())
        .arg(&path)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(std::fs::read(path)?)
}

fn length(facts: &Facts) -> Option<u64> {
    match &facts.media {
        Media::Audio(streams) => streams.duration_us,
        _ => None,
    }
}

fn one(case: &Case) -> Result<(), Failed> {
    let &Case(name, _, format, codec, rate, channels, builtin) = case;
    let bytes = made(case)?;
    let source = |bytes: &[u8]| Source::from_bytes(bytes.to_vec(), Some(Path::new(name)));
    let fitter = Fitter::new(Policy::cloud());
    let checked = fitter.check(&source(&bytes), Ask::Content)?;
    let Media::Audio(streams) = &checked.facts.media else { return Err(format!("{:?}", checked.facts).into()) };
    let track = &streams.audio[0];
    assert_eq!((checked.facts.format.name(), track.codec.as_str()), (format, codec));
    assert_eq!((track.sample_rate, track.channels), (Some(rate), Some(channels)));
    let us = track.duration_us.ok_or("no length")?;
    assert!((2_000_000..2_000_000 + FRAMES_US).contains(&us), "{us}");
    assert!(track.bitrate.is_some_and(|bits| bits > 10_000), "{:?}", track.bitrate);
    assert_eq!((checked.verdict.role, checked.verdict.standing), (Role::Audio, Standing::Unfit));

    let cut = fitter.check(&source(&bytes[..bytes.len() * 2 / 3 + 7]), Ask::Content)?;
    assert_eq!(cut.verdict.standing, Standing::Broken, "{cut:?}");

    let helped = Fitter::new(Policy::cloud()).with_ffmpeg(Ffmpeg::find());
    for role in [Role::Audio, Role::Voice] {
        match fitter.fit(&source(&bytes), Ask::Role(role))?.1 {
            Ending::Fitted { .. } => assert!(builtin, "{role}"),
            Ending::Refused(refusal) => {
                assert!(!builtin && refusal.reason == Reason::Unsupported, "{refusal:?}");
                let message = &refusal.message;
                assert!(message.contains(codec) && message.contains("install ffmpeg"), "{message}");
            }
        }
        let Ending::Fitted { fitted, .. } = helped.fit(&source(&bytes), Ask::Role(role))?.1 else {
            return Err(format!("refused as {role}").into());
        };
        let off = length(fitted.facts()).map(|is| is.abs_diff(us));
        assert!(off.is_some_and(|off| off <= UNNOTICED_US), "{role}: {off:?}");
    }

    let mut seeded = Seeded::new(rate.into());
    for _ in 0..MUTATIONS {
        let mut bytes = bytes.clone();
        for _ in 0..=seeded.below(6) {
            let reach = if seeded.below(2) == 0 { bytes.len() } else { bytes.len().min(256) };
            let at = seeded.below(reach);
            bytes[at] = [0, 0xff, 0x7f, seeded.byte()][seeded.below(4)];
        }
        bytes.truncate(bytes.len() - seeded.below(3) * seeded.below(bytes.len() / 3));
        let source = source(&bytes);
        inspect(&source, &sniff(&source)?)?;
    }
    Ok(())
}
