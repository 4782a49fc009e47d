//! Every inspector against sound, cut and mutated bytes.

use super::*;
use crate::facts::{Animation, Orientation, ProfileKind};
use std::time::{Duration, Instant};

fn look(format: Format, bytes: &[u8]) -> (ImageFacts, Vec<Damage>) {
    let source = Source::from_bytes(bytes, None);
    let sniffed = Sniffed { format, streams: crate::sniff::Streams::default(), utf8_text: false, known_as: None };
    let facts = inspect(&source, &sniffed).unwrap();
    let Media::Image(image) = facts.media else { panic!("{format} is a picture") };
    (image, facts.damage)
}

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    [&[0xFF, marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
}

fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    let frame = segment(0xC0, b"\x08\0\x02\0\x03\x03\x01\x11\0\x02\x11\0\x03\x11\0");
    let scan = segment(0xDA, b"\x03\x01\0\x02\0\x03\0\0\x3f\0");
    let tables = segment(0xDB, &[1; 65]);
    [b"\xFF\xD8".to_vec(), segments.concat(), tables, frame, scan, b"coded\xFF\0\xFF\xD9".to_vec()].concat()
}

fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0]);
    // The GPS directory at 38: one entry, a latitude.
    exif.extend(b"\x25\x88\x04\0\x01\0\0\0\x26\0\0\0\0\0\0\0");
    exif.extend(b"\x01\0\x02\0\x05\0\x03\0\0\0\x10\0\0\0\0\0\0\0");
    exif
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 })
    })
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    [&(data.len() as u32).to_be_bytes(), &body[..], &crc(&body).to_be_bytes()].concat()
}

fn png(header: &[u8; 5], before: &[Vec<u8>], after: &[Vec<u8>]) -> Vec<u8> {
    let header = chunk(b"IHDR", &[b"\0\0\0\x03\0\0\0\x02", &header[..]].concat());
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    [signature, header, before.concat(), chunk(b"IDAT", b"data"), after.concat(), chunk(b"IEND", b"")].concat()
}

fn apng() -> Vec<u8> {
    let frame = |delay: u16| {
        let mut data = [0; 26];
        data[20..22].copy_from_slice(&delay.to_be_bytes());
        data[22..24].copy_from_slice(&1000_u16.to_be_bytes());
        chunk(b"fcTL", &data)
    };
    let after = [frame(40), chunk(b"fdAT", b"\0\0\0\x02data")];
    png(b"\x08\x06\0\0\0", &[chunk(b"acTL", b"\0\0\0\x02\0\0\0\0"), frame(70)], &after)
}

fn riff(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&kind[..], &(data.len() as u32).to_le_bytes(), data, &vec![0; data.len() % 2]].concat()
}

fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff(b"RIFF", &[b"WEBP".to_vec(), chunks.concat()].concat())
}

/// A VP8L stream of 3x2 with transparency.
fn vp8l() -> Vec<u8> {
    riff(b"VP8L", &[b"\x2F".as_slice(), &(2_u32 | 1 << 14 | 1 << 28).to_le_bytes(), b"coded"].concat())
}

fn animated_webp() -> Vec<u8> {
    let frame = |ms: u8| riff(b"ANMF", &[[0; 12].as_slice(), &[ms, 0, 0, 0], &vp8l()].concat());
    webp(&[riff(b"VP8X", b"\x12\0\0\0\x02\0\0\x01\0\0"), riff(b"ANIM", &[0; 6]), frame(40), frame(90)])
}

fn gif() -> Vec<u8> {
    let control = |delay: u8| vec![0x21, 0xF9, 4, 1, delay, 0, 0, 0];
    let picture = b"\x2C\0\0\0\0\x03\0\x02\0\0\x02\x02\x4C\x01\0".to_vec();
    let screen = b"GIF89a\x03\0\x02\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    let comment = b"\x21\xFE\x03abc\0".to_vec();
    [screen, control(5), picture.clone(), comment, control(7), picture, b"\x3B".to_vec()].concat()
}

fn bitmap_header(height: u8) -> Vec<u8> {
    let mut header = b"\x28\0\0\0\x03\0\0\0\0\0\0\0\x01\0\x18\0".to_vec();
    header[8] = height;
    header.resize(40, 0);
    header
}

fn bmp() -> Vec<u8> {
    [b"BM\x4e\0\0\0\0\0\0\0\x36\0\0\0".to_vec(), bitmap_header(2), vec![9; 24]].concat()
}

fn ico() -> Vec<u8> {
    let data = [bitmap_header(4), vec![9; 32]].concat();
    let entry = b"\x03\x02\0\0\x01\0\x18\0\x48\0\0\0\x16\0\0\0";
    [b"\0\0\x01\0\x01\0".to_vec(), entry.to_vec(), data].concat()
}

fn tiff() -> Vec<u8> {
    let entry =
        |tag: u16, value: u16| [tag.to_le_bytes(), [3, 0], [1, 0], [0, 0], value.to_le_bytes(), [0, 0]].concat();
    let tags = [(256, 3), (257, 2), (258, 8), (262, 1), (273, 98), (274, 3), (279, 6)];
    let tags: Vec<u8> = tags.into_iter().flat_map(|(tag, value)| entry(tag, value)).collect();
    [b"II*\0\x08\0\0\0\x07\0".to_vec(), tags, vec![0; 4], b"pixels".to_vec()].concat()
}

fn bmff(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

/// A picture of 3x2 in Display P3, turned a quarter to the left, 10 bits, its data in `mdat` at the end.
fn heic() -> Vec<u8> {
    let start = bmff(b"ftyp", b"heic\0\0\0\0mif1");
    let properties = [
        bmff(b"ispe", b"\0\0\0\0\0\0\0\x03\0\0\0\x02"),
        bmff(b"pixi", b"\0\0\0\0\x03\x0a\x0a\x0a"),
        bmff(b"irot", b"\x01"),
        bmff(b"colr", b"nclx\0\x0c\0\x0d\0\x06\x80"),
    ];
    let uses = bmff(b"ipma", b"\0\0\0\0\0\0\0\x01\0\x01\x04\x01\x02\x83\x04");
    let meta = |at: u32| {
        let iloc = [b"\0\0\0\0\x44\0\0\x01\0\x01\0\0\0\x01".as_slice(), &at.to_be_bytes(), b"\0\0\0\x04"].concat();
        let boxes = [
            bmff(b"pitm", b"\0\0\0\0\0\x01"),
            bmff(b"iinf", &[b"\0\0\0\0\0\x01".to_vec(), bmff(b"infe", b"\x02\0\0\0\0\x01\0\0hvc1\0")].concat()),
            bmff(b"iloc", &iloc),
            bmff(b"iprp", &[bmff(b"ipco", &properties.concat()), uses.clone()].concat()),
        ];
        bmff(b"meta", &[vec![0; 4], boxes.concat()].concat())
    };
    let at = start.len() + meta(0).len() + 8;
    [start, meta(at as u32), bmff(b"mdat", b"hevc")].concat()
}

/// A sound file of each format, 3x2, whose last bytes matter.
fn sound_files() -> Vec<(Format, Vec<u8>)> {
    vec![
        (Format::Jpeg, jpeg(&[segment(0xE1, &exif(6))])),
        (Format::Png, png(b"\x08\x02\0\0\0", &[], &[chunk(b"eXIf", &exif(3)[6..])])),
        (Format::Apng, apng()),
        (Format::Webp, webp(&[vp8l()])),
        (Format::Webp, animated_webp()),
        (Format::Gif, gif()),
        (Format::Bmp, bmp()),
        (Format::Ico, ico()),
        (Format::Tiff, tiff()),
        (Format::Heic, heic()),
    ]
}

#[test]
fn sound_files_are_measured_without_damage() {
    for (format, bytes) in sound_files() {
        let (image, damage) = look(format, &bytes);
        assert_eq!((image.width, image.height, image.trailing_bytes), (3, 2, 0), "{format}: {damage:?}");
        assert_eq!(damage, [], "{format}");
        let (image, damage) = look(format, &[&bytes, &b"some junk"[..]].concat());
        if format != Format::Ico && format != Format::Tiff {
            assert_eq!((image.trailing_bytes, &damage[..]), (9, &[][..]), "{format}");
        }
    }
}

#[test]
fn every_cut_is_damage() {
    let mut cuts = 0;
    for (format, bytes) in sound_files() {
        // A missing pad byte at the end of a RIFF file is passed over.
        let most = bytes.len() - usize::from(format == Format::Webp);
        for cut in 0..most {
            assert_ne!(look(format, &bytes[..cut]).1, [], "{format} cut to {cut} of {}", bytes.len());
            cuts += 1;
        }
    }
    assert!(cuts > 1200, "{cuts}");
}

#[test]
fn animations_tell_their_frames() {
    let of = |format, bytes: Vec<u8>| look(format, &bytes).0.animation;
    let times = |shortest, total| {
        let (shortest_frame_ms, total_ms, played_us) = (Some(shortest), Some(total), Some(total * 1000));
        Some(Animation { frames: 2, shortest_frame_ms, total_ms, played_us })
    };
    assert_eq!(of(Format::Apng, apng()), times(40, 110));
    assert_eq!(of(Format::Webp, animated_webp()), times(40, 130));
    assert_eq!(of(Format::Gif, gif()), times(50, 120));
    assert_eq!(of(Format::Webp, webp(&[vp8l()])), None);
}

#[test]
fn exif_is_found_wherever_it_stands() {
    let (image, _) = look(Format::Jpeg, &jpeg(&[segment(0xE1, &exif(6)), segment(0xFE, b"hello")]));
    assert_eq!((image.orientation, image.gps, image.upright()), (Orientation::Rotate90, true, (2, 3)));
    assert_eq!(image.metadata_bytes, exif(6).len() as u64 + 4 + 9);
    let (image, _) = look(Format::Png, &png(b"\x08\x02\0\0\0", &[], &[chunk(b"eXIf", &exif(3)[6..])]));
    assert_eq!((image.orientation, image.gps), (Orientation::Rotate180, true));
    let (image, _) = look(Format::Webp, &webp(&[vp8l(), riff(b"EXIF", &exif(8))]));
    assert_eq!((image.orientation, image.gps), (Orientation::Rotate270, true));
    assert_eq!(look(Format::Tiff, &tiff()).0.orientation, Orientation::Rotate180);
}

#[test]
fn heif_turns_and_colours_are_read() {
    let (image, _) = look(Format::Heic, &heic());
    assert_eq!((image.orientation, image.bit_depth, image.upright()), (Orientation::Rotate270, 10, (2, 3)));
    let profile = image.profile.unwrap();
    assert_eq!((profile.kind, profile.name.as_str(), profile.bytes), (ProfileKind::Rgb, "Display P3", 0));
}

#[test]
fn jpeg_colours_depend_on_app14() {
    let frame = segment(0xC2, b"\x08\0\x02\0\x03\x04\x01\x11\0\x02\x11\0\x03\x11\0\x04\x11\0");
    let with = |adobe: &[u8]| {
        let tables = [segment(0xDB, &[1; 65]), frame.clone(), segment(0xEE, adobe)].concat();
        let file = [b"\xFF\xD8".to_vec(), tables, segment(0xDA, b"\x01\x01\0\0\x3f\0"), b"x\xFF\xD9".to_vec()].concat();
        let (image, damage) = look(Format::Jpeg, &file);
        assert_eq!((image.progressive, image.metadata_bytes, damage), (true, 0, vec![]));
        image.color
    };
    assert_eq!(with(b"Adobe\0\x64\0\0\0\0\x02"), ColorModel::Ycck);
    assert_eq!(with(b"Adobe\0\x64\0\0\0\0\0"), ColorModel::Cmyk);
}

#[test]
fn impossible_headers_are_malformed() {
    let malformed = |format, bytes: &[u8]| {
        let damage = look(format, bytes).1;
        assert!(matches!(damage[..], [Damage::Malformed(_), ..]), "{format}: {damage:?}");
    };
    malformed(Format::Png, &png(b"\x10\x03\0\0\0", &[], &[]));
    malformed(Format::Png, &png(b"\x08\x03\0\0\0", &[], &[]));
    let mut wrong = png(b"\x08\x02\0\0\0", &[], &[]);
    wrong[19] ^= 1;
    malformed(Format::Png, &wrong);
    malformed(Format::Jpeg, b"\xFF\xD8\xFF\xDA\0\x02coded\xFF\xD9");
    malformed(Format::Jpeg, b"\xFF\xD8\xFF\xE0\0\x01\xFF\xD9");
    malformed(Format::Jpeg, b"\xFF\xD8\xFF\xD9");
    malformed(Format::Webp, &webp(&[riff(b"VP8X", b"\0\0\0\0\x05\0\0\x01\0\0"), vp8l()]));
    malformed(Format::Gif, b"GIF89a\x03\0\x02\0\0\0\0\x3B");
    malformed(Format::Ico, b"\0\0\x01\0\0\0");
    malformed(Format::Avif, &bmff(b"ftyp", b"avif"));
}

#[test]
fn a_transparent_palette_counts_and_an_opaque_one_does_not() {
    let alpha = |entries: &[u8]| {
        let chunks = [chunk(b"PLTE", &[5; 6]), chunk(b"tRNS", entries)];
        look(Format::Png, &png(b"\x01\x03\0\0\0", &chunks, &[])).0.alpha
    };
    assert!(alpha(&[255, 254]));
    assert!(!alpha(&[255, 255]));
}

#[test]
fn compressed_metadata_inflates_within_a_budget() {
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib;
    let xmp = zlib(br#"<d exif:GPSLatitude="1,2N"/>"#, 6);
    let text = [b"XML:com.adobe.xmp\0\x01\0\0\0".as_slice(), &xmp].concat();
    assert!(look(Format::Png, &png(b"\x08\x02\0\0\0", &[chunk(b"iTXt", &text)], &[])).0.gps);
    let bomb = zlib(&vec![b'a'; 20_000_000], 6);
    let bomb = [b"XML:com.adobe.xmp\0\x01\0\0\0".as_slice(), &bomb].concat();
    let bombs = vec![chunk(b"iTXt", &bomb); 50];
    assert_eq!(look(Format::Png, &png(b"\x08\x02\0\0\0", &bombs, &[])).1, []);
}

/// A fixed sequence of numbers, so that a failure repeats itself (Knuth's MMIX constants).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

fn mutated(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    const EDGES: [u8; 8] = [0, 1, 2, 0x7F, 0x80, 0xD9, 0xFE, 0xFF];
    let mut bytes = bytes.to_vec();
    if numbers.below(4) == 0 {
        bytes.truncate(numbers.below(bytes.len()));
    }
    for _ in 0..=numbers.below(6) {
        // Headers matter most, so half of the changes go there.
        let reach = if numbers.below(2) == 0 { bytes.len().min(400) } else { bytes.len() };
        let (at, edge) = (numbers.below(reach), EDGES[numbers.below(8)]);
        let run = if numbers.below(3) == 0 { 4 } else { 1 };
        bytes.iter_mut().skip(at).take(run).for_each(|byte| *byte = edge);
    }
    bytes
}

/// Every format's inspector is given mutated files of every format. `MEDIAFIT_FUZZ_FILES` names more seeds (paths
/// divided by colons), `MEDIAFIT_FUZZ_COUNT` asks for more rounds.
#[test]
fn mutated_files_neither_panic_nor_hang() {
    const FORMATS: [Format; 14] = [
        Format::Jpeg,
        Format::Png,
        Format::Apng,
        Format::Webp,
        Format::Gif,
        Format::Bmp,
        Format::Tiff,
        Format::Ico,
        Format::Heic,
        Format::Avif,
        Format::Jxl,
        Format::Jp2,
        Format::Psd,
        Format::Svg,
    ];
    let count = std::env::var("MEDIAFIT_FUZZ_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(4000);
    let mut seeds = sound_files();
    let more = std::env::var("MEDIAFIT_FUZZ_FILES").unwrap_or_default();
    for path in more.split(':').filter(|path| !path.is_empty()) {
        let format = crate::sniff::sniff(&Source::open(path).unwrap()).unwrap().format;
        seeds.push((format, std::fs::read(path).unwrap()));
    }
    let (mut numbers, mut slowest) = (Numbers(2024), (Duration::ZERO, Format::Jpeg));
    for round in 0..count {
        let (format, seed) = &seeds[round % seeds.len()];
        // One in ten is given to a wrong inspector, as a wrong sniff would.
        let stray = FORMATS[numbers.below(FORMATS.len())];
        let format = if numbers.below(10) == 0 || !FORMATS.contains(format) { stray } else { *format };
        let bytes = mutated(seed, &mut numbers);
        let start = Instant::now();
        let (image, _) = look(format, &bytes);
        slowest = slowest.max((start.elapsed(), format));
        assert!(image.trailing_bytes <= bytes.len() as u64 && image.metadata_bytes <= 4 * bytes.len() as u64);
    }
    println!("{count} rounds over {} seeds, slowest {slowest:?}", seeds.len());
    assert!(slowest.0 < Duration::from_secs(2), "{slowest:?}");
}
