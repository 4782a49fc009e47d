//! Guards that protect us, apart from the platform's rules: what a hostile file may cost at most.

use std::ops::RangeInclusive;

/// The most of a file's head that sniffing reads at once, in bytes.
pub const SNIFF_BYTES: usize = 32 * 1024;

/// The largest picture that is decoded, in pixels. A 200-megapixel phone photo passes, a 30000×30000 bomb does not.
pub const MAX_PIXELS: u64 = 256_000_000;

/// The longest side that is decoded, in pixels (JPEG's own limit is 65,535).
pub const MAX_SIDE: u32 = 65_535;

/// The largest image or document source that is read into memory, in bytes.
pub const MAX_IN_MEMORY: u64 = 512 * 1024 * 1024;

/// The most frames of an animation that are counted or decoded.
pub const MAX_FRAMES: u32 = 10_000;

/// The most segments, chunks, boxes or directory entries that are walked in one file: a file of empty chunks
/// must not keep us busy.
pub const MAX_ENTRIES: usize = 65_536;

/// How deep boxes may be nested.
pub const MAX_DEPTH: u32 = 16;

/// The largest metadata block (EXIF, ICC, XMP, `moov`, zip directory) that is read into memory, in bytes.
pub const MAX_METADATA: usize = 16 * 1024 * 1024;

/// The most channels of sound that are decoded.
pub const MAX_CHANNELS: usize = 8;

/// The rates of sound that are decoded, in hertz.
pub const SOUND_RATES: RangeInclusive<u32> = 4_000..=384_000;

/// Why sound of so many channels at this rate is not decoded here, where it is not.
pub(crate) fn sound_refused(channels: u64, rate: u32) -> Option<String> {
    if channels == 0 || channels > MAX_CHANNELS as u64 {
        return Some(format!(
            "has too many channels to decode; found {channels}, allowed 1 to {MAX_CHANNELS}; mix it down first"
        ));
    }
    let (low, high) = (SOUND_RATES.start(), SOUND_RATES.end());
    let refused = !SOUND_RATES.contains(&rate);
    refused.then(|| {
        format!("has a sample rate that is not decoded; found {rate} Hz, allowed {low} to {high}; resample it first")
    })
}

/// The most bytes that are reserved ahead on the word of a file.
pub const MAX_RESERVE: usize = 1024 * 1024;

/// An empty `Vec` with room for `count` items, but never more than [`MAX_RESERVE`] bytes: a count that comes
/// from a file is a lie until its items were read.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one capped door to with_capacity")]
pub fn capped_vec<T>(count: usize) -> Vec<T> {
    Vec::with_capacity(count.min(MAX_RESERVE / size_of::<T>().max(1)))
}
