//! Opus in transport streams (ETSI TS 103 491 §5; Opus in TS §4): packets behind control headers, several in one packet of
//! the elementary stream.

use crate::bytes::{be16, byte};
use crate::codec::opus::packet_samples_48k;
use crate::demux::Packet;

/// The prefix of a control header: eleven bits.
const PREFIX: u16 = 0x3FF;

/// The most packets of one packet of the elementary stream.
const MAX_UNITS: usize = 1024;

/// The packets of `content`, each with its duration in ticks of 90 kHz and what of it is not played.
pub(super) fn packets(content: &[u8]) -> Vec<Packet> {
    let mut rest = content;
    let mut found = Vec::new();
    while let Some((packet, behind)) = unit(rest).filter(|_| found.len() < MAX_UNITS) {
        found.push(packet);
        rest = behind;
    }
    if found.is_empty() && !content.is_empty() {
        found.push(Packet { data: content.to_vec(), ..Packet::default() });
    }
    found
}

fn unit(bytes: &[u8]) -> Option<(Packet, &[u8])> {
    let flags = be16(bytes, 0)?;
    if flags >> 5 != PREFIX {
        return None;
    }
    let (mut at, mut size) = (2, 0_usize);
    loop {
        let more = byte(bytes, at)?;
        at += 1;
        size += usize::from(more);
        if more != 255 {
            break;
        }
    }
    let mut trim = |flag: u16| {
        let trimmed = if flags & flag != 0 { be16(bytes, at) } else { return Some(0) };
        at += 2;
        trimmed.map(|samples| i64::from(samples & 0x1FFF))
    };
    let (front, end) = (trim(0x10)?, trim(0x08)?);
    if flags & 0x04 != 0 {
        at += 1 + usize::from(byte(bytes, at)?);
    }
    let data = bytes.get(at..at + size)?;
    let samples = u64::from(packet_samples_48k(data).unwrap_or(0));
    // Only one end can be told of a packet; both are cut of none that is longer than its trims.
    let discarded = if end > 0 { end } else { -front };
    let packet = Packet {
        duration: samples * 90_000 / 48_000,
        discard_ns: discarded * 1_000_000_000 / 48_000,
        sync: true,
        data: data.to_vec(),
        ..Packet::default()
    };
    Some((packet, bytes.get(at + size..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_stand_behind_control_headers() {
        // 20 ms of CELT; the first without its first 312 samples, the second 260 bytes long.
        let first = [&[0x7F, 0xF0, 3, 0x01, 0x38][..], &[0xFC, 1, 2]].concat();
        let second = [&[0x7F, 0xE0, 255, 5][..], &[0xFC; 260]].concat();
        let found = packets(&[first, second].concat());
        let told: Vec<_> = found.iter().map(|one| (one.data.len(), one.duration, one.discard_ns)).collect();
        assert_eq!(told, [(3, 1800, -6_500_000), (260, 1800, 0)]);
        assert_eq!(packets(&[1, 2, 3]).len(), 1);
    }
}
