//! Clocks: times of containers whose ticks an MP4 cannot have, or that rounded what their sound knows better.

use crate::codec::aac;
use crate::convert::write::Packets;
use crate::demux::{HOLE_MS, Kind, Packet, Track, Want};
use crate::error::Result;

/// Ticks per second beyond which 32-bit durations end within hours (Matroska's are nanoseconds).
const FINEST: u32 = 200_000;

/// The clock that is taken instead: that of MPEG systems, in which milliseconds and common frame rates are whole.
const MPEG: u32 = 90_000;

/// How far stated times may lie from the sum of frames before they are believed, in milliseconds: below, they were rounded.
const TOLERANCE_MS: i64 = 5;

/// How the times of a track are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// As they are.
    Same,
    /// On another clock, each rounded to the nearest tick.
    Scaled { from: u32, to: u32 },
    /// In samples: each frame follows the one before unless the stated time disagrees by more than rounding.
    Frames { from: u32, to: u32, samples: u32 },
    /// In samples: each frame follows the one before, but for holes. Nothing has to stay beside the sound, whose recorder's
    /// clock may drift.
    Alone { from: u32, to: u32, samples: u32 },
}

impl Clock {
    fn of(track: &Track, alone: bool) -> Self {
        let from = track.timescale;
        if track.sample_entry.is_some() {
            return Self::Same;
        }
        let aac = if track.codec == "aac" { aac::Config::parse(&track.config) } else { None };
        match aac {
            Some(config) if from == config.core_rate => Self::Same,
            Some(config) if config.core_rate > 0 && config.frame_samples > 0 => {
                let (to, samples) = (config.core_rate, config.frame_samples);
                // Where times are finer, lengths are those of packets.
                if alone && from > FINEST {
                    Self::Alone { from, to, samples }
                } else {
                    Self::Frames { from, to, samples }
                }
            }
            _ if from > FINEST => Self::Scaled { from, to: MPEG },
            _ => Self::Same,
        }
    }

    /// Changes a track's description to this clock.
    pub(super) fn apply(self, track: &mut Track) {
        if let Self::Scaled { to, .. } | Self::Frames { to, .. } | Self::Alone { to, .. } = self {
            track.timescale = to;
            track.duration = None;
            for edit in &mut track.edits.list {
                if edit.media_time >= 0 {
                    edit.media_time = self.ticks(edit.media_time);
                }
            }
        }
    }

    /// A time on this clock.
    fn ticks(self, time: i64) -> i64 {
        let (Self::Scaled { from, to } | Self::Frames { from, to, .. } | Self::Alone { from, to, .. }) = self else {
            return time;
        };
        let from = i128::from(from.max(1));
        let scaled = (i128::from(time) * i128::from(to) + from / 2).div_euclid(from);
        i64::try_from(scaled).unwrap_or(if time < 0 { i64::MIN } else { i64::MAX })
    }
}

/// The clock of each of the tracks that are kept of a file with these.
pub(super) fn clocks(kept: &[Track], all: &[Track]) -> Vec<Clock> {
    let alone = !all.iter().any(|track| track.kind == Kind::Video);
    kept.iter().map(|track| Clock::of(track, alone)).collect()
}

/// Packets on their tracks' clocks.
pub(super) struct Retimed<P> {
    packets: P,
    /// With the time at which the next frame is expected, and where the frame before ended by what was stated.
    clocks: Vec<(Clock, Option<i64>, i64)>,
}

impl<P: Packets> Retimed<P> {
    pub(super) fn new(packets: P, clocks: &[Clock]) -> Self {
        Self { packets, clocks: clocks.iter().map(|&clock| (clock, None, 0)).collect() }
    }
}

impl<P: Packets> Packets for Retimed<P> {
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        if !self.packets.next(packet, want)? {
            return Ok(false);
        }
        let Some((clock, expected, ended)) = self.clocks.get_mut(packet.track) else { return Ok(true) };
        match *clock {
            Clock::Same => {}
            Clock::Scaled { .. } => {
                // Both ends are rounded, so that lengths add up.
                let end = clock.ticks(packet.pts.saturating_add_unsigned(packet.duration));
                (packet.dts, packet.pts) = (clock.ticks(packet.dts), clock.ticks(packet.pts));
                packet.duration = u64::try_from(end.saturating_sub(packet.pts)).unwrap_or(0);
            }
            Clock::Frames { from, to, samples } => {
                let stated = clock.ticks(packet.pts);
                let two_ticks = 2 * i64::from(to) / i64::from(from.max(1));
                let tolerance = two_ticks.max(i64::from(to) * TOLERANCE_MS / 1000);
                let time = expected.filter(|expected| stated.saturating_sub(*expected).saturating_abs() <= tolerance);
                let time = time.unwrap_or(stated);
                (packet.dts, packet.pts, packet.duration) = (time, time, u64::from(samples));
                *expected = Some(time.saturating_add(i64::from(samples)));
            }
            Clock::Alone { to, samples, .. } => {
                let stated = clock.ticks(packet.pts);
                let hole = stated.saturating_sub(std::mem::replace(ended, stated.saturating_add(i64::from(samples))));
                let hole = if hole >= i64::from(to) * HOLE_MS / 1000 { hole } else { 0 };
                let time = expected.map_or(stated, |expected| expected.saturating_add(hole));
                (packet.dts, packet.pts, packet.duration) = (time, time, u64::from(samples));
                *expected = Some(time.saturating_add(i64::from(samples)));
            }
        }
        Ok(true)
    }
}
