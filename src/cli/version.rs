//! `--version`: in its long form, what this binary was built with.

use std::sync::LazyLock;

/// What works on which format: name, engine, whether it is part of this binary.
#[rustfmt::skip]
const ENGINES: &[(&str, &str, bool)] = &[
    ("JPEG",    "mozjpeg",                   true),
    ("PNG",     "png, oxipng, quantizr",     true),
    ("WebP",    "libwebp",                   true),
    ("HEIC",    "heifer",                    cfg!(feature = "heif")),
    ("AVIF",    "rav1d",                     cfg!(feature = "avif")),
    ("JPEG XL", "jxl-oxide",                 cfg!(feature = "jxl")),
    ("others",  "image (GIF BMP TIFF ICO)",  true),
    ("colour",  "moxcms",                    true),
    ("scaling", "fast_image_resize",         true),
    ("AAC",     "syom",                      cfg!(feature = "aac")),
    ("Opus",    "libopus",                   cfg!(feature = "opus")),
    ("AMR",     "rvoip-codec-core",          cfg!(feature = "amr")),
    ("sound",   "symphonia (MP3 Vorbis FLAC ALAC ADPCM), lewton (Vorbis surround)", true),
    ("H.264",   "rusty_h264 and rust_h264 read, OpenH264 writes", cfg!(feature = "video")),
    ("HEVC",    "rusty_h265 (in videos)",    cfg!(feature = "hevc")),
    ("VP8",     "our own",                   cfg!(feature = "video")),
    ("VP9",     "rusty_vp9",                 cfg!(feature = "video")),
    ("AV1",     "rav1d (in videos)",         cfg!(all(feature = "video", feature = "avif"))),
];

static LONG: LazyLock<String> = LazyLock::new(|| {
    let engine = |(what, engine, built_in): &(&str, &str, bool)| {
        format!("  {what:<8} {}\n", if *built_in { engine } else { "not in this build" })
    };
    format!(
        "{version}\n\nengines:\n{engines}\nbuild:\n  target   {arch} {os}\n  profile  {profile}\n  nasm     {nasm}\n  rust     {rust} or later",
        version = env!("CARGO_PKG_VERSION"),
        engines = ENGINES.iter().map(engine).collect::<String>(),
        arch = std::env::consts::ARCH,
        os = std::env::consts::OS,
        profile = if cfg!(debug_assertions) { "debug" } else { "release" },
        nasm = match option_env!("MEDIAFIT_NASM").unwrap_or("unknown") {
            "missing" => "MISSING: JPEG and H.264 are coded several times slower; install it and build again",
            other => other,
        },
        rust = env!("CARGO_PKG_RUST_VERSION"),
    )
});

/// The version with engines and build facts.
pub(crate) fn long() -> &'static str {
    LONG.as_str()
}
