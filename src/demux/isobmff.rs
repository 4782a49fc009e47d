//! ISO base media files (ISO/IEC 14496-12) and QuickTime: MP4, MOV, M4V, M4A, 3GP, whole or in fragments.
//!
//! The index (`moov`) is read wherever it stands, the media data never, unless packets are asked for with their content.
//! One file a family of boxes; all of them stand behind [`guard`]. The plain header boxes are parsed by the `mp4` crate;
//! sample descriptions, tables, edit lists and fragments by walkers of our own, since `mp4` drops codec configuration,
//! knows no signed edits, refuses tables that are off by one, and hangs on hostile fragments.

mod cache;
mod edit;
mod esds;
mod fragment;
mod guard;
mod header;
mod lane;
mod measure;
mod meta;
mod picture;
mod protection;
mod sound;
mod stsd;
mod table;
mod top;
mod trak;

pub(crate) use measure::Timing;
pub(crate) use meta::Tags;
pub(crate) use top::Layout;

use super::{Demuxer, Kind, Packet, Track, Want};
use crate::error::{Error, Result};
use crate::facts::{Damage, OtherKind};
use crate::limits::MAX_METADATA;
use crate::source::Source;
use cache::Cache;
use fragment::Run;
use guard::{child, children};
use header::{MovieHeader, TrackExtends};
use lane::Lane;
use std::collections::VecDeque;
use trak::Media;

/// The most tracks that are kept.
const MAX_TRACKS: usize = 256;

/// The largest fragment's index that is read. One of ten seconds has about ten kilobytes.
const MAX_MOOF: u64 = 4 * 1024 * 1024;

/// How many fragments are read ahead so that each track has a packet: those of one track may stand alone.
const AHEAD: usize = 8;

/// Metadata at the top level that is looked into.
const MAX_TOP_METADATA: u64 = 64 * 1024;

/// How often the bytes of a file may be asked for as packets: tables can name the same bytes again and again.
const MAX_OVERLAP: u64 = 4;

/// What is known of a track beside its description.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// What its samples come to, fragments included.
    pub timing: Timing,
    /// The code of its sample entry.
    pub code: Option<[u8; 4]>,
    /// Whether its entry says that pictures are stored as fields.
    pub two_fields: bool,
}

/// An ISO base media file.
#[derive(Debug)]
pub(crate) struct Isobmff<'a> {
    source: &'a Source,
    tracks: Vec<Track>,
    measured: Vec<Measured>,
    layout: Layout,
    tags: Tags,
    fragmented: bool,
    damage: Vec<Damage>,
    extends: Vec<TrackExtends>,
    lanes: Vec<Lane>,
    next_moof: usize,
    cache: Cache,
    given: u64,
    cut: bool,
}

impl<'a> Isobmff<'a> {
    /// Reads the index.
    ///
    /// # Errors
    /// `Io` when the source cannot be read. What breaks the format is [`damage`](Self::damage).
    pub(crate) fn open(source: &'a Source) -> Result<Self> {
        let mut file = Self {
            source,
            tracks: Vec::new(),
            measured: Vec::new(),
            layout: Layout::read(source)?,
            tags: Tags::default(),
            fragmented: false,
            damage: Vec::new(),
            extends: Vec::new(),
            lanes: Vec::new(),
            next_moof: 0,
            cache: Cache::default(),
            given: 0,
            cut: false,
        };
        file.fragmented = !file.layout.moofs.is_empty();
        file.read_top_metadata()?;
        file.read_index()?;
        file.count_fragments()?;
        file.check_extents();
        Ok(file)
    }

    /// In what ways the bytes break the format.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Where things are.
    pub(crate) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What was found in metadata.
    pub(crate) const fn tags(&self) -> &Tags {
        &self.tags
    }

    /// What is known of each track beside its description.
    pub(crate) fn measured(&self) -> &[Measured] {
        &self.measured
    }

    /// Whether it is fragmented (`moof` or `mvex`).
    pub(crate) const fn fragmented(&self) -> bool {
        self.fragmented
    }

    fn read_index(&mut self) -> Result<()> {
        let Some(moov) = self.layout.moov else {
            self.damage.push(
                if self.layout.moofs.is_empty() && self.layout.end >= self.source.len() && self.layout.mdat.is_some() {
                    Damage::Truncated("the file ends before its index (moov)".to_owned())
                } else {
                    Damage::Malformed("there is no index (moov)".to_owned())
                },
            );
            return Ok(());
        };
        if moov.len() > MAX_METADATA as u64 {
            let (found, allowed) = (moov.len(), MAX_METADATA);
            self.damage
                .push(Damage::Malformed(format!("the index (moov) has {found} bytes; {allowed} are read at most")));
            return Ok(());
        }
        if moov.cut {
            self.damage.push(Damage::Truncated("the file ends within its index (moov)".to_owned()));
        }
        let bytes = self.source.bytes_at(moov.body, usize::try_from(moov.len()).unwrap_or(MAX_METADATA))?;
        self.read_movie(&bytes, moov.cut);
        Ok(())
    }

    fn read_movie(&mut self, moov: &[u8], cut: bool) {
        // Without it the tracks still play; only edit lists lose their measure.
        let header = child(moov, b"mvhd").and_then(header::movie);
        let header = header.unwrap_or(MovieHeader { timescale: 1000, matrix: [0; 4] });
        let (mut media, mut known): (Vec<Media>, Vec<TrackExtends>) = (Vec::new(), Vec::new());
        let mut boxes = children(moov);
        for found in boxes.by_ref() {
            match &found.kind {
                b"trak" if media.len() < MAX_TRACKS => media.push(trak::read(found.body, &header, &mut self.tags)),
                b"mvex" => {
                    self.fragmented = true;
                    let extends = children(found.body).filter(|found| &found.kind == b"trex");
                    known = extends.filter_map(|found| header::extends(found.body)).take(MAX_TRACKS).collect();
                }
                b"udta" | b"meta" | b"uuid" => self.note_tags(found.kind, found.body, found.whole.len() as u64),
                _ => {}
            }
        }
        if !cut && (boxes.broken || media.iter().any(|media| media.broken)) {
            self.damage.push(Damage::Malformed("a box of the index is larger than what it stands in".to_owned()));
        }
        self.note_chapters(&mut media);
        for Media { track, table, code, elsewhere, .. } in media {
            if table.short && !cut {
                self.damage.push(Damage::Malformed(format!(
                    "track {}: a table of samples is shorter than it claims",
                    track.id
                )));
            }
            if elsewhere {
                self.damage.push(Damage::Malformed(format!("track {}: its media data is in another file", track.id)));
            }
            let id = u32::try_from(track.id).unwrap_or_default();
            self.extends.push(
                known
                    .iter()
                    .find(|known| known.id == id)
                    .copied()
                    .unwrap_or(TrackExtends { id, ..TrackExtends::default() }),
            );
            let two_fields =
                track.sample_entry.as_deref().is_some_and(picture::two_fields) && track.kind == Kind::Video;
            self.measured.push(Measured { timing: Timing::of(&table), code, two_fields });
            self.lanes.push(Lane::new(table, sound::frame_bytes(&track).filter(|_| track.kind == Kind::Audio)));
            self.tracks.push(track);
        }
    }

    /// Tracks that another names as its chapters are no content of their own.
    fn note_chapters(&self, media: &mut [Media]) {
        let chapters: Vec<u32> = media.iter().flat_map(|media| media.chapters.iter().copied()).collect();
        for media in media.iter_mut() {
            let named = chapters.iter().any(|&id| u64::from(id) == media.track.id);
            if named && media.track.kind != Kind::Audio {
                media.track.kind = Kind::Other(OtherKind::Chapters);
            }
            if let Some((delay, padding)) = self.tags.gapless.filter(|_| media.track.kind == Kind::Audio) {
                // An edit list takes the same samples off.
                if media.track.edits.list.is_empty() {
                    media.track.priming = media.track.priming.or(Some(delay));
                    media.track.padding = Some(padding);
                }
            }
        }
    }

    fn note_tags(&mut self, kind: [u8; 4], body: &[u8], whole: u64) {
        self.tags.bytes = self.tags.bytes.saturating_add(whole);
        match &kind {
            b"udta" => self.tags.add_list(body),
            b"meta" => self.tags.add_meta(body),
            b"uuid" => self.tags.add_xmp(body),
            _ => {}
        }
    }

    fn read_top_metadata(&mut self) -> Result<()> {
        let mut left = MAX_TOP_METADATA;
        for (kind, place) in std::mem::take(&mut self.layout.metadata) {
            let read = place.len().min(left);
            left -= read;
            let body = self.source.bytes_at(place.body, usize::try_from(read).unwrap_or_default())?;
            self.note_tags(kind, &body, place.end - place.start);
            self.layout.metadata.push((kind, place));
        }
        Ok(())
    }

    fn read_moof(&self, index: usize) -> Result<Vec<Run>> {
        let Some(moof) = self.layout.moofs.get(index).filter(|moof| moof.len() <= MAX_MOOF) else {
            return Ok(Vec::new());
        };
        let body = self.source.bytes_at(moof.body, usize::try_from(moof.len()).unwrap_or_default())?;
        Ok(fragment::read(&body, moof.start, &self.extends))
    }

    fn count_fragments(&mut self) -> Result<()> {
        for index in 0..self.layout.moofs.len() {
            for run in self.read_moof(index)? {
                if let Some(measured) = self.measured.get_mut(run.track) {
                    measured.timing.fragment(&run);
                }
            }
        }
        let cut = self.layout.moofs.last().is_some_and(|moof| moof.cut);
        for at in &self.layout.breaks {
            self.damage.push(Damage::Malformed(format!("bytes that are no box at byte {at}")));
        }
        let large = self.layout.moofs.iter().any(|moof| moof.len() > MAX_MOOF);
        if cut {
            self.damage.push(Damage::Truncated("the file ends within a fragment's index (moof)".to_owned()));
        } else if large {
            self.damage.push(Damage::Malformed(format!("a fragment's index (moof) has more than {MAX_MOOF} bytes")));
        }
        Ok(())
    }

    /// A file is cut when a sample ends beyond it, whatever the box of its media data claims.
    fn check_extents(&mut self) {
        let len = self.source.len();
        for (track, measured) in self.tracks.iter().zip(&self.measured) {
            let end = measured.timing.end;
            if end > len {
                let id = track.id;
                self.damage.push(Damage::Truncated(format!("track {id} reaches to byte {end} of a file of {len}")));
            } else if measured.timing.missing > 0 {
                let (id, missing) = (track.id, measured.timing.missing);
                self.damage.push(Damage::Malformed(format!("track {id}: {missing} samples are in no chunk")));
            }
        }
    }

    /// Reads fragments until each track has a sample, within reason.
    fn fill(&mut self) -> Result<()> {
        for lane in &mut self.lanes {
            lane.fill();
        }
        for _ in 0..AHEAD {
            if self.next_moof >= self.layout.moofs.len() || self.lanes.iter().all(Lane::is_ready) {
                break;
            }
            self.load_fragment()?;
        }
        // At the least one sample, as long as there is one.
        while self.next_moof < self.layout.moofs.len() && !self.lanes.iter().any(Lane::is_ready) {
            self.load_fragment()?;
        }
        Ok(())
    }

    fn load_fragment(&mut self) -> Result<()> {
        let runs: VecDeque<Run> = self.read_moof(self.next_moof)?.into();
        self.next_moof += 1;
        for run in runs {
            if let Some(lane) = self.lanes.get_mut(run.track) {
                lane.add(run);
                lane.fill();
            }
        }
        Ok(())
    }

    /// The track whose next sample is decoded first.
    fn earliest(&self) -> Option<usize> {
        let time = |(index, lane): (usize, &Lane)| {
            let timescale = i128::from(self.tracks.get(index)?.timescale.max(1));
            Some((i128::from(lane.peek()?.dts) * 1_000_000 / timescale, index))
        };
        self.lanes.iter().enumerate().filter_map(time).min().map(|(_, index)| index)
    }
}

impl Demuxer for Isobmff<'_> {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        loop {
            self.fill()?;
            let Some(index) = self.earliest() else { break };
            let Some(sample) = self.lanes.get_mut(index).and_then(Lane::take) else { break };
            // Each whole packet of the other tracks is still handed out.
            if sample.offset.saturating_add(sample.size.into()) > self.source.len() {
                self.cut = true;
                continue;
            }
            self.given = self.given.saturating_add(sample.size.into());
            if self.given > self.source.len().saturating_mul(MAX_OVERLAP) {
                return Err(Error::malformed("its tables name the same bytes again and again"));
            }
            packet.track = index;
            (packet.dts, packet.pts, packet.duration) = (sample.dts, sample.pts, sample.duration);
            (packet.sync, packet.size, packet.discard_ns) = (sample.sync, sample.size, 0);
            packet.data.clear();
            packet.at = (want == Want::Place).then_some(sample.offset);
            if want == Want::Content {
                self.cache.read(self.source, sample.offset, sample.size, &mut packet.data)?;
            }
            return Ok(true);
        }
        if self.cut {
            return Err(Error::malformed("the file ends before its media data does"));
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
