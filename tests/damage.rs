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

fn data(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/audio").join(name)).unwrap()
}

fn zeroed(bytes: &[u8], count: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() * 2 / 3;
    bytes[middle..middle + count].fill(0);
    bytes
}

#[test]
fn what_is_lost_of_flac_is_told_and_becomes_silence_only_when_that_is_asked_for() {
    let whole = data("unfit__pcm__audio.container.flac");
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

#[test]
fn bytes_between_frames_that_are_none_are_damage() {
    let whole = data("fit__adts.aac");
    assert_eq!(checked(&whole).verdict.standing, Standing::Fit);
    assert_eq!(checked(&zeroed(&whole, 1500)).verdict.standing, Standing::Broken);
}

/// An element of Matroska.
fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let skip = id.iter().take_while(|&&byte| byte == 0).count();
    let size = (content.len() as u64 | 1 << 56).to_be_bytes();
    [&id[skip..], &size, content].concat()
}

#[test]
fn the_last_frame_of_true_audio_in_matroska_is_as_long_as_the_header_says() {
    let sound = [element(0xb5, &48_000_f32.to_be_bytes()), element(0x9f, &[1])].concat();
    let entry = [
        element(0xd7, &[1]),
        element(0x83, &[2]),
        element(0x86, b"A_TTA1"),
        element(0x0023_e383, &1_044_897_959_u64.to_be_bytes()),
        element(0xe1, &sound),
    ];
    let block = |at: u16| element(0xa3, &[&[0x81], at.to_be_bytes().as_slice(), &[0x80, 1, 2, 3]].concat());
    let segment = [
        element(0x1549_a966, &element(0x4489, &1300_f32.to_be_bytes())),
        element(0x1654_ae6b, &element(0xae, &entry.concat())),
        element(0x1f43_b675, &[element(0xe7, &[0]), block(0), block(1045)].concat()),
    ];
    let file = [element(0x1a45_dfa3, &element(0x4282, b"matroska")), element(0x1853_8067, &segment.concat())].concat();
    let checked = fitter(false).check(&Source::from_bytes(file, None), Ask::Content).unwrap();
    assert_eq!(length(&checked.facts), 1_300_000);
}
