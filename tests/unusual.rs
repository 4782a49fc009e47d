//! Pictures that are coded in unusual ways, through the public door.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod pictures;

use image::{ImageFormat, RgbImage};
use mediafit::plan::{Options, Reason, Step};
use mediafit::{Ask, Checked, Ending, Fitted, Fitter, Format, Policy, Role, Rule, Severity, Source, Standing};
use pictures::{distance, encoded, photo, pixels, pixels_of, read, stored_png};
use std::path::Path;

fn fit(bytes: &[u8], name: &str, role: Role, fitter: &Fitter) -> (Checked, Ending) {
    fitter.fit(&Source::from_bytes(bytes, Some(Path::new(name))), Ask::Role(role)).unwrap()
}

fn cloud() -> Fitter {
    Fitter::new(Policy::cloud())
}

fn salvaging() -> Fitter {
    cloud().with_options(Options { salvage: true, ..Options::default() })
}

fn fitted((_, ending): (Checked, Ending)) -> (Box<Fitted>, Vec<Step>) {
    match ending {
        Ending::Fitted { fitted, steps } => (fitted, steps),
        Ending::Refused(refusal) => panic!("{refusal:?}"),
    }
}

/// A drawing: what compresses well.
fn flat(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        if (x / 40 + y / 40) % 2 == 0 { image::Rgb([9, 90, 200]) } else { image::Rgb([250; 3]) }
    })
}

#[test]
fn a_png_that_is_hardly_compressed_stays_without_loss() {
    let picture = flat(1700, 1300);
    let png = stored_png(&picture, &[]);
    assert!(png.len() > 6_600_000, "{}", png.len());
    let (result, steps) = fitted(fit(&png, "a.png", Role::Image, &cloud()));
    assert_eq!(result.format(), Format::Png, "{steps:?}");
    assert!(result.len() < 1_000_000);
    assert_eq!(distance(&pixels_of(&result), &image::DynamicImage::ImageRgb8(picture).into_rgba8()), 0.0);
}

#[test]
fn a_still_that_says_it_is_animated_loses_only_that() {
    let frame: &[u8] = &[&[0; 4][..], &8_u32.to_be_bytes(), &8_u32.to_be_bytes(), &[0; 14]].concat();
    let (one, none) = ([0, 0, 0, 1, 0, 0, 0, 0], [0; 8]);
    for extra in [&[(b"acTL", &none[..])][..], &[(b"acTL", &one[..]), (b"fcTL", frame)]] {
        let picture = flat(8, 8);
        let png = stored_png(&picture, extra);
        let (checked, ending) = fit(&png, "a.png", Role::Image, &cloud());
        assert!(
            checked
                .verdict
                .findings
                .iter()
                .any(|found| found.rule == Rule::ImageAnimated && found.severity == Severity::Fail)
        );
        let (result, steps) = fitted((checked, ending));
        assert_eq!((steps, result.mime()), (vec![Step::DropAnimation], "image/png"));
        assert_eq!(result.to_bytes().unwrap(), stored_png(&picture, &[]));
        let (sticker, _) = fitted(fit(&png, "a.png", Role::Sticker, &cloud()));
        assert_eq!(sticker.format(), Format::Webp);
    }
}

#[test]
fn as_much_of_a_cut_picture_is_kept_as_can_be_read() {
    let picture = photo(400, 300, 20, 1);
    let whole = image::DynamicImage::ImageRgb8(picture.clone()).into_rgba8();
    let deep = image::DynamicImage::ImageRgb8(picture.clone()).into_rgb16();
    let cases = [
        ("a.png", encoded(picture.clone(), ImageFormat::Png), 6.0),
        ("deep.png", encoded(deep, ImageFormat::Png), 6.0),
        ("a.bmp", encoded(picture.clone(), ImageFormat::Bmp), 6.0),
        ("a.gif", encoded(picture, ImageFormat::Gif), 14.0),
    ];
    for (name, bytes, apart) in cases {
        let cut = &bytes[..bytes.len() * 7 / 10];
        let (checked, ending) = fit(cut, name, Role::Image, &cloud());
        assert_eq!(checked.verdict.standing, Standing::Broken, "{name}");
        assert!(matches!(ending, Ending::Refused(refusal) if refusal.message.contains("--salvage")), "{name}");
        let (result, _) = fitted(fit(cut, name, Role::Image, &salvaging()));
        let read = pixels_of(&result);
        // The rows of a BMP stand bottom up.
        let top = if name == "a.bmp" { 150 } else { 0 };
        let part = |of: &image::RgbaImage| image::imageops::crop_imm(of, 0, top, 400, 150).to_image();
        assert!(distance(&part(&read), &part(&whole)) < apart, "{name}: {}", distance(&part(&read), &part(&whole)));
    }
    let png = encoded(photo(60, 40, 10, 2), ImageFormat::Png);
    let (result, _) = fitted(fit(&png[..png.len() - 12], "a.png", Role::Image, &salvaging()));
    assert_eq!(distance(&pixels_of(&result), &pixels(Format::Png, &png)), 0.0);
    let (_, ending) = fit(&read("image/broken__cut-in-data__image.truncated.avif"), "a.avif", Role::Image, &cloud());
    assert!(matches!(ending, Ending::Refused(refusal) if !refusal.message.contains("--salvage")));
}

/// A TIFF around one JPEG, in YCbCr.
fn tiff_around(jpeg: &[u8], width: u16, height: u16) -> Vec<u8> {
    let count = u32::try_from(jpeg.len()).unwrap();
    let entries: [(u16, u16, u32, u32); 9] = [
        (256, 3, 1, width.into()),
        (257, 3, 1, height.into()),
        (258, 3, 3, 8 + 2 + 9 * 12 + 4),
        (259, 3, 1, 7),
        (262, 3, 1, 6),
        (273, 4, 1, 8 + 2 + 9 * 12 + 4 + 6),
        (277, 3, 1, 3),
        (278, 3, 1, height.into()),
        (279, 4, 1, count),
    ];
    let mut tiff = b"II*\0\x08\0\0\0\x09\0".to_vec();
    for (tag, kind, count, value) in entries {
        tiff.extend([&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat());
    }
    tiff.extend([0; 4]);
    tiff.extend([8, 0, 8, 0, 8, 0]);
    tiff.extend(jpeg);
    tiff
}

#[test]
fn a_tiff_in_ycbcr_is_decoded() {
    let jpeg = encoded(photo(64, 48, 10, 3), ImageFormat::Jpeg);
    let (result, _) = fitted(fit(&tiff_around(&jpeg, 64, 48), "a.tif", Role::Image, &cloud()));
    let apart = distance(&pixels_of(&result), &pixels(Format::Jpeg, &jpeg));
    assert!(apart < 3.0, "{apart}");
}

#[test]
fn a_picture_of_another_size_than_its_headers_say_is_broken() {
    let mut avif = read("image/unfit__8-bit__image.format.avif");
    let at = avif.windows(4).position(|four| four == b"ispe").unwrap() + 8;
    avif[at..at + 4].copy_from_slice(&5000_u32.to_be_bytes());
    for role in [Role::Image, Role::Sticker] {
        let (checked, ending) = fit(&avif, "a.avif", role, &cloud());
        assert_eq!(checked.verdict.standing, Standing::Broken);
        assert!(matches!(ending, Ending::Refused(refusal) if refusal.reason == Reason::Broken));
    }
}

#[test]
fn a_sticker_keeps_neither_metadata_nor_a_profile_that_says_srgb() {
    let gone = |bytes: &[u8]| !bytes.windows(4).any(|four| matches!(four, b"EXIF" | b"XMP " | b"ICCP"));
    for name in ["exif-software", "exif-gps", "srgb-profile"] {
        let webp = read(&format!("sticker/fit__{name}__image.metadata.webp"));
        let (result, steps) = fitted(fit(&webp, "a.webp", Role::Sticker, &cloud()));
        assert_eq!(steps, [Step::StripMetadata], "{name}");
        let bytes = result.to_bytes().unwrap();
        assert!(gone(&bytes) && !gone(&webp), "{name}");
        assert_eq!(distance(&pixels(Format::Webp, &bytes), &pixels(Format::Webp, &webp)), 0.0);
    }
    let wide = read("sticker/fit__display-p3__image.icc-profile.webp");
    assert!(fitted(fit(&wide, "a.webp", Role::Sticker, &cloud())).1.is_empty(), "other profiles stay what they were");
}

#[test]
fn more_pixels_than_chats_show_are_told_and_taken() {
    let of = |width| fit(&encoded(flat(width, 8), ImageFormat::Png), "a.png", Role::Image, &cloud()).0.verdict;
    let told =
        |width| of(width).findings.iter().find(|found| found.rule == Rule::ImageDimensions).map(|found| found.severity);
    assert_eq!((told(4096), told(4097)), (None, Some(Severity::Info)));
    assert!(of(4097).is_fit());
}

#[test]
fn a_profile_that_inflates_without_end_is_no_harm() {
    let mut profile = b"x\0\0".to_vec();
    profile.extend(miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 64 << 20], 6));
    let png = stored_png(&flat(8, 8), &[(b"iCCP", &profile)]);
    let (_, ending) = fit(&png, "a.png", Role::Sticker, &cloud());
    assert!(
        matches!(&ending, Ending::Fitted { .. })
            || matches!(&ending, Ending::Refused(refusal) if refusal.reason == Reason::Limit)
    );
}

#[test]
fn what_cannot_fit_may_go_as_a_document_where_that_is_taken() {
    let png = encoded(photo(200, 200, 60, 4), ImageFormat::Png);
    let message = |policy: Policy| {
        let policy = policy.overridden(r#"{"image":{"size":{"hard_bytes":100,"target_bytes":100}}}"#).unwrap();
        match fit(&png, "a.png", Role::Image, &Fitter::new(policy)).1 {
            Ending::Refused(refusal) => refusal.message,
            Ending::Fitted { .. } => panic!("fits in 100 bytes"),
        }
    };
    assert!(message(Policy::on_premise()).contains("--as document"));
    assert!(!message(Policy::cloud()).contains("--as document"));
}
