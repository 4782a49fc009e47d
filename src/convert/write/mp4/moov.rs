//! The boxes before the content: `ftyp` and `moov`. Plain boxes are the crate `mp4`'s; tables with a row a sample and the
//! sample entry, which that crate's structures would cut short, are written here.

use super::Brand;
use super::column::Column;
use super::edits::Shown;
use super::table::{Samples, Table};
use crate::convert::spool::failed;
use crate::demux::{Kind, Track};
use crate::error::{Error, Result};
use mp4::{FixedPointU8, FixedPointU16, FtypBox, MoovBox, WriteBox};
use std::io::Write;

/// Enabled, and part of the presentation (ISO/IEC 14496-12 §8.3.2).
const TRACK_FLAGS: u32 = 3;

/// A table that stands in the middle of the bytes.
#[derive(Debug, Clone, Copy)]
enum Which {
    Deltas,
    Offsets,
    Syncs,
    Sizes,
}

/// Where a table stands.
#[derive(Debug, Clone, Copy)]
struct Hole {
    at: usize,
    track: usize,
    which: Which,
}

/// What stands before the content, but for the long tables.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: Vec<u8>,
    holes: Vec<Hole>,
    hole_bytes: u64,
    /// Where open boxes start, and the bytes of holes before.
    open: Vec<(usize, u64)>,
}

/// All that the boxes tell.
pub(super) struct Movie<'a> {
    pub brand: Brand,
    pub tracks: &'a [Track],
    pub table: &'a Table,
    pub shown: &'a [Shown],
    pub entries: &'a [Vec<u8>],
    pub timescale: u32,
}

impl Movie<'_> {
    /// The boxes, for content that starts at `content`; with `wide` for offsets beyond 4 GiB.
    pub(super) fn head(&self, content: u64, wide: bool) -> Result<Head> {
        let mut head = Head::default();
        self.ftyp().write_box(&mut head.bytes).map_err(broken)?;
        let mut moov = MoovBox::default();
        moov.mvhd.timescale = self.timescale;
        moov.mvhd.duration = self.shown.iter().map(|shown| shown.duration).max().unwrap_or(0);
        moov.mvhd.version = version(moov.mvhd.duration);
        moov.mvhd.next_track_id = u32::try_from(self.tracks.len()).unwrap_or(u32::MAX - 1) + 1;
        head.begin(*b"moov");
        moov.mvhd.write_box(&mut head.bytes).map_err(broken)?;
        // A track without packets is left out: some players take it for a broken one.
        let filled = self.table.tracks.iter().enumerate().filter(|(_, samples)| samples.count > 0);
        for (index, _) in filled {
            self.trak(&mut head, index, content, wide)?;
        }
        head.end()?;
        Ok(head)
    }

    fn ftyp(&self) -> FtypBox {
        let avc = self.entries.iter().any(|entry| super::entry::is_avc(entry));
        let (major, minor, compatible): (&[u8; 4], u32, &[&[u8; 4]]) = match self.brand {
            Brand::Mp4 if avc => (b"isom", 512, &[b"isom", b"iso2", b"avc1", b"mp41"]),
            Brand::Mp4 => (b"isom", 512, &[b"isom", b"iso2", b"mp41"]),
            Brand::M4a => (b"M4A ", 0, &[b"M4A ", b"isom", b"mp42"]),
            Brand::ThreeGp if avc => (b"3gp6", 256, &[b"3gp6", b"isom", b"iso2", b"avc1"]),
            Brand::ThreeGp => (b"3gp4", 256, &[b"3gp4", b"isom"]),
        };
        let compatible_brands = compatible.iter().map(|&&brand| brand.into()).collect();
        FtypBox { major_brand: (*major).into(), minor_version: minor, compatible_brands }
    }

    fn trak(&self, head: &mut Head, index: usize, content: u64, wide: bool) -> Result<()> {
        let (Some(track), Some(samples), Some(shown), Some(entry)) =
            (self.tracks.get(index), self.table.tracks.get(index), self.shown.get(index), self.entries.get(index))
        else {
            return Err(Error::engine("a track without its tables"));
        };
        // The crate does not name the types of these boxes; a movie of one track makes them.
        let mut moov = MoovBox::default();
        moov.traks.push(Default::default());
        let Some(trak) = moov.traks.first_mut() else { return Ok(()) };
        let video = track.kind == Kind::Video;

        head.begin(*b"trak");
        let tkhd = &mut trak.tkhd;
        (tkhd.version, tkhd.flags) = (version(shown.duration), TRACK_FLAGS);
        (tkhd.track_id, tkhd.duration) = (u32::try_from(index).unwrap_or(0) + 1, shown.duration);
        tkhd.volume = FixedPointU8::new(u8::from(!video));
        if let (true, Some([a, b, u, c, d, v, x, y, w])) = (video, track.matrix) {
            let matrix = &mut tkhd.matrix;
            (matrix.a, matrix.b, matrix.u, matrix.c, matrix.d) = (a, b, u, c, d);
            (matrix.v, matrix.x, matrix.y, matrix.w) = (v, x, y, w);
        }
        if video {
            let (width, height) = shape(track, entry);
            (tkhd.width, tkhd.height) = (FixedPointU16::new_raw(width), FixedPointU16::new_raw(height));
        }
        tkhd.write_box(&mut head.bytes).map_err(broken)?;
        self.edts(head, shown)?;

        head.begin(*b"mdia");
        let mdhd = &mut trak.mdia.mdhd;
        (mdhd.version, mdhd.timescale, mdhd.duration) = (version(samples.duration), track.timescale, samples.duration);
        mdhd.language = language(track);
        mdhd.write_box(&mut head.bytes).map_err(broken)?;
        let hdlr = &mut trak.mdia.hdlr;
        let (handler, name) = if video { (*b"vide", "VideoHandler") } else { (*b"soun", "SoundHandler") };
        (hdlr.handler_type, hdlr.name) = (handler.into(), name.to_owned());
        hdlr.write_box(&mut head.bytes).map_err(broken)?;

        head.begin(*b"minf");
        let minf = &mut trak.mdia.minf;
        if video {
            let vmhd = minf.vmhd.get_or_insert_default();
            // Fixed by the standard (§12.1.2).
            vmhd.flags = 1;
            vmhd.write_box(&mut head.bytes).map_err(broken)?;
        } else {
            minf.smhd.get_or_insert_default().write_box(&mut head.bytes).map_err(broken)?;
        }
        minf.dinf.write_box(&mut head.bytes).map_err(broken)?;

        head.begin(*b"stbl");
        head.stsd(entry)?;
        head.tables(index, samples)?;
        self.stsc_and_stco(head, index, content, wide)?;
        // stbl, minf, mdia, trak
        (0..4).try_for_each(|_| head.end())
    }

    fn edts(&self, head: &mut Head, shown: &Shown) -> Result<()> {
        if shown.edits.is_empty() {
            return Ok(());
        }
        let mut moov = MoovBox::default();
        moov.traks.push(Default::default());
        let Some(trak) = moov.traks.first_mut() else { return Ok(()) };
        let elst = trak.edts.get_or_insert_default().elst.get_or_insert_default();
        let large = |edit: &super::edits::Edit| {
            u32::try_from(edit.duration).is_err() || i32::try_from(edit.media_time).is_err()
        };
        elst.version = u8::from(shown.edits.iter().any(large));
        for edit in &shown.edits {
            elst.entries.push(Default::default());
            let Some(entry) = elst.entries.last_mut() else { continue };
            (entry.segment_duration, entry.media_time) = (edit.duration, edit.media_time.cast_unsigned());
            let [a, b, c, d] = edit.rate.to_be_bytes();
            (entry.media_rate, entry.media_rate_fraction) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        }
        head.begin(*b"edts");
        elst.write_box(&mut head.bytes).map_err(broken)?;
        head.end()
    }

    fn stsc_and_stco(&self, head: &mut Head, index: usize, content: u64, wide: bool) -> Result<()> {
        let mut moov = MoovBox::default();
        moov.traks.push(Default::default());
        let Some(trak) = moov.traks.first_mut() else { return Ok(()) };
        let stbl = &mut trak.mdia.minf.stbl;
        let mut at = content;
        let mut number = 0_u32;
        let mut same = 0_u32;
        for chunk in &self.table.chunks {
            let start = at;
            at = at.saturating_add(chunk.bytes);
            if chunk.track != index {
                continue;
            }
            number += 1;
            if chunk.samples != same {
                same = chunk.samples;
                stbl.stsc.entries.push(Default::default());
                let Some(entry) = stbl.stsc.entries.last_mut() else { continue };
                (entry.first_chunk, entry.samples_per_chunk, entry.sample_description_index) = (number, same, 1);
            }
            if wide {
                stbl.co64.get_or_insert_default().entries.push(start);
            } else {
                let start = u32::try_from(start).map_err(|_| Error::engine("a chunk lies beyond 4 GiB"))?;
                stbl.stco.get_or_insert_default().entries.push(start);
            }
        }
        stbl.stsc.write_box(&mut head.bytes).map_err(broken)?;
        if wide {
            stbl.co64.get_or_insert_default().write_box(&mut head.bytes).map_err(broken)?;
        } else {
            stbl.stco.get_or_insert_default().write_box(&mut head.bytes).map_err(broken)?;
        }
        Ok(())
    }
}

impl Head {
    fn begin(&mut self, kind: [u8; 4]) {
        self.open.push((self.bytes.len(), self.hole_bytes));
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind);
    }

    fn end(&mut self) -> Result<()> {
        let Some((at, holes)) = self.open.pop() else { return Err(Error::engine("a box ends that did not start")) };
        let size = (self.bytes.len() - at) as u64 + self.hole_bytes - holes;
        let size = u32::try_from(size).map_err(|_| Error::limit("has too many packets for one MP4"))?;
        if let Some(field) = self.bytes.get_mut(at..at + 4) {
            field.copy_from_slice(&size.to_be_bytes());
        }
        Ok(())
    }

    fn words(&mut self, words: &[u32]) {
        words.iter().for_each(|word| self.bytes.extend(word.to_be_bytes()));
    }

    fn stsd(&mut self, entry: &[u8]) -> Result<()> {
        self.begin(*b"stsd");
        self.words(&[0, 1]);
        self.bytes.extend(entry);
        self.end()
    }

    /// The tables of samples, each of which is filled in when it is written.
    fn tables(&mut self, track: usize, samples: &Samples) -> Result<()> {
        self.table(*b"stts", &[0], 8, (track, Which::Deltas), &samples.deltas)?;
        if samples.offset.0 < samples.offset.1 {
            self.table(*b"ctts", &[0], 8, (track, Which::Offsets), &samples.offsets)?;
        }
        if !samples.all_sync {
            self.table(*b"stss", &[0], 4, (track, Which::Syncs), &samples.syncs)?;
        }
        match samples.one_size {
            Some(size) => {
                self.begin(*b"stsz");
                self.words(&[0, size, samples.count]);
                self.end()
            }
            None => self.table(*b"stsz", &[0, 0], 4, (track, Which::Sizes), &samples.sizes),
        }
    }

    /// A table box: `before`, the number of rows of `row` bytes, and the hole.
    fn table(
        &mut self,
        kind: [u8; 4],
        before: &[u32],
        row: u64,
        (track, which): (usize, Which),
        column: &Column,
    ) -> Result<()> {
        self.begin(kind);
        self.words(before);
        let rows = column.len() / row;
        self.words(&[u32::try_from(rows).map_err(|_| Error::limit("has too many packets for one MP4"))?]);
        self.holes.push(Hole { at: self.bytes.len(), track, which });
        self.hole_bytes += column.len();
        self.end()
    }

    /// How many bytes it has, tables included.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.hole_bytes
    }

    /// Writes it, with the tables in their places; `bases` is what is taken off each track's composition offsets.
    pub(super) fn write(&self, out: &mut impl Write, table: &mut Table, bases: &[i64]) -> Result<()> {
        let mut from = 0;
        for hole in &self.holes {
            out.write_all(self.bytes.get(from..hole.at).unwrap_or_default()).map_err(failed)?;
            from = hole.at;
            let Some(samples) = table.tracks.get_mut(hole.track) else { continue };
            match hole.which {
                Which::Deltas => samples.deltas.write(out, |_| {})?,
                Which::Syncs => samples.syncs.write(out, |_| {})?,
                Which::Sizes => samples.sizes.write(out, |_| {})?,
                Which::Offsets => {
                    let base = bases.get(hole.track).copied().unwrap_or(0);
                    samples.offsets.write(out, |rows| rebase(rows, base))?;
                }
            }
        }
        out.write_all(self.bytes.get(from..).unwrap_or_default()).map_err(failed)
    }
}

/// Takes `base` off the offset of each row.
fn rebase(rows: &mut [u8], base: i64) {
    if base == 0 {
        return;
    }
    for row in rows.chunks_exact_mut(8) {
        let Some(field) = row.last_chunk_mut::<4>() else { continue };
        let offset = i64::from(i32::from_be_bytes(*field)).saturating_sub(base);
        *field = u32::try_from(offset).unwrap_or(0).to_be_bytes();
    }
}

/// Width and height as shown, 16.16 fixed point: the entry's, with pixels made square.
fn shape(track: &Track, entry: &[u8]) -> (u32, u32) {
    let coded = |at| crate::bytes::be16(entry, at).map_or(0, u32::from);
    let (width, height) = track.size.unwrap_or((coded(32), coded(34)));
    let (wide, high) = track.pixel_aspect.filter(|&(wide, high)| wide > 0 && high > 0).unwrap_or((1, 1));
    let width = (u64::from(width) << 16) * u64::from(wide) / u64::from(high);
    (u32::try_from(width).unwrap_or(u32::MAX), u32::try_from(u64::from(height) << 16).unwrap_or(u32::MAX))
}

/// Three letters, or "undetermined".
fn language(track: &Track) -> String {
    let code = track.language.as_deref().filter(|code| code.len() == 3 && code.bytes().all(|c| c.is_ascii_lowercase()));
    code.unwrap_or("und").to_owned()
}

/// Version 1 of a box has 64-bit durations.
fn version(duration: u64) -> u8 {
    u8::from(u32::try_from(duration).is_err())
}

/// Boxes are written into memory, which does not fail.
fn broken(error: mp4::Error) -> Error {
    Error::engine(format!("a box cannot be written: {error}"))
}
