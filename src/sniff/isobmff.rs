//! ISO base media files (MP4, QuickTime, 3GP, HEIF, AVIF, JPEG 2000, JPEG XL): what their boxes and tracks say.
//!
//! Tracks decide, not brands: an `isom` file with sound alone is an M4A (whatsapp-media §1.4).

use super::Sniffed;
use super::bytes::{Window, array, be16, be32, be64, code_name};
use super::movie::{self, Movie};
use crate::error::Result;
use crate::format::Format;

/// The most boxes that are looked at on one level: a file of empty boxes must not keep us busy.
const MAX_BOXES: usize = 512;

/// The most items of a picture whose types are read.
const MAX_ITEMS: usize = 64;

/// Boxes that a file may start with.
#[rustfmt::skip]
const FIRST_BOXES: &[&[u8; 4]] = &[
    b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"sidx", b"emsg", b"meta", b"free", b"skip", b"wide", b"pnot", b"uuid", b"prft",
    b"jP  ", b"JXL ",
];

/// Brands of pictures coded with HEVC (ISO/IEC 23008-12 annex B), and of the AV1 ones (AV1 in HEIF §6).
const HEIC_BRANDS: &[&[u8; 4]] = &[b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"];
const AVIF_BRANDS: &[&[u8; 4]] = &[b"avif", b"avis", b"avio"];

/// Brands of pictures that do not tell the codec.
const PICTURE_BRANDS: &[&[u8; 4]] = &[b"mif1", b"mif2", b"mif3", b"msf1", b"miaf", b"tmap", b"pict"];

/// Where a box's content lies.
#[derive(Clone, Copy)]
pub(super) struct BoxAt {
    /// The four-character code.
    pub(super) kind: [u8; 4],
    /// Where its content starts.
    pub(super) body: u64,
    /// Where it ends, never beyond its parent.
    pub(super) end: u64,
}

/// The box at `offset` of a parent that ends at `limit` (ISO/IEC 14496-12 §4.2). Every size is a lie until held against the
/// parent: a box that is too long ends with it, one shorter than its own header ends the walk.
pub(super) fn box_at(window: &mut Window<'_>, offset: u64, limit: u64) -> Result<Option<BoxAt>> {
    if offset >= limit {
        return Ok(None);
    }
    let header = window.at(offset, 16)?;
    let (Some(size), Some(kind)) = (be32(header, 0), array(header, 4)) else { return Ok(None) };
    let (size, length) = match size {
        0 => (limit - offset, 8),
        1 => (be64(header, 8).unwrap_or(0), 16),
        size => (u64::from(size), 8),
    };
    if size < length {
        return Ok(None);
    }
    let end = offset.saturating_add(size).min(limit);
    Ok(Some(BoxAt { kind, body: (offset + length).min(end), end }))
}

/// The boxes from `start` to `end`.
pub(super) fn children(window: &mut Window<'_>, start: u64, end: u64) -> Result<Vec<BoxAt>> {
    let mut boxes = Vec::new();
    let mut offset = start;
    while boxes.len() < MAX_BOXES
        && let Some(found) = box_at(window, offset, end)?
    {
        offset = found.end;
        boxes.push(found);
    }
    Ok(boxes)
}

/// What the top level of a file holds.
#[derive(Default)]
struct Outline {
    major: Option<[u8; 4]>,
    compatible: Vec<[u8; 4]>,
    movie: Option<Movie>,
    meta: Option<BoxAt>,
    fragments: bool,
}

/// Looks at a file that starts with a known box.
pub(super) fn examine(window: &mut Window<'_>) -> Result<Option<Sniffed>> {
    let head = window.head();
    let first = array::<4>(head, 4);
    let Some(first) = first.filter(|kind| FIRST_BOXES.contains(&kind)) else { return Ok(None) };
    // Only media may take 16 MiB or more at the start of a file; a text may have such a word in its fifth place.
    if &first != b"mdat" && head.first() != Some(&0) {
        return Ok(None);
    }
    match &first {
        // The signature boxes carry CR LF 0x87 LF (ISO/IEC 15444-1 I.5.1, ISO/IEC 18181-2).
        b"jP  " => return Ok(signed(head).then(|| Sniffed::of(Format::Jp2))),
        b"JXL " => return Ok(signed(head).then(|| Sniffed::of(Format::Jxl))),
        _ => {}
    }
    let outline = outline(window)?;
    let Some(format) = decide(window, &outline)? else { return Ok(None) };
    let mut streams = outline.movie.map(|movie| movie.streams).unwrap_or_default();
    streams.fragmented |= outline.fragments;
    streams.brand = outline.major.map(|major| code_name(&major));
    Ok(Some(Sniffed::of(format).with(streams)))
}

fn signed(head: &[u8]) -> bool {
    head.get(8..12) == Some(b"\r\n\x87\n")
}

/// Walks the top level by positioned reads until the tracks are known.
fn outline(window: &mut Window<'_>) -> Result<Outline> {
    let mut outline = Outline::default();
    let (mut offset, end) = (0, window.len());
    for _ in 0..MAX_BOXES {
        let Some(found) = box_at(window, offset, end)? else { break };
        match &found.kind {
            b"ftyp" | b"styp" if outline.major.is_none() => {
                let count = usize::try_from(found.end - found.body).unwrap_or(usize::MAX).min(256);
                let brands = window.at(found.body, count)?;
                outline.major = array(brands, 0);
                outline.compatible = brands.chunks_exact(4).skip(2).filter_map(|brand| array(brand, 0)).collect();
                if outline.major.is_some_and(|major| is_picture(&major)) && outline.knows_picture() {
                    break;
                }
            }
            b"moov" if outline.movie.is_none() => outline.movie = Some(movie::read(window, found)?),
            b"meta" if outline.meta.is_none() => outline.meta = Some(found),
            b"moof" => outline.fragments = true,
            _ => {}
        }
        if outline.fragments || outline.movie.as_ref().is_some_and(|movie| movie.streams.fragmented) {
            break;
        }
        offset = found.end;
    }
    Ok(outline)
}

impl Outline {
    fn has_brand(&self, brands: &[&[u8; 4]]) -> bool {
        self.major.iter().chain(&self.compatible).any(|brand| brands.contains(&brand))
    }

    /// Whether the brands alone tell the codec of a picture.
    fn knows_picture(&self) -> bool {
        self.has_brand(HEIC_BRANDS) != self.has_brand(AVIF_BRANDS)
    }
}

fn is_picture(brand: &[u8; 4]) -> bool {
    [HEIC_BRANDS, AVIF_BRANDS, PICTURE_BRANDS].iter().any(|brands| brands.contains(&brand))
}

fn decide(window: &mut Window<'_>, outline: &Outline) -> Result<Option<Format>> {
    if let Some(major) = outline.major {
        match &major {
            b"crx " => return Ok(Some(Format::RawPhoto)),
            b"jp2 " | b"jpx " | b"jpm " | b"jph " => return Ok(Some(Format::Jp2)),
            b"jxl " => return Ok(Some(Format::Jxl)),
            _ if is_picture(&major) => return picture(window, outline, &major).map(Some),
            _ => {}
        }
    }
    match &outline.movie {
        Some(movie) if movie.has_video() || movie.has_audio() => Ok(Some(by_tracks(movie, outline.major))),
        // A picture without `ftyp`, or under a brand of films.
        _ if outline.meta.is_some() => match item_format(window, outline)? {
            Some(format) => Ok(Some(format)),
            None => Ok(by_brand(outline)),
        },
        _ => Ok(by_brand(outline)),
    }
}

/// A still picture or a sequence of pictures.
fn picture(window: &mut Window<'_>, outline: &Outline, major: &[u8; 4]) -> Result<Format> {
    if HEIC_BRANDS.contains(&major) {
        return Ok(Format::Heic);
    }
    if AVIF_BRANDS.contains(&major) {
        return Ok(Format::Avif);
    }
    if let Some(format) = item_format(window, outline)? {
        return Ok(format);
    }
    Ok(if outline.has_brand(AVIF_BRANDS) && !outline.has_brand(HEIC_BRANDS) { Format::Avif } else { Format::Heic })
}

/// The picture format by the types of the items in `meta`/`iinf` (ISO/IEC 14496-12 §8.11.6).
fn item_format(window: &mut Window<'_>, outline: &Outline) -> Result<Option<Format>> {
    let Some(meta) = outline.meta else { return Ok(None) };
    // A version word stands before the children, but not in QuickTime's `meta`.
    let boxes = children(window, meta.body.saturating_add(4), meta.end)?;
    let handler = boxes.iter().find(|child| &child.kind == b"hdlr").copied();
    let Some(handler) = handler else { return Ok(None) };
    if window.code(handler.body.saturating_add(8))? != Some(*b"pict") {
        return Ok(None);
    }
    let Some(items) = boxes.iter().find(|child| &child.kind == b"iinf").copied() else { return Ok(Some(Format::Heic)) };
    let long_count = window.at(items.body, 1)?.first().is_some_and(|&version| version > 0);
    let mut offset = items.body.saturating_add(if long_count { 8 } else { 6 });
    let mut found = None;
    for _ in 0..MAX_ITEMS {
        let Some(item) = box_at(window, offset, items.end)? else { break };
        offset = item.end;
        let entry = window.at(item.body, 16)?;
        let kind = array::<4>(entry, if entry.first() == Some(&3) { 10 } else { 8 });
        match kind.as_ref() {
            Some(b"av01") => return Ok(Some(Format::Avif)),
            Some(b"hvc1" | b"lhv1") => return Ok(Some(Format::Heic)),
            Some(b"jpeg" | b"avc1" | b"vvc1" | b"unci" | b"j2k1") => found = Some(Format::Heic),
            _ => {}
        }
    }
    Ok(found)
}

/// Whether `brand` is of 3GPP or 3GPP2 (3GPP TS 26.244 §5.4, C.S0050).
fn is_3gp(brand: [u8; 4]) -> bool {
    matches!(&brand, [b'3', b'g', b'p' | b'2' | b'e' | b'g' | b'r' | b's' | b'h' | b't', _] | b"kddi")
}

fn by_tracks(movie: &Movie, major: Option<[u8; 4]>) -> Format {
    let audio_brand = matches!(major.as_ref(), Some(b"M4A " | b"M4B " | b"M4P "));
    // Chapter pictures of an audio book are a video track of stills.
    let audio_only = !movie.has_video() || (audio_brand && movie.has_audio() && movie.only_stills());
    match (major, audio_only) {
        (None, true) => Format::MovAudio,
        (None, false) => Format::Mov,
        (Some(brand), true) if is_3gp(brand) => Format::ThreeGpAudio,
        (Some(brand), false) if is_3gp(brand) => Format::ThreeGp,
        (Some(brand), _) => match (&brand, audio_only) {
            (b"qt  ", true) => Format::MovAudio,
            (b"qt  " | b"mqt ", false) => Format::Mov,
            (b"M4V " | b"M4VH" | b"M4VP", false) => Format::M4v,
            (_, true) => Format::M4a,
            (_, false) => Format::Mp4,
        },
    }
}

/// No tracks were found: the file is cut, a lone segment, or empty. The brand is all there is.
fn by_brand(outline: &Outline) -> Option<Format> {
    let Some(major) = outline.major else {
        if outline.movie.is_some() {
            return Some(Format::Mov);
        }
        return outline.fragments.then_some(Format::Mp4);
    };
    Some(match &major {
        b"qt  " | b"mqt " => Format::Mov,
        b"M4V " | b"M4VH" | b"M4VP" => Format::M4v,
        b"M4A " | b"M4B " | b"M4P " | b"F4A " | b"F4B " => Format::M4a,
        _ if is_3gp(major) => Format::ThreeGp,
        _ => Format::Mp4,
    })
}

/// The 16-bit number at `offset` of the file.
pub(super) fn number16(window: &mut Window<'_>, offset: u64) -> Result<Option<u16>> {
    Ok(be16(window.at(offset, 2)?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(body);
        bytes
    }

    fn track(handler: &[u8; 4], entry: &[u8; 4]) -> Vec<u8> {
        let mut entry_body = vec![0; 28];
        entry_body[17] = 1;
        let stsd = boxed(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &boxed(entry, &entry_body)].concat());
        let hdlr = boxed(b"hdlr", &[&[0; 8][..], handler, &[0; 12]].concat());
        boxed(b"trak", &boxed(b"mdia", &[hdlr, boxed(b"minf", &boxed(b"stbl", &stsd))].concat()))
    }

    fn sniff(bytes: Vec<u8>) -> Option<Sniffed> {
        let source = Source::from_bytes(bytes, None);
        examine(&mut Window::new(&source).unwrap()).unwrap()
    }

    #[test]
    fn tracks_decide_and_the_brand_only_names_the_kind() {
        type Case<'a> = (&'a [u8; 4], &'a [&'a [u8; 4]], Format);
        let cases: [Case<'_>; 6] = [
            (b"isom", &[b"soun"], Format::M4a),
            (b"isom", &[b"soun", b"vide"], Format::Mp4),
            (b"M4A ", &[b"soun", b"vide"], Format::Mp4),
            (b"qt  ", &[b"soun"], Format::MovAudio),
            (b"3gp5", &[b"soun"], Format::ThreeGpAudio),
            (b"M4V ", &[b"vide", b"soun", b"text"], Format::M4v),
        ];
        for (brand, handlers, format) in cases {
            let tracks = handlers.iter().map(|handler| match *handler {
                b"vide" => track(handler, b"avc1"),
                _ => track(handler, b"samr"),
            });
            let moov = boxed(b"moov", &tracks.collect::<Vec<_>>().concat());
            let ftyp = boxed(b"ftyp", &[&brand[..], &[0; 4]].concat());
            // The movie box stands behind 100 KB of media: it is found by position.
            let bytes = [ftyp, boxed(b"mdat", &[0; 100_000]), moov].concat();
            let sniffed = sniff(bytes).unwrap();
            assert_eq!(sniffed.format, format, "{brand:?}");
            assert_eq!(sniffed.streams.audio_codecs, ["amr"], "{brand:?}");
            assert_eq!(sniffed.streams.channels, Some(1));
        }
    }

    #[test]
    fn one_still_beside_sound_is_a_cover_and_more_are_a_film() {
        let stills = |count: u8| {
            let stsz = boxed(b"stsz", &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, count]);
            let stsd = boxed(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &boxed(b"jpeg", &[0; 78])].concat());
            let minf = boxed(b"minf", &boxed(b"stbl", &[stsd, stsz].concat()));
            let hdlr = boxed(b"hdlr", &[&[0; 8][..], b"vide", &[0; 12]].concat());
            let cover = boxed(b"trak", &boxed(b"mdia", &[hdlr, minf].concat()));
            let moov = boxed(b"moov", &[track(b"soun", b"alac"), cover].concat());
            sniff([boxed(b"ftyp", b"isom\0\0\0\0"), moov].concat()).unwrap().format
        };
        assert_eq!((stills(1), stills(2)), (Format::M4a, Format::Mp4));
    }

    #[test]
    fn sizes_that_lie_end_the_walk() {
        assert!(sniff(vec![0, 0, 0, 4, b'm', b'd', b'a', b't']).is_none());
        let endless = [&[0, 0, 0, 1][..], b"mdat", &[0xff; 8]].concat();
        assert!(sniff(endless).is_none());
        let brand_alone = [&[0, 0, 0xff, 0xff][..], b"ftypmp42"].concat();
        assert_eq!(sniff(brand_alone).unwrap().format, Format::Mp4);
    }

    #[test]
    fn picture_without_ftyp_is_told_by_its_items() {
        let infe = boxed(b"infe", &[&[2, 0, 0, 0, 0, 1, 0, 0][..], b"av01\0"].concat());
        let iinf = boxed(b"iinf", &[&[0, 0, 0, 0, 0, 1][..], &infe].concat());
        let hdlr = boxed(b"hdlr", &[&[0; 8][..], b"pict", &[0; 13]].concat());
        let meta = boxed(b"meta", &[&[0; 4][..], &hdlr, &iinf].concat());
        assert_eq!(sniff(meta.clone()).unwrap().format, Format::Avif);
        let mif1 = boxed(b"ftyp", b"mif1\0\0\0\0mif1heicavif");
        assert_eq!(sniff([mif1, meta].concat()).unwrap().format, Format::Avif);
    }
}
