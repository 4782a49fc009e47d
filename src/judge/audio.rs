//! The rules for sound: audio files and voice notes (whatsapp-media §1.2 and §1.3, `aud.*`).

use super::{Finding, Rule, Severity, container, encrypted, joined, names, several, size, streams};
use crate::facts::{Edit, Facts, OtherKind, Ragged, StreamFacts};
use crate::format::Format;
use crate::policy::Policy;
use Severity::{Fail, Info, Warn};

/// Containers that would do with another codec in them.
const OTHER_CODEC: [Format; 5] =
    [Format::OggVorbis, Format::OggFlac, Format::OggSpeex, Format::OggOther, Format::AmrWb];

/// The length of an Opus packet in phones' own voice notes, in microseconds (whatsapp-media §1.5).
const VOICE_PACKET_US: u32 = 60_000;

/// Bytes before the first frame that every player skips: a piece of the frame before it, or padding.
const MAX_JUNK: u64 = 4096;

pub(super) fn judge_audio(facts: &Facts, policy: &Policy, findings: &mut Vec<Finding>) {
    let rules = &policy.audio;
    let other_codec = OTHER_CODEC.contains(&facts.format) && !rules.formats.contains(&facts.format);
    if !other_codec {
        container(facts, Rule::AudioContainer, &rules.formats, findings);
    }
    size(facts, Rule::AudioSize, rules.size, findings);
    let Some(streams) = streams(facts) else { return };
    if other_codec {
        let codec = streams.audio.first().map_or(facts.format.name(), |track| track.codec.as_str());
        let message = format!("{} is not accepted here", facts.format.label());
        findings.push(Finding::new(Rule::AudioCodec, Fail, codec, names(&rules.formats), message));
    }
    if facts.format == Format::M4a {
        codecs_in_mp4(streams, findings);
    }
    if facts.format == Format::OggOpus {
        mono(streams, Rule::AudioChannels, rules.max_ogg_channels, findings);
        chain(streams, findings);
    }
    ragged(facts, streams, Rule::AudioContainer, findings);
    junk(facts, streams, findings);
    if streams.fragmented {
        let message = "a fragmented MP4 is stored but not played";
        findings.push(Finding::new(Rule::AudioFragmented, Fail, true, false, message));
    }
    several(streams, Rule::AudioStreams, rules.max_streams, findings);
    joined(streams, Rule::AudioStreams, findings);
    for profile in streams.audio.iter().filter_map(|track| track.profile.as_deref()).filter(|profile| *profile != "lc")
    {
        let message = format!("AAC {profile} plays at half the rate or not at all where only LC is known");
        findings.push(Finding::new(Rule::AudioProfile, Warn, profile, "lc", message));
    }
    // A tag of an MP3 does not disturb; a track of pictures in an MP4 makes players take it for a video.
    if streams.cover_art && facts.format == Format::M4a {
        findings.push(Finding::new(Rule::AudioCover, Warn, true, false, "a cover picture goes along"));
    }
    let chapters = streams.other.iter().any(|track| track.kind == OtherKind::Chapters);
    if chapters && facts.format == Format::M4a {
        findings.push(Finding::new(Rule::AudioChapters, Warn, true, false, "chapters go along as a track"));
    }
    encrypted(streams, Rule::AudioEncrypted, findings);
}

pub(super) fn judge_voice(facts: &Facts, policy: &Policy, findings: &mut Vec<Finding>) {
    let rules = &policy.voice;
    container(facts, Rule::VoiceContainer, &rules.formats, findings);
    size(facts, Rule::VoiceSize, rules.size, findings);
    let Some(streams) = streams(facts) else { return };
    if let Some(track) = streams.audio.first().filter(|track| track.codec != "opus") {
        let message = format!("a voice note carries Opus, not {}", track.codec);
        findings.push(Finding::new(Rule::VoiceCodec, Fail, track.codec.as_str(), "opus", message));
    }
    if facts.format == Format::OggOpus {
        mono(streams, Rule::VoiceChannels, rules.max_ogg_channels, findings);
        chain(streams, findings);
        ragged(facts, streams, Rule::VoiceContainer, findings);
        let packet = streams.audio.first().and_then(|track| track.packet_us);
        if let Some(packet_us) = packet.filter(|&us| us != VOICE_PACKET_US) {
            let message = format!("packets of {} ms, where phones record 60 ms", f64::from(packet_us) / 1000.0);
            findings.push(Finding::new(Rule::VoiceFraming, Info, packet_us, VOICE_PACKET_US, message));
        }
    }
    joined(streams, Rule::AudioStreams, findings);
    encrypted(streams, Rule::AudioEncrypted, findings);
}

/// Players of chats end with the first link of a chain.
fn chain(streams: &StreamFacts, findings: &mut Vec<Finding>) {
    if streams.audio.iter().any(|track| track.edit == Edit::Complex) {
        let message = "a chain of streams, of which only the first is played";
        findings.push(Finding::new(Rule::AudioStreams, Fail, "chained", "one stream", message));
    }
}

/// Players differ in what they make of such streams: some show a wrong length, some refuse them.
fn ragged(facts: &Facts, streams: &StreamFacts, rule: Rule, findings: &mut Vec<Finding>) {
    // A file that is cut has no end either: one cause, one finding.
    let ragged = streams.audio.first().and_then(|track| track.ragged).filter(|_| facts.damage.is_empty());
    let (found, message) = match ragged {
        Some(Ragged::Start) => {
            ("no start", "positions are not counted from the first packet, as of a stream cut out of another")
        }
        Some(Ragged::End) if facts.format == Format::Adts => ("no end", "the last frame is not all there"),
        Some(Ragged::End) => ("no end", "no page is marked as the last, as of a recording that was stopped"),
        None => return,
    };
    findings.push(Finding::new(rule, Warn, found, "a whole stream", message));
}

/// Players search so far for the first frame, and some of them no further.
fn junk(facts: &Facts, streams: &StreamFacts, findings: &mut Vec<Finding>) {
    if streams.junk_bytes > MAX_JUNK && facts.format == Format::Mp3 {
        let message = format!("{} bytes of junk stand before the first frame", streams.junk_bytes);
        findings.push(Finding::new(Rule::AudioContainer, Warn, streams.junk_bytes, MAX_JUNK, message));
    }
}

fn codecs_in_mp4(streams: &StreamFacts, findings: &mut Vec<Finding>) {
    let refused = streams.audio.iter().map(|track| track.codec.as_str());
    // xHE-AAC is AAC by its sample entry; its profile is what warns.
    for codec in refused.filter(|codec| !["aac", "xhe-aac", "encrypted"].contains(codec)) {
        let message = format!("{codec} inside MP4 is not accepted");
        findings.push(Finding::new(Rule::AudioCodec, Fail, codec, "aac", message));
    }
}

fn mono(streams: &StreamFacts, rule: Rule, allowed: u16, findings: &mut Vec<Finding>) {
    let channels = streams.audio.first().and_then(|track| track.channels);
    if let Some(channels) = channels.filter(|&channels| channels > allowed) {
        let message = format!("{channels} channels, where only mono is taken");
        findings.push(Finding::new(rule, Fail, u32::from(channels), u32::from(allowed), message));
    }
}
