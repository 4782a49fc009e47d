//! Every codec that is a cargo feature: with it a file that needs it becomes fit, without it the file is refused by name.
//! The gate runs this in a build of everything and in one of nothing.

use mediafit::plan::Plan;
use mediafit::{Ask, Ending, Fitter, Options, Policy, Reason, Role, Source};
use std::path::Path;

/// A feature, and whether this build has it.
type Feature = (&'static str, bool);

/// A file, the role that it is sent in, and the features that it needs.
macro_rules! cases {
    ($($path:literal $role:ident $($feature:literal)+;)*) => {
        &[$(($path, Role::$role, &[$(($feature, cfg!(feature = $feature))),+])),*]
    };
}

#[rustfmt::skip]
const CASES: &[(&str, Role, &[Feature])] = cases! {
    "audio/fit__adts.aac"                          Audio "aac";
    "audio/fit__opus-mono.ogg"                     Audio "opus";
    "audio/unfit__amr-wide__audio.codec.amr"       Audio "amr";
    "audio/unfit__pcm-s16__audio.container.wav"    Voice "opus";
    "image/unfit__8-bit__image.format.avif"        Image "avif";
    "image/unfit__8-bit__image.format.heic"        Image "heif";
    "image/unfit__codestream__image.format.jxl"    Image "jxl";
    "video/unfit__av1__video.codec.mp4"            Video "avif" "video";
    "video/unfit__hevc__video.codec.mp4"           Video "hevc";
    "video/unfit__high-b-frames__video.profile.mp4" Video "video";
    "video/unfit__mjpeg__video.brand.mov"          Video "video";
    "video/unfit__mp3__video.audio-codec.mp4"      Video "aac";
    "video/unfit__vp8-vorbis__video.container.webm" Video "aac" "video";
    "video/unfit__vp9-opus__video.container.webm"  Video "aac" "opus" "video";
};

#[test]
fn a_codec_that_was_left_out_is_refused_by_name() {
    // What may be copied is coded anew too: only that needs a codec.
    let loud = Options { loudness_centi_lufs: Some(-1600), ..Options::default() };
    let fitter = Fitter::new(Policy::cloud()).with_options(loud);
    let (mut fitted, mut whole) = (0, 0);
    for (path, role, features) in CASES {
        let lacking: Vec<&str> = features.iter().filter(|(_, built)| !built).map(|(feature, _)| *feature).collect();
        whole += usize::from(lacking.is_empty());
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path);
        let source = Source::open(file).unwrap();
        // A picture needs its decoder whatever else is done, so that the plan says so already.
        if *role == Role::Image {
            let planned = fitter.check(&source, Ask::Role(*role)).unwrap().plan;
            assert_eq!(matches!(planned, Plan::Refuse(_)), !lacking.is_empty(), "{path}: {planned:?}");
        }
        match fitter.fit(&source, Ask::Role(*role)).unwrap().1 {
            Ending::Fitted { .. } => {
                fitted += 1;
                assert!(lacking.is_empty(), "{path} without {lacking:?}");
            }
            Ending::Refused(refusal) => {
                assert_eq!(refusal.reason, Reason::Unsupported, "{path}: {refusal:?}");
                let names = |feature: &&str| refusal.message.contains(&format!("use one with the feature `{feature}`"));
                assert!(lacking.iter().any(names), "{path}: {refusal:?}");
            }
        }
    }
    assert_eq!((CASES.len(), fitted), (14, whole));
}
