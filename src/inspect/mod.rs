//! Bytes → [`Facts`]: one file a format, headers only, by positioned reads, never a full decode.
//!
//! Broken content is not an error here: it becomes [`Damage`], beside whatever could still be measured (a picture
//! without a readable header is 0×0). `Err` is for the operating system alone.
//!
//! Every size, count and offset in a file is a lie until it was checked: reads are clipped to what is there, loops
//! end at `MAX_ENTRIES` or at the end of the file, and nothing is allocated on a file's word.

use crate::error::Result;
use crate::facts::{ColorModel, Damage, DocumentFacts, Facts, ImageFacts, Media, StreamFacts};
use crate::format::{FORMATS, Family, Format};
use crate::sniff::Sniffed;
use crate::source::Source;
use stream::Streamed;

mod adts;
mod asf;
mod au;
mod avi;
mod bmp;
mod caf;
mod exif;
mod flac;
mod flv;
mod framed;
mod gif;
mod heif;
mod heif_items;
mod heif_sequence;
mod icc;
mod ico;
mod jp2;
mod jpeg;
mod jpeg_end;
mod jxl;
mod matroska;
mod movie;
mod mp3;
mod mpegps;
mod mpegts;
mod ogg;
mod packed;
mod png;
mod png_chunk;
mod psd;
mod sbr;
mod sound;
mod stream;
mod svg;
mod tiff;
mod tracks;
mod wav;
mod webp;
mod wma;
mod xmp;

/// What an inspector gives.
#[derive(Debug)]
pub(crate) struct Inspected {
    /// What was measured.
    pub image: ImageFacts,
    /// In what ways the bytes break their format.
    pub damage: Vec<Damage>,
}

impl Inspected {
    /// An empty picture to fill in: 0×0 until its header was read.
    fn blank() -> Self {
        Self { image: ImageFacts::new(0, 0, ColorModel::Other), damage: Vec::new() }
    }

    fn truncated(&mut self, what: impl Into<String>) {
        self.damage.push(Damage::Truncated(what.into()));
    }

    fn malformed(&mut self, what: impl Into<String>) {
        self.damage.push(Damage::Malformed(what.into()));
    }

    /// Says that a size is impossible, unless something was said already.
    fn check_size(&mut self) {
        if self.image.pixels() == 0 && self.damage.is_empty() {
            self.malformed(format!("a size of zero; found {}x{}", self.image.width, self.image.height));
        }
    }

    fn note_exif(&mut self, exif: exif::ExifFacts) {
        self.image.gps |= exif.gps;
        self.image.serials |= exif.serials;
    }

    fn note_xmp(&mut self, xmp: xmp::XmpFacts) {
        self.image.gps |= xmp.gps;
        self.image.serials |= xmp.serials;
    }
}

/// What can be measured of `source` without decoding it.
///
/// # Errors
/// `Io` when it cannot be read.
pub fn inspect(source: &Source, sniffed: &Sniffed) -> Result<Facts> {
    let at = |error: crate::error::Error| match source.name() {
        Some(name) => error.at(name),
        None => error,
    };
    // Read once, so that the many small reads of a header come from memory.
    source.head().map_err(at)?;
    let mut format = sniffed.format;
    let (media, damage) = match format.family() {
        Family::Image => {
            let Inspected { image, damage } = picture(source, sniffed.format).map_err(at)?;
            (Media::Image(image), damage)
        }
        Family::Audio => {
            let Streamed { streams, damage } = stream::inspect(source, sniffed).map_err(at)?;
            (Media::Audio(streams), damage)
        }
        Family::Video => {
            let Streamed { streams, damage } = stream::inspect(source, sniffed).map_err(at)?;
            match without_pictures(sniffed, &streams) {
                Some(sound) => {
                    format = sound;
                    (Media::Audio(streams), damage)
                }
                None => (Media::Video(streams), damage),
            }
        }
        Family::Document => {
            let damage = unrecognised(source, sniffed).into_iter().collect();
            (
                Media::Document(DocumentFacts {
                    utf8_text: sniffed.utf8_text,
                    known_as: sniffed.known_as.map(str::to_owned),
                }),
                damage,
            )
        }
    };
    let file_name = source.name().and_then(|name| name.file_name()).map(|name| name.to_string_lossy().into_owned());
    let extension = source.extension().map(str::to_lowercase);
    Ok(Facts { format, bytes: source.len(), file_name, extension, damage, media })
}

/// What a container of moving pictures is that holds sound alone. Its first bytes do not tell: headers announce pictures that
/// never come, and name no streams at all.
fn without_pictures(sniffed: &Sniffed, streams: &StreamFacts) -> Option<Format> {
    const ALONE: [(Format, Format); 5] = [
        (Format::Avi, Format::AviAudio),
        (Format::Flv, Format::FlvAudio),
        (Format::Mkv, Format::Mka),
        (Format::MpegTs, Format::MpegTsAudio),
        (Format::Webm, Format::WebmAudio),
    ];
    // Of a transport stream pictures are left out that nothing starts: what is announced there may have come.
    let lost = sniffed.format == Format::MpegTs && !sniffed.streams.video_codecs.is_empty();
    let sound_alone = streams.video.is_empty() && !streams.audio.is_empty() && !lost;
    ALONE.iter().find(|(whole, _)| sound_alone && *whole == sniffed.format).map(|&(_, sound)| sound)
}

/// `facts` of a JPEG once all of it was read: metadata may stand between its scans, and a second picture behind its end.
///
/// # Errors
/// `Io` when it cannot be read.
pub(crate) fn jpeg_throughout(source: &Source, facts: &Facts) -> Result<Facts> {
    let Inspected { image, damage } = jpeg::inspect(source, true)?;
    Ok(Facts { media: Media::Image(image), damage, ..facts.clone() })
}

/// What is said of bytes that no format is known by, under a name of sound or moving pictures. A document is handed on as it is,
/// whatever its bytes are.
fn unrecognised(source: &Source, sniffed: &Sniffed) -> Option<Damage> {
    let extension = source.extension().filter(|_| sniffed.format == Format::Binary && !source.is_empty())?;
    let row = FORMATS
        .iter()
        .find(|row| matches!(row.family, Family::Audio | Family::Video) && row.format.has_extension(extension))?;
    Some(Damage::Malformed(format!("nothing in it is of {}, which its name says it is", row.label)))
}

fn picture(source: &Source, format: Format) -> Result<Inspected> {
    match format {
        Format::Jpeg => jpeg::inspect(source, false),
        Format::Png | Format::Apng => png::inspect(source),
        Format::Webp => webp::inspect(source),
        Format::Gif => gif::inspect(source),
        Format::Bmp => bmp::inspect(source),
        Format::Tiff => tiff::inspect(source),
        Format::RawPhoto => tiff::inspect_raw(source),
        Format::Ico => ico::inspect(source),
        Format::Heic | Format::Avif => heif::inspect(source),
        Format::Jxl => jxl::inspect(source),
        Format::Jp2 => jp2::inspect(source),
        Format::Psd => psd::inspect(source),
        Format::Svg => svg::inspect(source),
        _ => Ok(Inspected::blank()),
    }
}

#[cfg(test)]
mod tests;
