//! MPEG transport and program streams (ISO/IEC 13818-1), and MPEG video without any.

use super::Sniffed;
use super::Streams;
use super::bytes::{Window, be16, byte, find};
use crate::demux::Kind;
use crate::demux::mpegts::tables;
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
            (0, Some(0)) => map = map.or_else(|| tables::first_map(section)),
            (program, Some(2)) if Some(program) == map => {
                for listed in tables::streams(section).unwrap_or_default() {
                    match listed.kind {
                        Kind::Video => streams.video_codecs.push(listed.codec.to_owned()),
                        Kind::Audio => streams.audio_codecs.push(listed.codec.to_owned()),
                        Kind::Other(_) => {}
                    }
                }
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
