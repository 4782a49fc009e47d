//! AMR, narrow and wide: packets of one frame or several, each with its header byte (RFC 4867 §5.3).

use super::decoder::{Decoder, Spec};
use super::layout::Layout;
use crate::error::{Error, Result};
use codec_core::codecs::amr::{AmrCodec, AmrFrameType, AmrVariant};
use codec_core::types::{CodecConfig, CodedFrame, VariableRateCodec};

/// Decodes frames of 20 ms.
pub(super) struct AmrDecoder {
    codec: AmrCodec,
    variant: AmrVariant,
    spec: Spec,
    /// The last mode that was seen, for frames that name none.
    mode: u8,
}

impl AmrDecoder {
    /// For AMR-NB, or AMR-WB where `wide`.
    pub(super) fn new(wide: bool) -> Result<Self> {
        let (config, variant, rate) = if wide {
            (CodecConfig::amr_wb(), AmrVariant::WideBand, 16_000)
        } else {
            (CodecConfig::amr_nb(), AmrVariant::NarrowBand, 8_000)
        };
        let codec = AmrCodec::new(&config).map_err(|error| Error::engine(format!("the AMR decoder: {error}")))?;
        Ok(Self { codec, variant, spec: Spec { rate, layout: Layout::of_count(1) }, mode: 0 })
    }

    /// The frame behind `header`, and its length.
    fn frame(&mut self, header: u8, rest: &[u8]) -> Option<(CodedFrame, usize)> {
        let kind = AmrFrameType::from_index(self.variant, header >> 3 & 0x0f).ok()?;
        let length = kind.octet_aligned_bytes();
        let data = rest.get(..length)?.to_vec();
        let mut frame = match kind {
            AmrFrameType::Speech(mode) => {
                self.mode = mode.index();
                CodedFrame::speech(mode.index(), data)
            }
            AmrFrameType::Sid(_) => CodedFrame::comfort_noise(data),
            AmrFrameType::NoData => CodedFrame::no_data(),
            AmrFrameType::SpeechLost => CodedFrame::lost(),
        };
        if !matches!(kind, AmrFrameType::Speech(_)) {
            frame.mode = self.mode;
        }
        frame.quality_ok = header & 0x04 != 0;
        Some((frame, length))
    }
}

impl Decoder for AmrDecoder {
    fn decode(&mut self, packet: &[u8], into: &mut Vec<f32>) -> Result<Spec> {
        let damaged = || Error::malformed("an AMR frame does not decode");
        let mut rest = packet;
        while let Some((&header, behind)) = rest.split_first() {
            let (frame, length) = self.frame(header, behind).ok_or_else(damaged)?;
            let samples = self.codec.decode_frame(&frame).map_err(|_| damaged())?;
            into.extend(samples.iter().map(|&sample| f32::from(sample) / 32_768.0));
            rest = behind.get(length..).unwrap_or_default();
        }
        Ok(self.spec)
    }
}
