//! Every source format in every role of a picture or file: it verifies, or it is refused for the right reason. And what
//! comes out looks like what went in: upright, in the right colours, to decoders that are not the library's own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod pictures;

use image::{ImageFormat, RgbaImage};
use mediafit::facts::{ImageFacts, Media, Orientation};
use mediafit::plan::{Animated, Options, Reason, Repair, Step};
use mediafit::{Ask, Checked, Ending, Facts, Fitted, Fitter, Format, Policy, Role, Source};
use pictures::{distance, encoded, noise, pixels, pixels_of, read, testdata};
use std::path::Path;

/// A source of each format, and why it cannot serve as an image and as a sticker, if so.
#[rustfmt::skip]
const SOURCES: &[(&str, Format, Option<Reason>)] = &[
    ("image/fit__baseline.jpg",                                  Format::Jpeg,   None),
    ("image/fit__progressive.jpg",                               Format::Jpeg,   None),
    ("image/unfit__arithmetic__image.coding.jpg",                Format::Jpeg,   None),
    ("image/unfit__cmyk__image.color.jpg",                       Format::Jpeg,   None),
    ("image/fit__rgb.png",                                       Format::Png,    None),
    ("image/unfit__rgba16__image.bit-depth.png",                 Format::Png,    None),
    ("image/unfit__lossy__image.format.webp",                    Format::Webp,   None),
    ("image/unfit__lossless-alpha__image.format.webp",           Format::Webp,   None),
    ("image/unfit__still__image.format.gif",                     Format::Gif,    None),
    ("image/unfit__24-bit__image.format.bmp",                    Format::Bmp,    None),
    ("image/unfit__8-bit-rle__image.format.bmp",                 Format::Bmp,    None),
    ("image/unfit__lzw__image.format.tif",                       Format::Tiff,   None),
    ("image/unfit__bigtiff__image.format.tif",                   Format::Tiff,   None),
    ("image/unfit__png-inside__image.format.ico",                Format::Ico,    None),
    ("image/unfit__8-bit__image.format.heic",                    Format::Heic,   None),
    ("image/unfit__10-bit__image.format.heic",                   Format::Heic,   None),
    ("image/unfit__grid__image.format.heic",                     Format::Heic,   None),
    ("image/unfit__8-bit__image.format.avif",                    Format::Avif,   None),
    ("image/unfit__10-bit__image.format.avif",                   Format::Avif,   None),
    ("image/unfit__codestream__image.format.jxl",                Format::Jxl,    None),
    ("image/unfit__container__image.format.jxl",                 Format::Jxl,    None),
    ("image/unfit__animated__image.animated.apng",               Format::Apng,   Some(Reason::Animated)),
    ("image/unfit__animated__image.format+image.animated.gif",   Format::Gif,    Some(Reason::Animated)),
    ("image/unfit__animated__image.format+image.animated.webp",  Format::Webp,   Some(Reason::Animated)),
    ("image/unfit__sequence__image.format+image.animated.avif",  Format::Avif,   Some(Reason::Animated)),
    ("image/unfit__plain__image.format.svg",                     Format::Svg,    Some(Reason::Unsupported)),
    ("image/unfit__twelve-bit__image.bit-depth.jpg",             Format::Jpeg,   Some(Reason::Unsupported)),
    ("image/broken__cut-in-scan__image.truncated.jpg",           Format::Jpeg,   Some(Reason::Broken)),
    ("image/fit__image-data-too-short.png",                      Format::Png,    Some(Reason::Broken)),
    ("image/unfit__bomb__any.limit.png",                         Format::Png,    Some(Reason::Limit)),
    ("audio/fit__mp3.mp3",                                       Format::Mp3,    Some(Reason::Type)),
    ("video/fit__h264-main-aac.mp4",                             Format::Mp4,    Some(Reason::Type)),
    ("document/fit__one-page.pdf",                               Format::Pdf,    Some(Reason::Type)),
    ("document/fit__letter.docx",                                Format::Docx,   Some(Reason::Type)),
    ("document/fit__ascii.txt",                                  Format::Text,   Some(Reason::Type)),
    ("document/unfit__zeros__document.type.bin",                 Format::Binary, Some(Reason::Type)),
    ("document/broken__empty__any.empty.txt",                    Format::Empty,  Some(Reason::Empty)),
];

fn run(path: &str, role: Role, fitter: &Fitter) -> (Checked, Ending) {
    let source = Source::open(testdata(path)).unwrap();
    fitter.fit(&source, Ask::Role(role)).unwrap_or_else(|error| panic!("{path} as {role}: {error}"))
}

#[track_caller]
fn fitted(path: &str, role: Role, options: Options) -> (Fitted, Vec<Step>) {
    match run(path, role, &Fitter::new(Policy::cloud()).with_options(options)).1 {
        Ending::Fitted { fitted, steps } => (*fitted, steps),
        Ending::Refused(refusal) => panic!("{path} as {role}: {refusal:?}"),
    }
}

fn image_facts(facts: &Facts) -> &ImageFacts {
    match &facts.media {
        Media::Image(image) => image,
        other => panic!("not a picture: {other:?}"),
    }
}

#[test]
fn every_source_in_every_role() {
    let fitter = Fitter::new(Policy::cloud());
    for (path, format, refused) in SOURCES {
        for (role, outputs) in [(Role::Image, &[Format::Jpeg, Format::Png][..]), (Role::Sticker, &[Format::Webp])] {
            let (checked, ending) = run(path, role, &fitter);
            assert_eq!((checked.facts.format, checked.verdict.role), (*format, role), "{path}");
            match ending {
                Ending::Fitted { fitted, .. } => {
                    assert_eq!(*refused, None, "{path} as {role} was made fit");
                    assert!(outputs.contains(&fitted.format()), "{path} as {role}: {}", fitted.format());
                    assert!(fitter.policy().size(role, false).hard_bytes >= fitted.len());
                    let size = pixels_of(&fitted).dimensions();
                    let expected =
                        if role == Role::Sticker { (512, 512) } else { image_facts(&checked.facts).upright() };
                    assert_eq!(size, expected, "{path} as {role}");
                }
                Ending::Refused(refusal) => {
                    assert_eq!(Some(refusal.reason), *refused, "{path} as {role}: {}", refusal.message);
                    assert!(refusal.message.len() > 20, "{path} as {role}: {}", refusal.message);
                }
            }
        }
    }
    assert_eq!(SOURCES.len(), 37);
}

#[test]
fn every_source_as_a_document() {
    let accepted = [Format::Text, Format::Pdf, Format::Doc, Format::Docx];
    for (path, format, _) in SOURCES {
        let (_, ending) = run(path, Role::Document, &Fitter::new(Policy::cloud()));
        let bytes = read(path);
        match ending {
            Ending::Fitted { fitted, .. } => {
                assert!(accepted.contains(&fitted.format()), "{path} went as {}", fitted.format());
                assert_eq!(fitted.to_bytes().unwrap(), bytes, "{path}");
            }
            Ending::Refused(refusal) => {
                let reason = if *format == Format::Empty { Reason::Empty } else { Reason::Type };
                assert_eq!(refusal.reason, reason, "{path}: {}", refusal.message);
            }
        }
        if *format != Format::Empty {
            match run(path, Role::Document, &Fitter::new(Policy::on_premise())).1 {
                Ending::Fitted { fitted, .. } => assert_eq!(fitted.to_bytes().unwrap(), bytes, "{path}"),
                Ending::Refused(refusal) => panic!("{path} on-premise: {refusal:?}"),
            }
        }
    }
}

#[test]
fn an_animation_gives_its_first_frame_when_asked() {
    let options = Options { animated: Animated::FirstFrame, ..Options::default() };
    for (path, _, _) in SOURCES.iter().filter(|(_, _, reason)| *reason == Some(Reason::Animated)) {
        let (image, steps) = fitted(path, Role::Image, options);
        assert!(steps.contains(&Step::FirstFrame), "{path}: {steps:?}");
        assert!(image_facts(image.facts()).animation.is_none(), "{path}");
        fitted(path, Role::Sticker, options);
    }
}

#[test]
#[cfg(feature = "video")]
fn an_animation_becomes_a_video_when_asked() {
    let asked = Options { animated: Animated::Video, ..Options::default() };
    let roles = [(Role::Image, asked), (Role::Sticker, asked), (Role::Video, Options::default())];
    let moving = SOURCES.iter().filter(|(_, _, reason)| *reason == Some(Reason::Animated));
    for (path, format, _) in moving {
        for (role, options) in roles {
            let (checked, ending) = run(path, role, &Fitter::new(Policy::cloud()).with_options(options));
            assert_eq!(checked.verdict.role, Role::Video, "{path} as {role}");
            let (fitted, steps) = match ending {
                Ending::Fitted { fitted, steps } => (fitted, steps),
                Ending::Refused(refusal) => {
                    // Frames of AVIF are not decoded.
                    assert_eq!((*format, refusal.reason), (Format::Avif, Reason::Unsupported), "{path}: {refusal:?}");
                    assert!(refusal.message.contains("first-frame"), "{refusal:?}");
                    continue;
                }
            };
            assert_ne!(*format, Format::Avif);
            assert_eq!(
                (fitted.role(), fitted.format(), fitted.mime()),
                (Role::Video, Format::Mp4, "video/mp4"),
                "{path}"
            );
            assert!(steps.iter().any(|step| matches!(step, Step::EncodeVideo { .. })), "{path}: {steps:?}");
            let animation = image_facts(&checked.facts).animation.unwrap();
            let Media::Video(streams) = &fitted.facts().media else { panic!("{path}: no video") };
            assert!(streams.audio.is_empty());
            assert_eq!(streams.video[0].frames, Some(animation.frames.into()), "{path}");
            assert_eq!(streams.video[0].duration_us, animation.played_us, "{path}");
        }
    }
    // A still one cannot, and a sticker may stay one.
    let (_, ending) = run("image/fit__rgb.png", Role::Video, &Fitter::new(Policy::cloud()).with_options(asked));
    assert!(matches!(ending, Ending::Refused(refusal) if refusal.reason == Reason::Type));
}

#[test]
#[cfg(feature = "video")]
fn frames_of_an_animation_keep_their_times() {
    let picture =
        |x: u32| RgbaImage::from_fn(33, 27, |column, _| image::Rgba([if column < x { 255 } else { 0 }, 60, 60, 255]));
    let stated = [0, 10, 20, 30, 250, 700];
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for (index, ms) in (1..).zip(stated) {
        let delay = image::Delay::from_numer_denom_ms(ms, 1);
        encoder.encode_frame(image::Frame::from_parts(picture(5 * index), 0, 0, delay)).unwrap();
    }
    drop(encoder);
    let source = Source::from_bytes(bytes, Some(Path::new("a.gif")));
    let (_, ending) = Fitter::new(Policy::cloud()).fit(&source, Ask::Role(Role::Video)).unwrap();
    let Ending::Fitted { fitted, .. } = ending else { panic!("{ending:?}") };
    let Media::Video(streams) = &fitted.facts().media else { panic!("no video") };
    let track = &streams.video[0];
    // What is too short to be meant is a tenth of a second, as in browsers; an odd side loses a line.
    assert_eq!((track.frames, track.duration_us), (Some(6), Some(1_200_000)));
    assert_eq!((track.width, track.height, track.variable_rate), (32, 26, true));
}

/// Everything that is worth a warning, cured.
const ALL: Options = Options { repair: Repair::All, ..Options::DEFAULT };

#[test]
fn turned_and_mirrored_photos_come_out_upright() {
    let upright = pixels(Format::Jpeg, &read("image/fit__baseline.jpg"));
    let sticker = pixels_of(&fitted("image/fit__baseline.jpg", Role::Sticker, ALL).0);
    for orientation in 1..=8 {
        let rule = if orientation == 1 { "" } else { "__image.orientation" };
        let path = format!("image/fit__orientation-{orientation}{rule}.jpg");
        let (image, steps) = fitted(&path, Role::Image, ALL);
        assert_eq!(image_facts(image.facts()).orientation, Orientation::Normal, "{path}");
        let apart = distance(&pixels_of(&image), &upright);
        assert!(apart < 4.0, "{path}: {apart} apart by {steps:?}");
        let apart = distance(&pixels_of(&fitted(&path, Role::Sticker, ALL).0), &sticker);
        assert!(apart < 5.0, "{path} as a sticker: {apart} apart");
    }
}

/// The colours of the test picture at four places: dot, square, arrow, background.
fn places(picture: &RgbaImage) -> [[u8; 3]; 4] {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let at = |x: f64, y: f64| {
        let [r, g, b, _] = picture.get_pixel(x as u32, y as u32).0;
        [r, g, b]
    };
    [
        at(0.04 * width + 0.1 * height, 0.15 * height),
        at(0.91 * width, 0.125 * height),
        at(0.5 * width, 0.33 * height),
        at(0.15 * width, 0.6 * height),
    ]
}

const PLAIN: [[u8; 3]; 4] = [[230, 20, 20], [20, 60, 200], [255, 255, 255], [67, 168, 197]];

fn linear(value: u8) -> f64 {
    let value = f64::from(value) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn srgb(linear: f64) -> u8 {
    let value = if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

fn through(color: [f64; 3], matrix: [[f64; 3]; 3]) -> [u8; 3] {
    matrix.map(|row| srgb(row.iter().zip(color).map(|(a, b)| a * b).sum()))
}

fn as_is(color: [u8; 3]) -> [u8; 3] {
    color
}

fn from_p3(color: [u8; 3]) -> [u8; 3] {
    let matrix = [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]];
    through(color.map(linear), matrix)
}

fn from_adobe(color: [u8; 3]) -> [u8; 3] {
    let matrix = [[1.3984, -0.3984, 0.0], [0.0, 1.0, 0.0], [0.0, -0.0429, 1.0429]];
    through(color.map(|value| (f64::from(value) / 255.0).powf(563.0 / 256.0)), matrix)
}

fn to_gray([r, g, b]: [u8; 3]) -> [u8; 3] {
    [(0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)).round() as u8; 3]
}

type Coding = (&'static str, fn([u8; 3]) -> [u8; 3], u8);

/// Sources of the test picture in every coding of colours, with what becomes of a colour and how far it may be off:
/// small pictures with coarse chroma blur at the dot's and the square's edges.
#[rustfmt::skip]
const COLORS: &[Coding] = &[
    ("image/fit__rgb.png",                                          as_is,       0),
    ("image/fit__rgb-interlaced.png",                               as_is,       0),
    ("image/fit__sampling-444.jpg",                                 as_is,      12),
    ("image/fit__rgb-components.jpg",                               as_is,      12),
    ("image/fit__progressive.jpg",                                  as_is,      16),
    ("image/unfit__arithmetic__image.coding.jpg",                   as_is,      20),
    ("image/fit__palette__image.color.png",                         as_is,      40),
    ("image/unfit__rgb16__image.bit-depth.png",                     as_is,       2),
    ("image/unfit__rgb16-interlaced__image.bit-depth.png",          as_is,       2),
    ("image/fit__gray__image.color.jpg",                            to_gray,    10),
    ("image/fit__gray__image.color.png",                            to_gray,     2),
    ("image/unfit__gray16__image.bit-depth.png",                    to_gray,     2),
    ("image/fit__adobe-rgb__image.icc-profile.jpg",                 from_adobe, 20),
    ("image/fit__adobe-rgb-in-parts__image.icc-profile.jpg",        from_adobe, 20),
    ("image/fit__adobe-rgb__image.icc-profile.png",                 from_adobe,  4),
    ("image/fit__display-p3__image.icc-profile.jpg",                from_p3,    20),
    ("image/fit__display-p3__image.icc-profile.png",                from_p3,     4),
    ("image/fit__srgb-profile.png",                                 as_is,       0),
    ("image/unfit__cmyk__image.color.jpg",                          as_is,      30),
    ("image/unfit__cmyk-adobe-inverted__image.color.jpg",           as_is,      30),
    ("image/unfit__ycck-adobe-inverted__image.color.jpg",           as_is,      30),
    ("image/unfit__lossless__image.format.webp",                    as_is,       0),
    ("image/unfit__lossy__image.format.webp",                       as_is,      20),
    ("image/unfit__display-p3__image.format+image.icc-profile.webp", from_p3,   25),
    ("image/unfit__exif-orientation-6__image.format+image.orientation.webp", as_is, 25),
    ("image/unfit__still__image.format.gif",                        as_is,      30),
    ("image/unfit__interlaced__image.format.gif",                   as_is,      30),
    ("image/unfit__24-bit__image.format.bmp",                       as_is,       0),
    ("image/unfit__24-bit-top-down__image.format.bmp",              as_is,       0),
    ("image/unfit__16-bit-565__image.format.bmp",                   as_is,       8),
    ("image/unfit__8-bit__image.format.bmp",                        as_is,      30),
    ("image/unfit__8-bit-rle__image.format.bmp",                    as_is,      30),
    ("image/unfit__uncompressed__image.format.tif",                 as_is,       0),
    ("image/unfit__big-endian-deflate__image.format.tiff",          as_is,       0),
    ("image/unfit__lzw__image.format.tif",                          as_is,       0),
    ("image/unfit__bigtiff__image.format.tif",                      as_is,       0),
    ("image/unfit__two-pages__image.format.tif",                    as_is,       0),
    ("image/unfit__16-bit__image.format.tif",                       as_is,       2),
    ("image/unfit__gray__image.format.tif",                         to_gray,     2),
    ("image/unfit__cmyk__image.format.tif",                         as_is,      12),
    ("image/unfit__jpeg-inside__image.format.tif",                  as_is,      25),
    ("image/unfit__orientation-6__image.format+image.orientation.tif", as_is,    0),
    ("image/unfit__8-bit__image.format.heic",                       as_is,      25),
    ("image/unfit__10-bit__image.format.heic",                      as_is,      25),
    ("image/unfit__encoder__image.format.heic",                     as_is,      25),
    ("image/unfit__rotated__image.format+image.orientation.heic",   as_is,      25),
    ("image/unfit__mirrored__image.format+image.orientation.heic",  as_is,      25),
    ("image/unfit__display-p3__image.format+image.icc-profile.heic", from_p3,   30),
    ("image/unfit__phone__image.format.heic",                       from_p3,    30),
    ("image/unfit__8-bit__image.format.avif",                       as_is,      25),
    ("image/unfit__10-bit__image.format.avif",                      as_is,      25),
    ("image/unfit__rotated__image.format+image.orientation.avif",   as_is,      25),
    ("image/unfit__codestream__image.format.jxl",                   as_is,      20),
    ("image/unfit__container__image.format.jxl",                    as_is,      20),
    ("image/unfit__from-jpeg__image.format.jxl",                    as_is,      25),
];

#[test]
fn colours_come_out_as_they_were_meant() {
    let mut wrong = Vec::new();
    for (path, meant, tolerance) in COLORS {
        let (image, steps) = fitted(path, Role::Image, ALL);
        let found = places(&pixels_of(&image));
        let expected = PLAIN.map(meant);
        // What the result's own JPEG coding adds; and a place in a gradient is a pixel more or less.
        let tolerance = tolerance + if image.format() == Format::Jpeg { 10 } else { 3 };
        let off = found.iter().flatten().zip(expected.iter().flatten()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        if off > tolerance {
            wrong.push(format!("{path}: off by {off}, found {found:?}, expected {expected:?}, by {steps:?}"));
        }
        assert!(image_facts(image.facts()).bit_depth == 8, "{path}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(COLORS.len(), 55);
}

#[test]
fn a_print_profile_keeps_the_hues() {
    let (image, _) = fitted("image/unfit__cmyk-profile__image.color.jpg", Role::Image, ALL);
    let [dot, square, arrow, _] = places(&pixels_of(&image));
    assert!(dot[0] > dot[1] + 60 && dot[0] > dot[2] + 60, "the dot is red: {dot:?}");
    assert!(square[2] > square[0] + 40, "the square is blue: {square:?}");
    assert!(arrow.iter().all(|value| *value > 200), "the arrow is white: {arrow:?}");
}

#[test]
fn transparency_is_kept_where_it_fits() {
    #[rustfmt::skip]
    let badges = [
        "image/unfit__lossless-alpha__image.format.webp", "image/unfit__lossy-alpha__image.format.webp",
        "image/unfit__alpha__image.format.avif", "image/unfit__alpha__image.format.heic",
        "image/unfit__alpha__image.format.tif", "image/unfit__32-bit-alpha-v5__image.format.bmp",
        "image/unfit__png-inside__image.format.ico", "image/unfit__transparent__image.format.gif",
    ];
    for path in badges {
        let (image, steps) = fitted(path, Role::Image, ALL);
        assert_eq!(image.format(), Format::Png, "{path}: {steps:?}");
        let found = pixels_of(&image);
        let (width, height) = found.dimensions();
        assert_eq!(found.get_pixel(0, 0).0[3], 0, "{path}: the corner is clear");
        let [r, g, b, a] = found.get_pixel(width / 6, height * 6 / 10).0;
        let near = |value: u8, expected: u8| value.abs_diff(expected) < 40;
        assert!(near(r, 250) && near(g, 190) && near(b, 40) && a == 255, "{path}: {:?}", [r, g, b, a]);
    }
}

#[test]
fn transparency_that_does_not_fit_is_laid_on_the_background() {
    let mut picture = noise(400, 300, 21);
    for (x, _, pixel) in picture.enumerate_pixels_mut() {
        pixel.0[3] = if x < 200 { 0 } else { 255 };
    }
    let png = encoded(picture, ImageFormat::Png);
    let policy = Policy::cloud().overridden(r#"{"image":{"size":{"hard_bytes":80000,"target_bytes":80000}}}"#).unwrap();
    for background in [[255, 255, 255], [10, 120, 200]] {
        let fitter = Fitter::new(policy.clone()).with_options(Options { background, ..Options::default() });
        let (_, ending) = fitter.fit_bytes(png.clone(), Some(Path::new("a.png"))).unwrap();
        let Ending::Fitted { fitted, steps } = ending else { panic!("{ending:?}") };
        assert!(steps.contains(&Step::Flatten { background }), "{steps:?}");
        let found = pixels_of(&fitted);
        let [r, g, b, _] = found.get_pixel(found.width() / 4, found.height() / 2).0;
        let off = [r, g, b].iter().zip(background).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(off < 12, "{:?} on {background:?}", [r, g, b]);
    }
}

/// The part of `bytes` that holds EXIF: a JPEG's APP1, a PNG's eXIf chunk.
fn exif_of(bytes: &[u8], jpeg: bool) -> Vec<u8> {
    let mut at = if jpeg { 2 } else { 8 };
    loop {
        let (kind, length) = if jpeg {
            (&bytes[at..at + 2], usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]])) + 2)
        } else {
            (
                &bytes[at + 4..at + 8],
                usize::try_from(u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap() + 12,
            )
        };
        if kind == [0xFF, 0xE1] || kind == b"eXIf" {
            return bytes[at..at + length].to_vec();
        }
        at += length;
    }
}

#[test]
fn a_lossless_strip_takes_the_position_and_leaves_the_picture() {
    let insert = |path: &str, at: usize, exif: &[u8]| {
        let mut bytes = read(path);
        bytes.splice(at..at, exif.iter().copied());
        bytes
    };
    let gps = |path: &str, jpeg| exif_of(&read(path), jpeg);
    let turned = gps("image/fit__gps-and-turned__image.metadata+image.orientation.jpg", true);
    let profiled_jpeg = insert("image/fit__display-p3__image.icc-profile.jpg", 2, &turned);
    let chunk = gps("image/fit__exif-gps__image.metadata.png", false);
    let profiled_png = insert("image/fit__display-p3__image.icc-profile.png", 33, &chunk);
    let cases = [
        (profiled_jpeg, "a.jpg", Role::Image),
        (profiled_png, "a.png", Role::Image),
        (read("image/fit__gps__image.metadata.jpg"), "a.jpg", Role::Image),
        (read("image/fit__gps-big-endian__image.metadata.jpg"), "a.jpg", Role::Image),
        (read("image/fit__gps-and-turned__image.metadata+image.orientation.jpg"), "a.jpg", Role::Image),
        (read("image/fit__body-serial-number__image.metadata.jpg"), "a.jpg", Role::Image),
        (read("image/fit__xmp-gps__image.metadata.jpg"), "a.jpg", Role::Image),
        (read("image/fit__xmp-gps__image.metadata.png"), "a.png", Role::Image),
        (read("image/fit__exif-gps-after-data__image.metadata.png"), "a.png", Role::Image),
        (read("image/fit__exif-body-serial-number__image.metadata.png"), "a.png", Role::Image),
        (read("sticker/fit__exif-gps__image.metadata.webp"), "a.webp", Role::Sticker),
        (read("sticker/fit__exif-body-serial-number__image.metadata.webp"), "a.webp", Role::Sticker),
    ];
    for (index, (bytes, name, role)) in cases.into_iter().enumerate() {
        let fitter = Fitter::new(Policy::cloud());
        let source = Source::from_bytes(bytes.clone(), Some(Path::new(name)));
        let (checked, ending) = fitter.fit(&source, Ask::Role(role)).unwrap();
        let before = image_facts(&checked.facts);
        assert!(before.gps || before.serials, "case {index}");
        let Ending::Fitted { fitted, steps } = ending else { panic!("case {index}: {ending:?}") };
        assert!(
            steps.contains(&Step::StripMetadata) && !steps.iter().any(|step| matches!(step, Step::Decode { .. })),
            "{steps:?}"
        );
        let result = fitted.to_bytes().unwrap();
        let again =
            fitter.check_deep(&Source::from_bytes(result.clone(), Some(Path::new(name))), Ask::Role(role)).unwrap();
        let after = image_facts(&again.facts);
        assert_eq!((after.gps, after.serials), (false, false), "case {index}");
        assert_eq!(after.orientation, before.orientation, "case {index}: it would be shown turned");
        assert_eq!(after.profile, before.profile, "case {index}: its colours would change");
        let format = checked.facts.format;
        assert_eq!(distance(&pixels(format, &bytes), &pixels(format, &result)), 0.0, "case {index}");
        let keep = Fitter::new(Policy::cloud()).with_options(Options { keep_metadata: true, ..Options::default() });
        let (_, ending) = keep.fit(&source, Ask::Role(role)).unwrap();
        let Ending::Fitted { fitted, .. } = ending else { panic!("case {index}: {ending:?}") };
        assert_eq!(fitted.to_bytes().unwrap(), bytes, "case {index}: nothing else is to be done");
    }
}
