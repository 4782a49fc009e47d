//! What warnings and notes do: `--strict`, and what only pixels tell.

use super::*;
use std::path::Path;

#[test]
fn strict_refuses_a_warning_that_nothing_cures() {
    let dir = Dir::new();
    // On standard input a document has no name, and nothing here can give it one.
    let plain = dir.fed(["fit", "-", "--out", "out", "--json"], PDF).ends_with(0).one_file();
    assert_eq!((rules(&plain), &plain["plan"]), (vec!["document.filename"], &"keep".into()));
    fs::remove_dir_all(dir.join("out")).unwrap();
    let ran = dir.fed(["fit", "-", "--out", "out", "--json", "--strict"], PDF).ends_with(1);
    let file = ran.one_file();
    assert_eq!((&file["plan"], &file["refusal"]["reason"]), (&"refuse".into(), &"warning".into()));
    assert!(file["refusal"]["message"].as_str().unwrap().contains("--strict"), "{file}");
    assert_eq!((&ran.summary()["refused"], &ran.summary()["written"]), (&1.into(), &0.into()));
    assert!(!dir.join("out/stdin.pdf").exists());
    let checked = dir.fed(["check", "-", "--json", "--strict"], PDF).ends_with(1).one_file();
    assert_eq!((&checked["verdict"], &checked["plan"]), (&"fit".into(), &"refuse".into()));
    dir.fed(["fit", "-", "--out", "-", "--strict"], PDF).ends_with(1);
}

#[test]
fn strict_leaves_no_warning_in_what_it_hands_over() {
    let dir = Dir::new();
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    for role in ["image", "sticker", "document"] {
        let source = testdata.join(role);
        let out = dir.join(role);
        let ran = dir.mediafit([
            "fit".as_ref(),
            source.as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
            "--json".as_ref(),
            "--strict".as_ref(),
        ]);
        assert!(ran.summary()["written"].as_u64().unwrap() > 10, "{}", ran.summary());
        dir.mediafit(["check".as_ref(), out.as_os_str(), "--strict".as_ref()]).ends_with(0);
    }
}

#[test]
fn metadata_that_is_to_be_kept_is_no_failure() {
    let dir = Dir::new();
    dir.file("a.jpg", JPEG_WITH_GPS);
    dir.mediafit(["check", "a.jpg", "--strict"]).ends_with(1);
    dir.mediafit(["check", "a.jpg", "--strict", "--keep-metadata"]).ends_with(0);
    let kept = dir.mediafit(["fit", "a.jpg", "--out", "out", "--json", "--strict", "--keep-metadata"]).ends_with(0);
    assert_eq!(kept.one_file()["plan"], "keep");
}

#[test]
fn a_narrow_margin_is_noted_once_pixels_are_decoded() {
    let dir = Dir::new();
    // A wide picture touches the left and right edge of its square.
    let narrow = dir.fed(["fit", "-", "--out", "-", "--as", "sticker"], &cut_out(512, 256, 0)).ends_with(0).stdout;
    dir.file("stickers/narrow.webp", &narrow);
    let wide = dir.fed(["fit", "-", "--out", "-", "--as", "sticker"], &cut_out(512, 512, 100)).ends_with(0).stdout;
    dir.file("stickers/wide.webp", &wide);
    let noted = |file: &Value| rules(file).contains(&"sticker.margin");

    let headers = dir.mediafit(["check", "stickers", "--json"]).ends_with(0);
    assert!(!noted(&headers.file("narrow.webp")) && headers.file("narrow.webp")["facts"].get("margin_px").is_none());
    for ran in [
        dir.mediafit(["check", "stickers", "--json", "--deep", "--strict"]).ends_with(0),
        dir.mediafit(["fit", "stickers", "--json", "--out", "out"]).ends_with(0),
    ] {
        let narrow = ran.file("narrow.webp");
        assert!(noted(&narrow) && !noted(&ran.file("wide.webp")), "{}", ran.text());
        let note = narrow["findings"].as_array().unwrap().iter().find(|note| note["rule"] == "sticker.margin").unwrap();
        assert_eq!((&note["severity"], &note["found"], &note["allowed"]), (&"info".into(), &0.into(), &16.into()));
        assert_eq!(ran.file("wide.webp")["facts"]["margin_px"], 100);
        assert_eq!(narrow["plan"], "keep");
    }
}

/// A transparent PNG with an opaque rectangle that stays `margin` pixels clear of the edges.
fn cut_out(width: u32, height: u32, margin: u32) -> Vec<u8> {
    let inside = |at: u32, side: u32| (margin..side - margin).contains(&at);
    let picture = image::RgbaImage::from_fn(width, height, |x, y| {
        let opacity = if inside(x, width) && inside(y, height) { 255 } else { 0 };
        image::Rgba([200, 30, 30, opacity])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::ImageRgba8(picture).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[cfg(feature = "heif")]
#[test]
fn a_broken_avif_is_reported_and_nothing_else_is_said() {
    let dir = Dir::new();
    let whole =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/image/unfit__8-bit__image.format.avif")).unwrap();
    let data = whole.windows(4).position(|window| window == b"mdat").unwrap() + 4;
    for (number, at) in (data..data + 48).enumerate() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x5a;
        dir.file(format!("in/{number:02}.avif"), &bytes);
    }
    let ran = dir.mediafit(["check", "in", "--deep", "--json"]).ends_with(1);
    assert_eq!(ran.summary()["files"], 48);
    assert!(ran.summary()["broken"].as_u64().unwrap() > 4, "{}", ran.summary());
    assert!(ran.stderr.starts_with("48 files in ") && ran.stderr.lines().count() == 6, "{}", ran.stderr);
}
