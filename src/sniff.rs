//! First bytes → [`Format`], by content alone: the name of a file is never asked.
//!
//! One list of examiners is asked in turn, and the first that recognises its own wins. Formats with a structure of their
//! own stand first and look closely; `infer` answers for the easy ones and for all that is known but of no use here;
//! the search for sound behind junk comes last. Most files cost their first 32 KiB; containers whose tracks stand elsewhere
//! cost a few small reads by position. A broken structure is no error: the best that can be said is said.

mod asf;
mod bytes;
mod cfb;
mod ebml;
mod flv;
mod iff;
mod isobmff;
mod known;
mod movie;
mod mpeg_audio;
mod mpeg_system;
mod ogg;
mod packed;
mod picture;
mod riff;
mod text;
mod tiff;
mod zip;

use crate::error::Result;
use crate::format::Format;
use crate::source::Source;
use bytes::Window;
pub(crate) use text::is_utf8_throughout;

/// The most UTF-16 units that are decoded of a head.
const TEXT_UNITS: usize = crate::limits::SNIFF_BYTES / 2;

/// What the first bytes (and a few positioned reads) tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sniffed {
    /// The format.
    pub format: Format,
    /// Codecs, channels and brand of a container of sound or moving pictures.
    pub streams: Streams,
    /// Whether the head is valid UTF-8 text (also for markup).
    pub utf8_text: bool,
    /// The MIME type of a file that is known, but of no use here: [`Format::Other`].
    pub known_as: Option<&'static str>,
}

/// What the head of a container of sound or moving pictures tells of its streams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Streams {
    /// Codec of each video stream, by the name of the field: `h264`, `hevc`, or the container's own code.
    pub video_codecs: Vec<String>,
    /// Codec of each audio stream: `aac`, `opus`, or the container's own code.
    pub audio_codecs: Vec<String>,
    /// Channels of the first audio stream, where the header tells.
    pub channels: Option<u16>,
    /// Whether the container is a fragmented MP4 (`moof` or `mvex`).
    pub fragmented: bool,
    /// Major brand of an ISO base media file.
    pub brand: Option<String>,
}

impl Sniffed {
    /// A format of which nothing else is known.
    fn of(format: Format) -> Self {
        Self { format, streams: Streams::default(), utf8_text: false, known_as: None }
    }

    fn with(self, streams: Streams) -> Self {
        Self { streams, ..self }
    }
}

/// Looks for one kind of content.
type Examine = fn(&mut Window<'_>) -> Result<Option<Sniffed>>;

/// Who is asked, in turn. Text stands before all that is known by a weak magic: binary formats hold control characters,
/// so that a text that starts with "BM", "MZ" or "GIF" stays a text.
#[rustfmt::skip]
const EXAMINERS: &[Examine] = &[
    picture::examine_png,
    isobmff::examine,
    ebml::examine,
    ogg::examine,
    riff::examine,
    iff::examine_aiff,
    iff::examine_caf,
    asf::examine,
    mpeg_audio::examine_amr,
    mpeg_audio::examine_flac,
    mpeg_audio::examine_tagged,
    zip::examine,
    cfb::examine,
    text::examine_gzip,
    tiff::examine,
    text::examine,
    flv::examine,
    picture::examine_bmp,
    picture::examine_icon,
    picture::examine_codestream,
    mpeg_system::examine_transport,
    mpeg_system::examine_program,
    packed::examine,
    mpeg_audio::examine_frames,
    known::examine,
    text::examine_late_pdf,
    mpeg_audio::examine_junk,
];

/// What `source` is, by its content.
///
/// # Errors
/// `Io` when the source cannot be read; never for what is read.
pub fn sniff(source: &Source) -> Result<Sniffed> {
    if source.is_empty() {
        return Ok(Sniffed::of(Format::Empty));
    }
    let mut window = Window::new(source)?;
    for examine in EXAMINERS {
        if let Some(sniffed) = examine(&mut window)? {
            return Ok(sniffed);
        }
    }
    Ok(Sniffed::of(Format::Binary))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beginnings of every structure that is walked, for tests that damage them.
    const STARTS: &[&[u8]] = &[
        b"\0\0\0\x14ftypisom\0\0\0\0mp42\0\0\0\x48moov\0\0\0\x40trak\0\0\0\x38mdia\0\0\0\x14hdlr\0\0\0\0\0\0\0\0vide\0\0\0\x1cminf\0\0\0\x14stbl\0\0\0\x0cstsd",
        b"\0\0\0\x14ftypmif1\0\0\0\0mif1\0\0\0\x20meta\0\0\0\0\0\0\0\x14hdlr\0\0\0\0\0\0\0\0pict",
        b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae\x6b\xff\xae\x8f\x83\x81\x02\x86\x86A_OPUS",
        b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x02\0\0\0\0\0\0\0\0\0",
        b"RIFF\xff\0\0\0AVI LIST\x40\0\0\0hdrlLIST\x30\0\0\0strlstrh\x08\0\0\0vidsH264strf\x14\0\0\0",
        b"RIFF\xff\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0",
        b"FORM\0\0\0\x40AIFCCOMM\0\0\0\x18\0\x02\0\0\0\0\0\x10\x40\x0e\xac\x44\0\0\0\0\0\0sowt",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c\xff\0\0\0\0\0\0\0\x01\0\0\0\x01\x02\x91\x07\xdc\xb7\xb7\xa9\xcf\x11\x8e\xe6\0\xc0\x0c\x20\x53\x65",
        b"ID3\x03\0\0\0\0\0\0\xff\xf1\x50\x80\x01\x60\0\0\0\0\0",
        b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\x02\0\0\0\x05\0\0\0word/xxPK\x05\x06\0\0\0\0\0\0\0\0\x20\0\0\0\x10\0\0\0\0\0",
        b"\x1f\x8b\x08\x1f\0\0\0\0\0\x03\x02\0xx\0\0\0\0\xb3\x29\x2e\x4b\xb7\x03\0",
        b"II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x06\0\0\0\x26\0\0\0\x4a\x01\x04\0\x01\0\0\0\x08\0\0\0",
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\0\0\0\0\0\0\0\x08acTL",
        b"FLV\x01\x05\0\0\0\x09\0\0\0\0\x08\0\0\x04\0\0\0\0\0\0\0\xaf\0\0\0",
        b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a '>'>]><svg:svg>",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\0\xfe\xff\x09\0\x06\0",
        b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0\xff\0\0\0\0\0\0\0wave\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8afmt \xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a\x28\0\0\0\0\0\0\0\x01\0\x02\0",
        b".snd\0\0\0\x18\xff\xff\xff\xff\0\0\0\x03\0\0\xac\x44\0\0\0\x02",
        b"TTA1\x01\0\x02\0\x10\0\x44\xac\0\0\x44\xac\0\0",
        b"wvpk\x40\0\0\0\x10\x04\0\0\x44\xac\0\0\0\0\0\0\x44\xac\0\0\x31\x18\x80\x04\0\0\0\0",
        b"MPCKSH\x0e\0\0\0\0\x08\x88\x89\x4c\0\x1b\x1b",
        b"\x7f\xfe\x80\x01\xfc\x3c\x75\xb0\xb6\xc0\x01\x38\0\0\0\0",
        b"\x56\xe0\x10\x20\0\x11\x90\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x0b\x77\0\0\x1e\x40\xe1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0\x04\0\0\0\x16\0\0\0",
    ];

    fn format(bytes: &[u8]) -> Format {
        sniff(&Source::from_bytes(bytes, None)).unwrap().format
    }

    /// A small generator of numbers (splitmix64), so that each run damages the same bytes.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self, below: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ mixed >> 31) as usize % below
        }
    }

    #[test]
    fn nothing_zeros_and_noise_are_named_so() {
        assert_eq!(format(b""), Format::Empty);
        assert_eq!(format(&[0; 5000]), Format::Binary);
        assert_eq!(format(&[0, 1, 2, 3, 250]), Format::Binary);
    }

    #[test]
    fn words_that_start_like_a_magic_stay_text() {
        for text in [
            "BMW",
            "GIF files are old",
            "MZ",
            "ID3 tags and more of them",
            "The ftyp box of a film",
            "The moov box follows it",
            "RIFF and WAVE",
            "FLV\tfile",
            "8BPS",
            "MThd",
            "fLaC is a codec",
            "OggS",
            "MAC addresses",
            "MP+ and TTA1",
            "wvpk is WavPack",
        ] {
            assert_eq!(format(text.as_bytes()), Format::Text, "{text}");
        }
    }

    #[test]
    fn noise_behind_a_magic_is_no_sound() {
        let mut numbers = Numbers(3);
        let magics: [&[u8]; 10] = [
            b"wvpk",
            b"TTA1",
            b"MAC ",
            b"MPCK",
            b"MP+\x07",
            b".snd",
            b"\x7f\xfe\x80\x01",
            b"\xfe\x7f\x01\x80",
            b"\x56\xe0\x20",
            b"\x0b\x77",
        ];
        for magic in magics {
            for _ in 0..20 {
                let noise: Vec<u8> = (0..2000).map(|_| numbers.next(256) as u8).collect();
                assert_eq!(format(&[magic, &noise].concat()), Format::Binary, "{magic:x?}");
            }
        }
    }

    #[test]
    fn damaged_structures_never_panic() {
        let mut numbers = Numbers(7);
        let mut runs = 0;
        for start in STARTS {
            for end in 0..=start.len() {
                format(&start[..end]);
                runs += 1;
            }
            for _ in 0..100 {
                let mut bytes = start.repeat(1 + numbers.next(3));
                for _ in 0..=numbers.next(6) {
                    let at = numbers.next(bytes.len());
                    bytes[at] = [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 1 << numbers.next(8)][numbers.next(6)];
                }
                format(&bytes);
                runs += 1;
            }
        }
        assert!(runs > 2000, "{runs}");
    }
}
