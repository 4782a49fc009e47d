//! `(Facts, Verdict, Policy, Options) → Plan`: what would be done, as data. Pure; the least destructive way first.

mod animation;
mod audio;
mod coding;
mod document;
mod image;
mod kept;
mod options;
mod step;
mod sticker;
mod video;

use crate::facts::{Facts, Media};
use crate::format::{Family, Format, Role};
use crate::judge::{Finding, Rule, Severity, Standing, Verdict, breaks_the_format};
use crate::policy::Policy;
use serde::{Deserialize, Serialize};

pub(crate) use audio::decodes;
pub use coding::{AudioCodec, AudioCoding, Engine, EngineChoice, Language, Tools, VideoCoding};
pub use kept::{Because, KeptAudio};
pub use options::{Animated, Options, Repair, Transparency};
pub use step::Step;

/// One way to repair a file: steps that are done in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What comes out.
    pub format: Format,
}

/// What a repaired picture must measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Not a picture, or not changed.
    Any,
    /// The aspect of this width and height in pixels, upright, and not larger.
    Aspect(u32, u32),
    /// A square of this side in pixels.
    Square(u32),
    /// Sound or moving pictures: as long as the source.
    Playing,
}

/// How a file is repaired: the ways in the order in which they are tried, until one fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// The ways, the least destructive first.
    pub rungs: Vec<Rung>,
    /// The most bytes the result may have.
    pub max_bytes: u64,
    /// What the result must measure.
    pub shape: Shape,
    /// Who decodes and encodes.
    pub engine: Engine,
    /// Which stream of sound is kept, where there are several.
    pub kept_audio: Option<KeptAudio>,
}

impl Rewrite {
    /// A rewrite with what is built in.
    pub(crate) const fn builtin(rungs: Vec<Rung>, max_bytes: u64, shape: Shape) -> Self {
        Self { rungs, max_bytes, shape, engine: Engine::Builtin, kept_audio: None }
    }
}

/// Why a file is not repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nothing is in the file.
    Empty,
    /// The file cannot be read.
    Unreadable,
    /// The bytes break their own format.
    Broken,
    /// It moves, and what is to become of that was not said.
    Animated,
    /// No built-in decoder reads it.
    Unsupported,
    /// It is beyond mediafit's own guards.
    Limit,
    /// It is encrypted.
    Encrypted,
    /// The platform takes no such file in this role.
    Type,
    /// No allowed change brings it under the limit.
    CannotFit,
    /// A warning that nothing cures, where warnings count as failures.
    Warning,
    /// Conversion failed.
    Failed,
}

/// Why a file is not repaired, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The reason by name.
    pub reason: Reason,
    /// The reason in a sentence, with the way out.
    pub message: String,
}

impl Refusal {
    /// For what nobody here reads or writes.
    pub(crate) const fn unsupported(message: String) -> Self {
        Self { reason: Reason::Unsupported, message }
    }

    /// For a warning that stays, where warnings count as failures.
    pub(crate) fn of_warning(finding: &Finding) -> Self {
        let message = format!("{}: nothing here cures that; it is only a warning without --strict", finding.message);
        Self { reason: Reason::Warning, message }
    }
}

/// What is to be done with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Handed on byte for byte.
    Keep,
    /// Repaired.
    Rewrite(Rewrite),
    /// Not repaired.
    Refuse(Refusal),
}

impl Plan {
    /// The plan's name in the JSON Lines.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Rewrite(_) => "rewrite",
            Self::Refuse(_) => "refuse",
        }
    }

    /// Whether the coded content is copied, at least the first way, so that nothing would show that it cannot be decoded.
    pub(crate) fn copies_content(&self, salvage: bool) -> bool {
        let Self::Rewrite(rewrite) = self else { return true };
        match rewrite.rungs.first().and_then(|rung| rung.steps.first()) {
            Some(Step::Rename | Step::CutTrailing | Step::StripMetadata | Step::DropAnimation | Step::StripTags) => {
                true
            }
            // Of a damaged stream as much is copied as there is.
            Some(Step::CopyVideo { .. } | Step::CopyAudio { .. }) => !salvage,
            _ => false,
        }
    }

    /// The steps of all ways, in the order in which they would be tried, each once: the first of its name.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let Self::Rewrite(rewrite) = self else { return Vec::new() };
        let mut steps = Vec::new();
        for step in rewrite.rungs.iter().flat_map(|rung| &rung.steps) {
            if !steps.iter().any(|one: &Step| one.name() == step.name()) {
                steps.push(*step);
            }
        }
        steps
    }

    /// Whether pictures are coded anew as a video, at least one way.
    fn encodes_video(&self) -> bool {
        let Self::Rewrite(rewrite) = self else { return false };
        rewrite.rungs.iter().flat_map(|rung| &rung.steps).any(|step| matches!(step, Step::EncodeVideo { .. }))
    }

    fn refuse(reason: Reason, message: impl Into<String>) -> Self {
        Self::Refuse(Refusal { reason, message: message.into() })
    }
}

/// How a finding can be cured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cure {
    /// By a change that loses nothing.
    Lossless(Step),
    /// By coding the content anew.
    Rewrite,
    /// Not at all.
    None,
}

/// The cure of each rule. A new rule does not compile until it stands here.
const fn cure(finding: &Finding) -> Cure {
    match finding.rule {
        // A stream without a start or an end, whose packets are copied.
        Rule::AudioContainer | Rule::VoiceContainer if matches!(finding.severity, Severity::Warn) => {
            Cure::Lossless(Step::CopyAudio { track: 0 })
        }
        Rule::Extension | Rule::DocumentType | Rule::DocumentExtension => Cure::Lossless(Step::Rename),
        Rule::ImageMetadata => Cure::Lossless(Step::StripMetadata),
        Rule::ImageTrailing | Rule::StickerTrailing => Cure::Lossless(Step::CutTrailing),
        Rule::ImageFormat
        | Rule::ImageSize
        | Rule::ImageColor
        | Rule::ImageBitDepth
        | Rule::ImageAnimated
        | Rule::ImageTruncated
        | Rule::ImageOrientation
        | Rule::ImageProfile
        | Rule::ImageCoding
        | Rule::StickerFormat
        | Rule::StickerDimensions
        | Rule::StickerAnimated
        | Rule::StickerSize
        | Rule::StickerFrame
        | Rule::StickerTotal
        | Rule::Malformed => Cure::Rewrite,
        Rule::VideoMoovLast | Rule::VideoStreams | Rule::AudioCover | Rule::AudioChapters => {
            Cure::Lossless(Step::Faststart)
        }
        Rule::VideoMetadata => Cure::Lossless(Step::StripMetadata),
        Rule::AudioContainer
        | Rule::AudioCodec
        | Rule::AudioChannels
        | Rule::AudioFragmented
        | Rule::AudioStreams
        | Rule::AudioProfile
        | Rule::AudioSize
        | Rule::VoiceContainer
        | Rule::VoiceCodec
        | Rule::VoiceChannels
        | Rule::VoiceSize
        | Rule::VideoContainer
        | Rule::VideoBrand
        | Rule::VideoCodec
        | Rule::VideoProfile
        | Rule::VideoBFrames
        | Rule::VideoBitDepth
        | Rule::VideoPixelFormat
        | Rule::VideoInterlaced
        | Rule::VideoDimensions
        | Rule::VideoAudioCodec
        | Rule::VideoAudioProfile
        | Rule::VideoAudioStreams
        | Rule::VideoFragmented
        | Rule::VideoSize => Cure::Rewrite,
        Rule::AudioEncrypted
        | Rule::VideoEncrypted
        | Rule::VoiceFraming
        | Rule::VideoEditList
        | Rule::VideoRotation
        | Rule::VideoFrameRate
        | Rule::Empty
        | Rule::Unreadable
        | Rule::Limit
        | Rule::Role
        | Rule::ImageAlpha
        | Rule::ImageDimensions
        | Rule::StickerOpaque
        | Rule::StickerMargin
        | Rule::DocumentSize
        | Rule::DocumentFilename => Cure::None,
    }
}

/// Plans the repair of a file.
#[must_use]
pub fn plan(facts: &Facts, verdict: &Verdict, policy: &Policy, options: &Options, tools: Tools) -> Plan {
    if let Some(refusal) = never(facts, verdict, options) {
        return refusal;
    }
    let cures: Vec<&Finding> = verdict.findings.iter().filter(|finding| wants_cure(finding, options)).collect();
    let louder = matches!(verdict.role, Role::Audio | Role::Voice)
        && matches!(&facts.media, Media::Audio(streams) if audio::loudness(streams, options).is_some());
    let plan = match (&facts.media, verdict.role) {
        _ if cures.is_empty() && !louder => Plan::Keep,
        (Media::Image(image), Role::Image) => image::plan(facts, image, &cures, policy, options),
        (Media::Image(image), Role::Video) if image.animation.is_some() => {
            animation::plan(facts, image, policy, options)
        }
        (Media::Image(image), Role::Sticker) => sticker::plan(facts, image, &cures, policy, options),
        (_, Role::Document) => document::plan(facts, &cures, policy),
        (Media::Audio(streams), role @ (Role::Audio | Role::Voice)) => {
            audio::Case { facts, streams, role, cures: &cures, policy, options, tools }.plan()
        }
        (Media::Video(streams), Role::Video) => {
            video::Case { facts, streams, cures: &cures, policy, options, tools }.plan()
        }
        (_, role) => cannot_serve(facts.format, role),
    };
    // What stays although it counts as a failure; a plan that refuses has the weightier reason.
    let incurable = |finding: &&Finding| {
        finding.severity == Severity::Warn && options.fails(finding) && cure(finding) == Cure::None
    };
    match (&plan, verdict.findings.iter().find(incurable)) {
        (Plan::Keep | Plan::Rewrite(_), Some(finding)) => Plan::Refuse(Refusal::of_warning(finding)),
        _ => plan,
    }
}

/// The refusal of content that cannot become what is asked for.
fn cannot_serve(format: Format, role: Role) -> Plan {
    let (what, way_out) = match (role, format.family()) {
        (Role::Audio | Role::Voice, Family::Video) => (" with moving pictures", "take the sound out of it first"),
        (Role::Video, Family::Image) => ("", "send it as an image"),
        _ => ("", "name the role that it can serve"),
    };
    Plan::refuse(Reason::Type, format!("found {}{what}, which cannot become {role}; {way_out}", format.label()))
}

/// What is refused whatever else was found.
fn never(facts: &Facts, verdict: &Verdict, options: &Options) -> Option<Plan> {
    let failed =
        |rule| verdict.findings.iter().find(|finding| finding.rule == rule && finding.severity == Severity::Fail);
    if facts.bytes == 0 {
        return Some(Plan::refuse(Reason::Empty, "the file is empty; send the original again"));
    }
    if let Some(finding) = failed(Rule::Limit) {
        return Some(Plan::refuse(Reason::Limit, finding.message.clone()));
    }
    if let Some(finding) = failed(Rule::AudioEncrypted).or_else(|| failed(Rule::VideoEncrypted)) {
        return Some(Plan::refuse(Reason::Encrypted, finding.message.clone()));
    }
    if verdict.standing == Standing::Broken && !options.salvage {
        let what = verdict.findings.iter().find(|finding| breaks_the_format(finding));
        let what = what.map_or("the file is damaged; send the original again", |finding| finding.message.as_str());
        let salvage = if is_salvaged(facts.format) { ", or use --salvage to keep what can be read" } else { "" };
        return Some(Plan::refuse(Reason::Broken, format!("{what}{salvage}")));
    }
    None
}

/// Whether as much is read of a damaged file as there is: of pictures only where the decoder gives rows as it goes.
fn is_salvaged(format: Format) -> bool {
    match format.family() {
        Family::Image => matches!(format, Format::Jpeg | Format::Png | Format::Apng | Format::Gif | Format::Bmp),
        Family::Audio | Family::Video => true,
        Family::Document => false,
    }
}

fn wants_cure(finding: &Finding, options: &Options) -> bool {
    if matches!(finding.rule, Rule::ImageMetadata | Rule::VideoMetadata) && options.keep_metadata {
        return false;
    }
    match finding.severity {
        Severity::Fail => true,
        Severity::Info => false,
        Severity::Warn => match cure(finding) {
            Cure::None => false,
            Cure::Lossless(_) => options.fails(finding) || options.repair != Repair::Required,
            Cure::Rewrite => options.fails(finding) || options.repair == Repair::All,
        },
    }
}

/// The steps of the cures when none of them touches the coded content.
fn lossless_steps(cures: &[&Finding]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for finding in cures {
        match cure(finding) {
            Cure::Lossless(step) if !steps.contains(&step) => steps.push(step),
            Cure::Lossless(_) => {}
            Cure::Rewrite | Cure::None => return None,
        }
    }
    // Where bytes change anyway, the right name comes with them.
    if steps.len() > 1 {
        steps.retain(|step| *step != Step::Rename);
    }
    Some(steps)
}

/// What an animated picture is refused with, or nothing when its first frame is asked for.
fn animation_refused(format: Format, policy: &Policy, options: &Options, role: Role) -> Option<Plan> {
    let message = match options.animated {
        Animated::FirstFrame => return None,
        Animated::Refuse if role == Role::Sticker => {
            "it is animated; use --animated keep for an animated sticker (cloud only), --animated video for a video, or --animated first-frame for a still"
        }
        Animated::Refuse if policy.document.formats.as_ref().is_none_or(|formats| formats.contains(&format)) => {
            "it is animated; use --animated video for a video, --animated first-frame for a still, or --as document to send the file as it is"
        }
        Animated::Refuse => "it is animated; use --animated video for a video, or --animated first-frame for a still",
        Animated::Keep if role == Role::Sticker && format != Format::Webp => {
            "only a WebP can stay an animated sticker; make it a WebP first, or use --animated first-frame for a still"
        }
        Animated::Keep if role == Role::Sticker => {
            "the animated sticker breaks the platform's rules; make it 512x512, at most 500 KB, 10 s in all and 8 ms a frame, or use --animated first-frame"
        }
        Animated::Keep if policy.sticker.animated_size.is_none() || format != Format::Webp => {
            "an image cannot be animated; use --animated video for a video, or --animated first-frame for a still"
        }
        Animated::Keep => {
            "an image cannot be animated; use --animated video for a video, --animated first-frame for a still, or --as sticker"
        }
        Animated::Video => {
            "it is animated and asked for as a picture; use --as video, or --animated first-frame for a still"
        }
    };
    Some(Plan::refuse(Reason::Animated, message))
}

/// What a picture is refused with when no built-in decoder reads its format.
fn undecodable(format: Format) -> Option<Plan> {
    if let Some(message) = crate::built::refusal(format.name(), format.label()) {
        return Some(Plan::refuse(Reason::Unsupported, message));
    }
    let way_out = match format {
        Format::Svg => "a drawing has no pixels of its own; export it as PNG at the size you want",
        Format::Psd => "export it as PNG or JPEG",
        Format::RawPhoto => "develop it to JPEG with the camera maker's or a photo program",
        Format::Jp2 => "convert it to PNG or JPEG",
        _ => return None,
    };
    Some(Plan::refuse(Reason::Unsupported, format!("{} is not decoded; {way_out}", format.label())))
}

/// How much memory a file needs at most while it is worked on, in bytes: for admission before the start.
#[must_use]
pub fn memory_needed(facts: &Facts, plan: &Plan) -> u64 {
    const FLOOR: u64 = 2 * 1024 * 1024;
    let image = match &facts.media {
        Media::Image(image) if plan.encodes_video() => {
            return video::memory(image.pixels(), plan).saturating_add(facts.bytes);
        }
        Media::Image(image) => image,
        Media::Audio(_) => return audio::MEMORY,
        Media::Video(streams) => return video::memory(video::largest(streams), plan),
        Media::Document(_) => return FLOOR,
    };
    let decodes = match plan {
        Plan::Refuse(_) => return FLOOR,
        // Kept pictures are decoded once, to see that they can be.
        Plan::Keep => 1,
        Plan::Rewrite(_) => 2,
    };
    // A decoded pixel takes 4 bytes (8 with 16-bit components), the coefficients of a progressive JPEG 3 to 6 more.
    let per_pixel = if image.bit_depth > 8 { 8 } else { 4 };
    let coefficients = if image.progressive { 6 } else { 0 };
    FLOOR + facts.bytes.saturating_mul(2) + image.pixels().saturating_mul(per_pixel * decodes + coefficients)
}
