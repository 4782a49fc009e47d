//! Spectral band replication and parametric stereo of which neither container nor configuration says a word: the frames are asked.

use crate::codec::aac::{Config, Hidden};
use crate::demux::{Demuxer, Kind, Packet, Track, Want};
use crate::facts::StreamFacts;

/// The most packets, those of other tracks included, that are read on the way.
const MAX_PACKETS: usize = 1024;

/// The configuration of a track whose frames may carry what it does not say.
fn may_hide(track: &Track) -> Option<Config> {
    let config = Config::parse(&track.config).filter(Config::may_hide_sbr)?;
    (track.kind == Kind::Audio && track.codec == "aac" && !track.encrypted).then_some(config)
}

/// Corrects the streams of a file with these tracks; `open` gives it from its start. What breaks is for others to tell.
pub(super) fn reveal_again<D: Demuxer>(
    tracks: &[Track],
    streams: &mut StreamFacts,
    open: impl FnOnce() -> crate::error::Result<D>,
) {
    if tracks.iter().any(|track| may_hide(track).is_some())
        && let Ok(mut again) = open()
    {
        reveal(&mut again, streams);
    }
}

/// Corrects the streams of `demuxer` whose first frames carry SBR. What breaks is for the demuxer to tell.
pub(super) fn reveal(demuxer: &mut dyn Demuxer, streams: &mut StreamFacts) {
    let sound = demuxer.tracks().iter().enumerate().filter(|(_, track)| track.kind == Kind::Audio);
    // The demuxer's number, the facts' number, the configuration, what was found.
    let mut hiding: Vec<(usize, usize, Config, Hidden)> = (0..)
        .zip(sound)
        .filter_map(|(of, (index, track))| Some((index, of, may_hide(track)?, Hidden::default())))
        .collect();
    let mut packet = Packet::default();
    for _ in 0..MAX_PACKETS {
        if hiding.iter().all(|(.., hidden)| hidden.is_done()) {
            break;
        }
        let Ok(true) = demuxer.next(&mut packet, Want::Content) else { break };
        if let Some((.., hidden)) = hiding.iter_mut().find(|(index, ..)| *index == packet.track)
            && !hidden.is_done()
        {
            hidden.ask(&packet.data);
        }
    }
    for (_, of, config, hidden) in hiding {
        let (Some(facts), Some(config)) = (streams.audio.get_mut(of), hidden.revealed(config)) else { continue };
        // What an edit list takes off is counted in samples as they are played.
        if facts.sample_rate == Some(config.core_rate) {
            facts.priming = facts.priming.map(|samples| samples.saturating_mul(2));
        }
        (facts.profile, facts.sample_rate) = (Some(config.profile.to_owned()), Some(config.sample_rate));
        if config.channels > config.core_channels {
            facts.channels = Some(config.channels);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::adts::Adts;
    use crate::facts::AudioTrack;
    use crate::source::Source;
    use std::path::Path;

    #[test]
    fn frames_tell_what_the_configuration_does_not() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/streams/he-aac-v2.aac");
        let source = Source::open(path).unwrap();
        let mut adts = Adts::open(&source).unwrap();
        assert!(may_hide(&adts.tracks()[0]).is_some());
        let track = AudioTrack {
            profile: Some("lc".to_owned()),
            sample_rate: Some(22_050),
            priming: Some(1024),
            ..AudioTrack::default()
        };
        let mut streams = StreamFacts { audio: vec![track], ..StreamFacts::default() };
        reveal(&mut adts, &mut streams);
        let found = &streams.audio[0];
        assert_eq!(
            (found.profile.as_deref(), found.sample_rate, found.channels, found.priming),
            (Some("he-v2"), Some(44_100), Some(2), Some(2048))
        );
    }
}
