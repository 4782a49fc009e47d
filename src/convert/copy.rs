//! Coded streams into another container, without decoding: what repairs a container, fragments, brands and stray tracks.

mod opus;
mod steady;
#[cfg(test)]
mod tests;
mod times;

use crate::cancel::Cancel;
use crate::convert::spool::Spool;
use crate::convert::write::adts::AdtsWriter;
use crate::convert::write::mp4::{self, Brand};
use crate::convert::write::store::Merged;
use crate::convert::write::{Chosen, Packets};
use crate::demux::{Demuxer, Packet, Track, Want};
use crate::error::{Error, ErrorKind, Result};
use crate::source::Source;
use std::cell::Cell;
use steady::Steady;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Moving pictures, and sound where it is kept.
    Mp4,
    /// Sound alone, as AAC.
    M4a,
    /// As `Mp4`, with the brand of 3GPP.
    ThreeGp,
    /// One Opus stream.
    OggOpus,
    /// One AAC stream without a container.
    Adts,
}

/// What is copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CopyJob<'k> {
    /// Indices of the tracks that are kept, in the order in which they shall stand.
    pub keep: &'k [usize],
    /// What is written.
    pub target: Target,
    /// Whether a source that is cut off is copied up to the cut; else it is an error.
    pub salvage: bool,
    /// The file that the demuxers read, where content may be copied from it without passing through them: not where
    /// packets of two files are put together.
    pub source: Option<&'k Source>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Copied {
    /// Whether the source was cut off: what is written ends there.
    pub cut: bool,
}

/// Opens the source from its start; an index that stands first takes two walks through it.
pub(crate) type Factory<'f, 'd> = &'f mut dyn FnMut() -> Result<Box<dyn Demuxer + 'd>>;

/// Copies the packets of the kept tracks into `out`.
///
/// # Errors
/// `Unsupported` for a codec that the target cannot carry; `Malformed` for a source that is cut off (without salvage), has
/// nothing in these tracks, or changes meanwhile; `Io`, `Limit` and `Cancelled`.
pub(crate) fn copy(out: &mut Spool, open: Factory, job: CopyJob, cancel: &Cancel) -> Result<Copied> {
    let cut = Cell::new(false);
    let demuxer = open()?;
    let tracks = chosen(demuxer.tracks(), job.keep)?;
    match job.target {
        Target::Mp4 => boxes(out, Brand::Mp4, &tracks, demuxer, open, job, &cut, cancel),
        Target::M4a => boxes(out, Brand::M4a, &tracks, demuxer, open, job, &cut, cancel),
        Target::ThreeGp => boxes(out, Brand::ThreeGp, &tracks, demuxer, open, job, &cut, cancel),
        Target::OggOpus => {
            let mut packets = Whole { packets: Chosen::new(demuxer, job.keep), salvage: job.salvage, cut: &cut };
            opus::copy(out, single(&tracks, "opus")?, &mut packets, cancel)
        }
        Target::Adts => {
            let mut packets = Whole { packets: Chosen::new(demuxer, job.keep), salvage: job.salvage, cut: &cut };
            adts(out, single(&tracks, "aac")?, &mut packets, cancel)
        }
    }?;
    Ok(Copied { cut: cut.get() })
}

/// A stream that was coded anew, to stand behind the tracks that are copied.
pub(crate) struct Beside<'b> {
    /// How it stands.
    pub track: &'b Track,
    /// Its packets from the first on, as often as they are wanted.
    pub packets: &'b dyn Fn() -> Result<Box<dyn Packets + 'b>>,
}

/// A track that is kept beside something that is made.
pub(crate) struct Kept {
    /// How it stands.
    pub track: Track,
    /// The demuxer's number of it.
    pub index: usize,
    clocks: Vec<times::Clock>,
}

impl Kept {
    /// Track `index` of `demuxer`.
    ///
    /// # Errors
    /// `Unsupported` for a track that cannot be copied.
    pub(crate) fn new(demuxer: &dyn Demuxer, index: usize) -> Result<Self> {
        let mut tracks = chosen(demuxer.tracks(), &[index])?;
        let clocks = times::clocks(&tracks, demuxer.tracks());
        let mut track = tracks.pop().ok_or_else(|| Error::engine("no track was chosen"))?;
        if let Some(clock) = clocks.first() {
            clock.apply(&mut track);
        }
        Ok(Self { track, index, clocks })
    }

    /// Its packets, from the start of `demuxer` on.
    pub(crate) fn packets<'d>(&self, demuxer: Box<dyn Demuxer + 'd>) -> Box<dyn Packets + 'd> {
        Box::new(times::Retimed::new(Chosen::new(demuxer, &[self.index]), &self.clocks))
    }
}

/// Packets up to a time, and up to where a source is cut off.
pub(crate) struct Until<'p> {
    /// All of them.
    pub packets: Box<dyn Packets + 'p>,
    /// The time, in ticks of their track.
    pub end: Option<i64>,
    /// Whether a source that is cut off is read as far as it goes.
    pub salvage: bool,
}

impl Packets for Until<'_> {
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        // Only content shows where a cut source ends.
        let want = if self.salvage { Want::Content } else { want };
        match self.packets.next(packet, want) {
            Err(error) if error.kind() == ErrorKind::Malformed && self.salvage => Ok(false),
            Ok(true) => Ok(self.end.is_none_or(|end| packet.pts < end)),
            other => other,
        }
    }
}

/// Copies the packets of the kept tracks into an MP4 in `out`, with the stream `beside` behind them.
///
/// # Errors
/// As [`copy`].
pub(crate) fn copy_beside(
    out: &mut Spool,
    open: Factory,
    job: CopyJob,
    beside: &Beside<'_>,
    cancel: &Cancel,
) -> Result<Copied> {
    let cut = Cell::new(false);
    let demuxer = open()?;
    let tracks = chosen(demuxer.tracks(), job.keep)?;
    let clocks = times::clocks(&tracks, demuxer.tracks());
    drop(demuxer);
    let mut standing = tracks;
    for (track, clock) in standing.iter_mut().zip(&clocks) {
        clock.apply(track);
    }
    let timescales: Vec<u32> = standing.iter().map(|track| track.timescale).collect();
    standing.push(beside.track.clone());
    let mut packets = || -> Result<Box<dyn Packets + '_>> {
        let packets = Steady::new(Chosen::new(open()?, job.keep), &standing);
        let whole = Whole { packets, salvage: job.salvage, cut: &cut };
        let copied: Box<dyn Packets + '_> = Box::new(times::Retimed::new(whole, &clocks));
        let coded = ((beside.packets)()?, vec![beside.track.timescale]);
        Ok(Box::new(Merged::new(vec![(copied, timescales.clone()), coded])))
    };
    mp4::write(out, Brand::Mp4, &standing, &mut packets, job.source, cancel)?;
    Ok(Copied { cut: cut.get() })
}

/// The kept tracks' descriptions.
fn chosen(tracks: &[Track], keep: &[usize]) -> Result<Vec<Track>> {
    let mut chosen = Vec::new();
    for &index in keep {
        let track = tracks.get(index).ok_or_else(|| Error::engine(format!("there is no track {index}")))?;
        if track.encrypted {
            return Err(Error::unsupported("is encrypted; its tracks cannot be copied"));
        }
        if track.descriptions > 1 {
            return Err(Error::unsupported(format!(
                "changes its codec's configuration within a track; found {}, allowed 1; it has to be converted",
                track.descriptions
            )));
        }
        chosen.push(track.clone());
    }
    Ok(chosen)
}

/// The one track, which must be of `codec`.
fn single<'t>(tracks: &'t [Track], codec: &str) -> Result<&'t Track> {
    match tracks {
        [track] if track.codec == codec => Ok(track),
        [track] => Err(Error::unsupported(format!("holds {}; only {codec} can be copied here", track.codec))),
        _ => Err(Error::engine(format!("{} tracks were chosen; one can be written", tracks.len()))),
    }
}

#[expect(clippy::too_many_arguments, reason = "the arms of one match, told apart by the brand alone")]
fn boxes<'d: 'x, 'x>(
    out: &mut Spool,
    brand: Brand,
    tracks: &[Track],
    demuxer: Box<dyn Demuxer + 'd>,
    open: Factory<'_, 'd>,
    job: CopyJob,
    cut: &'x Cell<bool>,
    cancel: &Cancel,
) -> Result<()> {
    let clocks = times::clocks(tracks, demuxer.tracks());
    let mut standing = tracks.to_vec();
    for (track, clock) in standing.iter_mut().zip(&clocks) {
        clock.apply(track);
    }
    let mut first = Some(demuxer);
    let mut packets = || -> Result<Box<dyn Packets + 'x>> {
        let demuxer = first.take().map_or_else(&mut *open, Ok)?;
        let packets = Steady::new(Chosen::new(demuxer, job.keep), tracks);
        let packets = Whole { packets, salvage: job.salvage, cut };
        Ok(Box::new(times::Retimed::new(packets, &clocks)))
    };
    mp4::write(out, brand, &standing, &mut packets, job.source, cancel)
}

fn adts(out: &mut Spool, track: &Track, packets: &mut dyn Packets, cancel: &Cancel) -> Result<()> {
    let mut writer = AdtsWriter::new(out, &track.config)?;
    let mut packet = Packet::default();
    while packets.next(&mut packet, Want::Content)? {
        cancel.check()?;
        writer.unit(&packet.data)?;
    }
    writer.finish()
}

/// Packets up to where the source was cut off.
struct Whole<'c, P> {
    packets: P,
    salvage: bool,
    cut: &'c Cell<bool>,
}

impl<P: Packets> Packets for Whole<'_, P> {
    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        if !self.salvage {
            return self.packets.next(packet, want);
        }
        // Only content shows where it ends: a table lists what was there once.
        match self.packets.next(packet, Want::Content) {
            Err(error) if error.kind() == ErrorKind::Malformed => {
                self.cut.set(true);
                Ok(false)
            }
            result => result,
        }
    }
}
