//! Which stream of a file is sound that is taken, and what is said of it, through the public door.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mediafit::plan::{Because, EngineChoice, KeptAudio, Options, Plan, Reason, Refusal, Step};
use mediafit::{Ask, Checked, Ending, Fitted, Fitter, Format, Policy, Role, Rule, Severity, Source, Standing};
use std::path::Path;

fn fitter(options: Options) -> Fitter {
    Fitter::new(Policy::cloud()).with_options(Options { engine: EngineChoice::Builtin, ..options })
}

fn plain() -> Fitter {
    fitter(Options::default())
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)).unwrap()
}

fn fitted(fitter: &Fitter, bytes: Vec<u8>, ask: Ask) -> (Checked, Fitted, Vec<&'static str>) {
    match fitter.fit(&Source::from_bytes(bytes, None), ask).unwrap() {
        (checked, Ending::Fitted { fitted, steps }) => (checked, *fitted, steps.into_iter().map(Step::name).collect()),
        (_, Ending::Refused(refusal)) => panic!("{refusal:?}"),
    }
}

fn planned(fitter: &Fitter, bytes: Vec<u8>, role: Role) -> Checked {
    fitter.check(&Source::from_bytes(bytes, None), Ask::Role(role)).unwrap()
}

fn refusal(fitter: &Fitter, bytes: Vec<u8>, role: Role) -> Refusal {
    match planned(fitter, bytes, role).plan {
        Plan::Refuse(refusal) => refusal,
        plan => panic!("{plan:?}"),
    }
}

/// A WAV with these numbers in its format and half a second of a tone.
fn wav(channels: u16, rate: u32) -> Vec<u8> {
    let samples = rate / 2 * u32::from(channels);
    let tone = (0..samples).map(|at| ((f64::from(at / u32::from(channels)) * 0.2).sin() * 9000.0) as i16);
    let data: Vec<u8> = tone.flat_map(i16::to_le_bytes).collect();
    let mut bytes = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0".to_vec();
    bytes.extend([channels.to_le_bytes().as_slice(), &rate.to_le_bytes()].concat());
    bytes.extend((rate * 2 * u32::from(channels)).to_le_bytes());
    bytes.extend([(channels * 2).to_le_bytes(), 16_u16.to_le_bytes()].concat());
    bytes.extend(b"data");
    bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    [bytes, data].concat()
}

/// `bytes` with `new` in every place of `old`.
fn replaced(mut bytes: Vec<u8>, old: &[u8], new: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(old)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at..at + new.len()].copy_from_slice(new));
    bytes
}

/// A Flash video without the tags that hold its pictures.
fn flv_of_sound() -> Vec<u8> {
    let whole = read("video/unfit__h264-aac__video.container.flv");
    let (mut bytes, mut at) = (whole[..13].to_vec(), 13);
    while at < whole.len() {
        let end = at + 15 + u32::from_be_bytes([0, whole[at + 1], whole[at + 2], whole[at + 3]]) as usize;
        if whole[at] != 9 {
            bytes.extend(&whole[at..end]);
        }
        at = end;
    }
    bytes
}

#[test]
fn a_container_of_pictures_with_sound_alone_is_audio() {
    // H.264 by its number in the program map becomes private data, and pictures in an AVI text.
    let ts = replaced(read("video/unfit__h264-aac__video.container.ts"), &[0x1b, 0xe1, 0x00], &[0x06]);
    let avi = replaced(read("video/unfit__mpeg4-mp3__video.container.avi"), b"vids", b"txts");
    let cases = [
        (ts, Format::MpegTsAudio, Format::M4a),
        (flv_of_sound(), Format::FlvAudio, Format::M4a),
        (avi, Format::AviAudio, Format::Mp3),
    ];
    for (bytes, format, result) in cases {
        let (checked, fitted, steps) = fitted(&plain(), bytes, Ask::Content);
        assert_eq!((checked.facts.format, checked.verdict.role), (format, Role::Audio));
        assert_eq!((fitted.format(), steps[0]), (result, "copy-audio"), "{format}");
    }
}

/// Two tracks of sound in these languages, of which the first alone is marked as default.
fn bilingual() -> Vec<u8> {
    let mut bytes = read("audio/unfit__two-tracks__audio.streams.m4a");
    let boxes = |bytes: &[u8], kind: &[u8]| -> Vec<usize> {
        (0..bytes.len()).filter(|&at| bytes[at..].starts_with(kind)).collect()
    };
    for (at, language) in boxes(&bytes, b"mdhd").into_iter().zip([b"eng", b"spa"]) {
        let packed = language.iter().fold(0_u16, |packed, letter| packed << 5 | u16::from(letter - 0x60));
        bytes[at + 24..at + 26].copy_from_slice(&packed.to_be_bytes());
    }
    for (at, flags) in boxes(&bytes, b"tkhd").into_iter().zip([3, 2]) {
        bytes[at + 7] = flags;
    }
    bytes
}

#[test]
fn the_language_that_is_asked_for_wins_over_the_mark() {
    let cases = [
        (None, 0, "eng", Because::Default),
        (Some("es"), 1, "spa", Because::Language),
        (Some("de"), 0, "eng", Because::NoSuchLanguage),
    ];
    for (asked, index, language, because) in cases {
        let audio_language = asked.map(|code| code.parse().unwrap());
        let fitter = fitter(Options { audio_language, ..Options::default() });
        let (checked, fitted, _) = fitted(&fitter, bilingual(), Ask::Role(Role::Audio));
        let Plan::Rewrite(rewrite) = &checked.plan else { panic!("{:?}", checked.plan) };
        let said = KeptAudio { index, of: 2, language: Some(language.to_owned()), because };
        assert_eq!(rewrite.kept_audio.as_ref(), Some(&said));
        let mediafit::facts::Media::Audio(streams) = &fitted.facts().media else { panic!("no sound") };
        assert_eq!(streams.audio[0].language.as_deref(), Some(language), "{asked:?}");
    }
}

#[test]
fn what_is_beyond_the_decoders_is_refused_by_the_plan() {
    for (bytes, what) in [(wav(9, 8000), "9"), (wav(1, 3999), "3999 Hz"), (wav(1, 400_000), "400000 Hz")] {
        let refusal = refusal(&plain(), bytes, Role::Audio);
        assert!(refusal.reason == Reason::Limit && refusal.message.contains(what), "{refusal:?}");
    }
}

#[test]
fn ways_that_differ_in_their_coding_alone_name_a_step_once() {
    let steps = planned(&plain(), wav(6, 8000 * 6), Role::Audio).plan.steps();
    assert_eq!(steps.iter().map(|step| step.name()).collect::<Vec<_>>(), ["encode-audio"]);
}

#[test]
fn a_cut_is_told() {
    let target_bytes = Some(4000);
    let long = || {
        let tone = wav(1, 8000);
        [&tone[..40], &u32::MAX.to_le_bytes(), &tone[44..].repeat(30)].concat()
    };
    for trim_to_fit in [true, false] {
        let fitter = fitter(Options { trim_to_fit, target_bytes, ..Options::default() });
        if trim_to_fit {
            let (_, fitted, _) = fitted(&fitter, long(), Ask::Role(Role::Voice));
            let cut = fitted.cut_at_us().unwrap();
            assert!((1_000_000..14_000_000).contains(&cut), "{cut}");
        } else {
            let (_, fitted, _) = fitted(&plain(), long(), Ask::Role(Role::Voice));
            assert_eq!(fitted.cut_at_us(), None);
        }
    }
}

#[test]
fn junk_before_an_mp3_is_told_and_cut_off() {
    let mp3 = read("audio/fit__mp3.mp3");
    let junk = [vec![0x55; 5000], mp3.clone()].concat();
    let (checked, fitted, steps) = fitted(&plain(), junk, Ask::Content);
    let [finding] = &checked.verdict.findings[..] else { panic!("{:?}", checked.verdict) };
    assert_eq!((finding.rule, finding.severity), (Rule::AudioContainer, Severity::Warn));
    assert!(finding.message.contains("5000"), "{}", finding.message);
    assert_eq!((steps, fitted.to_bytes().unwrap() == mp3), (vec!["strip-tags"], true));
}

#[test]
fn refusals_say_what_it_is() {
    let video = refusal(&plain(), read("video/fit__h264-main-aac.mp4"), Role::Voice);
    assert!(video.message.contains("moving pictures"), "{}", video.message);
    let tagged = [b"ID3\x04\0\0\0\0\0\0".as_slice(), &wav(1, 8000)].concat();
    let checked = planned(&plain(), tagged, Role::Audio);
    assert_eq!(checked.verdict.standing, Standing::Broken);
    assert!(checked.verdict.findings.iter().any(|finding| finding.message.contains("a WAV with an ID3 tag in front")));
}

#[test]
fn what_is_too_short_for_a_loudness_is_not_coded_for_one() {
    let loud = fitter(Options { loudness_centi_lufs: Some(-1600), ..Options::default() });
    let aac = read("audio/fit__adts.aac");
    assert_ne!(planned(&loud, aac.clone(), Role::Audio).plan, Plan::Keep);
    // Five frames of some 20 ms.
    let mut end = 0;
    for _ in 0..5 {
        end += usize::from(aac[end + 3] & 3) << 11 | usize::from(aac[end + 4]) << 3 | usize::from(aac[end + 5] >> 5);
    }
    assert_eq!(planned(&loud, aac[..end].to_vec(), Role::Audio).plan, Plan::Keep);
}

#[test]
fn adpcm_in_rifx_is_planned_as_what_nobody_decodes_here() {
    let mut bytes = b"RIFX\xff\xff\xff\xffWAVEfmt \0\0\0\x14\0\x11\0\x01".to_vec();
    bytes.extend([8000_u32.to_be_bytes(), 4055_u32.to_be_bytes()].concat());
    bytes.extend([256_u16, 4, 2, 505].map(u16::to_be_bytes).concat());
    bytes.extend(b"data\0\0\x04\0");
    bytes.extend([0; 1024]);
    let refusal = refusal(&plain(), bytes, Role::Audio);
    assert!(refusal.reason == Reason::Unsupported && refusal.message.contains("adpcm-be"), "{refusal:?}");
}
