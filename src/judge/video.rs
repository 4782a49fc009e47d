//! The rules for moving pictures (whatsapp-media §1.2 and §1.3, `vid.*`).

use super::{Finding, Rule, Severity, container, encrypted, joined, several, size, streams};
use crate::facts::{AudioTrack, Chroma, Edit, Facts, StreamFacts, VideoTrack};
use crate::format::Format;
use crate::policy::{Policy, VideoRules};
use Severity::{Fail, Info, Warn};

/// `profile_idc` from which on a profile is High or above (H.264 annex A): High, High 10, High 4:2:2, High 4:4:4.
const HIGH: u8 = 100;

/// `profile_idc` of Baseline, Main and Extended, which know nothing of High's tools.
const BELOW_HIGH: [u8; 3] = [66, 77, 88];

pub(super) fn judge(facts: &Facts, policy: &Policy, findings: &mut Vec<Finding>) {
    let rules = &policy.video;
    let measured = streams(facts);
    // An Apple brand on an MP4 is a matter of eight bytes, not of another container.
    if matches!(facts.format, Format::Mov | Format::M4v) {
        let message = format!("{} is stored but not played", facts.format.label());
        let found = measured.and_then(|streams| streams.brand.clone()).unwrap_or_else(|| "qt".to_owned());
        let allowed = "isom mp41 mp42 avc1 3gp4 3gp5 3gp6";
        findings.push(Finding::new(Rule::VideoBrand, Fail, found.trim_end(), allowed, message));
    } else {
        container(facts, Rule::VideoContainer, &rules.formats, findings);
    }
    size(facts, Rule::VideoSize, rules.size, findings);
    let Some(streams) = measured else { return };
    for track in &streams.video {
        picture(track, rules, findings);
    }
    for track in &streams.audio {
        sound(track, rules, findings);
    }
    structure(streams, rules, findings);
    encrypted(streams, Rule::VideoEncrypted, findings);
}

/// What is found of one track of pictures.
pub(crate) fn of_pictures(track: &VideoTrack, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    picture(track, &policy.video, &mut findings);
    findings
}

/// What is found of one track of sound.
pub(crate) fn of_sound(track: &AudioTrack, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    sound(track, &policy.video, &mut findings);
    findings
}

fn picture(track: &VideoTrack, rules: &VideoRules, findings: &mut Vec<Finding>) {
    let codec = track.codec.as_str();
    if !rules.codecs.iter().any(|one| one == codec) {
        if codec != "encrypted" {
            let message = format!("{codec} is not played");
            findings.push(Finding::new(Rule::VideoCodec, Fail, codec, rules.codecs.join(" "), message));
        }
        return;
    }
    if codec == "h264" {
        h264(track, findings);
    }
    let odd = track.width % 2 == 1 || track.height % 2 == 1;
    let (wide, high) = track.shown();
    let found = format!("{wide}x{high}");
    if odd {
        let message = format!("{}x{} has an odd side, which 4:2:0 cannot store", track.width, track.height);
        findings.push(Finding::new(Rule::VideoDimensions, Warn, found, "even sides", message));
    } else if wide.max(high) > rules.advised_side {
        let message = format!("{found} is accepted, and more than receivers show");
        findings.push(Finding::new(Rule::VideoDimensions, Info, found, rules.advised_side, message));
    }
    // A little above the figure is rounding.
    if let Some(rate) = track.frame_rate.map(crate::facts::FrameRate::per_second)
        && rate > f64::from(rules.advised_frame_rate) * 1.02
    {
        let found = format!("{rate:.2}");
        let message = format!("{found} frames a second are accepted, and more than is advised");
        findings.push(Finding::new(Rule::VideoFrameRate, Info, found, rules.advised_frame_rate, message));
    }
    if track.rotation != 0 || track.odd_matrix {
        let mirrored = if track.mirrored { "mirrored, and " } else { "" };
        let message = format!("{mirrored}turned by {} degrees by its display matrix", track.rotation);
        findings.push(Finding::new(Rule::VideoRotation, Info, u32::from(track.rotation), 0_u32, message));
    }
}

fn h264(track: &VideoTrack, findings: &mut Vec<Finding>) {
    let name = track.profile.as_deref().unwrap_or("unknown");
    let idc = track.profile_idc.unwrap_or(0);
    let high = idc >= HIGH && !BELOW_HIGH.contains(&idc);
    let allowed = "Constrained Baseline, Main without B-frames";
    if high && track.b_frames {
        let message = format!("{name} with B-frames does not play on Android");
        findings.push(Finding::new(Rule::VideoProfile, Fail, format!("{name} with B-frames"), allowed, message));
    } else if high {
        let message = format!("{name} is more than every phone plays");
        findings.push(Finding::new(Rule::VideoProfile, Warn, name, allowed, message));
    } else if track.b_frames {
        let message = format!("{name} with B-frames, which some phones do not play");
        findings.push(Finding::new(Rule::VideoBFrames, Warn, true, false, message));
    }
    if let Some(depth) = track.bit_depth.filter(|&depth| depth > 8) {
        let message = format!("{depth} bits a component, where 8 are played");
        findings.push(Finding::new(Rule::VideoBitDepth, Fail, u32::from(depth), 8_u32, message));
    }
    if let Some(chroma) = track.chroma.filter(|chroma| !matches!(chroma, Chroma::Quarter | Chroma::Gray)) {
        let message = format!("{} is not played, 4:2:0 is", chroma.name());
        findings.push(Finding::new(Rule::VideoPixelFormat, Fail, chroma.name(), "4:2:0", message));
    }
    if track.interlaced {
        let message = "frames are stored as two fields, which phones show as combs";
        findings.push(Finding::new(Rule::VideoInterlaced, Warn, true, false, message));
    }
}

fn sound(track: &AudioTrack, rules: &VideoRules, findings: &mut Vec<Finding>) {
    let codec = track.codec.as_str();
    // xHE-AAC is AAC by its sample entry; its profile is what warns.
    let accepted = rules.audio_codecs.iter().any(|one| one == codec || (one == "aac" && codec == "xhe-aac"));
    if !accepted {
        if codec != "encrypted" {
            let message = format!("{codec} is not played");
            findings.push(Finding::new(Rule::VideoAudioCodec, Fail, codec, rules.audio_codecs.join(" "), message));
        }
        return;
    }
    let profile = track.profile.as_deref().filter(|profile| *profile != "lc");
    let channels = track.channels.filter(|&channels| channels > 2);
    if profile.is_some() || channels.is_some() {
        let found = match (profile, channels) {
            (Some(profile), _) => profile.to_owned(),
            (None, channels) => format!("{} channels", channels.unwrap_or_default()),
        };
        let message = format!("AAC {found} is not played everywhere");
        findings.push(Finding::new(Rule::VideoAudioProfile, Warn, found, "lc, at most 2 channels", message));
    }
}

fn structure(streams: &StreamFacts, rules: &VideoRules, findings: &mut Vec<Finding>) {
    several(streams, Rule::VideoAudioStreams, rules.max_audio_streams, findings);
    joined(streams, Rule::VideoAudioStreams, findings);
    if streams.fragmented {
        let message = "a fragmented MP4 is stored but not played everywhere";
        findings.push(Finding::new(Rule::VideoFragmented, Fail, true, false, message));
    }
    let further = streams.video.len().saturating_sub(1);
    if further + streams.other.len() > 0 {
        let mut found: Vec<&str> = streams.other.iter().map(|track| track.codec.as_str()).collect();
        found.extend(streams.video.iter().skip(1).map(|track| track.codec.as_str()));
        let message = format!("{} tracks beside one of pictures and one of sound", found.len());
        findings.push(Finding::new(Rule::VideoStreams, Warn, found.join(" "), "none", message));
    }
    if streams.index_last {
        let message = "moov stands behind the media, so that nothing plays before the last byte has come";
        findings.push(Finding::new(Rule::VideoMoovLast, Warn, true, false, message));
    }
    let edits = streams.video.iter().map(|track| track.edit).chain(streams.audio.iter().map(|track| track.edit));
    if edits.clone().any(|edit| matches!(edit, Edit::Delay | Edit::Complex)) {
        let what = if edits.clone().any(|edit| edit == Edit::Complex) { "complex" } else { "delay" };
        let message = "an edit list that not every player honours: sound and pictures may part";
        findings.push(Finding::new(Rule::VideoEditList, Warn, what, "none, or a plain trim of the start", message));
    }
    if streams.gps {
        let message = "a GPS position would be sent along";
        findings.push(Finding::new(Rule::VideoMetadata, Warn, "gps", "none", message));
    }
}
