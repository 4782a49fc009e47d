//! Inputs for the benches: testdata, and larger pictures made here with a fixed seed.

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

/// A file of `testdata/`, with its bytes.
pub(crate) fn testdata(path: &str) -> (PathBuf, Arc<[u8]>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (path, bytes.into())
}

/// A picture that compresses like a photo: soft shapes, edges and sensor noise.
pub(crate) fn photo(width: u32, height: u32, noise: u32) -> RgbImage {
    let mut seed = 0x2545_F491_u32;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed
    };
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let wave = ((u * 19.0).sin() * (v * 13.0).cos() + (u * v * 97.0).sin() * 0.5) * 60.0;
        let edge = if (x / 97 + y / 61) % 5 == 0 { 40.0 } else { 0.0 };
        let grain = f64::from(random() % (noise * 2 + 1)) - f64::from(noise);
        let channel = |base: f64, weight: f64| (base + wave * weight + edge + grain).clamp(0.0, 255.0) as u8;
        Rgb([channel(130.0, 1.0), channel(110.0, 0.7), channel(90.0, -0.6)])
    })
}

/// A cut-out of a photo: opaque in a disc, transparent around it.
pub(crate) fn cutout(side: u32) -> RgbaImage {
    let photo = photo(side, side, 6);
    RgbaImage::from_fn(side, side, |x, y| {
        let Rgb([r, g, b]) = *photo.get_pixel(x, y);
        let (dx, dy) = (f64::from(x) - f64::from(side) / 2.0, f64::from(y) - f64::from(side) / 2.0);
        let distance = (dx * dx + dy * dy).sqrt() / (f64::from(side) / 2.0);
        Rgba([r, g, b, ((1.0 - distance) * 20.0 * 255.0).clamp(0.0, 255.0) as u8])
    })
}

/// `image` as PNG.
pub(crate) fn png(image: DynamicImage) -> Arc<[u8]> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap_or_else(|error| panic!("PNG: {error}"));
    bytes.into_inner().into()
}

/// A JPEG over the image limit, made by the library itself: a noisy photo as PNG is fitted to a far larger limit.
pub(crate) fn large_jpeg(width: u32, height: u32, noise: u32) -> Arc<[u8]> {
    let policy = mediafit::Policy::cloud()
        .overridden(r#"{"image":{"formats":["jpeg"],"size":{"hard_bytes":200000000,"target_bytes":9000000}}}"#)
        .unwrap_or_else(|error| panic!("{error}"));
    let options = mediafit::Options::default();
    let source = mediafit::Source::from_bytes(png(photo(width, height, noise).into()), None);
    let fitter = mediafit::Fitter::new(policy).with_options(options);
    match fitter.fit(&source, mediafit::Ask::Content) {
        Ok((_, mediafit::Ending::Fitted { fitted, .. })) => {
            fitted.to_bytes().unwrap_or_else(|error| panic!("{error}")).into()
        }
        other => panic!("the input of the bench could not be made: {other:?}"),
    }
}
