//! The plain header boxes of a movie and its tracks (ISO/IEC 14496-12 §8.2.2, §8.3.2, §8.4.2, §8.8), parsed by `mp4`.

use crate::bytes::{array, be16};
use mp4::{MoovBox, ReadBox};
use std::io::Cursor;

/// The most of a header box that is looked at: they have about a hundred bytes.
const MAX_HEADER: usize = 1024;

/// Track flag: it is there to be played.
const ENABLED: u32 = 1;

/// `mvhd`.
#[derive(Debug, Clone, Copy)]
pub(super) struct MovieHeader {
    /// Ticks per second of the movie's times; at least 1.
    pub timescale: u32,
    /// The upper left of the movie's matrix: `a b c d`.
    pub matrix: [i32; 4],
}

/// `tkhd`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TrackHeader {
    /// Number of the track.
    pub id: u32,
    /// Whether it is there to be played.
    pub enabled: bool,
    /// The matrix as stored: `a b u c d v x y w`.
    pub matrix: [i32; 9],
    /// Width and height of the display in whole pixels.
    pub size: (u32, u32),
}

/// `mdhd`.
#[derive(Debug, Clone, Default)]
pub(super) struct MediaHeader {
    /// Ticks per second of the track's times.
    pub timescale: u32,
    /// Length in ticks, where it is stated.
    pub duration: Option<u64>,
    /// ISO 639 language, where one is named.
    pub language: Option<String>,
}

/// `trex`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TrackExtends {
    /// Number of the track.
    pub id: u32,
    /// Length of a sample in ticks.
    pub duration: u32,
    /// Bytes of a sample.
    pub size: u32,
    /// Flags of a sample.
    pub flags: u32,
}

/// One header box by `mp4`, whose readers want to stand behind eight bytes of header.
fn leaf<T>(body: &[u8]) -> Option<T>
where
    T: for<'r> ReadBox<&'r mut Cursor<Vec<u8>>>,
{
    let body = body.get(..body.len().min(MAX_HEADER))?;
    let mut bytes = vec![0; 8];
    bytes.extend_from_slice(body);
    let size = bytes.len() as u64;
    let mut reader = Cursor::new(bytes);
    reader.set_position(8);
    T::read_box(&mut reader, size).ok()
}

/// All bits set means "unknown", in 32 bits as in 64.
fn known(duration: u64) -> Option<u64> {
    (duration > 0 && duration != u64::from(u32::MAX) && duration != u64::MAX).then_some(duration)
}

// The types of `mp4`'s inner boxes cannot be named from outside: they are met as fields of the box that holds them.

/// Reads `mvhd`.
pub(super) fn movie(body: &[u8]) -> Option<MovieHeader> {
    let moov = MoovBox { mvhd: leaf(body)?, ..MoovBox::default() };
    let matrix = &moov.mvhd.matrix;
    Some(MovieHeader { timescale: moov.mvhd.timescale.max(1), matrix: [matrix.a, matrix.b, matrix.c, matrix.d] })
}

/// Reads `tkhd`.
pub(super) fn track(body: &[u8]) -> Option<TrackHeader> {
    let mut moov = MoovBox::default();
    moov.traks.push(Default::default());
    let trak = moov.traks.first_mut()?;
    trak.tkhd = leaf(body)?;
    let (tkhd, matrix) = (&trak.tkhd, &trak.tkhd.matrix);
    Some(TrackHeader {
        id: tkhd.track_id,
        enabled: tkhd.flags & ENABLED != 0,
        matrix: [matrix.a, matrix.b, matrix.u, matrix.c, matrix.d, matrix.v, matrix.x, matrix.y, matrix.w],
        size: (u32::from(tkhd.width.value()), u32::from(tkhd.height.value())),
    })
}

/// A track's matrix with the movie's on top of it, which only some players look at (§8.2.2): what the track alone has to say.
pub(super) fn on_top(track: [i32; 9], movie: [i32; 4]) -> [i32; 9] {
    const ONE: i32 = 1 << 16;
    // Writers leave zeros where they mean nothing.
    if movie == [ONE, 0, 0, ONE] || movie == [0; 4] {
        return track;
    }
    let [a, b, u, c, d, v, x, y, w] = track;
    let (a, b, c, d) = if (a, b, c, d) == (0, 0, 0, 0) { (ONE, 0, 0, ONE) } else { (a, b, c, d) };
    let [e, f, g, h] = movie.map(i64::from);
    let row = |left: i32, right: i32| {
        let times = |one: i64, other: i64| (i64::from(left) * one + i64::from(right) * other) >> 16;
        (i32::try_from(times(e, g)).unwrap_or(0), i32::try_from(times(f, h)).unwrap_or(0))
    };
    let ((a, b), (c, d), (x, y)) = (row(a, b), row(c, d), row(x, y));
    [a, b, u, c, d, v, x, y, w]
}

/// Languages by the numbers that QuickTime took from the Macintosh (QTFF, "Language Code Values"). 0 is English, and what
/// writers leave who know none.
#[rustfmt::skip]
const MACINTOSH: [&str; 47] = [
    "und", "fra", "deu", "ita", "nld", "swe", "spa", "dan", "por", "nor", "heb", "jpn", "ara", "fin", "ell", "isl", "mlt", "tur",
    "hrv", "zho", "urd", "hin", "tha", "kor", "lit", "pol", "hun", "est", "lav", "und", "fao", "fas", "rus", "zho", "nld", "gle",
    "sqi", "ron", "ces", "slk", "slv", "yid", "srp", "mkd", "bul", "ukr", "bel",
];

/// Reads `mdhd`.
pub(super) fn media(body: &[u8]) -> Option<MediaHeader> {
    let mut moov = MoovBox::default();
    moov.traks.push(Default::default());
    let trak = moov.traks.first_mut()?;
    trak.mdia.mdhd = leaf(body)?;
    let mdhd = &trak.mdia.mdhd;
    // QuickTime has numbers of Macintosh languages here, below 0x400: no three letters.
    let number = be16(body, if body.first() == Some(&1) { 32 } else { 20 }).map_or(usize::MAX, usize::from);
    let language = MACINTOSH.get(number).copied().unwrap_or(&mdhd.language);
    let named = language.bytes().all(|byte| byte.is_ascii_lowercase()) && language != "und";
    Some(MediaHeader {
        timescale: mdhd.timescale,
        duration: known(mdhd.duration),
        language: named.then(|| language.to_owned()),
    })
}

/// Reads `trex`.
pub(super) fn extends(body: &[u8]) -> Option<TrackExtends> {
    let mut moov = MoovBox::default();
    let mvex = moov.mvex.get_or_insert_with(Default::default);
    mvex.trex = leaf(body)?;
    let trex = &mvex.trex;
    Some(TrackExtends {
        id: trex.track_id,
        duration: trex.default_sample_duration,
        size: trex.default_sample_size,
        flags: trex.default_sample_flags,
    })
}

/// The handler of `hdlr`: `vide`. Not by `mp4`, which refuses a handler without a name.
pub(super) fn handler(body: &[u8]) -> Option<[u8; 4]> {
    array(body, 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_movie_turns_its_tracks() {
        const ONE: i32 = 1 << 16;
        let matrix = |a, b, c, d| [a, b, 0, c, d, 0, 0, 0, 1 << 30];
        assert_eq!(on_top(matrix(ONE, 0, 0, ONE), [0, -ONE, ONE, 0]), matrix(0, -ONE, ONE, 0));
        assert_eq!(on_top(matrix(0, ONE, -ONE, 0), [0, ONE, -ONE, 0]), matrix(-ONE, 0, 0, -ONE));
        assert_eq!(on_top([0; 9], [0, ONE, -ONE, 0])[..5], [0, ONE, 0, -ONE, 0]);
        assert_eq!(on_top([7; 9], [0; 4]), [7; 9]);
    }

    #[test]
    fn headers_are_read_and_cut_ones_refused() {
        let mut body = vec![0; 20];
        body[15] = 100;
        body[12..16].copy_from_slice(&48_000_u32.to_be_bytes());
        body[16..20].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(media(&body).is_none());
        body.extend_from_slice(&[0x15, 0xc7, 0, 0]);
        let header = media(&body).unwrap();
        assert_eq!((header.timescale, header.duration, header.language.as_deref()), (48_000, None, Some("eng")));
        body[20..22].copy_from_slice(&[0, 2]);
        assert_eq!(media(&body).unwrap().language.as_deref(), Some("deu"));
        assert!(movie(&[0; 30]).is_none() && track(&[7; 84]).is_none() && extends(&[]).is_none());
    }
}
