//! Pictures to H.264 access units as an MP4 holds them: behind lengths, the parameter sets apart.

use super::ffi::{Coded, Planes, RawEncoder, Settings};
use super::nal::Framing;
use super::picture::Canvas;
use crate::error::{Error, Result};

/// Levels by what they allow: ten times the level, macroblocks a second, macroblocks a picture (H.264 table A-1).
#[rustfmt::skip]
const LEVELS: [(u8, u32, u32); 12] = [
    (12, 6_000, 396), (13, 11_880, 396), (21, 19_800, 792), (22, 20_250, 1_620), (30, 40_500, 1_620), (31, 108_000, 3_600),
    (32, 216_000, 5_120), (40, 245_760, 8_192), (42, 522_240, 8_704), (50, 589_824, 22_080), (51, 983_040, 36_864),
    (52, 2_073_600, 36_864),
];

/// The most bits a second of each of these levels in Main profile, in kilobits (H.264 table A-1).
#[rustfmt::skip]
const BITRATES: [u32; 12] = [384, 768, 4_000, 4_000, 10_000, 14_000, 20_000, 20_000, 50_000, 135_000, 240_000, 240_000];

/// `nal_unit_type` (H.264 table 7-1).
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;

/// Ten times the lowest level for such pictures.
pub(super) fn level(width: u32, height: u32, rate: f64, bits_per_second: f64) -> u8 {
    let blocks = width.div_ceil(16) * height.div_ceil(16);
    let fits = LEVELS.iter().zip(BITRATES).find(|((_, second, picture), most)| {
        blocks <= *picture
            && f64::from(blocks) * rate <= f64::from(*second)
            && bits_per_second <= f64::from(*most) * 1000.0
    });
    fits.map_or(52, |((level, _, _), _)| *level)
}

/// An encoder that gives access units.
pub(super) struct AccessUnits {
    raw: RawEncoder,
    qp: u8,
    coded: Vec<u8>,
    sps: Vec<u8>,
    pps: Vec<u8>,
}

impl AccessUnits {
    pub(super) fn new(settings: Settings, qp: u8) -> Result<Self> {
        Ok(Self { raw: RawEncoder::new(settings, qp)?, qp, coded: Vec::new(), sps: Vec::new(), pps: Vec::new() })
    }

    /// Encodes one picture with quantiser `qp`; its access unit goes to `out`, which is emptied first. True for a key picture.
    pub(super) fn encode(&mut self, canvas: &mut Canvas, key: bool, qp: u8, out: &mut Vec<u8>) -> Result<bool> {
        if qp != self.qp {
            self.raw.set_qp(qp)?;
            self.qp = qp;
        }
        self.coded.clear();
        out.clear();
        let [y, u, v] = &mut canvas.planes;
        let planes = Planes { data: [y, u, v], strides: [canvas.width, canvas.width / 2, canvas.width / 2] };
        let kind = self.raw.encode(planes, key, &mut self.coded)?;
        for unit in Framing::StartCodes.units(&self.coded) {
            match unit.first().map_or(0, |first| first & 0x1F) {
                SPS => unit.clone_into(&mut self.sps),
                PPS => unit.clone_into(&mut self.pps),
                DELIMITER => {}
                _ => {
                    out.extend(u32::try_from(unit.len()).unwrap_or(0).to_be_bytes());
                    out.extend_from_slice(unit);
                }
            }
        }
        if out.is_empty() {
            return Err(Error::engine("the H.264 encoder left a picture out"));
        }
        Ok(kind == Coded::Key)
    }

    /// The AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3); there once a key picture was encoded.
    pub(super) fn config(&self) -> Result<Vec<u8>> {
        let head = self.sps.get(1..4).ok_or_else(|| Error::engine("the H.264 encoder gave no parameters"))?;
        let mut config = vec![1];
        config.extend_from_slice(head);
        config.extend([0xFF, 0xE1]);
        config.extend(u16::try_from(self.sps.len()).unwrap_or(0).to_be_bytes());
        config.extend_from_slice(&self.sps);
        config.push(1);
        config.extend(u16::try_from(self.pps.len()).unwrap_or(0).to_be_bytes());
        config.extend_from_slice(&self.pps);
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_fit() {
        assert_eq!(level(1280, 720, 30.0, 2e6), 31);
        assert_eq!(level(1920, 1080, 30.0, 8e6), 40);
        assert_eq!(level(1920, 1080, 60.0, 8e6), 42);
        assert_eq!(level(640, 360, 30.0, 1e6), 30);
    }

    #[test]
    fn a_grey_picture_is_a_key_picture_of_main_profile() {
        let mut canvas =
            Canvas { width: 64, height: 48, planes: [vec![90; 64 * 48], vec![128; 32 * 24], vec![128; 32 * 24]] };
        let settings = Settings { width: 64, height: 48, rate: 25.0, level: 30, color: [1, 1, 1] };
        let mut encoder = AccessUnits::new(settings, 28).unwrap();
        let mut unit = Vec::new();
        assert!(encoder.encode(&mut canvas, true, 28, &mut unit).unwrap());
        assert!(!encoder.encode(&mut canvas, false, 30, &mut unit).unwrap());
        let config = encoder.config().unwrap();
        assert_eq!(config[1], 77);
        let sps = crate::codec::h264::Config::parse(&config).and_then(|config| config.sps);
        let sps = crate::codec::h264::Sps::parse(sps.unwrap()).unwrap();
        assert_eq!((sps.width, sps.height, sps.reorder), (64, 48, Some(0)));
        assert_eq!(sps.color.map(|color| color.matrix), Some(1));
    }
}
