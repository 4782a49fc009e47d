//! JPEG: the marker segments up to the first scan (ITU-T T.81 Annex B).
//!
//! Segments are skipped by their lengths; only the frame header, APP14 and the metadata that is asked for are read.

use super::exif::Tiff;
use super::jpeg_end::{self, Hints};
use super::{Inspected, exif, icc, xmp};
use crate::bytes::{Blocks, Pieces, Region, be16, be32};
use crate::error::Result;
use crate::facts::{ColorModel, Orientation};
use crate::limits::{MAX_ENTRIES, MAX_METADATA};
use crate::source::Source;

/// How much is read of an extended XMP packet, in bytes: depth maps and the like fill megabytes.
const MAX_EXTENSION: u64 = 512 * 1024;

/// What a JPEG's headers tell; with `throughout`, also what stands between its scans, and wherever else it may end.
pub(super) fn inspect(source: &Source, throughout: bool) -> Result<Inspected> {
    let mut walk = Walk {
        file: Region::whole(source),
        source,
        blocks: None,
        found: Inspected::blank(),
        has_frame: false,
        has_quantisation: false,
        has_exif: false,
        components: 0,
        adobe_transform: None,
        profile: Vec::new(),
        hints: Hints { throughout, ..Hints::default() },
        extended: 0,
    };
    if walk.file.array(0)? != Some([0xFF, 0xD8]) {
        walk.found.malformed("no SOI marker at the start");
        return Ok(walk.found);
    }
    let scan = walk.segments()?;
    walk.finish_color()?;
    if let Some(scan) = scan {
        let mut between = Vec::new();
        let end = jpeg_end::find(source, scan, &walk.hints, &mut between)?;
        // Nobody looks between scans for which way up a picture is.
        walk.has_exif = true;
        between.into_iter().try_for_each(|(marker, body)| walk.segment(marker, body))?;
        match end {
            Some(end) => walk.found.image.trailing_bytes = source.len().saturating_sub(end),
            None => walk.found.truncated("the file ends without an EOI marker"),
        }
        walk.found.check_size();
    }
    Ok(walk.found)
}

struct Walk<'a> {
    file: Region<'a>,
    source: &'a Source,
    blocks: Option<Blocks<'a>>,
    found: Inspected,
    has_frame: bool,
    has_quantisation: bool,
    has_exif: bool,
    components: u8,
    adobe_transform: Option<u8>,
    /// ICC segments with their sequence numbers.
    profile: Vec<(u8, Region<'a>)>,
    hints: Hints,
    /// How much of an extended XMP packet was read.
    extended: u64,
}

impl<'a> Walk<'a> {
    /// Walks to the first scan and gives where its coded data starts; `None` with damage noted if there is none.
    fn segments(&mut self) -> Result<Option<u64>> {
        let mut at = 2;
        for _ in 0..MAX_ENTRIES {
            let Some((marker, after)) = self.marker(at)? else {
                self.found.truncated("the file ends before its first scan");
                return Ok(None);
            };
            match marker {
                // TEM, RSTn and SOI stand alone (T.81 table B.1).
                0x01 | 0xD0..=0xD8 => {
                    at = after;
                    continue;
                }
                0xD9 => {
                    self.found.malformed("an EOI marker before the first scan");
                    return Ok(None);
                }
                _ => {}
            }
            let Some(length) = self.file.array(after)?.map(u16::from_be_bytes).map(u64::from) else {
                self.found.truncated(format!("the file ends within marker 0x{marker:02X}"));
                return Ok(None);
            };
            if length < 2 {
                self.found.malformed(format!("segment 0x{marker:02X} with an impossible length; found {length}"));
                return Ok(None);
            }
            let body = self.file.part(after + 2, length - 2);
            self.segment(marker, body)?;
            if body.len() < length - 2 {
                self.found.truncated(format!("segment 0x{marker:02X} ends beyond the file"));
                return Ok(None);
            }
            at = after + length;
            if marker == 0xDA {
                return Ok(self.check_scan().then_some(at));
            }
        }
        self.found.malformed(format!("more than {MAX_ENTRIES} segments"));
        Ok(None)
    }

    /// What decoding needs before the first scan.
    fn check_scan(&mut self) -> bool {
        if !self.has_frame {
            self.found.malformed("a scan without a frame header (SOF)");
        } else if !self.has_quantisation && !self.found.image.lossless {
            self.found.malformed("a scan without a quantisation table (DQT)");
        }
        self.has_frame
    }

    /// The next marker from `at` on, and where it ends. Decoders pass over stray bytes in front of one, so do we.
    fn marker(&mut self, mut at: u64) -> Result<Option<(u8, u64)>> {
        if let Some([0xFF, marker @ 0x01..=0xFE]) = self.file.array(at)? {
            return Ok(Some((marker, at + 2)));
        }
        let mut blocks = match self.blocks.take() {
            Some(blocks) => blocks,
            None => Blocks::new(self.source)?,
        };
        let marker = loop {
            let bytes = blocks.from(at, 2)?;
            if bytes.len() < 2 {
                break None;
            }
            let place = bytes.windows(2).position(|pair| matches!(pair, [0xFF, 0x01..=0xFE]));
            if let Some((index, marker)) = place.and_then(|index| Some((index, *bytes.get(index + 1)?))) {
                break Some((marker, at + index as u64 + 2));
            }
            at += bytes.len() as u64 - 1;
        };
        self.blocks = Some(blocks);
        Ok(marker)
    }

    fn segment(&mut self, marker: u8, body: Region<'a>) -> Result<()> {
        match marker {
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => self.frame(marker, body)?,
            0xDB => self.has_quantisation = true,
            // The JFIF header says how to show the picture; a JFXX extension in APP0 is a thumbnail.
            0xE0 if body.array(0)? == Some(*b"JFIF\0") => {}
            0xE1 => self.app1(body)?,
            0xE2 => self.app2(body)?,
            0xEE => {
                let head = body.bytes(0, 12)?;
                if head.starts_with(b"Adobe") {
                    self.adobe_transform = head.get(11).copied().or(self.adobe_transform);
                } else {
                    self.count_metadata(body);
                }
            }
            0xE0 | 0xE3..=0xEF | 0xFE => self.count_metadata(body),
            _ => {}
        }
        Ok(())
    }

    fn count_metadata(&mut self, body: Region<'_>) {
        self.found.image.metadata_bytes += body.len() + 4;
    }

    /// A frame header (T.81 §B.2.2): precision, height, width, components.
    fn frame(&mut self, marker: u8, body: Region<'_>) -> Result<()> {
        let head = body.bytes(0, 6)?;
        let (Some(&precision), Some(height), Some(width), Some(&components)) =
            (head.first(), be16(&head, 1), be16(&head, 3), head.get(5))
        else {
            self.found.malformed("a frame header (SOF) that is too short");
            return Ok(());
        };
        if self.has_frame {
            self.found.malformed("a second frame header (SOF)");
            return Ok(());
        }
        self.has_frame = true;
        self.components = components;
        let image = &mut self.found.image;
        (image.width, image.height) = (u32::from(width), u32::from(height));
        image.bit_depth = precision;
        image.progressive = matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE);
        image.arithmetic = marker > 0xC8;
        image.lossless = matches!(marker, 0xC3 | 0xC7 | 0xCB | 0xCF);
        let hierarchical = matches!(marker, 0xC5..=0xC7 | 0xCD..=0xCF);
        // No ordinary decoder reads lossless or hierarchical JPEG: its colours count as not known.
        image.color = match components {
            _ if image.lossless || hierarchical => ColorModel::Other,
            1 => ColorModel::Gray,
            3 => ColorModel::Rgb,
            4 => ColorModel::Cmyk,
            _ => ColorModel::Other,
        };
        if components == 0 || body.len() < 6 + 3 * u64::from(components) {
            self.found.malformed(format!("a frame header (SOF) of {components} components in {} bytes", body.len()));
        }
        if !matches!(precision, 2..=16) {
            self.found.malformed(format!("a sample precision of {precision} bits"));
        }
        Ok(())
    }

    /// EXIF, or XMP and its extension (XMP part 3 §1.1.3.1), which holds what did not go into the packet.
    fn app1(&mut self, body: Region<'_>) -> Result<()> {
        const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
        const EXTENSION: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
        self.count_metadata(body);
        let head = body.bytes(0, XMP.len())?;
        if head.starts_with(b"Exif\0") {
            let exif = exif::read(body.from(6))?;
            self.found.note_exif(exif);
            if !self.has_exif {
                self.found.image.orientation = exif.orientation.unwrap_or(Orientation::Normal);
            }
            self.has_exif = true;
        } else if head == XMP {
            let xmp = xmp::read(body.from(XMP.len() as u64))?;
            self.found.note_xmp(xmp);
            self.hints.appended = xmp.appended;
        } else if EXTENSION.starts_with(&head) && self.extended < MAX_EXTENSION {
            // Pictures and depth maps make most of it; text comes first.
            self.extended += body.len();
            let xmp = xmp::read(body.from(EXTENSION.len() as u64))?;
            self.found.note_xmp(xmp);
        }
        Ok(())
    }

    /// A part of the ICC profile (ICC.1 Annex B.4), or the index of a multi-picture file (CIPA DC-007 §5.2).
    fn app2(&mut self, body: Region<'a>) -> Result<()> {
        let head = body.bytes(0, 14)?;
        if let Some(&[sequence, _]) = head.strip_prefix(b"ICC_PROFILE\0") {
            let room = MAX_METADATA as u64 - self.profile.iter().map(|(_, part)| part.len()).sum::<u64>();
            self.profile.push((sequence, body.part(14, room)));
            return Ok(());
        }
        self.count_metadata(body);
        if head.starts_with(b"MPF\0") && self.hints.first_picture.is_none() {
            self.hints.first_picture = first_picture(body.from(4))?;
        }
        Ok(())
    }

    fn finish_color(&mut self) -> Result<()> {
        // Adobe TN 5116: transform 2 with four components is YCCK; APP14 may stand after the frame header.
        if self.found.image.color == ColorModel::Cmyk && self.adobe_transform == Some(2) {
            self.found.image.color = ColorModel::Ycck;
        }
        if !self.profile.is_empty() {
            self.profile.sort_by_key(|(sequence, _)| *sequence);
            let pieces = Pieces(self.profile.iter().map(|(_, part)| *part).collect());
            self.found.image.profile = Some(icc::read_pieces(&pieces)?);
        }
        Ok(())
    }
}

/// The length of a multi-picture file's first picture, from the index's first entry.
fn first_picture(index: Region<'_>) -> Result<Option<u64>> {
    const ENTRIES: u16 = 0xB002;
    let Some((tiff, first)) = Tiff::open(index)? else { return Ok(None) };
    let entries = tiff.entries(first)?.unwrap_or_default();
    let Some(entry) = entries.iter().find(|entry| entry.tag == ENTRIES) else { return Ok(None) };
    let bytes = tiff.data(entry)?.0.bytes(0, 8)?;
    let little = index.array(0)? == Some(*b"II");
    Ok(be32(&bytes, 4).map(|size| u64::from(if little { size.swap_bytes() } else { size })))
}
