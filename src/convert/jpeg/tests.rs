//! Pictures are generated; what libjpeg itself writes is the reference.

use image::{GrayImage, Luma, Rgb, RgbImage};

use super::decode::{JpegPixels, MAX_SCANS};
use super::entropy::Coder;
use super::layout::{Color, Layout, Progression};
use super::*;

const MAX_PIXELS: u64 = 100_000_000;
const BOUNDS: Bounds = Bounds { min_quality: FLOOR_QUALITY, max_quality: CEILING_QUALITY };

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn picture(width: u32, height: u32) -> RgbImage {
    let mut state = 0x9E37_79B9_7F4A_7C15;
    RgbImage::from_fn(width, height, |x, y| {
        let wave = |a: f32, b: f32| ((x as f32 / a).sin() * (y as f32 / b).cos() * 90.0 + 110.0) as u8;
        let grain = (random(&mut state) % 24) as u8;
        Rgb([wave(17.0, 31.0) + grain, wave(41.0, 13.0) + grain, wave(7.0, 90.0) + grain])
    })
}

fn gray(width: u32, height: u32) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| Luma([((x * 7 + y * 3) % 251) as u8]))
}

fn pixels_of(bytes: &[u8]) -> JpegPixels {
    decode(bytes, &DecodeOptions::default()).unwrap()
}

fn distance(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(&a, &b)| f64::from(a.abs_diff(b)).powi(2)).sum::<f64>() / a.len() as f64
}

/// A four-plane JPEG of flat ink; libjpeg marks it as Adobe's.
fn cmyk(color: Color) -> Vec<u8> {
    let layout = Layout::new(24, 16, color, &[(1, 1, 0); 4]);
    let mut coder = Coder::new(&layout, usize::MAX).unwrap();
    for plane in 0..4i16 {
        let block = std::array::from_fn(|i| if i == 0 { 127 - 40 * plane } else { 0 });
        (0..2).for_each(|_| coder.row(plane as usize, std::iter::repeat_n(block, 3)));
    }
    coder.finish(&[[8; 64]], &[]).bytes.unwrap()
}

/// The same coefficients, ordered by libjpeg.
fn reordered(bytes: &[u8], progression: Progression) -> Vec<u8> {
    let mut picture = recode::Coefficients::read(bytes, MAX_PIXELS).unwrap();
    let tables = picture.tables.clone();
    picture.write(&tables, Keep::default(), progression, usize::MAX).unwrap().unwrap()
}

#[test]
fn encode_and_decode_keep_the_picture() {
    for (width, height) in [(1, 1), (7, 9), (16, 16), (17, 33), (200, 120)] {
        let image = picture(width, height);
        for subsampling in [Subsampling::Full, Subsampling::Half] {
            let back = pixels_of(&encode(Pixels::Rgb(&image), 95.0, subsampling).unwrap());
            assert_eq!((back.width, back.height, back.channels, back.warnings), (width, height, Channels::Rgb, 0));
            let limit = if subsampling == Subsampling::Full { 12.0 } else { 90.0 };
            assert!(distance(image.as_raw(), &back.bytes) < limit, "{width}x{height} {subsampling:?}");
        }
        let image = gray(width, height);
        let back = pixels_of(&encode(Pixels::Luma(&image), 95.0, Subsampling::Full).unwrap());
        assert_eq!(back.channels, Channels::Luma);
        assert!(distance(image.as_raw(), &back.bytes) < 12.0);
    }
}

#[test]
fn lossless_recode_keeps_every_sample() {
    let image = picture(203, 117);
    let mut sources = vec![cmyk(Color::Cmyk), cmyk(Color::Ycck)];
    for subsampling in [Subsampling::Full, Subsampling::Half] {
        sources.push(encode(Pixels::Rgb(&image), 80.0, subsampling).unwrap());
    }
    sources.push(encode(Pixels::Luma(&gray(50, 51)), 80.0, Subsampling::Full).unwrap());
    let mut plain = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut plain, 85).encode_image(&image).unwrap();
    sources.push(plain.clone());
    for source in &sources {
        let recoded = recode_lossless(source, MAX_PIXELS, Keep::default()).unwrap();
        let (before, after) = (pixels_of(source), pixels_of(&recoded));
        assert_eq!((before.bytes, before.channels), (after.bytes, after.channels));
    }
    assert!(recode_lossless(&plain, MAX_PIXELS, Keep::default()).unwrap().len() < plain.len());
}

#[test]
fn recode_keeps_what_is_asked() {
    let mut source = encode(Pixels::Luma(&gray(40, 40)), 80.0, Subsampling::Full).unwrap();
    let profile: Vec<u8> = (0..70_000u32).map(|i| i as u8).collect();
    let keep = Keep { icc: true, orientation: Some(6) };
    let segments: Vec<u8> = recode::markers(keep, Some(profile.clone()))
        .iter()
        .flat_map(|(code, data)| [&[0xFF, *code][..], &(data.len() as u16 + 2).to_be_bytes(), data].concat())
        .collect();
    source.splice(2..2, segments);
    assert_eq!(pixels_of(&source).icc.as_deref(), Some(profile.as_slice()));
    let kept = recode_lossless(&source, MAX_PIXELS, keep).unwrap();
    assert_eq!(pixels_of(&kept).icc, Some(profile));
    assert!(kept.windows(6).any(|window| window == b"Exif\0\0"));
    let bare = recode_lossless(&source, MAX_PIXELS, Keep::default()).unwrap();
    assert!(pixels_of(&bare).icc.is_none() && !bare.windows(6).any(|window| window == b"Exif\0\0"));
}

#[test]
fn cmyk_is_given_as_ink() {
    // Stored samples fall from plane to plane; Adobe's inversion makes them rise.
    let ink = pixels_of(&cmyk(Color::Cmyk));
    assert_eq!(ink.channels, Channels::Cmyk);
    assert_eq!(&ink.bytes[..4], &[0, 40, 80, 120]);
}

#[test]
fn shrinking_gives_the_fraction() {
    let bytes = encode(Pixels::Rgb(&picture(203, 117)), 90.0, Subsampling::Half).unwrap();
    for shrink in [1u32, 2, 4, 8] {
        let small = decode(&bytes, &DecodeOptions { shrink, ..DecodeOptions::default() }).unwrap();
        assert_eq!((small.width, small.height), (203u32.div_ceil(shrink), 117u32.div_ceil(shrink)));
    }
    assert!(decode(&bytes, &DecodeOptions { shrink: 3, ..DecodeOptions::default() }).is_err());
}

#[test]
fn truncation_is_an_error_unless_salvaged() {
    let image = picture(160, 160);
    let plain = encode::write(&Pixels::Rgb(&image), &[[6; 64]; 2], 0.0, Subsampling::Half, usize::MAX).unwrap();
    let spectral = plain.bytes.unwrap();
    let others =
        [Progression::Sequential, Progression::Successive].map(|order| (Some(order), reordered(&spectral, order)));
    for (progression, whole) in [(None, spectral)].into_iter().chain(others) {
        let junk = [whole.as_slice(), b"trailing junk \xFF\xD8\xFF"].concat();
        assert_eq!(pixels_of(&junk).bytes, pixels_of(&whole).bytes);
        for kept in [whole.len() - 60, whole.len() * 2 / 3, whole.len() / 2] {
            let cut = &whole[..kept];
            let options = DecodeOptions::default();
            assert!(decode(cut, &options).is_err(), "{progression:?} {kept} of {}", whole.len());
            let saved = decode(cut, &DecodeOptions { salvage: true, ..options });
            assert!(saved.is_ok_and(|saved| saved.truncated && saved.warnings > 0), "{progression:?} {kept}");
            assert!(recode_lossless(cut, MAX_PIXELS, Keep::default()).is_err());
        }
        // Only the end marker is missing: nothing of the picture is.
        assert!(decode(&whole[..whole.len() - 2], &DecodeOptions::default()).is_ok(), "{progression:?}");
    }
}

#[test]
fn limits_hold_before_anything_is_decoded() {
    let mut bomb = encode(Pixels::Luma(&gray(8, 8)), 80.0, Subsampling::Full).unwrap();
    let frame = bomb.windows(2).position(|pair| matches!(pair, [0xFF, 0xC0..=0xC2])).unwrap();
    bomb[frame + 5..frame + 9].copy_from_slice(&[0x75, 0x30, 0x75, 0x30]);
    let error = format!("{:?}", decode(&bomb, &DecodeOptions::default()).unwrap_err());
    assert!(error.contains("30000x30000"), "{error}");
    bomb[frame + 4] = 12;
    assert!(format!("{:?}", decode(&bomb, &DecodeOptions::default()).unwrap_err()).contains("12 bits"));
}

#[test]
fn too_many_scans_are_refused() {
    let image = gray(64, 64);
    let plain = encode::write(&Pixels::Luma(&image), &[[6; 64]; 2], 0.0, Subsampling::Full, usize::MAX).unwrap();
    let plain = reordered(&plain.bytes.unwrap(), Progression::Successive);
    let last = plain.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let mut many = plain[..plain.len() - 2].to_vec();
    for _ in 0..=MAX_SCANS {
        many.extend_from_slice(&plain[last..plain.len() - 2]);
    }
    many.extend([0xFF, 0xD9]);
    assert!(format!("{:?}", decode(&many, &DecodeOptions::default()).unwrap_err()).contains("scans"));
    assert!(recode_lossless(&many, MAX_PIXELS, Keep::default()).is_err());
}

#[test]
fn encode_under_fills_and_never_passes_the_limit() {
    let image = picture(640, 480);
    let mut filled = 0;
    for max_bytes in [30_000u64, 50_000, 80_000, 120_000] {
        let bounds = Bounds { min_quality: 5.0, max_quality: 100.0 };
        let Fit::Encoded(done) = encode_under(Pixels::Rgb(&image), max_bytes, bounds).unwrap() else { continue };
        assert!(done.bytes.len() as u64 <= max_bytes);
        assert!(done.bytes.len() as f64 >= 0.95 * max_bytes as f64, "{} of {max_bytes}", done.bytes.len());
        let back = pixels_of(&done.bytes);
        assert_eq!((back.width, back.height), (640, 480));
        filled += 1;
    }
    assert!(filled >= 3, "{filled}");
}

#[test]
fn encode_under_says_by_what_to_scale() {
    let image = picture(640, 480);
    let Fit::TooLarge { scale } = encode_under(Pixels::Rgb(&image), 12_000, BOUNDS).unwrap() else { panic!() };
    let (width, height) = ((640.0 * scale) as u32, (480.0 * scale) as u32);
    let small = image::imageops::resize(&image, width, height, image::imageops::FilterType::Triangle);
    assert!(matches!(encode_under(Pixels::Rgb(&small), 12_000, BOUNDS).unwrap(), Fit::Encoded(_)), "{scale}");
    let Fit::Encoded(done) = encode_under(Pixels::Rgb(&image), u64::MAX, BOUNDS).unwrap() else { panic!() };
    assert!(done.quality.is_some_and(|quality| (quality - CEILING_QUALITY).abs() < 0.1));
}

#[test]
fn refit_under_recodes_first_and_then_gives_up_quality() {
    let image = picture(640, 480);
    for (subsampling, quality) in [(Subsampling::Full, 92.0), (Subsampling::Half, 92.0), (Subsampling::Full, 98.5)] {
        let source = encode(Pixels::Rgb(&image), quality, subsampling).unwrap();
        let refit = |share: f64| {
            let max_bytes = (source.len() as f64 * share) as u64;
            let bounds = Bounds { min_quality: 5.0, max_quality: 100.0 };
            match refit_under(&source, max_bytes, MAX_PIXELS, Keep::default(), bounds).unwrap() {
                Fit::Encoded(done) => done,
                Fit::TooLarge { scale } => panic!("{scale}"),
            }
        };
        assert!(refit(1.1).quality.is_none());
        // Just over the limit, few coarser steps are near by: they move one by one.
        for share in [0.93, 0.9, 0.8, 0.5, 0.3] {
            let done = refit(share);
            let fill = done.bytes.len() as f64 / (source.len() as f64 * share);
            assert!(done.quality.is_some() && (0.95..=1.0).contains(&fill), "{quality} {share}: {fill}");
            assert!(distance(image.as_raw(), &pixels_of(&done.bytes).bytes) < 400.0);
        }
    }
}

/// Where a limit falls among steps that the source has already, or beyond what halved colour can fill.
#[test]
fn whatever_the_limit_the_budget_is_filled() {
    let image = picture(320, 240);
    let coarse = |quality| encode(Pixels::Rgb(&image), quality, Subsampling::Full).unwrap();
    let finest = encode::write(&Pixels::Rgb(&image), &[[1; 64]; 2], 0.0, Subsampling::Full, usize::MAX).unwrap();
    let halved = encode(Pixels::Rgb(&image), 97.0, Subsampling::Half).unwrap();
    let bounds = Bounds { min_quality: 5.0, max_quality: 100.0 };
    let mut given_up = 0;
    for (name, source) in [coarse(75.0), coarse(90.0), coarse(97.0), halved, finest.bytes.unwrap()].iter().enumerate() {
        let lossless = recode_lossless(source, MAX_PIXELS, Keep::default()).unwrap().len() as f64;
        for share in [0.999, 0.997, 0.99, 0.98, 0.95, 0.92, 0.88, 0.8, 0.65, 0.5, 0.3] {
            let max_bytes = (lossless * share) as u64;
            let fit = refit_under(source, max_bytes, MAX_PIXELS, Keep::default(), bounds).unwrap();
            let Fit::Encoded(done) = fit else { continue };
            let fill = done.bytes.len() as f64 / max_bytes as f64;
            assert!(fill <= 1.0 && (fill >= 0.95 || done.quality.is_none()), "{name} at {share}: {fill}");
            given_up += usize::from(done.quality.is_some());
        }
    }
    assert!(given_up > 40, "{given_up}");
}

#[test]
fn planes_that_share_a_table_part() {
    let image = picture(160, 96);
    let mut source = encode::write(&Pixels::Rgb(&image), &[[3; 64]; 2], 0.0, Subsampling::Full, usize::MAX).unwrap();
    let source = source.bytes.as_mut().unwrap();
    let frame = source.windows(2).position(|pair| pair == [0xFF, 0xC2]).unwrap();
    source[frame + 15] = 0;
    source[frame + 18] = 0;
    let max_bytes = source.len() as u64 / 2;
    let fit = refit_under(source, max_bytes, MAX_PIXELS, Keep::default(), BOUNDS).unwrap();
    let Fit::Encoded(done) = fit else { panic!() };
    assert!(distance(image.as_raw(), &pixels_of(&done.bytes).bytes) < 100.0);
}

#[test]
fn source_quality_is_what_it_was_saved_with() {
    let image = picture(64, 64);
    for quality in [30u8, 55, 80, 93] {
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&image).unwrap();
        let found = source_quality(&bytes).unwrap();
        assert!((found - f32::from(quality)).abs() < 0.7, "{quality} {found}");
    }
}

#[test]
fn mutated_files_end_in_a_result() {
    let image = picture(96, 80);
    let mut successive = encode(Pixels::Rgb(&image), 75.0, Subsampling::Full).unwrap();
    successive = recode_lossless(&successive, MAX_PIXELS, Keep::default()).unwrap();
    let mut baseline = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut baseline, 75).encode_image(&image).unwrap();
    let mut state = 0x1234_5678_9ABC_DEF1;
    let rounds: usize = std::env::var("JPEG_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let options = DecodeOptions { max_pixels: 1_000_000, salvage: true, shrink: 1 };
    let (mut cases, mut decoded) = (0, 0);
    for source in [&successive, &baseline, &cmyk(Color::Ycck)] {
        for round in 0..rounds {
            let mut bytes = source.clone();
            for _ in 0..=random(&mut state) % 6 {
                // Half of the changes go into the headers, where they do the most.
                let span = if random(&mut state).is_multiple_of(2) { bytes.len().min(700) } else { bytes.len() };
                let at = random(&mut state) as usize % span;
                bytes[at] = random(&mut state) as u8;
            }
            if round % 7 == 0 {
                bytes.truncate(random(&mut state) as usize % bytes.len());
            }
            decoded += usize::from(decode(&bytes, &options).is_ok());
            let _ = recode_lossless(&bytes, options.max_pixels, Keep { icc: true, orientation: None });
            if round % 5 == 0 {
                let _ = refit_under(&bytes, 1500, options.max_pixels, Keep::default(), BOUNDS);
            }
            cases += 1;
        }
    }
    assert_eq!(cases, rounds * 3);
    assert!(decoded > cases / 20, "{decoded} of {cases} decoded");
}
