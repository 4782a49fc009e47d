use super::*;
use crate::convert::video::picture::{Plane, Samples};
use crate::demux::{Packet, Want};
use crate::error::ErrorKind;
use crate::format::Format;
use crate::source::Source;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)
}

/// The packets of a file in testdata/streams: behind a header of 32 bytes, each after its length and 8 bytes of time.
fn packets(name: &str) -> Vec<Vec<u8>> {
    let file = std::fs::read(testdata("streams").join(name)).unwrap();
    let mut rest = &file[32..];
    let mut packets = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<12>() {
        let length = u32::from_le_bytes(*head.first_chunk().unwrap()) as usize;
        packets.push(behind[..length].to_vec());
        rest = &behind[length..];
    }
    packets
}

/// How many pictures came out, and the hash of all their samples.
fn decoded(packets: &[Vec<u8>]) -> (usize, String) {
    let mut decoder = Vp8::new();
    let mut out = VecDeque::new();
    for (pts, packet) in (0..).zip(packets) {
        decoder.decode(packet, pts, &mut out).unwrap();
    }
    let mut hash = Sha256::new();
    for plane in out.iter().flat_map(|picture| &picture.planes) {
        assert!(plane.is_whole());
        let Samples::Narrow(samples) = &plane.samples else { panic!("8 bits") };
        hash.update(samples);
    }
    (out.len(), hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[test]
fn pictures_are_those_of_ffmpeg() {
    // ffmpeg -i FILE -fps_mode passthrough -pix_fmt yuv420p -f rawvideo - | sha256sum
    #[rustfmt::skip]
    let cases = [
        ("vp8-bilinear.ivf",      10, "dfc3827c57119b5da4a129865dc15f5f3c854a595b0610305e1a8cda1af4144e"),
        ("vp8-hidden.ivf",        30, "5371c18157197d640a5b551a3870ca723aff3700ad4c32823e86a486439a1d44"),
        ("vp8-whole-samples.ivf", 10, "2520d7eb636160cdc26713c8d563335fa577414b2c355a3850545eff7631690b"),
    ];
    for (name, count, hash) in cases {
        assert_eq!(decoded(&packets(name)), (count, hash.to_owned()), "{name}");
    }
}

#[test]
fn pictures_of_a_webm_are_those_of_ffmpeg() {
    let source = Source::open(testdata("video/unfit__vp8-vorbis__video.container.webm")).unwrap();
    let mut demuxer = crate::demux::open(&source, Format::Webm).unwrap();
    let track = demuxer.tracks().iter().position(|track| track.codec == "vp8").unwrap();
    let (mut packet, mut found) = (Packet::default(), Vec::new());
    while demuxer.next(&mut packet, Want::Content).unwrap() {
        if packet.track == track {
            found.push(packet.data.clone());
        }
    }
    let hash = "9365297086205c625ad72bb536be1e54770ed76a329e682dcd2beeaee25ab15d";
    assert_eq!(decoded(&found), (10, hash.to_owned()));
}

#[test]
fn key_frames_may_change_the_size() {
    let [first, second] = ["vp8-bilinear.ivf", "vp8-whole-samples.ivf"].map(packets);
    let mut decoder = Vp8::new();
    let mut out = VecDeque::new();
    for packet in first.iter().chain(&second) {
        decoder.decode(packet, 0, &mut out).unwrap();
    }
    let sizes: Vec<_> = out.iter().map(|picture| (picture.planes[0].width, picture.planes[2].height)).collect();
    assert_eq!(sizes, [[(70, 25); 10], [(51, 19); 10]].concat());
}

#[test]
fn what_cannot_be_decoded_is_refused_by_its_kind() {
    let mut out = VecDeque::new();
    let packets = packets("vp8-hidden.ivf");
    let mut kind = |packets: &[&[u8]]| {
        let mut decoder = Vp8::new();
        let mut found = Ok(());
        for packet in packets {
            found = decoder.decode(packet, 0, &mut out);
        }
        found.map_err(|error| error.kind())
    };
    let (key, inter) = (&packets[0][..], &packets[1][..]);
    assert_eq!(kind(&[key, inter]), Ok(()));
    assert_eq!(kind(&[key, &[]]), Ok(()), "a picture that was dropped");
    assert_eq!(kind(&[inter]), Err(ErrorKind::Malformed), "no key frame yet");
    assert_eq!(kind(&[&key[..9]]), Err(ErrorKind::Malformed), "header cut off");
    assert_eq!(kind(&[&key[..40]]), Err(ErrorKind::Malformed), "first partition cut off");
    let changed = |at: usize, bytes: &[u8]| {
        let mut key = key.to_vec();
        key[at..at + bytes.len()].copy_from_slice(bytes);
        key
    };
    assert_eq!(kind(&[&changed(0, &[key[0] | 0xE])]), Err(ErrorKind::Malformed), "version 7");
    assert_eq!(kind(&[&changed(3, &[0])]), Err(ErrorKind::Malformed), "no start code");
    assert_eq!(kind(&[&changed(6, &[0, 0])]), Err(ErrorKind::Malformed), "no width");
    assert_eq!(kind(&[&changed(6, &[0xFF; 4])]), Err(ErrorKind::Limit), "16383x16383");
    assert_eq!(kind(&[&changed(7, &[0xC0])]), Ok(()), "scaling is nobody's matter");
}

#[test]
fn changed_and_shortened_packets_neither_panic_nor_hang() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let mut pictures = 0;
    for name in ["vp8-bilinear.ivf", "vp8-hidden.ivf", "vp8-whole-samples.ivf"] {
        let whole = packets(name);
        for _ in 0..100 {
            let mut packets = whole.clone();
            for _ in 0..=random(5) {
                let index = random(packets.len());
                let packet = &mut packets[index];
                let length = packet.len();
                match random(4) {
                    0 => packet.truncate(random(length)),
                    1 => packet.iter_mut().skip(random(60)).take(1).for_each(|byte| *byte ^= 1 << random(8)),
                    2 => packet.iter_mut().skip(random(length)).take(50).for_each(|byte| *byte = random(256) as u8),
                    _ => packets.swap(index, 0),
                }
            }
            let mut decoder = Vp8::new();
            for packet in packets {
                // A size that was changed may be allowed, and yet take long.
                let large = |(width, height)| width * height > 512 * 512;
                if header::tag(&packet).ok().and_then(|(tag, _)| tag.size).is_some_and(large) {
                    continue;
                }
                let mut out = VecDeque::new();
                let _: Result<()> = decoder.decode(&packet, 0, &mut out);
                assert!(out.len() <= 1 && out.iter().flat_map(|picture| &picture.planes).all(Plane::is_whole));
                pictures += out.len();
            }
        }
    }
    assert!(pictures > 2000, "{pictures}");
}
