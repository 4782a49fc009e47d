//! Matroska and WebM (RFC 9559, RFC 8794).
//!
//! A walker of our own, not the crate `matroska-demuxer` 0.8: that one reserves memory for strings, binary elements and
//! frames on the file's word, reads the content of every frame where we want its size alone, knows neither
//! `DiscardPadding` nor `CodecDelay` nor compression by header stripping, gives all frames of a lace one time, takes
//! the order of a block group's children for granted, and ends at the first broken element.
//!
//! Times are nanoseconds. Matroska stores presentation times only: decoding times of codecs that reorder are derived.
//! The codec's delay is taken off all times, so that what is to be heard first stands at 0 and priming before it.

mod block;
mod ebml;
mod id;
mod length;
mod open;
mod tracks;
mod walk;

use super::reorder::Reorder;
use super::{Demuxer, Kind, Packet, Track, Want};
use crate::codec::h264;
use crate::error::{Error, Result};
use crate::facts::Damage;
use crate::source::Source;
use length::FrameLength;
use tracks::{Entry, Packing};
use walk::Walk;

/// Codecs whose frames can be stored in another order than they are shown.
const REORDERING: &[&str] = &["h264", "hevc", "vvc", "mpeg4", "mpeg2", "mpeg1", "vc1", "wmv3"];

/// Frames at the start of a track by which its order is known, and of all tracks that are looked at for them.
const ORDER_FRAMES: usize = 64;
const ORDER_LOOK: usize = 1024;

/// How much of the end is searched for the last cluster.
const TAIL: u64 = 2 * 1024 * 1024;

/// What a segment says beside its tracks.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    /// Length by the header, in nanoseconds.
    pub duration_ns: Option<u64>,
    /// Bytes of tags, chapters and attachments.
    pub metadata_bytes: u64,
    /// Whether a picture is attached.
    pub cover_art: bool,
    /// Whether a tag names a place.
    pub gps: bool,
    /// Whether a tag names a device.
    pub device: bool,
}

/// A Matroska or WebM file, read forward.
#[derive(Debug)]
pub(crate) struct Matroska<'a> {
    source: &'a Source,
    about: About,
    entries: Vec<Entry>,
    tracks: Vec<Track>,
    lengths: Vec<FrameLength>,
    orders: Vec<Option<Reorder>>,
    first_cluster: u64,
    end: u64,
    scale: u64,
    walk: Walk<'a>,
    damage: Vec<Damage>,
}

impl<'a> Matroska<'a> {
    /// Reads all that stands before the first cluster, and what the seek head points at behind.
    pub(crate) fn open(source: &'a Source) -> Result<Self> {
        let opened = open::open(source, 0)?;
        let tracks: Vec<Track> = opened.entries.iter().map(|entry| entry.track.clone()).collect();
        let mut file = Self {
            source,
            about: opened.about,
            lengths: opened.entries.iter().map(FrameLength::of).collect(),
            orders: vec![None; tracks.len()],
            entries: opened.entries,
            tracks,
            first_cluster: opened.first_cluster,
            end: opened.end,
            scale: opened.scale,
            walk: Walk::new(source, opened.first_cluster, opened.end, opened.scale)?,
            damage: opened.damage,
        };
        file.find_orders()?;
        if file.about.duration_ns.is_none() {
            file.about.duration_ns = file.measured()?;
        }
        if let Some(duration) = file.about.duration_ns {
            for track in file.tracks.iter_mut().filter(|track| !matches!(track.kind, Kind::Other(_))) {
                track.duration = Some(duration);
            }
        }
        Ok(file)
    }

    /// In what ways the bytes break their format, as far as was seen.
    pub(crate) fn damage(&self) -> Vec<Damage> {
        let mut all = self.damage.clone();
        let cut = all.iter().any(|one| matches!(one, Damage::Truncated(_)));
        for one in &self.walk.damage {
            // That the segment is cut says the same as where the walk met the end.
            let said = cut && matches!(one, Damage::Truncated(_));
            if !said && !all.contains(one) {
                all.push(one.clone());
            }
        }
        all
    }

    /// What the segment says beside its tracks.
    pub(crate) const fn about(&self) -> &About {
        &self.about
    }

    /// Whether a track is marked as interlaced.
    pub(crate) fn interlaced(&self, track: usize) -> bool {
        self.entries.get(track).is_some_and(|entry| entry.interlaced)
    }

    /// Nanoseconds that every frame of a track lasts, where the header says so.
    pub(crate) fn default_duration(&self, track: usize) -> Option<u64> {
        self.entries.get(track).and_then(|entry| entry.default_duration)
    }

    /// How many frames of a track may be decoded before one that is shown before them.
    pub(crate) fn reorder_depth(&self, track: usize) -> usize {
        self.orders.get(track).and_then(Option::as_ref).map_or(0, Reorder::depth)
    }

    /// How far the walk has come, in bytes.
    pub(crate) const fn position(&self) -> u64 {
        self.walk.position()
    }

    /// Looks at the order of the first frames, for the codecs that reorder.
    fn find_orders(&mut self) -> Result<()> {
        let reorders =
            |entry: &Entry| entry.track.kind == Kind::Video && REORDERING.contains(&entry.track.codec.as_str());
        let wanted = self.entries.iter().filter(|entry| reorders(entry)).count();
        if wanted == 0 {
            return Ok(());
        }
        let mut times: Vec<Vec<i64>> = vec![Vec::new(); self.entries.len()];
        let mut walk = Walk::new(self.source, self.first_cluster, self.end, self.scale)?;
        let mut full = 0;
        for _ in 0..ORDER_LOOK {
            // What is broken is found again by the walk itself.
            let Ok(Some(frame)) = walk.next(&self.entries, &self.lengths) else { break };
            if let Some(times) = times.get_mut(frame.track).filter(|times| times.len() < ORDER_FRAMES) {
                times.push(frame.pts);
                full += usize::from(times.len() == ORDER_FRAMES && self.entries.get(frame.track).is_some_and(reorders));
            }
            if full == wanted {
                break;
            }
        }
        for ((entry, order), times) in self.entries.iter().zip(&mut self.orders).zip(&times) {
            if reorders(entry) {
                let frame = entry.default_duration.and_then(|ns| i64::try_from(ns).ok());
                *order = Some(Reorder::new(times, stated_depth(&entry.track), frame));
            }
        }
        Ok(())
    }

    /// The end of the last frame, for a recording whose header was never completed: by the last cluster, if it is found.
    fn measured(&mut self) -> Result<Option<u64>> {
        let start = self.end.saturating_sub(TAIL).max(self.first_cluster);
        let count = usize::try_from(self.end.saturating_sub(start)).unwrap_or(0);
        let tail = self.source.bytes_at(start, count)?;
        let last = tail.windows(4).rposition(|bytes| bytes == id::CLUSTER.to_be_bytes());
        let at = last.map_or(self.first_cluster, |place| start + place as u64);
        drop(tail);
        let mut walk = Walk::new(self.source, at, self.end, self.scale)?;
        let mut end = 0;
        while let Ok(Some(frame)) = walk.next(&self.entries, &self.lengths) {
            if self.entries.get(frame.track).is_some_and(|entry| !matches!(entry.track.kind, Kind::Other(_))) {
                end =
                    end.max(frame.pts.saturating_add_unsigned(frame.duration).saturating_sub(frame.discard_ns.max(0)));
            }
        }
        for one in walk.damage {
            if !self.damage.contains(&one) {
                self.damage.push(one);
            }
        }
        let mut first = Walk::new(self.source, self.first_cluster, self.end, self.scale)?;
        let start = match first.next(&self.entries, &self.lengths) {
            Ok(Some(frame)) => frame.pts.max(0),
            _ => 0,
        };
        Ok(u64::try_from(end.saturating_sub(start)).ok().filter(|&length| length > 0))
    }
}

/// Frames that are reordered by the codec's own word.
fn stated_depth(track: &Track) -> Option<usize> {
    if track.codec != "h264" {
        return None;
    }
    let sps = h264::Sps::parse(h264::Config::parse(&track.config)?.sps?)?;
    usize::try_from(sps.reorder?).ok()
}

impl Demuxer for Matroska<'_> {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        let Some(frame) = self.walk.next(&self.entries, &self.lengths)? else { return Ok(false) };
        let none = Packing::None;
        let packing = self.entries.get(frame.track).map_or(&none, |entry| &entry.packing);
        packet.track = frame.track;
        packet.pts = frame.pts;
        packet.duration = frame.duration;
        packet.sync = frame.key;
        packet.discard_ns = frame.discard_ns;
        packet.restarts = frame.restarts;
        let order = self.orders.get_mut(frame.track).and_then(Option::as_mut);
        packet.dts = order.map_or(frame.pts, |order| order.next(frame.pts));
        packet.data.clear();
        let size = match (want, packing) {
            (Want::Content | Want::Place, _) | (Want::Table, Packing::Zlib) => {
                self.walk.content(&frame, packing, &mut packet.data)?;
                packet.data.len() as u64
            }
            (Want::Table, Packing::Header(header)) => frame.size.saturating_add(header.len() as u64),
            (Want::Table, Packing::None) => frame.size,
        };
        if want == Want::Table {
            packet.data.clear();
        }
        packet.size = u32::try_from(size).map_err(|_| Error::limit("has a frame of more than 4 GiB"))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
