//! Opus packets of any container as canonical Ogg Opus: pre-skip, the trimmed end and holes as RFC 7845 has them.

use crate::cancel::Cancel;
use crate::codec::opus::{OpusHead, packet_samples_48k};
use crate::convert::spool::Spool;
use crate::convert::write::Packets;
use crate::convert::write::ogg::{OggOpusWriter, serial_of};
use crate::demux::{HOLE_MS, Packet, Track, Want};
use crate::error::{Error, Result};

/// Samples per second of all positions.
const RATE: i64 = 48_000;

/// Sound that is decoded before a cut so that the decoder has settled (RFC 7845 §4.2: 80 ms).
const PRE_ROLL: u64 = 3840;

/// The shortest hole that is filled.
const MIN_HOLE: u64 = HOLE_MS.unsigned_abs() * 48;

/// The most silence that is put into holes: ten minutes. A broken clock must not fill the disk.
const MAX_FILLED: u64 = 600 * 48_000;

/// Copies the packets of `track`.
pub(super) fn copy(out: &mut Spool, track: &Track, packets: &mut dyn Packets, cancel: &Cancel) -> Result<()> {
    let mut head = head(track)?;
    let cut = Cut::of(track, &head);
    // Where the next packet starts, in samples from the first; what of the start is left out; and what was filled.
    let (mut at, mut skipped, mut filled) = (0_u64, 0_u64, 0_u64);
    let mut first_time = None;
    // Where the packet before ended by the container's times.
    let mut expected = 0_u64;
    let (mut discard, mut short) = (0_u64, 0_u64);
    let mut writer = None::<OggOpusWriter>;
    let mut out = Some(out);
    let mut packet = Packet::default();
    while packets.next(&mut packet, Want::Content)? {
        cancel.check()?;
        let samples = packet_samples_48k(&packet.data)
            .ok_or_else(|| Error::malformed(format!("holds a packet of {} bytes that is no Opus", packet.size)))?;
        let first = *first_time.get_or_insert(packet.pts);
        let stated = in_samples(packet.pts.saturating_sub(first), track.timescale);
        let missing = stated.saturating_sub(std::mem::replace(&mut expected, stated + u64::from(samples)));
        // What the last packets hold too much adds up.
        let unplayed = u64::from(samples).min(discarded(packet.discard_ns));
        discard = if unplayed > 0 { discard + unplayed } else { 0 };
        // MP4 and its kin state a shorter last packet (Opus in ISOBMFF §4.4); before others, less is a rounding of times.
        let length = in_samples(i64::try_from(packet.duration).unwrap_or(0), track.timescale);
        let states_end = track.sample_entry.is_some() && length > 0;
        short = if states_end { u64::from(samples).saturating_sub(length) } else { 0 };
        // Whole packets before a start within the stream are left out, but for what the decoder settles on.
        if writer.is_none() && at + u64::from(samples) + PRE_ROLL <= cut.start {
            at += u64::from(samples);
            skipped = at;
            continue;
        }
        if cut.end.is_some_and(|end| at >= end) {
            break;
        }
        let writer = match &mut writer {
            Some(writer) => writer,
            none => {
                let Some(out) = out.take() else { break };
                let pre_skip = cut.start.max(u64::from(head.pre_skip)).saturating_sub(skipped);
                head.pre_skip = u16::try_from(pre_skip).unwrap_or(u16::MAX);
                none.insert(OggOpusWriter::new(out, &head, serial_of(&head, &packet.data))?)
            }
        };
        // A hole (lost packets, a paused recording) is filled by packets without content, which the decoder conceals
        // (RFC 7845 §4.1): else all that follows would be early.
        let mut hole = if missing >= MIN_HOLE { missing } else { 0 };
        for (filler, length) in fillers(&packet.data) {
            while hole >= u64::from(length) && filled < MAX_FILLED {
                writer.packet(&filler, length)?;
                at += u64::from(length);
                filled += u64::from(length);
                hole -= u64::from(length);
            }
        }
        writer.packet(&packet.data, samples)?;
        at += u64::from(samples);
    }
    let Some(writer) = writer else { return Err(Error::malformed("holds no sound")) };
    let before = skipped + u64::from(head.pre_skip);
    let end = cut.end.unwrap_or_else(|| at.saturating_sub(discard.max(short).max(cut.padding)));
    writer.finish(Some(end.saturating_sub(before)))
}

/// The header, or one made of what the container says.
fn head(track: &Track) -> Result<OpusHead> {
    let priming = track.priming.and_then(|priming| u16::try_from(priming).ok());
    if track.config.is_empty() {
        let channels = track.channels.and_then(|channels| u8::try_from(channels).ok()).filter(|&count| count <= 2);
        let channels =
            channels.ok_or_else(|| Error::unsupported("holds Opus of more than two channels without a header"))?;
        return Ok(OpusHead::plain(channels.max(1), priming.unwrap_or(0), track.sample_rate.unwrap_or(48_000)));
    }
    let mut head = OpusHead::parse(&track.config).ok_or_else(|| Error::malformed("holds a broken Opus header"))?;
    if head.pre_skip == 0 {
        head.pre_skip = priming.unwrap_or(0);
    }
    Ok(head)
}

/// What is played of the stream, in samples from its first packet.
struct Cut {
    start: u64,
    end: Option<u64>,
    /// Samples that the container says are not played at the end.
    padding: u64,
}

impl Cut {
    fn of(track: &Track, head: &OpusHead) -> Self {
        let padding = track.padding.map_or(0, u64::from);
        // One piece of the stream, perhaps after a wait, which a file of one stream does not need.
        let piece = track.edits.list.last().filter(|_| {
            let pieces = track.edits.list.iter().filter(|entry| entry.media_time >= 0);
            pieces.count() == 1
        });
        let Some(piece) = piece.filter(|piece| piece.media_time >= 0) else {
            return Self { start: 0, end: None, padding };
        };
        let pre_skip = u64::from(head.pre_skip);
        let from = in_samples(piece.media_time, track.timescale);
        // Some writers count the piece from the first packet and leave the pre-skip to the decoder.
        let start = from.max(pre_skip);
        let length = u64::try_from((u128::from(piece.duration_us) * 48 + 500) / 1000).unwrap_or(u64::MAX);
        let end = (piece.duration_us > 0).then(|| from.saturating_add(length));
        Self { start: if from > pre_skip { start } else { 0 }, end, padding }
    }
}

/// Ticks as samples, rounded to the nearest.
fn in_samples(ticks: i64, timescale: u32) -> u64 {
    let scale = i128::from(timescale.max(1));
    u64::try_from((i128::from(ticks) * i128::from(RATE) + scale / 2).div_euclid(scale)).unwrap_or(0)
}

/// Nanoseconds as samples, rounded to the nearest.
fn discarded(ns: i64) -> u64 {
    u64::try_from((i128::from(ns) * i128::from(RATE) + 500_000_000) / 1_000_000_000).unwrap_or(0)
}

/// Packets of one empty frame, and their lengths: like those of `packet`, and the shortest of the same mode and band for the
/// rest, so that nothing is heard (RFC 6716 §3.1: the lengths of a mode follow one another, from 10 ms, or 2.5 ms of CELT).
fn fillers(packet: &[u8]) -> [(Vec<u8>, u32); 2] {
    let toc = packet.first().copied().unwrap_or(0) & 0xfc;
    let shortest = match toc >> 3 {
        12..=15 => toc & 0xf4,
        _ => toc & 0xe4,
    };
    [toc, shortest].map(|toc| (vec![toc], packet_samples_48k(&[toc]).unwrap_or(960)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fillers_are_of_the_packets_mode() {
        let of = |toc: u8| fillers(&[toc, 0, 0]).map(|(filler, length)| (filler[0], length));
        // 60 ms of SILK, 20 ms of hybrid in stereo, 20 ms of CELT.
        assert_eq!(of(0x18), [(0x18, 2880), (0x00, 480)]);
        assert_eq!(of(0x6c), [(0x6c, 960), (0x64, 480)]);
        assert_eq!(of(0xfb), [(0xf8, 960), (0xe0, 120)]);
    }
}
