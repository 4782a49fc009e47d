//! AAC by syom: access units to samples (LC, HE with SBR and PS, LD), and samples to access units (LC).

use super::decoder::{Decoder, Spec};
use super::layout::{Layout, Speaker};
use crate::codec::aac::Config;
use crate::error::{Error, Result};
use syom::{AacError, Channel, DecodeOptions, EncodeOptions};

/// Decodes access units. SBR and parametric stereo are found by the configuration or in the units themselves, so the
/// rate is known from the first unit only.
pub(super) struct AacDecoder {
    decoder: syom::Decoder,
    config: Vec<u8>,
    /// Whether what the decoder takes for 8,000 Hz is 7,350.
    lowest: bool,
}

impl AacDecoder {
    /// For an AudioSpecificConfig.
    pub(super) fn new(config: &[u8]) -> Result<Self> {
        let read = Config::parse(config);
        if let Some(profile) = read.map(|config| config.profile).filter(|&profile| undecodable(profile)) {
            return Err(super::decoder::undecodable(&format!("AAC of the kind {profile}")));
        }
        let mut config = config.to_vec();
        // Nobody codes SSR. ADTS headers that say it were written by who took the object type, 2 for LC, for the profile, 1.
        if let (Some("ssr"), Some(first)) = (read.map(|config| config.profile), config.first_mut()) {
            *first = *first & 0x07 | 2 << 3;
        }
        let lowest = take_for_8000(&mut config);
        let decoder = syom::Decoder::from_asc(&config, DecodeOptions::unbounded()).map_err(|error| match error {
            AacError::Unsupported(_) => super::decoder::undecodable("AAC of this kind"),
            error => Error::malformed(format!("the AAC configuration does not read: {error}")),
        })?;
        Ok(Self { decoder, config, lowest })
    }
}

/// Says 8,000 Hz for 7,350, which syom does not know: the frames are alike in all but their time (ISO/IEC 14496-3 table 4.5.4
/// has one row for both). Gives whether it was so.
fn take_for_8000(config: &mut [u8]) -> bool {
    match config {
        // Behind five bits of the object type, four of the rate's index: 12 becomes 11.
        [first, second, ..] if *first & 7 == 0b110 && *second & 0x80 == 0 => {
            *first = *first & !7 | 0b101;
            *second |= 0x80;
            true
        }
        _ => false,
    }
}

/// What syom has no decoder for.
fn undecodable(profile: &str) -> bool {
    matches!(profile, "xhe" | "eld" | "als" | "other")
}

impl Decoder for AacDecoder {
    fn decode(&mut self, packet: &[u8], into: &mut Vec<f32>) -> Result<Spec> {
        let mut spec = None;
        let decoded = self.decoder.decode_au(packet, |frame| {
            let layout =
                Layout::new(frame.planar.iter().enumerate().map(|(index, _)| {
                    frame.meta.channels.get(index).copied().flatten().map_or(Speaker::Unknown, speaker)
                }));
            interleave(frame.planar, frame.samples, into);
            // Two planes without names are left and right.
            let named = layout.channels() > 2;
            let layout = if named { layout } else { Layout::of_count(layout.channels()) };
            // SBR doubles either.
            let rate = if self.lowest { frame.sample_rate / 8_000 * 7_350 } else { frame.sample_rate };
            spec = Some(Spec { rate, layout });
            Ok(())
        });
        if let Err(error) = decoded {
            self.decoder.reset();
            self.decoder.set_asc(&self.config).map_err(|error| Error::malformed(error.to_string()))?;
            return Err(Error::malformed(format!("an AAC frame does not decode: {error}")));
        }
        spec.ok_or_else(|| Error::malformed("an AAC frame holds no sound"))?.guarded()
    }
}

fn interleave(planes: &[&[f32]], frames: usize, into: &mut Vec<f32>) {
    match planes {
        [mono] => into.extend_from_slice(mono),
        [left, right] => into.extend(left.iter().zip(right.iter()).flat_map(|(&left, &right)| [left, right])),
        planes => {
            for frame in 0..frames {
                into.extend(planes.iter().map(|plane| plane.get(frame).copied().unwrap_or(0.0)));
            }
        }
    }
}

const fn speaker(channel: Channel) -> Speaker {
    match channel {
        Channel::FrontLeft => Speaker::FrontLeft,
        Channel::FrontRight => Speaker::FrontRight,
        Channel::FrontCenter => Speaker::FrontCenter,
        Channel::Lfe => Speaker::LowFrequency,
        Channel::BackLeft => Speaker::BackLeft,
        Channel::BackRight => Speaker::BackRight,
        Channel::BackCenter => Speaker::BackCenter,
        Channel::SideLeft => Speaker::SideLeft,
        Channel::SideRight => Speaker::SideRight,
        _ => Speaker::Unknown,
    }
}

/// Samples a frame and channel.
pub(crate) const FRAME: u32 = 1024;

/// Encodes interleaved samples as AAC-LC, an access unit of 1024 samples each.
pub(crate) struct AacEncoder {
    encoder: syom::Encoder,
    rate: u32,
    channels: u16,
    planes: [Vec<f32>; 2],
    lead: u32,
    /// What of it is still to be encoded.
    due: usize,
    taken: u64,
}

impl AacEncoder {
    /// An encoder of one or two channels at 44,100 or 48,000 Hz for this many bits per second, with `lead` samples of silence
    /// in front, which count as priming.
    ///
    /// # Errors
    /// `Engine` when it cannot be made.
    pub(crate) fn new(rate: u32, channels: u16, bitrate: u32, lead: u32) -> Result<Self> {
        let options = EncodeOptions::raw()
            .with_bitrate_bps(bitrate.min(6144 * u32::from(channels) * rate / FRAME))
            .with_lookahead(true);
        let encoder = syom::Encoder::new(rate, usize::from(channels), &options).map_err(failed)?;
        let planes = [Vec::new(), Vec::new()];
        Ok(Self { encoder, rate, channels, planes, lead, due: lead as usize, taken: 0 })
    }

    /// Samples per second.
    pub(crate) const fn rate(&self) -> u32 {
        self.rate
    }

    /// One or two.
    pub(crate) const fn channels(&self) -> u16 {
        self.channels
    }

    /// The AudioSpecificConfig.
    pub(crate) fn asc(&self) -> &[u8] {
        self.encoder.asc()
    }

    /// Samples at the start that a decoder gives out before the first that came in: the first frame carries nothing but the
    /// start of its window.
    pub(crate) const fn priming(&self) -> u32 {
        FRAME + self.lead
    }

    /// Encodes `samples`; `each` gets every access unit.
    ///
    /// # Errors
    /// `Engine` when the encoder fails; what `each` gives.
    pub(crate) fn encode(&mut self, samples: &[f32], each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        // The encoder refuses what is beyond full scale.
        let clean = |sample: f32| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        let [left, right] = &mut self.planes;
        left.clear();
        right.clear();
        let lead = std::mem::take(&mut self.due);
        left.resize(lead, 0.0);
        if self.channels == 1 {
            left.extend(samples.iter().map(|&sample| clean(sample)));
        } else {
            right.resize(lead, 0.0);
            let frames = samples.as_chunks::<2>().0;
            left.extend(frames.iter().map(|&[sample, _]| clean(sample)));
            right.extend(frames.iter().map(|&[_, sample]| clean(sample)));
        }
        self.taken += (left.len() - lead) as u64;
        let planes: [&[f32]; 2] = [left, right];
        let planes = planes.get(..usize::from(self.channels)).unwrap_or_default();
        let mut refused = None;
        let fed = self.encoder.feed(planes, |unit| deliver(unit.au, each, &mut refused));
        refused.map_or_else(|| fed.map(drop).map_err(failed), Err)
    }

    /// Encodes what is left; gives the samples of a channel that came in.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub(crate) fn finish(&mut self, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<u64> {
        if self.taken == 0 {
            return Ok(0);
        }
        let mut refused = None;
        let done = self.encoder.finish(|unit| deliver(unit.au, each, &mut refused));
        if let Some(error) = refused {
            return Err(error);
        }
        let priming = u64::from(done.map_err(failed)?.priming as u32);
        debug_assert_eq!(priming, u64::from(FRAME), "what was promised ahead");
        Ok(self.taken)
    }
}

/// Hands a unit over; keeps our own error, for which syom has no room.
fn deliver(
    unit: &[u8],
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
    refused: &mut Option<Error>,
) -> std::result::Result<(), AacError> {
    each(unit).map_err(|error| {
        *refused = Some(error);
        AacError::NotAac
    })
}

fn failed(error: AacError) -> Error {
    Error::engine(format!("the AAC encoder: {error}"))
}
