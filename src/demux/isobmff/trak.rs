//! One track (ISO/IEC 14496-12 §8.3): its headers, its description, its tables.

use super::guard::{child, children};
use super::header::{self, MediaHeader, MovieHeader, TrackHeader};
use super::meta::{Tags, chapters};
use super::table::SampleTable;
use super::{edit, sound, stsd};
use crate::bytes::be32;
use crate::demux::{Kind, Track};
use crate::facts::OtherKind;

/// Codecs of still pictures: a track of one of them is a cover.
const STILLS: [&str; 2] = ["mjpeg", "png"];

/// A track and its tables.
#[derive(Debug)]
pub(super) struct Media {
    /// As others see it.
    pub track: Track,
    /// Its samples.
    pub table: SampleTable,
    /// Tracks that hold its chapters.
    pub chapters: Vec<u32>,
    /// The code of its sample entry.
    pub code: Option<[u8; 4]>,
    /// Whether a box inside breaks the rules.
    pub broken: bool,
    /// Whether its samples are in another file.
    pub elsewhere: bool,
}

/// Reads the content of `trak`.
pub(super) fn read(trak: &[u8], movie: &MovieHeader, tags: &mut Tags) -> Media {
    let (mut head, mut mdia, mut edits, mut named) = (TrackHeader::default(), None, None, Vec::new());
    let mut boxes = children(trak);
    for found in boxes.by_ref() {
        match &found.kind {
            b"tkhd" => head = header::track(found.body).unwrap_or_default(),
            b"mdia" => mdia = mdia.or(Some(found.body)),
            b"edts" => edits = edits.or(Some(found.body)),
            b"tref" => named = chapters(found.body),
            b"udta" => {
                tags.bytes += found.whole.len() as u64;
                tags.add_list(found.body);
            }
            b"meta" => {
                tags.bytes += found.whole.len() as u64;
                tags.add_meta(found.body);
            }
            _ => {}
        }
    }
    let mut media = media(mdia.unwrap_or_default(), head.id);
    media.broken |= boxes.broken;
    media.chapters = named;
    let track = &mut media.track;
    track.edits = edits.map(|edts| edit::read(edts, movie.timescale)).unwrap_or_default();
    track.default = head.enabled;
    track.matrix = (track.kind == Kind::Video).then_some(header::on_top(head.matrix, movie.matrix));
    if track.size.is_none_or(|(width, height)| width == 0 || height == 0) && track.kind == Kind::Video {
        track.size = Some(head.size);
    }
    media
}

fn media(mdia: &[u8], id: u32) -> Media {
    let (mut head, mut handler, mut minf) = (MediaHeader::default(), None, &[][..]);
    let mut boxes = children(mdia);
    for found in boxes.by_ref() {
        match &found.kind {
            b"mdhd" => head = header::media(found.body).unwrap_or_default(),
            b"hdlr" => handler = header::handler(found.body),
            b"minf" => minf = found.body,
            _ => {}
        }
    }
    let (mut stbl, mut elsewhere) = (&[][..], false);
    let mut inner = children(minf);
    for found in inner.by_ref() {
        match &found.kind {
            b"stbl" => stbl = found.body,
            b"dinf" => elsewhere = is_elsewhere(found.body),
            // The kind of media header stands in for a lost handler.
            b"vmhd" => handler = handler.or(Some(*b"vide")),
            b"smhd" => handler = handler.or(Some(*b"soun")),
            _ => {}
        }
    }
    let mut tables = children(stbl);
    let described = tables.by_ref().find(|found| &found.kind == b"stsd").map(|found| found.body);
    tables.by_ref().for_each(drop);
    let broken = boxes.broken || inner.broken || tables.broken;
    let mut track = Track::new(id.into(), kind(handler), "unknown", head.timescale);
    (track.duration, track.language) = (head.duration, head.language);
    let code = described.and_then(|stsd| stsd::read(stsd, &mut track));
    if track.kind == Kind::Other(OtherKind::Unknown) && matches!(code.as_ref(), Some(b"camm" | b"gpmd")) {
        track.kind = Kind::Other(OtherKind::Metadata);
    }
    let mut table = SampleTable::read(stbl);
    if let Some(bytes) = sound::frame_bytes(&track).filter(|_| track.kind == Kind::Audio) {
        table.set_frame_bytes(bytes);
    }
    // One still in a video track is the cover of a song.
    if track.kind == Kind::Video && table.count == 1 && STILLS.contains(&track.codec.as_str()) {
        track.kind = Kind::Other(OtherKind::Cover);
    }
    // Several entries matter only when samples use them.
    track.descriptions = track.descriptions.min(table.descriptions()).max(1);
    Media { track, table, chapters: Vec::new(), code, broken, elsewhere }
}

/// What a handler's tracks hold (mp4ra.org, "Handlers"; QTFF "Handler Reference Atoms").
fn kind(handler: Option<[u8; 4]>) -> Kind {
    match handler.as_ref() {
        Some(b"vide") => Kind::Video,
        Some(b"soun") => Kind::Audio,
        Some(b"tmcd") => Kind::Other(OtherKind::Timecode),
        Some(b"meta" | b"mett" | b"camm" | b"data") => Kind::Other(OtherKind::Metadata),
        Some(b"text" | b"sbtl" | b"subt" | b"subp" | b"clcp") => Kind::Other(OtherKind::Text),
        Some(b"hint") => Kind::Other(OtherKind::Hint),
        _ => Kind::Other(OtherKind::Unknown),
    }
}

/// Whether `dinf` refers to another file (ISO/IEC 14496-12 §8.7.2): the flag "in this file" is missing, and a name is there.
fn is_elsewhere(dinf: &[u8]) -> bool {
    let references = child(dinf, b"dref").and_then(|dref| dref.get(8..)).unwrap_or_default();
    let mut references = children(references).peekable();
    references.peek().is_some()
        && references.all(|found| be32(found.body, 0).is_some_and(|word| word & 1 == 0) && found.body.len() > 8)
}
