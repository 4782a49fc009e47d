//! One source through all rooms: [`Fitter`].

use crate::cancel::Cancel;
#[cfg(feature = "video")]
use crate::convert::watch;
use crate::convert::{Candidate, Depth, complete, convert, convert_animation, convert_stream};
use crate::engine::Ffmpeg;
use crate::error::{Error, ErrorKind, Result};
use crate::facts::{Damage, Facts, Media};
use crate::format::{Format, Role};
use crate::inspect::{inspect, jpeg_throughout};
use crate::judge::{Finding, Rule, Standing, Verdict, judge, note_other_role, role_of_content};
use crate::limits::SNIFF_BYTES;
use crate::plan::{Animated, EngineChoice, Options, Plan, Reason, Refusal, Rewrite, Step, Tools, memory_needed, plan};
use crate::policy::Policy;
use crate::sniff::{is_utf8_throughout, sniff};
use crate::source::Source;
use crate::verify::{Fitted, kept, verify};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

mod seen;

use seen::Seen;

/// Who says what a file is to serve as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ask {
    /// The content: stills → image, a 512×512 WebP → sticker, and so on.
    #[default]
    Content,
    /// The caller, whatever the content is.
    Role(Role),
    /// A folder's name, where the content can serve that role.
    Folder(Role),
}

/// What was found about a source, and what would be done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was measured.
    pub facts: Facts,
    /// How it stands.
    pub verdict: Verdict,
    /// What is to be done.
    pub plan: Plan,
}

impl Checked {
    /// How much memory the repair takes at most, in bytes.
    #[must_use]
    pub fn memory_needed(&self) -> u64 {
        memory_needed(&self.facts, &self.plan)
    }
}

/// How a repair ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// The file is fit now (or was so before).
    Fitted {
        /// The media that passed.
        fitted: Box<Fitted>,
        /// What was done, in order; empty when it was kept.
        steps: Vec<Step>,
    },
    /// The file is not repaired, with the reason and the way out.
    Refused(Refusal),
}

/// Checks and repairs media, one source at a time. Cheap to make and to share between threads.
///
/// ```
/// use mediafit::{Ending, Fitter, Policy, Ask, Source};
///
/// let fitter = Fitter::new(Policy::cloud());
/// let source = Source::open("testdata/image/fit__rgb.png")?;
/// let (checked, ending) = fitter.fit(&source, Ask::Content)?;
/// assert!(checked.verdict.is_fit());
/// if let Ending::Fitted { fitted, .. } = ending {
///     println!("{} bytes of {}", fitted.len(), fitted.mime());
/// }
/// # Ok::<(), mediafit::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Fitter {
    policy: Policy,
    options: Options,
    cancel: Cancel,
    ffmpeg: Option<Ffmpeg>,
    gathers_in: Option<Arc<Path>>,
}

impl Fitter {
    /// A fitter by `policy`, with default options.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy, options: Options::default(), cancel: Cancel::default(), ffmpeg: None, gathers_in: None }
    }

    /// The same fitter with `options`.
    #[must_use]
    pub fn with_options(mut self, options: Options) -> Self {
        // Stickers are static unless animated ones are asked for: that is a rule to judge by, not only a way to repair.
        self.policy.sticker.accept_animated |= options.animated == Animated::Keep;
        self.options = options;
        self
    }

    /// The same fitter, stopped by `cancel`.
    #[must_use]
    pub fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// The same fitter, with an ffmpeg for what is not decoded here. Default: none, also where one is installed; see
    /// [`Ffmpeg::find`].
    #[must_use]
    pub fn with_ffmpeg(mut self, ffmpeg: Option<Ffmpeg>) -> Self {
        self.ffmpeg = ffmpeg;
        self
    }

    /// The same fitter, which gathers large results in `folder`: [settling](Fitted::settle) them there is no copy.
    pub(crate) fn gathering_in(mut self, folder: &Path) -> Self {
        self.gathers_in = Some(folder.into());
        self
    }

    /// The ffmpeg that may be run.
    #[must_use]
    pub const fn ffmpeg(&self) -> Option<&Ffmpeg> {
        self.ffmpeg.as_ref()
    }

    /// The policy in force.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The options in force.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// The switch that stops it.
    #[must_use]
    pub const fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Measures and judges `source` by its headers, and plans its repair.
    ///
    /// # Errors
    /// `Io` when it cannot be read; `Engine` when a parser failed in a way it must not.
    pub fn check(&self, source: &Source, ask: Ask) -> Result<Checked> {
        guarded(source, || {
            let sniffed = sniff(source)?;
            let facts = inspect(source, &sniffed)?;
            Ok(self.judged(facts, ask))
        })
    }

    /// As [`check`](Self::check), and decodes everything: finds damage that no header shows.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_deep(&self, source: &Source, ask: Ask) -> Result<Checked> {
        let checked = self.check(source, ask)?;
        guarded(source, || {
            let checked = self.read_through(source, checked, ask)?;
            if checked.verdict.standing == Standing::Broken || !is_decoded(&checked) {
                return Ok(checked);
            }
            #[cfg(feature = "video")]
            let watched = if is_playing(&checked) { watch(source, &checked.facts, &self.cancel) } else { Ok(()) };
            #[cfg(not(feature = "video"))]
            let watched = Ok(());
            match watched.and_then(|()| self.decoded(source, &checked, Depth::Whole)) {
                Err(error) if error.kind() == ErrorKind::Malformed => Ok(self.broken(checked, ask, &error)),
                // What no decoder here reads was not found damaged.
                Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Limit) => Ok(checked),
                Err(error) => Err(error),
                Ok(seen) => {
                    let mut checked = checked;
                    self.note(&mut checked, ask, seen.margin, &seen.lost);
                    Ok(checked)
                }
            }
        })
    }

    /// Checks `source` and repairs it by the smallest change; what comes out has been verified.
    ///
    /// # Errors
    /// `Io` when it cannot be read or changes meanwhile; `Engine` and `Verify` when the repair failed through our fault;
    /// `Cancelled`. A file that cannot be repaired is not an error but [`Ending::Refused`].
    pub fn fit(&self, source: &Source, ask: Ask) -> Result<(Checked, Ending)> {
        let checked = self.check(source, ask)?;
        self.fit_checked(source, checked, ask)
    }

    /// As [`fit`](Self::fit), for a source that was [checked](Self::check) before.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_checked(&self, source: &Source, checked: Checked, ask: Ask) -> Result<(Checked, Ending)> {
        let limit = Duration::from_secs(self.options.time_limit_seconds);
        Self { cancel: self.cancel.within(limit), ..self.clone() }.fit_in_time(source, checked, ask)
    }

    fn fit_in_time(&self, source: &Source, checked: Checked, ask: Ask) -> Result<(Checked, Ending)> {
        guarded(source, || {
            self.cancel.check()?;
            let mut checked = self.read_through(source, checked, ask)?;
            if let Plan::Refuse(refusal) = &checked.plan {
                let refusal = refusal.clone();
                return Ok((checked, Ending::Refused(refusal)));
            }
            match self.carried_out(source, &mut checked, ask) {
                Ok(ending) => Ok((checked, ending)),
                // Where only a warning was to be cured, and copying cannot do it, the file goes as it is.
                Err(error) if error.kind() == ErrorKind::Unsupported && self.may_stay(&checked) => {
                    let fitted = kept(source, &checked.facts, &checked.verdict, &self.policy, None)?;
                    checked.plan = Plan::Keep;
                    Ok((checked, Ending::Fitted { fitted: Box::new(fitted), steps: Vec::new() }))
                }
                Err(error) => self.refused(source, checked, ask, error),
            }
        })
    }

    /// As [`fit`](Self::fit), for the file at `path`, in the role of its content.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_path(&self, path: impl AsRef<Path>) -> Result<(Checked, Ending)> {
        self.fit(&Source::open(path)?, Ask::Content)
    }

    /// As [`fit`](Self::fit), for `bytes` in memory, in the role of their content.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_bytes(&self, bytes: impl Into<Arc<[u8]>>, name: Option<&Path>) -> Result<(Checked, Ending)> {
        self.fit(&Source::from_bytes(bytes, name), Ask::Content)
    }

    /// Whether nothing about a file that plays counts as a failure.
    fn may_stay(&self, checked: &Checked) -> bool {
        is_playing(checked)
            && checked.verdict.is_fit()
            && !checked.verdict.findings.iter().any(|finding| self.options.fails(finding))
    }

    fn judged(&self, facts: Facts, ask: Ask) -> Checked {
        let content = role_of_content(&facts, &self.policy);
        let moves = matches!(&facts.media, Media::Image(image) if image.animation.is_some());
        let (role, unfollowed) = match ask {
            // Asked for or not: what is animated is judged as what becomes of it.
            Ask::Content | Ask::Folder(_) | Ask::Role(Role::Image | Role::Sticker)
                if moves && self.options.animated == Animated::Video =>
            {
                (Role::Video, None)
            }
            Ask::Folder(Role::Video) if moves => (Role::Video, None),
            Ask::Content => (content, None),
            Ask::Role(role) => (role, None),
            Ask::Folder(role) if role.can_serve(facts.format.family()) => (role, None),
            // A file of that role by its folder and its name, of which nothing can be recognised, is damaged.
            Ask::Folder(role) if !facts.damage.is_empty() && facts.format == Format::Binary => (role, None),
            Ask::Folder(role) => (content, Some(role)),
        };
        let mut verdict = judge(&facts, role, &self.policy);
        if let Some(wanted) = unfollowed {
            note_other_role(&mut verdict, wanted, &facts);
        }
        let plan = plan(&facts, &verdict, &self.policy, &self.options, Tools { ffmpeg: self.ffmpeg.is_some() });
        let plan = match plan {
            Plan::Refuse(refusal) => Plan::Refuse(self.with_another_role(refusal, &facts, verdict.role)),
            Plan::Keep | Plan::Rewrite(_) => plan,
        };
        Checked { facts, verdict, plan }
    }

    /// What cannot be made small enough may still go as it is, where documents of any type do.
    fn with_another_role(&self, mut refusal: Refusal, facts: &Facts, role: Role) -> Refusal {
        let rules = &self.policy.document;
        if refusal.reason == Reason::CannotFit
            && matches!(role, Role::Image | Role::Video)
            && rules.formats.as_ref().is_none_or(|formats| formats.contains(&facts.format))
            && facts.bytes <= rules.size.hard_bytes
        {
            refusal.message.push_str(", or use --as document to send the file as it is");
        }
        refusal
    }

    /// What a document or a JPEG is once all of it was read: text may turn out to be none behind its head.
    fn read_through(&self, source: &Source, checked: Checked, ask: Ask) -> Result<Checked> {
        if checked.facts.format == Format::Jpeg {
            let facts = jpeg_throughout(source, &checked.facts)?;
            return Ok(if facts == checked.facts { checked } else { self.judged(facts, ask) });
        }
        let mut facts = checked.facts;
        let Media::Document(document) = &mut facts.media else { return Ok(Checked { facts, ..checked }) };
        if !document.utf8_text || facts.bytes <= SNIFF_BYTES as u64 || is_utf8_throughout(source)? {
            return Ok(Checked { facts, ..checked });
        }
        document.utf8_text = false;
        if facts.format == Format::Text {
            facts.format = Format::Binary;
        }
        Ok(self.judged(facts, ask))
    }

    fn broken(&self, checked: Checked, ask: Ask, error: &Error) -> Checked {
        let mut facts = checked.facts;
        let what = error.what();
        // What is to be done about it is for the finding to say.
        let what = what.strip_suffix("; send the original again").unwrap_or(&what);
        facts.damage.push(Damage::Undecodable(what.to_owned()));
        self.judged(facts, ask)
    }

    fn carried_out(&self, source: &Source, checked: &mut Checked, ask: Ask) -> Result<Ending> {
        // What is copied is not decoded on the way; that it can be is seen here, as far as there is a decoder.
        let seen = if is_decoded(checked) && checked.plan.copies_content(self.options.salvage) {
            // A voice note's amplitudes take all of it.
            let voice = checked.verdict.role == Role::Voice;
            self.decoded(source, checked, if voice { Depth::Whole } else { Depth::Sampled })?
        } else {
            Seen::default()
        };
        self.note(checked, ask, seen.margin, &seen.lost);
        complete(source, &mut checked.facts, &checked.plan, self.ffmpeg.as_ref(), &self.cancel)?;
        if is_playing(checked)
            && let Plan::Rewrite(rewrite) = &checked.plan
        {
            let rewrite = rewrite.clone();
            return self.stream_carried_out(source, checked, ask, &rewrite, seen.waveform);
        }
        let checked = &*checked;
        let (facts, verdict) = (&checked.facts, &checked.verdict);
        let Plan::Rewrite(rewrite) = &checked.plan else {
            let fitted = kept(source, facts, verdict, &self.policy, seen.waveform)?;
            return Ok(Ending::Fitted { fitted: Box::new(fitted), steps: Vec::new() });
        };
        let bytes: Arc<[u8]> = if is_picture(checked) { source.read_all()? } else { Arc::from([]) };
        let candidate = if verdict.role == Role::Video {
            convert_animation(&bytes, facts, rewrite, &self.cancel)?
        } else {
            convert(&bytes, facts, rewrite, &self.cancel)?
        };
        self.verified(source, checked, candidate, rewrite)
    }

    /// A warning about the result, where warnings count as failures. Its name is not looked at: the caller gives that.
    fn warning_left(&self, fitted: &Fitted) -> Option<Finding> {
        if !self.options.strict || fitted.role() == Role::Document {
            return None;
        }
        let verdict = judge(fitted.facts(), fitted.role(), &self.policy);
        verdict.findings.into_iter().find(|finding| self.options.fails(finding) && finding.rule != Rule::Extension)
    }

    fn stream_carried_out(
        &self,
        source: &Source,
        checked: &mut Checked,
        ask: Ask,
        rewrite: &Rewrite,
        waveform: Option<[u8; 64]>,
    ) -> Result<Ending> {
        let (facts, role) = (&checked.facts, checked.verdict.role);
        let ffmpeg = self.ffmpeg.as_ref().filter(|_| self.options.engine != EngineChoice::Builtin);
        let mut candidate = convert_stream(source, facts, rewrite, ffmpeg, self.gathers_in.as_deref(), &self.cancel)?;
        candidate.waveform = candidate.waveform.or(waveform).filter(|_| role != Role::Video);
        let lost = candidate.lost;
        self.note(checked, ask, None, lost.as_slice());
        let copied = candidate.steps.iter().any(|step| matches!(step, Step::CopyVideo { .. } | Step::CopyAudio { .. }));
        let others = rewrite.rungs.iter().skip_while(|rung| rung.steps != candidate.steps).skip(1);
        let rungs: Vec<_> = others.filter(|_| copied).cloned().collect();
        let ending = self.verified(source, checked, candidate, rewrite);
        if ending.as_ref().is_err_and(|error| error.kind() == ErrorKind::Verify) && !rungs.is_empty() {
            // A copy that is not what the facts promise: decoded, it may be.
            return self.stream_carried_out(source, checked, ask, &Rewrite { rungs, ..rewrite.clone() }, waveform);
        }
        ending
    }

    fn verified(&self, source: &Source, checked: &Checked, candidate: Candidate, rewrite: &Rewrite) -> Result<Ending> {
        if !source.is_unchanged() {
            let changed = std::io::Error::other("its length or time is not what it was");
            return Err(Error::io("changed while it was worked on", changed));
        }
        let steps = candidate.steps.clone();
        let fitted = verify(source, &checked.facts, checked.verdict.role, candidate, rewrite, &self.policy)?;
        Ok(match self.warning_left(&fitted) {
            Some(finding) => Ending::Refused(Refusal::of_warning(&finding)),
            None => Ending::Fitted { fitted: Box::new(fitted), steps },
        })
    }

    /// Sorts an error of the conversion: what the file itself is to blame for is a refusal.
    fn refused(&self, source: &Source, checked: Checked, ask: Ask, error: Error) -> Result<(Checked, Ending)> {
        let refusal = |reason| Refusal { reason, message: error.what() };
        match error.kind() {
            ErrorKind::Malformed if checked.verdict.standing != Standing::Broken => {
                let mut broken = self.broken(checked, ask, &error);
                match &broken.plan {
                    Plan::Refuse(refusal) => {
                        let refusal = refusal.clone();
                        Ok((broken, Ending::Refused(refusal)))
                    }
                    // With --salvage there is another way, which reads as far as it goes.
                    Plan::Keep | Plan::Rewrite(_) => match self.carried_out(source, &mut broken, ask) {
                        Ok(ending) => Ok((broken, ending)),
                        Err(error) => self.refused(source, broken, ask, error),
                    },
                }
            }
            ErrorKind::Malformed => Ok((checked, Ending::Refused(refusal(Reason::Broken)))),
            ErrorKind::Unsupported => Ok((checked, Ending::Refused(refusal(Reason::Unsupported)))),
            ErrorKind::Limit => Ok((checked, Ending::Refused(refusal(Reason::Limit)))),
            ErrorKind::CannotFit => {
                let refusal = self.with_another_role(refusal(Reason::CannotFit), &checked.facts, checked.verdict.role);
                Ok((checked, Ending::Refused(refusal)))
            }
            ErrorKind::Io | ErrorKind::Engine | ErrorKind::Verify | ErrorKind::Upload { .. } | ErrorKind::Cancelled => {
                Err(error)
            }
        }
    }
}

/// Whether the file is worked on as a picture: one sent as a document is a file like any other.
fn is_picture(checked: &Checked) -> bool {
    matches!(checked.facts.media, Media::Image(_))
        && checked.verdict.role != Role::Document
        && checked.facts.format != Format::Svg
}

/// Whether the file is worked on as sound or moving pictures.
fn is_playing(checked: &Checked) -> bool {
    matches!(checked.facts.media, Media::Audio(_) | Media::Video(_)) && checked.verdict.role != Role::Document
}

/// Whether a full decode says more about the file than its headers.
fn is_decoded(checked: &Checked) -> bool {
    is_picture(checked) || is_playing(checked)
}

/// Runs `work`, in which a decoder may panic: that costs this file only.
fn guarded<T>(source: &Source, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let what = what.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
        Err(Error::engine(format!("a decoder gave up: {what}; please report this file")))
    });
    match source.name() {
        Some(path) => result.map_err(|error| error.at(path)),
        None => result,
    }
}

#[cfg(test)]
mod tests;
