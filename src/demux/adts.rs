//! AAC in ADTS frames (ISO/IEC 14496-3 §1.A.2), behind tags and junk. A packet is an access unit without its header.

use super::frames::{Counted, Frame, Syntax, Tags, Walk};
use super::{Demuxer, Kind, Packet, Track, Want};
use crate::codec::aac::{AdtsHeader, Config, Hidden, channels_of_block};
use crate::error::{Error, Result};
use crate::source::Source;

/// How ADTS frames are headed.
#[derive(Debug)]
pub(crate) struct Adts1024;

impl Syntax for Adts1024 {
    fn frame(bytes: &[u8]) -> Option<Frame> {
        let header = AdtsHeader::parse(bytes)?;
        let (object_type, rate, channels) = header.common();
        let common = u32::from_be_bytes([0, object_type, rate, channels]);
        Some(Frame { length: header.frame_length, samples: header.samples(), common })
    }
}

/// An ADTS stream.
#[derive(Debug)]
pub(crate) struct Adts<'a> {
    walk: Walk<'a, Adts1024>,
    tracks: [Track; 1],
    config: Config,
    /// What stands before and behind the frames.
    pub tags: Tags,
    first: u64,
    time: i64,
}

impl<'a> Adts<'a> {
    /// Finds the first frame.
    ///
    /// # Errors
    /// `Malformed` when there is none; `Io` when the source cannot be read.
    pub(crate) fn open(source: &'a Source) -> Result<Self> {
        let tags = Tags::find(source)?;
        let Some(mut walk) = Walk::<Adts1024>::find(source, tags.start, tags.end)? else {
            return Err(Error::malformed("no ADTS frame was found"));
        };
        let first = walk.at();
        let header = AdtsHeader::parse(walk.content(first, 9)?);
        let Some(header) = header else { return Err(Error::malformed("no ADTS frame was found")) };
        let config = Self::configure(&mut walk, &header)?;
        walk.rewind(first);
        let mut track = Track::new(0, Kind::Audio, "aac", config.core_rate);
        track.config = header.asc().to_vec();
        track.channels = Some(config.channels).filter(|&channels| channels > 0);
        track.sample_rate = Some(config.sample_rate);
        track.default = true;
        Ok(Self { walk, tracks: [track], config, tags, first, time: 0 })
    }

    /// The configuration as played: with the SBR that the frames carry and no header tells.
    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// Where the frames start and where what stands behind them does.
    pub(crate) const fn frames(&self) -> (u64, u64) {
        (self.first, self.tags.end)
    }

    /// Counts all frames, and goes back to the first.
    pub(crate) fn count(&mut self) -> Result<Counted> {
        self.time = 0;
        self.walk.count(self.first)
    }

    fn configure(walk: &mut Walk<'a, Adts1024>, header: &AdtsHeader) -> Result<Config> {
        let mut config = header.config();
        let mut hidden = Hidden::default();
        let mut first = true;
        while !hidden.is_done() {
            let Some((place, frame)) = walk.next()? else { break };
            let content = walk.content(place, frame.length)?;
            let Some(unit) = AdtsHeader::parse(content).and_then(|header| content.get(header.header_length..)) else {
                break;
            };
            if std::mem::take(&mut first) && config.core_channels == 0 {
                config.core_channels = channels_of_block(unit).unwrap_or(0);
                config.channels = config.core_channels;
            }
            if !config.may_hide_sbr() {
                break;
            }
            hidden.ask(unit);
        }
        Ok(hidden.revealed(config).unwrap_or(config))
    }
}

impl Demuxer for Adts<'_> {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        let Some((place, frame)) = self.walk.next()? else { return Ok(false) };
        let content = self.walk.content(place, frame.length)?;
        let header = AdtsHeader::parse(content).map_or(7, |header| header.header_length);
        let unit = content.get(header..).unwrap_or_default();
        packet.data.clear();
        if want != Want::Table {
            packet.data.extend_from_slice(unit);
        }
        packet.size = u32::try_from(unit.len()).unwrap_or(u32::MAX);
        (packet.track, packet.dts, packet.pts) = (0, self.time, self.time);
        (packet.duration, packet.sync, packet.discard_ns) = (u64::from(frame.samples), true, 0);
        self.time = self.time.saturating_add(i64::from(frame.samples));
        Ok(true)
    }
}
