//! Streams as recorders leave them that are stopped, and as tools cut them out of longer ones.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mediafit::facts::{Media, Ragged};
use mediafit::plan::{Options, Reason, Repair, Step};
use mediafit::{Ask, Ending, Fitter, Format, Policy, Role, Rule, Severity, Source};
use ogg::reading::PacketReader;
use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use std::io::Cursor;
use std::path::Path;

/// Samples of a page at most.
const PAGE: u64 = 24_000;

/// The packets of a file, the position of the last, and whether it is marked.
fn packets(bytes: &[u8]) -> (Vec<Vec<u8>>, u64, bool) {
    let mut reader = PacketReader::new(Cursor::new(bytes));
    let (mut packets, mut last, mut marked) = (Vec::new(), 0, false);
    while let Some(packet) = reader.read_packet().unwrap() {
        (last, marked) = (packet.absgp_page(), packet.last_in_stream());
        packets.push(packet.data);
    }
    (packets, last, marked)
}

/// The mono file of `testdata`, its positions moved, its end marked or not.
fn written(offset: i64, marked: bool) -> Vec<u8> {
    let (packets, last, _) = packets(&whole());
    let mut writer = PacketWriter::new(Vec::new());
    let count = packets.len();
    let mut at = 0;
    for (index, packet) in packets.into_iter().enumerate() {
        // Packets of 20 ms behind two headers.
        at += if index < 2 { 0 } else { 960 };
        let position = if index < 2 { 0 } else { at.min(last).wrapping_add_signed(offset) };
        let end = match index + 1 == count {
            true if marked => PacketWriteEndInfo::EndStream,
            true => PacketWriteEndInfo::EndPage,
            false if index < 2 || at % PAGE == 0 => PacketWriteEndInfo::EndPage,
            false => PacketWriteEndInfo::NormalPacket,
        };
        writer.write_packet(packet, 7, end, position).unwrap();
    }
    writer.into_inner()
}

fn whole() -> Vec<u8> {
    testdata("voice/fit__opus-mono-20-ms.ogg")
}

fn testdata(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)).unwrap()
}

fn length(media: &Media) -> (u64, Option<Ragged>) {
    let Media::Audio(streams) = media else { panic!("no sound") };
    (streams.duration_us.unwrap(), streams.audio[0].ragged)
}

#[test]
fn a_stream_without_a_start_or_an_end_is_made_whole_by_copying() {
    let (all, end, _) = packets(&whole());
    let us = (end - 312) * 1_000_000 / 48_000;
    let mut seen = 0;
    for (offset, marked, ragged) in [
        (0, false, Ragged::End),
        // Cut out of a file, positions of the first packets below nothing; the first page with nothing above.
        (-14_400, true, Ragged::Start),
        (-30_000, true, Ragged::Start),
        // A broadcast that was joined late.
        (48_000 * 3600, false, Ragged::Start),
    ] {
        let source = Source::from_bytes(written(offset, marked), Some(Path::new("a.ogg")));
        let fitter = Fitter::new(Policy::cloud());
        for (role, rule) in [(Role::Audio, Rule::AudioContainer), (Role::Voice, Rule::VoiceContainer)] {
            let (checked, ending) = fitter.fit(&source, Ask::Role(role)).unwrap();
            assert_eq!(length(&checked.facts.media), (us, Some(ragged)), "{offset}");
            assert!(checked.verdict.is_fit());
            let warned = |finding: &mediafit::Finding| finding.rule == rule && finding.severity == Severity::Warn;
            assert!(checked.verdict.findings.iter().any(warned), "{:?}", checked.verdict);
            let Ending::Fitted { fitted, steps, .. } = ending else { panic!("{ending:?}") };
            assert_eq!((steps.as_slice(), fitted.format()), (&[Step::CopyAudio { track: 0 }][..], Format::OggOpus));
            assert_eq!(length(&fitted.facts().media), (us, None), "{offset}");
            let (copied, last, is_marked) = packets(&fitted.to_bytes().unwrap());
            assert!((last, is_marked) == (end, true) && copied[2..] == all[2..], "{offset}: {last}");
            seen += 1;
        }
        let options = Options { repair: Repair::Required, ..Options::default() };
        let ending = fitter.with_options(options).fit(&source, Ask::Role(Role::Audio)).unwrap().1;
        assert!(matches!(&ending, Ending::Fitted { steps, .. } if steps.is_empty()), "{ending:?}");
    }
    assert_eq!(seen, 8);
}

#[test]
fn a_whole_stream_is_kept() {
    let source = Source::from_bytes(written(0, true), Some(Path::new("a.ogg")));
    let (checked, ending) = Fitter::new(Policy::cloud()).fit(&source, Ask::Role(Role::Audio)).unwrap();
    assert_eq!(checked.verdict.findings, []);
    assert!(matches!(&ending, Ending::Fitted { steps, .. } if steps.is_empty()), "{ending:?}");
}

/// Nothing but the piece of a frame goes: of ADTS, which is recorded from streams, at once; of an MP3, which may have been
/// twice as long, where it is salvaged.
#[test]
fn a_stream_that_ends_within_a_frame_loses_the_piece() {
    let mut seen = 0;
    for (name, is_file) in [("audio/fit__mp3.mp3", true), ("audio/fit__adts.aac", false)] {
        let whole = testdata(name);
        let cut = Source::from_bytes(whole[..whole.len() - 20].to_vec(), Some(Path::new(name)));
        let mut fitter = Fitter::new(Policy::cloud());
        let checked = fitter.check(&cut, Ask::Role(Role::Audio)).unwrap();
        assert_eq!(
            (checked.verdict.is_fit(), checked.verdict.has(Rule::AudioContainer)),
            (!is_file, !is_file),
            "{name}"
        );
        if is_file {
            let ending = fitter.fit(&cut, Ask::Role(Role::Audio)).unwrap().1;
            assert!(matches!(&ending, Ending::Refused(refusal) if refusal.reason == Reason::Broken), "{ending:?}");
            fitter = fitter.with_options(Options { salvage: true, ..Options::default() });
        }
        let ending = fitter.fit(&cut, Ask::Role(Role::Audio)).unwrap().1;
        let Ending::Fitted { fitted, steps, .. } = ending else { panic!("{name}: {ending:?}") };
        assert_eq!(steps, [Step::CopyAudio { track: 0 }], "{name}");
        let bytes = fitted.to_bytes().unwrap();
        assert!(whole.starts_with(&bytes) && whole.len() - bytes.len() < 2000, "{name}: {}", bytes.len());
        seen += 1;
    }
    assert_eq!(seen, 2);
}

/// A recorder that never came back to write the size of the data, and a program that put tags behind it.
#[test]
fn tags_behind_sound_without_a_size_are_not_heard() {
    let format = b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data".as_slice();
    let tag = [b"LIST\x90\x1f\0\0INFO".as_slice(), &[0x7f; 8076]].concat();
    let mut seen = 0;
    for size in [0, u32::MAX] {
        let wav = |behind: &[u8]| {
            let bytes = [b"RIFF\xff\xff\xff\xffWAVE", format, &size.to_le_bytes(), &[1; 16_000], behind].concat();
            let source = Source::from_bytes(bytes, Some(Path::new("a.wav")));
            let (checked, ending) = Fitter::new(Policy::cloud()).fit(&source, Ask::Role(Role::Voice)).unwrap();
            assert_eq!(length(&checked.facts.media).0, 1_000_000);
            let Ending::Fitted { fitted, .. } = ending else { panic!("{ending:?}") };
            (length(&fitted.facts().media).0, fitted.to_bytes().unwrap())
        };
        let (with, without) = (wav(&tag), wav(&[]));
        assert!(with == without && with.0 == 1_000_000, "{size:#x}: {}", with.0);
        seen += 1;
    }
    assert_eq!(seen, 2);
}

/// A tag that tells too few frames or too many: the length is that of the frames, and so is that of what is coded.
#[test]
fn a_count_of_frames_that_lies_changes_no_length() {
    let sound = testdata("audio/fit__mp3.mp3");
    let voice = |bytes: Vec<u8>| {
        let source = Source::from_bytes(bytes, Some(Path::new("a.mp3")));
        let (checked, ending) = Fitter::new(Policy::cloud()).fit(&source, Ask::Role(Role::Voice)).unwrap();
        let Ending::Fitted { fitted, .. } = ending else { panic!("{ending:?}") };
        [length(&checked.facts.media).0, length(&fitted.facts().media).0]
    };
    let expected = voice(sound.clone());
    // As long as the first, which has no padding; the tag behind the side information of one channel.
    let frame = sound.windows(4).skip(1).position(|four| four[..2] == sound[..2] && four[3] == sound[3]).unwrap() + 1;
    let told = u32::try_from(frame + sound.len()).unwrap();
    for frames in [4_u32, 400] {
        let mut first = vec![0; frame];
        first[..4].copy_from_slice(&sound[..4]);
        let tag = [b"Xing".as_slice(), &3_u32.to_be_bytes(), &frames.to_be_bytes(), &told.to_be_bytes()].concat();
        first[21..21 + tag.len()].copy_from_slice(&tag);
        let found = voice([first, sound.clone()].concat());
        assert!(
            found.iter().zip(&expected).all(|(is, was)| is.abs_diff(*was) < 100),
            "{frames}: {found:?} {expected:?}"
        );
    }
    assert!(expected[0].abs_diff(expected[1]) < 1000, "{expected:?}");
}
