//! The rules for sound and moving pictures, as far as the container's structure tells.

use super::{Finding, Rule, Severity, names, size};
use crate::facts::{Facts, Media, StreamFacts};
use crate::format::Format;
use crate::policy::{Policy, VideoRules};
use Severity::Fail;

pub(super) fn judge_audio(facts: &Facts, policy: &Policy, findings: &mut Vec<Finding>) {
    let rules = &policy.audio;
    container(facts, Rule::AudioContainer, &rules.formats, findings);
    size(facts, Rule::AudioSize, rules.size, findings);
    let Some(streams) = streams(facts) else { return };
    if facts.format == Format::M4a {
        for codec in streams
            .audio
            .iter()
            .map(|track| &track.codec)
            .filter(|codec| !["aac", "encrypted"].contains(&codec.as_str()))
        {
            let message = format!("{codec} inside MP4 is not accepted");
            findings.push(Finding::new(Rule::AudioCodec, Fail, codec.as_str(), "aac", message));
        }
    }
    if facts.format == Format::OggOpus {
        mono(streams, Rule::AudioChannels, rules.max_ogg_channels, findings);
    }
    if streams.fragmented {
        let message = "a fragmented MP4 is stored but not played";
        findings.push(Finding::new(Rule::AudioFragmented, Fail, true, false, message));
    }
    if streams.audio.len() > 1 {
        several(streams, Rule::AudioStreams, 1, findings);
    }
    encrypted(streams, Rule::AudioEncrypted, findings);
}

pub(super) fn judge_voice(facts: &Facts, policy: &Policy, findings: &mut Vec<Finding>) {
    let rules = &policy.voice;
    container(facts, Rule::VoiceContainer, &rules.formats, findings);
    size(facts, Rule::VoiceSize, rules.size, findings);
    let Some(streams) = streams(facts) else { return };
    if let Some(codec) = streams.audio.first().map(|track| &track.codec).filter(|codec| *codec != "opus") {
        let message = format!("a voice note carries Opus, not {codec}");
        findings.push(Finding::new(Rule::VoiceCodec, Fail, codec.as_str(), "opus", message));
    }
    if facts.format == Format::OggOpus {
        mono(streams, Rule::VoiceChannels, rules.max_ogg_channels, findings);
    }
    encrypted(streams, Rule::AudioEncrypted, findings);
}

pub(super) fn judge_video(facts: &Facts, policy: &Policy, findings: &mut Vec<Finding>) {
    let rules = &policy.video;
    // An Apple brand on an MP4 is a matter of eight bytes, not of another container.
    if matches!(facts.format, Format::Mov | Format::M4v) {
        let message = format!("{} is stored but not played", facts.format.label());
        let found = streams(facts).and_then(|streams| streams.brand.clone()).unwrap_or_else(|| "qt".to_owned());
        findings.push(Finding::new(
            Rule::VideoBrand,
            Fail,
            found.trim_end(),
            "isom mp41 mp42 avc1 3gp4 3gp5 3gp6",
            message,
        ));
    } else {
        container(facts, Rule::VideoContainer, &rules.formats, findings);
    }
    size(facts, Rule::VideoSize, rules.size, findings);
    let Some(streams) = streams(facts) else { return };
    codecs(streams, rules, findings);
    if streams.fragmented {
        let message = "a fragmented MP4 is stored but not played everywhere";
        findings.push(Finding::new(Rule::VideoFragmented, Fail, true, false, message));
    }
    if streams.audio.len() > rules.max_audio_streams {
        several(streams, Rule::VideoAudioStreams, rules.max_audio_streams, findings);
    }
    encrypted(streams, Rule::VideoEncrypted, findings);
}

fn codecs(streams: &StreamFacts, rules: &VideoRules, findings: &mut Vec<Finding>) {
    let lists = [
        (Rule::VideoCodec, streams.video.iter().map(|track| &track.codec).collect::<Vec<_>>(), &rules.codecs),
        (Rule::VideoAudioCodec, streams.audio.iter().map(|track| &track.codec).collect(), &rules.audio_codecs),
    ];
    for (rule, found, accepted) in lists {
        for codec in
            found.into_iter().filter(|codec| !accepted.iter().any(|one| one == *codec) && *codec != "encrypted")
        {
            let message = format!("{codec} is not played");
            findings.push(Finding::new(rule, Fail, codec.as_str(), accepted.join(" "), message));
        }
    }
}

fn streams(facts: &Facts) -> Option<&StreamFacts> {
    match &facts.media {
        Media::Audio(streams) | Media::Video(streams) => Some(streams),
        Media::Image(_) | Media::Document(_) => None,
    }
}

fn container(facts: &Facts, rule: Rule, accepted: &[Format], findings: &mut Vec<Finding>) {
    if !accepted.contains(&facts.format) {
        let message = format!("{} is not accepted here", facts.format.label());
        findings.push(Finding::new(rule, Fail, facts.format.name(), names(accepted), message));
    }
}

fn mono(streams: &StreamFacts, rule: Rule, allowed: u16, findings: &mut Vec<Finding>) {
    if let Some(channels) = streams.audio.first().and_then(|track| track.channels)
        && channels > allowed
    {
        let message = format!("{channels} channels, where only mono is taken");
        findings.push(Finding::new(rule, Fail, u32::from(channels), u32::from(allowed), message));
    }
}

fn several(streams: &StreamFacts, rule: Rule, allowed: usize, findings: &mut Vec<Finding>) {
    let count = streams.audio.len();
    findings.push(Finding::new(rule, Fail, count as u64, allowed as u64, format!("{count} audio streams")));
}

fn encrypted(streams: &StreamFacts, rule: Rule, findings: &mut Vec<Finding>) {
    if streams.encrypted() {
        let message = "the file is encrypted; only its maker can export an open copy";
        findings.push(Finding::new(rule, Fail, true, false, message));
    }
}
