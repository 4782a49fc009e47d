//! AAC's configuration: AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) and ADTS headers (§1.A.2.2).
//!
//! Spectral band replication hides in three places: an object type of its own, a sync extension behind the core's
//! configuration, or nowhere but in the frames. The first two are read by [`Config::parse`]; [`Hidden`] looks for the third.

pub(crate) use hidden::Hidden;

mod hidden;

/// Sampling rates by their index (ISO/IEC 14496-3 table 1.18).
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// Channels by channelConfiguration (table 1.19); 0 stands for "by a program config element", or reserved.
const CHANNELS: [u16; 16] = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0];

/// Channels by USAC's channelConfigurationIndex (ISO/IEC 23003-3 table 68, ISO/IEC 23001-8).
const USAC_CHANNELS: [u16; 14] = [0, 1, 2, 3, 4, 5, 6, 8, 2, 3, 4, 7, 8, 24];

/// Output samples of a USAC frame by coreSbrFrameLengthIndex (ISO/IEC 23003-3 table 70).
const USAC_FRAMES: [u32; 5] = [768, 1024, 2048, 2048, 4096];

/// Object types (ISO/IEC 14496-3 table 1.17) that this code has to tell apart.
const SBR: u8 = 5;
const SCALABLE: u8 = 6;
const BSAC: u8 = 22;
const LOW_DELAY: u8 = 23;
const PARAMETRIC_STEREO: u8 = 29;
const ENHANCED_LOW_DELAY: u8 = 39;
const USAC: u8 = 42;

/// The most bits that are searched for a sync extension behind the core's configuration.
const MAX_EXTENSION: usize = 512;

/// What an AudioSpecificConfig says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Config {
    /// Object type of the core: 2 for LC, whatever stands on top of it.
    pub object_type: u8,
    /// `lc`, `he`, `he-v2`, `xhe`, `main`, `ltp`, `ssr`, `ld`, `eld`; `als` and `other` for what is no AAC of these.
    pub profile: &'static str,
    /// Samples per second of the core.
    pub core_rate: u32,
    /// Samples per second as played: SBR doubles them.
    pub sample_rate: u32,
    /// Channels of the core; 0 where neither the configuration nor a program config element tells.
    pub core_channels: u16,
    /// Channels as played: parametric stereo makes 2 of 1.
    pub channels: u16,
    /// Samples a frame of the core: 1024 or 960 (512 or 480 for low delay; xHE: as played, 768 to 4096).
    pub frame_samples: u32,
    /// Whether SBR is signalled.
    pub explicit_sbr: bool,
    /// Whether it is signalled that there is no SBR.
    pub denied_sbr: bool,
}

impl Config {
    /// Reads an AudioSpecificConfig.
    pub(crate) fn parse(asc: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(asc);
        let mut object_type = object_type(&mut bits)?;
        let core_rate = rate(&mut bits)?;
        let layout = usize::try_from(bits.take(4)?).ok()?;
        let mut config = Self::plain(object_type, core_rate, CHANNELS.get(layout).copied()?);
        let mut stereo = false;
        if object_type == SBR || object_type == PARAMETRIC_STEREO {
            stereo = object_type == PARAMETRIC_STEREO;
            config.explicit_sbr = true;
            config.sample_rate = rate(&mut bits)?;
            object_type = self::object_type(&mut bits)?;
            if object_type == BSAC {
                bits.take(4)?;
            }
        }
        config.object_type = object_type;
        match object_type {
            1..=4 | SCALABLE | 7 | 17 | 19..=LOW_DELAY => config.general(&mut bits, layout)?,
            ENHANCED_LOW_DELAY => config.enhanced_low_delay(&mut bits)?,
            USAC => config.usac(&mut bits)?,
            _ => {}
        }
        if !config.explicit_sbr && !matches!(object_type, USAC | ENHANCED_LOW_DELAY) {
            stereo = config.sync_extension(&mut bits);
        }
        config.finish(stereo && config.core_channels == 1);
        Some(config)
    }

    /// Whether SBR may be in the frames without a word in the configuration: LC with a core of at most 24 kHz
    /// (ISO/IEC 14496-3 §1.6.5.3). The frames tell: see [`Hidden`].
    pub(crate) const fn may_hide_sbr(&self) -> bool {
        self.object_type == 2 && !self.explicit_sbr && !self.denied_sbr && self.core_rate <= 24_000
    }

    /// The same, with the SBR that the frames turned out to carry, and the parametric stereo that may be in it.
    pub(crate) fn with_implicit_sbr(mut self, stereo: bool) -> Self {
        if self.may_hide_sbr() {
            self.sample_rate = self.core_rate * 2;
            self.profile = "he";
            if stereo && self.core_channels == 1 {
                (self.profile, self.channels) = ("he-v2", 2);
            }
        }
        self
    }

    fn plain(object_type: u8, rate: u32, channels: u16) -> Self {
        Self {
            object_type,
            profile: "other",
            core_rate: rate,
            sample_rate: rate,
            core_channels: channels,
            channels,
            frame_samples: 1024,
            explicit_sbr: false,
            denied_sbr: false,
        }
    }

    fn finish(&mut self, stereo: bool) {
        self.channels = if stereo { 2 } else { self.core_channels };
        self.profile = match self.object_type {
            2 if stereo => "he-v2",
            2 if self.explicit_sbr => "he",
            1 => "main",
            2 => "lc",
            3 => "ssr",
            4 => "ltp",
            LOW_DELAY => "ld",
            36 => "als",
            ENHANCED_LOW_DELAY => "eld",
            USAC => "xhe",
            _ => "other",
        };
    }

    /// GASpecificConfig (§4.4.1).
    fn general(&mut self, bits: &mut Bits<'_>, layout: usize) -> Option<()> {
        let short = bits.flag()?;
        self.frame_samples = match (self.object_type, short) {
            (LOW_DELAY, true) => 480,
            (LOW_DELAY, false) => 512,
            (_, true) => 960,
            (_, false) => 1024,
        };
        if bits.flag()? {
            bits.take(14)?;
        }
        let extended = bits.flag()?;
        if layout == 0 {
            self.core_channels = program_config(bits)?;
        }
        if matches!(self.object_type, SCALABLE | 20) {
            bits.take(3)?;
        }
        if extended {
            match self.object_type {
                BSAC => bits.take(16)?,
                17 | 19 | 20 | LOW_DELAY => bits.take(3)?,
                _ => 0,
            };
            bits.take(1)?;
        }
        if matches!(self.object_type, 17 | 19..=LOW_DELAY) {
            bits.take(2)?;
        }
        Some(())
    }

    /// ELDSpecificConfig (§4.6.20.3), as far as it tells length and rate.
    fn enhanced_low_delay(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        self.frame_samples = if bits.flag()? { 480 } else { 512 };
        bits.take(3)?;
        if bits.flag()? && bits.flag()? {
            self.sample_rate = self.core_rate.saturating_mul(2);
        }
        Some(())
    }

    /// UsacConfig (ISO/IEC 23003-3 §5.2), as far as it tells rate, length and channels.
    fn usac(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let index = bits.take(5)?;
        let rate = match usize::try_from(index).ok()? {
            0x1f => bits.take(24)?,
            0x0f => 57_600,
            0x10 => 51_200,
            0x11 => 40_000,
            0x12 => 38_400,
            0x13 => 34_150,
            0x14 => 28_800,
            0x15 => 25_600,
            0x16 => 20_000,
            0x17 => 19_200,
            0x18 => 17_075,
            0x19 => 14_400,
            0x1a => 12_800,
            0x1b => 9_600,
            known => RATES.get(known).copied()?,
        };
        (self.core_rate, self.sample_rate) = (rate, rate);
        self.frame_samples = USAC_FRAMES.get(usize::try_from(bits.take(3)?).ok()?).copied()?;
        let layout = usize::try_from(bits.take(5)?).ok()?;
        self.core_channels = if layout == 0 {
            u16::try_from(escaped(bits, [5, 8, 16])?).ok()?
        } else {
            USAC_CHANNELS.get(layout).copied().unwrap_or(self.core_channels)
        };
        (rate > 0).then_some(())
    }

    /// The backward-compatible extension (§1.6.6.1): 0x2b7 for SBR, 0x548 for parametric stereo. Whether there is the latter.
    fn sync_extension(&mut self, bits: &mut Bits<'_>) -> bool {
        // Writers disagree on what stands between, so that it is searched as readers do.
        for _ in 0..MAX_EXTENSION {
            if bits.left() < 16 {
                return false;
            }
            if bits.peek(11) == Some(0x2b7) {
                return self.read_extension(bits).unwrap_or(false);
            }
            bits.skip(1);
        }
        false
    }

    fn read_extension(&mut self, bits: &mut Bits<'_>) -> Option<bool> {
        bits.skip(11);
        if object_type(bits)? != SBR {
            return Some(false);
        }
        if !bits.flag()? {
            self.denied_sbr = true;
            return Some(false);
        }
        self.sample_rate = rate(bits)?;
        self.explicit_sbr = true;
        Some(bits.left() >= 12 && bits.take(11)? == 0x548 && bits.flag()?)
    }
}

/// The header of an ADTS frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AdtsHeader {
    /// Object type: 2 for LC.
    pub object_type: u8,
    /// Samples per second of the core.
    pub core_rate: u32,
    /// channelConfiguration; 0: a program config element in the first frame tells.
    pub channel_config: u8,
    /// Whole length in bytes, with the header.
    pub frame_length: usize,
    /// Length of the header: 7, or 9 with a checksum.
    pub header_length: usize,
    /// Raw data blocks in the frame: 1..=4, of 1024 samples each.
    pub blocks: u8,
    /// Whether it calls itself MPEG-2.
    pub mpeg2: bool,
    rate_index: u8,
}

impl AdtsHeader {
    /// Reads the seven bytes of a header.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[first, second, third, fourth, fifth, sixth, seventh] = bytes.first_chunk()?;
        if first != 0xff || second & 0xf6 != 0xf0 {
            return None;
        }
        let rate_index = third >> 2 & 0x0f;
        let core_rate = RATES.get(usize::from(rate_index)).copied()?;
        let frame_length = usize::from(fourth & 0x03) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
        let header_length = if second & 0x01 == 0 { 9 } else { 7 };
        (frame_length >= header_length).then_some(Self {
            object_type: (third >> 6) + 1,
            core_rate,
            channel_config: (third & 0x01) << 2 | fourth >> 6,
            frame_length,
            header_length,
            blocks: (seventh & 0x03) + 1,
            mpeg2: second & 0x08 != 0,
            rate_index,
        })
    }

    /// What all frames of a stream have in common.
    pub(crate) const fn common(&self) -> (u8, u8, u8) {
        (self.object_type, self.rate_index, self.channel_config)
    }

    /// Channels of the core; 0 where a program config element tells.
    pub(crate) fn channels(&self) -> u16 {
        CHANNELS.get(usize::from(self.channel_config)).copied().unwrap_or(0)
    }

    /// Samples of the core in this frame.
    pub(crate) fn samples(&self) -> u32 {
        1024 * u32::from(self.blocks)
    }

    /// The AudioSpecificConfig of the same stream. Without a channel configuration it is two bytes short of a program config element.
    pub(crate) const fn asc(&self) -> [u8; 2] {
        short_asc(self.object_type, self.rate_index, self.channel_config)
    }

    /// The configuration of the same stream.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::plain(self.object_type, self.core_rate, self.channels());
        config.finish(false);
        config
    }

    /// The header to put before an access unit of `length` bytes; none where ADTS cannot say it.
    pub(crate) fn for_frame(config: &Config, length: usize) -> Option<[u8; 7]> {
        let profile = config.object_type.checked_sub(1).filter(|&profile| profile < 4)?;
        let rate = u8::try_from(RATES.iter().position(|&known| known == config.core_rate)?).ok()?;
        let channels = CHANNELS.iter().take(8).position(|&known| known == config.core_channels && known > 0)?;
        let channels = u8::try_from(channels).ok()?;
        let length = u16::try_from(length.checked_add(7)?).ok().filter(|&length| length < 1 << 13)?;
        if config.frame_samples != 1024 {
            return None;
        }
        let [_, low] = length.to_be_bytes();
        let [_, middle] = (length >> 3).to_be_bytes();
        let [_, high] = (length >> 11).to_be_bytes();
        // The fullness 0x7ff stands for a variable rate.
        Some([
            0xff,
            0xf1,
            profile << 6 | rate << 2 | channels >> 2,
            channels << 6 | high,
            middle,
            low << 5 | 0x1f,
            0xfc,
        ])
    }
}

/// Channels by the program config element that starts a raw data block, where one does (§4.4.1.1).
pub(crate) fn channels_of_block(block: &[u8]) -> Option<u16> {
    const PROGRAM_CONFIG: u32 = 5;
    let mut bits = Bits::new(block);
    if bits.take(3)? != PROGRAM_CONFIG {
        return None;
    }
    program_config(&mut bits)
}

const fn short_asc(object_type: u8, rate_index: u8, layout: u8) -> [u8; 2] {
    [object_type << 3 | rate_index >> 1, rate_index << 7 | layout << 3]
}

fn object_type(bits: &mut Bits<'_>) -> Option<u8> {
    let short = bits.take(5)?;
    let object_type = if short == 31 { 32 + bits.take(6)? } else { short };
    u8::try_from(object_type).ok()
}

fn rate(bits: &mut Bits<'_>) -> Option<u32> {
    let index = bits.take(4)?;
    let rate = if index == 15 { bits.take(24)? } else { RATES.get(usize::try_from(index).ok()?).copied()? };
    (rate > 0).then_some(rate)
}

/// A number in up to three steps (ISO/IEC 23003-3 table 19).
fn escaped(bits: &mut Bits<'_>, steps: [usize; 3]) -> Option<u32> {
    let mut value = 0_u32;
    for step in steps {
        let part = bits.take(step)?;
        value = value.checked_add(part)?;
        if part != (1 << step) - 1 {
            break;
        }
    }
    Some(value)
}

/// Channels by a program config element (§4.4.1.1).
fn program_config(bits: &mut Bits<'_>) -> Option<u16> {
    bits.take(10)?;
    let [front, side, back] = [bits.take(4)?, bits.take(4)?, bits.take(4)?];
    let low = bits.take(2)?;
    let (associated, coupling) = (bits.take(3)?, bits.take(4)?);
    for mixdown in [4, 4, 3] {
        if bits.flag()? {
            bits.take(mixdown)?;
        }
    }
    let mut channels = u16::try_from(low).ok()?;
    for _ in 0..front + side + back {
        channels += if bits.flag()? { 2 } else { 1 };
        bits.take(4)?;
    }
    for _ in 0..low + associated {
        bits.take(4)?;
    }
    for _ in 0..coupling {
        bits.take(5)?;
    }
    bits.align();
    let comment = bits.take(8)?;
    bits.skip(usize::try_from(comment).ok()? * 8);
    Some(channels)
}

/// Bits, most significant first.
#[derive(Debug, Clone, Copy)]
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    fn peek_at(&self, at: usize, count: usize) -> Option<u32> {
        let mut value = 0;
        for bit in at..at.checked_add(count)? {
            let byte = self.bytes.get(bit / 8)?;
            value = value << 1 | u32::from(byte >> (7 - bit % 8) & 1);
        }
        Some(value)
    }

    fn peek(&self, count: usize) -> Option<u32> {
        self.peek_at(self.at, count)
    }

    fn take(&mut self, count: usize) -> Option<u32> {
        let value = self.peek(count)?;
        self.at += count;
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }
}

#[cfg(test)]
mod tests;
