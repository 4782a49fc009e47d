//! Vorbis of more than two channels by lewton: Symphonia's decoder undoes the coupling of channels in the wrong order, which
//! shows where one channel is in several pairs.

use super::decoder::{Decoder, Spec};
use super::layout::Layout;
use super::symphonia::SymphoniaDecoder;
use crate::codec::vorbis::unlace;
use crate::demux::Track;
use crate::error::{Error, Result};
use lewton::audio::{PreviousWindowRight, read_audio_packet_generic};
use lewton::header::{IdentHeader, SetupHeader, read_header_ident, read_header_setup};
use lewton::samples::InterleavedSamples;

/// Decodes packets of up to eight channels.
pub(super) struct VorbisDecoder {
    identification: IdentHeader,
    setup: SetupHeader,
    spec: Spec,
    previous: PreviousWindowRight,
}

impl VorbisDecoder {
    /// For the track's three headers.
    pub(super) fn new(track: &Track) -> Result<Self> {
        // lewton reserves whatever codebooks announce; Symphonia refuses those that no encoder writes.
        SymphoniaDecoder::of_track(track)?;
        let damaged = || Error::malformed("the Vorbis headers are damaged; send the original again");
        let [identification, _, setup] = unlace(&track.config).ok_or_else(damaged)?;
        let identification = read_header_ident(identification).map_err(|_| damaged())?;
        let blocks = (identification.blocksize_0, identification.blocksize_1);
        let setup = read_header_setup(setup, identification.audio_channels, blocks).map_err(|_| damaged())?;
        let layout = Layout::vorbis(identification.audio_channels.into());
        let spec = Spec { rate: identification.audio_sample_rate, layout }.guarded()?;
        Ok(Self { identification, setup, spec, previous: PreviousWindowRight::new() })
    }
}

impl Decoder for VorbisDecoder {
    fn decode(&mut self, packet: &[u8], into: &mut Vec<f32>) -> Result<Spec> {
        let decoded: InterleavedSamples<f32> =
            read_audio_packet_generic(&self.identification, &self.setup, packet, &mut self.previous)
                .map_err(|_| Error::malformed("a Vorbis packet does not decode"))?;
        into.extend_from_slice(&decoded.samples);
        Ok(self.spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::audio::{Opening, open_track};
    use crate::demux::{Packet, Want};
    use crate::source::Source;
    use std::path::Path;
    use std::time::{Duration, Instant};

    /// What one damaged stream may take, beside others.
    const LONGEST: Duration = Duration::from_secs(2);

    /// The most address space that all of them may ask for, in KiB.
    const MOST_KIB: u64 = 200 * 1024;

    fn surround() -> Source {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/streams/vorbis-surround.ogg");
        Source::open(&path).unwrap()
    }

    fn peak_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
    }

    /// Pages have checksums: what is damaged here are the headers and packets behind them.
    #[test]
    fn damage_costs_little_and_breaks_nothing() {
        let source = surround();
        let mut demuxer = crate::demux::open(&source, crate::format::Format::OggVorbis).unwrap();
        let track = demuxer.tracks()[0].clone();
        let (mut packets, mut packet) = (Vec::new(), Packet::default());
        while demuxer.next(&mut packet, Want::Content).unwrap() {
            packets.push(packet.data.clone());
        }
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut below = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % limit.max(1) as u64).unwrap()
        };
        let before = peak_kib();
        let (mut opened, mut decoded) = (0, 0);
        for round in 0..400 {
            let (mut track, mut packets) = (track.clone(), packets.clone());
            for _ in 0..=below(4) {
                let index = below(packets.len());
                // Half of them in the headers, of which the codebooks are the most.
                let bytes = if round % 2 == 0 { &mut track.config } else { &mut packets[index] };
                let at = below(bytes.len());
                match below(4) {
                    0 if below(4) == 0 => bytes.truncate(at),
                    0 | 1 => bytes[at] ^= 1 << below(8),
                    _ => bytes[at] = [0, 0xff, 0x7f, u8::try_from(below(256)).unwrap()][below(4)],
                }
                if bytes.is_empty() {
                    break;
                }
            }
            let started = Instant::now();
            if let Ok(mut decoder) = VorbisDecoder::new(&track) {
                opened += 1;
                let mut samples = Vec::new();
                decoded += packets.iter().filter(|packet| decoder.decode(packet, &mut samples).is_ok()).count();
            }
            let took = started.elapsed();
            assert!(took < LONGEST, "round {round}: {took:?}");
        }
        assert!(opened > 200 && decoded > 1000, "{opened} {decoded}");
        let grown = peak_kib().saturating_sub(before);
        assert!(grown < MOST_KIB, "grew by {grown} KiB");
    }

    #[test]
    fn channels_are_parted() {
        let source = surround();
        let demuxer = crate::demux::open(&source, crate::format::Format::OggVorbis).unwrap();
        let mut pcm = open_track(demuxer, 0, Opening::default()).unwrap();
        let mut samples = Vec::new();
        while pcm.read(&mut samples).unwrap() {}
        assert_eq!((pcm.channels(), samples.len()), (3, 14_400 * 3));
        let frames = samples.as_chunks::<3>().0;
        let level = |channel: usize, hertz: f64| {
            let (mut sine, mut cosine) = (0.0, 0.0);
            // A tenth of a second: whole periods of all three.
            for (at, frame) in frames[4800..9600].iter().enumerate() {
                let turn = at as f64 / 48_000.0 * hertz * std::f64::consts::TAU;
                sine += f64::from(frame[channel]) * turn.sin();
                cosine += f64::from(frame[channel]) * turn.cos();
            }
            sine.hypot(cosine) / 2400.0
        };
        // Left, centre, right.
        let tones = [300.0, 500.0, 700.0];
        for (channel, own) in tones.iter().enumerate() {
            for tone in tones {
                let expected = if tone == *own { 0.3 } else { 0.0 };
                assert!((level(channel, tone) - expected).abs() < 0.02, "{channel} {tone}: {}", level(channel, tone));
            }
        }
    }
}
