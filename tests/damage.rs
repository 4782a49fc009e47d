//! Damage in the midst of recordings: seen, told, and gone over when that is asked for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use mediafit::facts::Media;
use mediafit::plan::AudioCodec;
use mediafit::{Ask, Checked, Ending, Facts, Fitter, Format, Measure, Options, Policy, Reason, Role, Rule, Severity};
use mediafit::{Source, Standing};
use std::path::Path;

fn fitter(salvage: bool) -> Fitter {
    Fitter::new(Policy::cloud()).with_options(Options { salvage, ..Options::default() })
}

fn checked(bytes: &[u8]) -> Checked {
    fitter(false).check_deep(&Source::from_bytes(bytes, None), Ask::Content).unwrap()
}

fn length(facts: &Facts) -> u64 {
    match &facts.media {
        Media::Audio(streams) => streams.audio.first().and_then(|track| track.duration_us).unwrap_or(0),
        _ => 0,
    }
}

/// Seconds of noise that is the same each time, as WAV.
fn wave(seconds: u32) -> Vec<u8> {
    let count = seconds * 16_000;
    let mut bytes = [b"RIFF".as_slice(), &(36 + count * 2).to_le_bytes(), b"WAVEfmt \x10\0\0\0\x01\0\x01\0"].concat();
    bytes.extend([16_000_u32.to_le_bytes(), 32_000_u32.to_le_bytes()].concat());
    bytes.extend([b"\x02\0\x10\0data".as_slice(), &(count * 2).to_le_bytes()].concat());
    let mut state = 1_u32;
    for _ in 0..count {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend(((state >> 19) as i16 - 4096).to_le_bytes());
    }
    bytes
}

fn m4a() -> Vec<u8> {
    let options = Options { audio_codec: Some(AudioCodec::Aac), ..Options::default() };
    let fitter = Fitter::new(Policy::cloud()).with_options(options);
    let (_, ending) = fitter.fit(&Source::from_bytes(wave(4), None), Ask::Role(Role::Audio)).unwrap();
    let Ending::Fitted { fitted, .. } = ending else { return Vec::new() };
    assert_eq!(fitted.facts().format, Format::M4a);
    fitted.to_bytes().unwrap()
}

fn zeroed(bytes: &[u8], count: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() * 2 / 3;
    bytes[middle..middle + count].fill(0);
    bytes
}

#[test]
fn what_is_lost_of_flac_is_told_and_becomes_silence_only_when_that_is_asked_for() {
    let whole =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/audio/unfit__pcm__audio.container.flac"))
            .unwrap();
    let cut = [&whole[..whole.len() - 3000], &whole[whole.len() - 1900..]].concat();
    let told = checked(&cut);
    assert_eq!(told.verdict.standing, Standing::Broken, "{:?}", told.verdict);
    let finding = told.verdict.findings.iter().find(|finding| finding.rule == Rule::Malformed).unwrap();
    assert!(matches!(&finding.found, Measure::Text(found) if found.contains("s are lost") && !found.contains("send")));
    assert!(finding.message.ends_with("; send the original again"), "{}", finding.message);
    let source = Source::from_bytes(cut, None);
    let (_, ending) = fitter(false).fit(&source, Ask::Role(Role::Audio)).unwrap();
    let Ending::Refused(refusal) = ending else { unreachable!("it was made fit") };
    assert_eq!(refusal.reason, Reason::Broken);
    assert!(refusal.message.contains("s are lost") && refusal.message.contains("--salvage"), "{}", refusal.message);
    let (checked_before, ending) = fitter(true).fit(&source, Ask::Role(Role::Audio)).unwrap();
    let Ending::Fitted { fitted, .. } = ending else { unreachable!("it was not salvaged") };
    assert!(length(fitted.facts()).abs_diff(length(&checked_before.facts)) < 20_000);
}

#[test]
fn packets_that_do_not_decode_are_told_and_too_many_are_damage() {
    let whole = m4a();
    assert!(checked(&whole).verdict.findings.is_empty());
    let clicks = checked(&zeroed(&whole, 150));
    assert_eq!(clicks.verdict.standing, Standing::Fit);
    let finding = clicks.verdict.findings.first().unwrap();
    assert_eq!((finding.rule, finding.severity), (Rule::Malformed, Severity::Warn));
    assert!(finding.message.contains("packets of sound do not decode"), "{}", finding.message);
    let (told, ending) =
        fitter(false).fit(&Source::from_bytes(zeroed(&whole, 150), None), Ask::Role(Role::Voice)).unwrap();
    assert!(matches!(ending, Ending::Fitted { .. }) && told.verdict.has(Rule::Malformed), "{:?}", told.verdict);
    assert_eq!(checked(&zeroed(&whole, 6000)).verdict.standing, Standing::Broken);
}

#[test]
fn a_recording_behind_another_is_told() {
    for file in [wave(1), m4a()] {
        assert!(!checked(&file).verdict.has(Rule::AudioStreams));
        let both = checked(&[file.as_slice(), &file].concat());
        assert!(both.verdict.has(Rule::AudioStreams), "{:?}", both.verdict);
        assert!(both.facts.damage.is_empty());
    }
}
