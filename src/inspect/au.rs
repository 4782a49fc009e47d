//! AU files: the header says it all.

use super::sound;
use super::stream::Streamed;
use crate::codec::au::Header;
use crate::error::Result;
use crate::facts::{AudioTrack, Damage};
use crate::source::Source;

/// What can be measured of an AU file.
pub(super) fn inspect(source: &Source) -> Result<Streamed> {
    let Some(header) = Header::parse(source.head()?) else {
        return Ok(sound::broken("unknown", "the header is damaged"));
    };
    let there = source.len().saturating_sub(header.start);
    let bytes = header.size.map_or(there, |size| size.min(there));
    let mut damage = Vec::new();
    if let Some(size) = header.size.filter(|&size| size > there) {
        damage.push(Damage::Truncated(format!("the data ends beyond the file; found {there} bytes, expected {size}")));
    }
    let (rate, channels) = (header.sample_rate, header.channels);
    if rate == 0 || channels == 0 {
        damage.push(Damage::Malformed(format!("found {channels} channels at {rate} Hz")));
    }
    if damage.is_empty() && bytes == 0 {
        damage.push(Damage::Truncated("the data holds no sample".to_owned()));
    }
    let frame = header.bits().map(|bits| u64::from(bits / 8) * u64::from(channels));
    let samples = frame.and_then(|frame| bytes.checked_div(frame));
    let duration_us = samples.and_then(|samples| sound::microseconds(samples, rate));
    let track = AudioTrack {
        codec: header.codec(),
        sample_rate: Some(rate).filter(|&rate| rate > 0),
        channels: Some(channels).filter(|&channels| channels > 0),
        bits: header.bits(),
        duration_us,
        bitrate: sound::bitrate(bytes, duration_us),
        default: true,
        ..AudioTrack::default()
    };
    Ok(sound::alone(track, damage))
}
