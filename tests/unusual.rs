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

/// A TIFF block that says which way up, as EXIF has it.
const TURNED: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
/// One with a latitude.
const PLACED: &[u8] = b"II*\0\x08\0\0\0\x01\0\x25\x88\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0\
    \x01\0\x02\0\x07\0\x02\0\0\0AB\0\0\0\0\0\0";

/// For a platform that takes pictures of fewer bytes.
fn limited(bytes: usize) -> Fitter {
    let rules = format!(r#"{{"image":{{"size":{{"hard_bytes":{bytes},"target_bytes":{bytes}}}}}}}"#);
    Fitter::new(Policy::cloud().overridden(&rules).unwrap())
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

fn rgba(picture: RgbImage) -> image::RgbaImage {
    image::DynamicImage::ImageRgb8(picture).into_rgba8()
}

#[test]
fn a_large_png_stays_the_way_up_that_its_exif_says() {
    let picture = photo(90, 60, 20, 3);
    let png = stored_png(&picture, &[(b"eXIf", TURNED)]);
    let (result, steps) = fitted(fit(&png, "a.png", Role::Image, &limited(png.len() - 500)));
    assert!(steps.contains(&Step::Orient), "{steps:?}");
    assert_eq!(distance(&pixels_of(&result), &rgba(image::imageops::rotate90(&picture))), 0.0);
    // Gray is small as it is: the pixels stay, and so does the word.
    let header = [&200_u32.to_be_bytes()[..], &200_u32.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let rows: Vec<u8> = (0..200_u32 * 201).map(|at| if at % 201 == 0 { 0 } else { (at / 7) as u8 }).collect();
    let rows = miniz_oxide::deflate::compress_to_vec_zlib(&rows, 0);
    let png = pictures::png_of(&[(b"IHDR", &header), (b"eXIf", TURNED), (b"IDAT", &rows), (b"IEND", &[])]);
    let (result, steps) = fitted(fit(&png, "a.png", Role::Image, &limited(png.len() - 500)));
    assert_eq!(steps, [Step::OptimizePng]);
    assert!(contains(&result.to_bytes().unwrap(), TURNED));
}

#[test]
fn a_png_that_is_packed_anew_keeps_what_its_colours_mean() {
    let linear = 100_000_u32.to_be_bytes();
    let primaries: Vec<u8> = P3.iter().flat_map(|number| number.to_be_bytes()).collect();
    let png = stored_png(&photo(90, 60, 0, 3), &[(b"gAMA", &linear), (b"cHRM", &primaries), (b"tEXt", b"a\0b")]);
    let (result, steps) = fitted(fit(&png, "a.png", Role::Image, &limited(png.len() - 500)));
    assert_eq!(steps, [Step::OptimizePng]);
    let bytes = result.to_bytes().unwrap();
    assert!(contains(&bytes, b"gAMA") && contains(&bytes, b"cHRM") && !contains(&bytes, b"tEXt"));
}

/// White, red, green and blue of Display P3, in hundred thousandths.
const P3: [u32; 8] = [31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000];

/// A flat PNG of 16 bits, and what colour it has afterwards.
fn reduced(extra: &[(&[u8; 4], &[u8])]) -> [u8; 3] {
    let header = [&8_u32.to_be_bytes()[..], &8_u32.to_be_bytes(), &[16, 2, 0, 0, 0]].concat();
    let rows: Vec<u8> = (0..8).flat_map(|_| [&[0][..], &[200, 200, 100, 100, 50, 50].repeat(8)].concat()).collect();
    let rows = miniz_oxide::deflate::compress_to_vec_zlib(&rows, 6);
    let ends = [(b"IDAT", &rows[..]), (b"IEND", &[])];
    let png = pictures::png_of(&[&[(b"IHDR", &header[..])], extra, &ends].concat());
    let (result, _) = fitted(fit(&png, "a.png", Role::Image, &cloud()));
    let [red, green, blue, _] = pixels_of(&result).get_pixel(3, 3).0;
    [red, green, blue]
}

#[test]
fn one_statement_of_a_png_s_colours_stands_above_the_others() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let profile = [&b"p3\0\0"[..], &miniz_oxide::deflate::compress_to_vec_zlib(&profile, 6)].concat();
    let wide = reduced(&[(b"iCCP", &profile)]);
    assert!(wide[0] > 210, "{wide:?}");
    assert_eq!(reduced(&[]), [200, 100, 50]);
    assert_eq!(reduced(&[(b"cICP", &[1, 13, 0, 1]), (b"iCCP", &profile)]), [200, 100, 50]);
    let gamma = 45_455_u32.to_be_bytes();
    let primaries: Vec<u8> = P3.iter().flat_map(|number| number.to_be_bytes()).collect();
    let by_primaries = reduced(&[(b"gAMA", &gamma), (b"cHRM", &primaries)]);
    assert!(by_primaries.iter().zip(wide).all(|(one, other)| one.abs_diff(other) < 3), "{by_primaries:?} {wide:?}");
    assert_eq!(reduced(&[(b"sRGB", &[0]), (b"gAMA", &gamma), (b"cHRM", &primaries)]), [200, 100, 50]);
}

/// A profile of inks that shows every one of them as the same gray.
fn gray_inks() -> Vec<u8> {
    let mut table = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    for cell in 0..9 {
        table.extend((if cell % 4 == 0 { 0x0001_0000_u32 } else { 0 }).to_be_bytes());
    }
    let identity = || (0..=255_u8).collect::<Vec<u8>>();
    (0..4).for_each(|_| table.extend(identity()));
    (0..16).for_each(|_| table.extend([128, 128, 128]));
    (0..3).for_each(|_| table.extend(identity()));
    let mut profile = vec![0; 128];
    profile[8..24].copy_from_slice(b"\x02\x40\0\0prtrCMYKLab ");
    profile[36..40].copy_from_slice(b"acsp");
    profile[68..80].copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
    profile.extend(1_u32.to_be_bytes());
    profile.extend(b"A2B0");
    profile.extend(144_u32.to_be_bytes());
    profile.extend(u32::try_from(table.len()).unwrap().to_be_bytes());
    profile.extend(table);
    let length = u32::try_from(profile.len()).unwrap();
    profile[..4].copy_from_slice(&length.to_be_bytes());
    profile
}

/// A TIFF of 8×8 pixels of one byte string, with tags of SHORTs and a profile.
fn tiff(photometric: u16, pixel: &[u8], map: &[u16], profile: &[u8]) -> Vec<u8> {
    let data = pixel.repeat(64);
    let (map_at, profile_at) = (8 + data.len(), 8 + data.len() + map.len() * 2);
    let directory = profile_at + profile.len();
    let mut file = b"II*\0".to_vec();
    let long = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    file.extend(long(directory));
    file.extend(&data);
    file.extend(map.iter().flat_map(|value| value.to_le_bytes()));
    file.extend(profile);
    let samples = pixel.len();
    let bits_at = file.len() + 2 + 12 * 11 + 4;
    let bits = if samples > 1 { bits_at } else { 8 };
    #[rustfmt::skip]
    let entries = [
        (256, 3, 1, 8), (257, 3, 1, 8), (258, 3, samples, bits), (259, 3, 1, 1), (262, 3, 1, usize::from(photometric)),
        (273, 4, 1, 8), (277, 3, 1, samples), (278, 3, 1, 8), (279, 4, 1, data.len()),
        (320, 3, map.len(), map_at), (34675, 7, profile.len(), profile_at),
    ];
    file.extend(11_u16.to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(u16::to_le_bytes(tag));
        file.extend(u16::to_le_bytes(kind));
        file.extend(long(count));
        file.extend(long(value));
    }
    file.extend([0; 4]);
    (0..samples).for_each(|_| file.extend(8_u16.to_le_bytes()));
    file
}

#[test]
fn a_tiff_in_inks_or_with_a_palette_is_shown_by_its_profile() {
    let color = |file: &[u8]| {
        let (result, _) = fitted(fit(file, "a.tif", Role::Image, &cloud()));
        pixels_of(&result).get_pixel(3, 3).0
    };
    let [red, green, blue, _] = color(&tiff(5, &[255, 0, 0, 0], &[0; 3], &gray_inks()));
    assert!(red.abs_diff(green) < 4 && green.abs_diff(blue) < 4 && (90..150).contains(&red), "{red} {green} {blue}");
    assert_eq!(color(&tiff(5, &[255, 0, 0, 0], &[0; 3], &[])), [0, 255, 255, 255]);
    let map: Vec<u16> = [200_u16, 100, 50].iter().flat_map(|value| [value << 8; 256]).collect();
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let [red, ..] = color(&tiff(3, &[7], &map, &profile));
    assert!(red > 210, "{red}");
    assert_eq!(color(&tiff(3, &[7], &map, &[])), [200, 100, 50, 255]);
}

#[test]
fn an_icon_may_hold_any_png() {
    let picture = photo(48, 48, 5, 1);
    let png = encoded(picture.clone(), ImageFormat::Png);
    let mut icon = b"\0\0\x01\0\x01\0\x30\x30\0\0\x01\0\x18\0".to_vec();
    icon.extend(u32::try_from(png.len()).unwrap().to_le_bytes());
    icon.extend(22_u32.to_le_bytes());
    icon.extend(&png);
    let (result, _) = fitted(fit(&icon, "a.ico", Role::Image, &cloud()));
    assert_eq!(distance(&pixels_of(&result), &rgba(picture)), 0.0);
}

#[test]
fn a_picture_that_is_coded_anew_is_brought_below_the_size_that_is_asked_for() {
    let jpeg = encoded(photo(300, 200, 40, 5), ImageFormat::Jpeg);
    let target = jpeg.len() * 6 / 10;
    let options = Options { target_bytes: Some(target as u64), ..Options::default() };
    let fitter = limited(jpeg.len() - 1000).with_options(options);
    let (result, steps) = fitted(fit(&jpeg, "a.jpg", Role::Image, &fitter));
    assert_eq!(steps, [Step::RequantizeJpeg]);
    assert!((target * 95 / 100..=target).contains(&usize::try_from(result.len()).unwrap()), "{}", result.len());
    // What need not be coded anew is not.
    let (_, steps) = fitted(fit(&jpeg, "a.jpg", Role::Image, &cloud().with_options(options)));
    assert_eq!(steps, []);
    let jpeg = encoded(photo(300, 200, 9, 5), ImageFormat::Jpeg);
    let sticker = Options { target_bytes: Some(9000), ..Options::default() };
    let (result, _) = fitted(fit(&jpeg, "a.jpg", Role::Sticker, &cloud().with_options(sticker)));
    assert!(result.len() <= 9000, "{}", result.len());
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker][..], &length, content].concat()
}

fn with_position(jpeg: &[u8]) -> Vec<u8> {
    [&jpeg[..2], &segment(0xE1, &[b"Exif\0\0", PLACED].concat()), &jpeg[2..]].concat()
}

#[test]
fn a_position_in_a_jpeg_is_taken_out_wherever_it_stands() {
    let plain = encoded(photo(64, 48, 9, 2), ImageFormat::Jpeg);
    let placed = with_position(&plain);
    let first = placed.len() - plain.len() + 2;
    let strays = [&placed[..first], &[0, 7, 9], &placed[first..]].concat();
    let text = segment(
        0xE1,
        &[b"http://ns.adobe.com/xmp/extension/\0", &[b'0'; 32][..], &[0; 8], b"<a e:GPSLatitude='1'/>"].concat(),
    );
    let extended = [&plain[..2], &text, &plain[2..]].concat();
    let behind = [&plain[..], &placed].concat();
    let progressive = fitted(fit(&plain, "a.jpg", Role::Image, &limited(plain.len() - 10))).0.to_bytes().unwrap();
    let second = progressive.windows(2).enumerate().filter(|(_, pair)| *pair == [0xFF, 0xDA]).nth(1).unwrap().0;
    let between = [&segment(0xFE, b"said"), &with_position(&progressive)[2..][..PLACED.len() + 10]].concat();
    let between = [&progressive[..second], &between, &progressive[second..]].concat();
    for (name, jpeg, whole) in [
        ("strays", strays, &plain),
        ("extended", extended, &plain),
        ("behind", behind, &plain),
        ("between", between, &progressive),
    ] {
        let (checked, ending) = fit(&jpeg, "a.jpg", Role::Image, &cloud());
        assert_eq!(checked.verdict.standing, Standing::Fit, "{name}");
        assert!(checked.verdict.has(Rule::ImageMetadata) || checked.verdict.has(Rule::ImageTrailing), "{name}");
        let (result, _) = fitted((checked, ending));
        let bytes = result.to_bytes().unwrap();
        assert!(!contains(&bytes, PLACED) && !contains(&bytes, b"said") && !contains(&bytes, b"GPS"), "{name}");
        assert_eq!(distance(&pixels_of(&result), &pixels(Format::Jpeg, whole)), 0.0, "{name}");
    }
}
