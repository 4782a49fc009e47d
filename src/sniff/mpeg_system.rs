//! MPEG transport and program streams (ISO/IEC 13818-1), and MPEG video without any.

use super::Sniffed;
use super::Streams;
use super::bytes::{Window, be16, byte, find};
use crate::error::Result;
use crate::format::Format;

/// The length of a packet, without the four bytes of time that Blu-ray and AVCHD put before it.
const PACKET: usize = 188;

/// Packets whose sync bytes must stand in line: `G` is a common letter.
const IN_LINE: usize = 4;

/// Looks for a transport stream, which may be cut inside its first packet.
pub(super) fn examine_transport(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    for (stride, lead) in [(PACKET, 0), (PACKET + 4, 4)] {
        if in_line(head, lead, stride, IN_LINE) {
            return Ok(Some(Sniffed::of(Format::MpegTs).with(read_tables(head, lead, stride))));
        }
    }
    let start = (1..PACKET).find(|&start| in_line(head, start, PACKET, 4 * IN_LINE));
    Ok(start.map(|start| Sniffed::of(Format::MpegTs).with(read_tables(head, start, PACKET))))
}

fn in_line(head: &[u8], start: usize, stride: usize, count: usize) -> bool {
    (0..count).all(|packet| byte(head, start + packet * stride) == Some(0x47))
}

/// The streams that the program map names, when it stands in the head.
fn read_tables(head: &[u8], start: usize, stride: usize) -> Streams {
    let mut streams = Streams::default();
    let mut map = None;
    for packet in head.get(start..).unwrap_or_default().chunks(stride) {
        let Some((program, section)) = packet.get(..PACKET).and_then(section) else { continue };
        match (program, byte(section, 0)) {
            (0, Some(0)) => map = map.or_else(|| program_map(section)),
            (program, Some(2)) if Some(program) == map => {
                read_map(section, &mut streams);
                break;
            }
            _ => {}
        }
    }
    streams
}

/// Packet identifier and the section that starts in this packet (§2.4.3.2, §2.4.4.1).
fn section(packet: &[u8]) -> Option<(u16, &[u8])> {
    const UNIT_STARTS: u16 = 0x4000;
    let flags = be16(packet, 1)?;
    if flags & UNIT_STARTS == 0 {
        return None;
    }
    let at = match byte(packet, 3)? >> 4 & 0x03 {
        1 => 4,
        3 => 5 + usize::from(byte(packet, 4)?),
        _ => return None,
    };
    let pointer = usize::from(byte(packet, at)?);
    Some((flags & 0x1fff, packet.get(at + 1 + pointer..)?))
}

/// The packets of the first program's map (§2.4.4.3).
fn program_map(section: &[u8]) -> Option<u16> {
    let entries = section.get(8..)?.chunks_exact(4);
    entries
        .take(16)
        .find(|entry| be16(entry, 0).is_some_and(|program| program != 0))
        .and_then(|entry| be16(entry, 2))
        .map(|id| id & 0x1fff)
}

/// Adds the streams of a program map (§2.4.4.8).
fn read_map(section: &[u8], streams: &mut Streams) {
    let length = be16(section, 1).map_or(0, |length| usize::from(length & 0x0fff));
    // The last four bytes are a checksum.
    let section = section.get(..(3 + length).saturating_sub(4)).unwrap_or(section);
    let Some(information) = be16(section, 10) else { return };
    let mut at = 12 + usize::from(information & 0x0fff);
    while let (Some(kind), Some(length)) = (byte(section, at), be16(section, at + 3)) {
        let length = usize::from(length & 0x0fff);
        let descriptors = section.get(at + 5..).unwrap_or_default();
        let descriptors = descriptors.get(..length).unwrap_or(descriptors);
        match codec(kind, descriptors) {
            Some((name, true)) => streams.video_codecs.push(name.to_owned()),
            Some((name, false)) => streams.audio_codecs.push(name.to_owned()),
            None => {}
        }
        at += 5 + length;
    }
}

/// The codec of a stream type (table 2-34; ATSC A/52 for 0x81 and 0x87), and whether it is to be seen.
fn codec(kind: u8, descriptors: &[u8]) -> Option<(&'static str, bool)> {
    Some(match kind {
        0x01 => ("mpeg1", true),
        0x02 => ("mpeg2", true),
        // MPEG audio of any layer; layer II is what broadcasters send.
        0x03 | 0x04 => ("mp2", false),
        0x0f => ("aac", false),
        0x10 => ("mpeg4", true),
        0x11 => ("aac-latm", false),
        0x1b => ("h264", true),
        0x24 => ("hevc", true),
        0x33 => ("vvc", true),
        0x81 => ("ac3", false),
        0x87 => ("eac3", false),
        0x06 => return private_codec(descriptors),
        _ => return None,
    })
}

/// The codec of private data by its descriptors (ETSI EN 300 468 annex D; 0x05 is a registration).
fn private_codec(descriptors: &[u8]) -> Option<(&'static str, bool)> {
    let mut at = 0;
    while let (Some(tag), Some(length)) = (byte(descriptors, at), byte(descriptors, at + 1)) {
        match (tag, descriptors.get(at + 2..at + 6)) {
            (0x6a, _) => return Some(("ac3", false)),
            (0x7a, _) => return Some(("eac3", false)),
            (0x05, Some(b"Opus")) => return Some(("opus", false)),
            (0x05, Some(b"AC-3")) => return Some(("ac3", false)),
            (0x05, Some(b"HEVC")) => return Some(("hevc", true)),
            (0x05, Some(b"AV01")) => return Some(("av1", true)),
            _ => at += 2 + usize::from(length),
        }
    }
    None
}

/// Looks at a program stream's pack header, or at a sequence header of MPEG video without any system layer.
pub(super) fn examine_program(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    let Some(&[0, 0, 1, code, next]) = head.first_chunk() else { return Ok(None) };
    Ok(match code {
        // §2.5.3.3: marker bits tell MPEG-2 (01) from MPEG-1 (0010).
        0xba if next & 0xc4 == 0x44 || next & 0xf1 == 0x21 => Some(Sniffed::of(Format::MpegPs)),
        0xb3 => {
            // Only MPEG-2 has a sequence extension; it stands behind at most two tables of 64 bytes (§6.2.2).
            let start = head.get(..256).unwrap_or(head);
            let codec = if find(start, &[0, 0, 1, 0xb5]).is_some() { "mpeg2" } else { "mpeg1" };
            let video_codecs = vec![codec.to_owned()];
            Some(Sniffed::of(Format::MpegVideo).with(Streams { video_codecs, ..Streams::default() }))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn packet(id: u16, section: &[u8]) -> Vec<u8> {
        let mut packet = [&[0x47][..], &(0x4000 | id).to_be_bytes(), &[0x10, 0], section].concat();
        packet.resize(PACKET, 0xff);
        packet
    }

    #[test]
    fn program_map_names_the_codecs() {
        let pat = packet(0, &[0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe1, 0, 1, 2, 3, 4]);
        let pmt = [
            2, 0xb0, 23, 0, 1, 0xc1, 0, 0, 0xe1, 1, 0xf0, 0, 0x1b, 0xe1, 1, 0xf0, 0, 0x0f, 0xe1, 2, 0xf0, 0, 1, 2, 3, 4,
        ];
        let bytes = [pat, packet(256, &pmt), packet(0, &[]), packet(0, &[])].concat();
        let source = Source::from_bytes(bytes, None);
        let sniffed = examine_transport(&mut Window::new(&source).unwrap()).unwrap().unwrap();
        assert_eq!(sniffed.streams.video_codecs, ["h264"]);
        assert_eq!(sniffed.streams.audio_codecs, ["aac"]);
    }
}
