//! Which codecs this build has: those that are cargo features can be left out.

/// A codec, and one feature that it needs.
struct Codec {
    /// Its name in facts, or its format's.
    name: &'static str,
    /// The cargo feature.
    feature: &'static str,
    /// Whether it is here.
    built: bool,
}

/// A row for each.
macro_rules! codecs {
    ($($name:literal $feature:literal)*) => {
        &[$(Codec { name: $name, feature: $feature, built: cfg!(feature = $feature) }),*]
    };
}

#[rustfmt::skip]
const CODECS: &[Codec] = codecs! {
    "aac"    "aac"
    "amr"    "amr"
    "amr-wb" "amr"
    "av1"    "avif"
    "av1"    "video"
    "avif"   "avif"
    "h264"   "video"
    "heic"   "heif"
    "hevc"   "hevc"
    "jxl"    "jxl"
    "mjpeg"  "video"
    "opus"   "opus"
    "vp8"    "video"
    "vp9"    "video"
};

/// The feature without which this build lacks `codec`; none where the codec is here, or is no codec of ours at all.
pub(crate) fn left_out(codec: &str) -> Option<&'static str> {
    CODECS.iter().find(|row| row.name == codec && !row.built).map(|row| row.feature)
}

/// That `codec` was left out and what would help, for refusals that say `name`; none where it was not.
pub(crate) fn refusal(codec: &str, name: &str) -> Option<String> {
    left_out(codec).map(|feature| format!("{name} was left out of this build; use one with the feature `{feature}`"))
}
