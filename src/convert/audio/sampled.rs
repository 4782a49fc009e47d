//! Packets decoded here and there: whether a stream that is copied plays, without the cost of playing it.
//!
//! A stream is broken when more of its packets fail than decode. Of one that is, a look at one packet in 32, spread over its
//! length, sees some that fail; then all are decoded, and counted. Where none fails, at most a few do that lie
//! between: the stream is not broken.

use super::decoder::of_track;
use crate::cancel::Cancel;
use crate::demux::{Demuxer, Packet, Want};
use crate::error::{Error, ErrorKind, Result};
use crate::source::Source;

/// So many packets from the first on are all decoded.
const FIRST: u64 = 64;

/// Of those behind, one in so many: in the first twenty seconds, so that a short hole in a short recording is seen, and later.
const SHORT: u64 = 1024;
const EVERY_OF_SHORT: u64 = 8;
const EVERY: u64 = 32;

/// How long the packets of track `track` of `demuxer`, which reads `source`, are by the container, in microseconds; none where
/// one of those that were decoded failed.
///
/// # Errors
/// `Unsupported` by the codec's name; `Malformed` when the file is cut off; `Limit`; `Cancelled`; `Io`.
pub(crate) fn plays(
    mut demuxer: Box<dyn Demuxer + '_>,
    source: &Source,
    track: usize,
    cancel: &Cancel,
) -> Result<Option<u64>> {
    let none = || Error::malformed("holds no sound; send the original again");
    let mut decoder = of_track(demuxer.tracks().get(track).ok_or_else(none)?)?;
    let timescale = demuxer.tracks().get(track).map_or(1, |track| track.timescale.max(1));
    let (mut packet, mut samples, mut spec, mut count) = (Packet::default(), Vec::new(), None, 0);
    let mut ticks = 0_u128;
    while demuxer.next(&mut packet, Want::Place)? {
        if packet.track != track {
            continue;
        }
        let every = if count < SHORT { EVERY_OF_SHORT } else { EVERY };
        let looked_at = count < FIRST || count.is_multiple_of(every);
        count += 1;
        ticks += u128::from(packet.duration);
        if !looked_at {
            continue;
        }
        cancel.check()?;
        if let Some(at) = packet.at {
            packet.data = source.bytes_at(at, packet.size as usize)?;
        }
        samples.clear();
        match decoder.decode(&packet.data, &mut samples) {
            Ok(found) if *spec.get_or_insert(found) == found => {}
            // What changes in the middle may be right, or not: that takes more than a look.
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Malformed => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let us = u64::try_from(ticks * 1_000_000 / u128::from(timescale)).unwrap_or(u64::MAX);
    Ok(Some(us).filter(|_| count > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::{Kind, Track};
    use std::collections::BTreeSet;

    /// Packets of Opus, some of which do not decode.
    struct Stream {
        tracks: Vec<Track>,
        count: u64,
        bad: BTreeSet<u64>,
    }

    impl Demuxer for Stream {
        fn tracks(&self) -> &[Track] {
            &self.tracks
        }

        fn next(&mut self, packet: &mut Packet, _want: Want) -> Result<bool> {
            packet.data = if self.bad.contains(&self.count) { vec![0xff, 0xff] } else { OPUS.to_vec() };
            packet.size = 3;
            self.count += 1;
            Ok(self.count <= 20_000)
        }
    }

    /// Silence: one frame of 20 ms.
    const OPUS: [u8; 3] = [0xf8, 0xff, 0xfe];

    fn seen(bad: impl IntoIterator<Item = u64>) -> bool {
        let mut track = Track::new(1, Kind::Audio, "opus", 48_000);
        track.channels = Some(2);
        let stream = Stream { tracks: vec![track], count: 0, bad: bad.into_iter().collect() };
        plays(Box::new(stream), &Source::from_bytes([], None), 0, &Cancel::default()).unwrap().is_some()
    }

    #[test]
    fn what_is_mostly_damaged_is_seen_wherever_that_is() {
        assert!(seen([]));
        assert!(!seen([0]));
        assert!(!seen([FIRST - 1]));
        for start in (0..10_000).step_by(977) {
            assert!(!seen(start..start + 10_000));
        }
        assert!(!seen((0..20_000).step_by(2)));
        assert!(!seen(500..508));
        assert!(!seen(9000..9032));
        // Less is not looked for.
        assert!(seen(501..504) && seen(9000..9020));
    }
}
