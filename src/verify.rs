//! `Candidate → Fitted`: the one door through which a result becomes fit, by the code that judged the source.

mod playing;

use crate::convert::{Body, Candidate};
use crate::digest;
use crate::disk::{self, Temporary};
use crate::error::{Error, Result};
use crate::facts::{Facts, Media};
use crate::format::{Format, Role};
use crate::inspect::inspect;
use crate::judge::{Severity, Verdict, judge, wire_format};
use crate::plan::{Engine, Rewrite, Shape};
use crate::policy::Policy;
use crate::sniff::sniff;
use crate::source::{Source, positioned};
use std::fs::File;
use std::io::{Read, Write, sink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much of a result is read at once, in bytes.
const BLOCK: usize = 128 * 1024;

/// Media that has passed: the only thing an uploader takes. There is no way to make one but to verify it.
#[derive(Debug, Clone)]
pub struct Fitted {
    role: Role,
    format: Format,
    facts: Facts,
    content: Content,
    sha256: String,
    waveform: Option<[u8; 64]>,
    missed_centi_lufs: Option<i32>,
    cut_at_us: Option<u64>,
    engine: Engine,
}

#[derive(Debug, Clone)]
enum Content {
    Kept(PathBuf),
    Bytes(Arc<[u8]>),
    /// A temporary file of ours, which goes when the last clone does.
    Spool(Arc<Temporary>),
    /// What was a temporary file, where it was moved.
    Settled(PathBuf),
}

impl Fitted {
    /// What it is sent as.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The format it goes over the wire as.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The MIME type for the wire.
    #[must_use]
    pub fn mime(&self) -> &'static str {
        self.format.mime()
    }

    /// What was measured about it.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.facts.bytes
    }

    /// Whether there is nothing in it: never, since an empty file is not fit.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.facts.bytes == 0
    }

    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The source file, when its bytes are handed on unchanged.
    #[must_use]
    pub fn kept_path(&self) -> Option<&Path> {
        match &self.content {
            Content::Kept(path) => Some(path),
            Content::Bytes(_) | Content::Spool(_) | Content::Settled(_) => None,
        }
    }

    /// How loud it is over its length: 64 amplitudes, 0 to 100, as chats draw them beside a voice note. Only for sound
    /// that was listened to: a voice note always, an audio file where it was coded anew.
    #[must_use]
    pub const fn waveform(&self) -> Option<&[u8; 64]> {
        self.waveform.as_ref()
    }

    /// How loud it is, in hundredths of LUFS, where a loudness was asked for that its peaks do not allow: one factor brings
    /// it there, and peaks are not limited.
    #[must_use]
    pub const fn missed_centi_lufs(&self) -> Option<i32> {
        self.missed_centi_lufs
    }

    /// Where it was cut, in microseconds from its start, if it was allowed to be since it would not fit otherwise.
    #[must_use]
    pub const fn cut_at_us(&self) -> Option<u64> {
        self.cut_at_us
    }

    /// Who decoded and encoded, where anything was.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// Writes its bytes to `out`, and sees that they are still those that were verified.
    ///
    /// # Errors
    /// `Io` when the kept source cannot be read, has changed meanwhile, or `out` takes no more.
    pub fn write_to(&self, out: &mut dyn Write) -> Result<()> {
        let written = |error| Error::io("cannot be written", error);
        match &self.content {
            Content::Bytes(bytes) => out.write_all(bytes).map_err(written),
            Content::Spool(file) => copy_all(file.file(), out).map_err(written),
            Content::Kept(path) | Content::Settled(path) => {
                let mut file =
                    std::fs::File::open(path).map_err(|error| Error::io("cannot be opened", error).at(path))?;
                let digest = digest::of_copied(&mut file, out).map_err(written)?;
                if digest == self.sha256 {
                    return Ok(());
                }
                let changed = std::io::Error::other("its content is not what was checked");
                Err(Error::io("changed while it was copied", changed).at(path))
            }
        }
    }

    /// Writes it to `path`, and makes its folders: whole, or not at all.
    ///
    /// # Errors
    /// `Io` when it cannot be written, or `path` is the source itself; else as [`write_to`](Self::write_to).
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.sees_another(path)?;
        disk::write(path, |out| self.write_to(out))
    }

    /// As [`save`](Self::save), but what is kept becomes a hard link to its source where the file system can.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_linked(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.sees_another(path)?;
        if self.kept_path().is_some_and(|source| disk::link(source, path)) {
            return Ok(());
        }
        self.save(path)
    }

    /// As [`save`](Self::save), but what lies in a temporary file beside `path`, and nobody else holds, is moved there.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub(crate) fn settle(&mut self, path: &Path) -> Result<()> {
        let settled = Content::Settled(path.to_path_buf());
        match std::mem::replace(&mut self.content, settled) {
            Content::Spool(file) => {
                let left = match Arc::try_unwrap(file) {
                    Ok(file) => file.put(path).map(Arc::new),
                    Err(shared) => Some(shared),
                };
                let Some(file) = left else { return Ok(()) };
                self.content = Content::Spool(file);
            }
            other => self.content = other,
        }
        self.save(path)
    }

    /// Sees that `path` is not the source.
    fn sees_another(&self, path: &Path) -> Result<()> {
        let same = |source: &Path| matches!((source.canonicalize(), path.canonicalize()), (Ok(one), Ok(other)) if one == other);
        if self.kept_path().is_some_and(same) {
            let way_out = std::io::Error::other("choose another output folder");
            return Err(Error::io("is the source itself", way_out).at(path));
        }
        Ok(())
    }

    /// Its bytes as a stream, from their start. What is read of a kept source is what is there now: whoever hands it on
    /// compares the [hash](Self::sha256).
    ///
    /// # Errors
    /// `Io` when the kept source cannot be opened.
    pub fn open(&self) -> Result<Box<dyn Read + Send>> {
        match &self.content {
            Content::Bytes(bytes) => Ok(Box::new(std::io::Cursor::new(Arc::clone(bytes)))),
            Content::Spool(file) => Ok(Box::new(Spooled { file: Arc::clone(file), at: 0 })),
            Content::Kept(path) | Content::Settled(path) => {
                let file = File::open(path).map_err(|error| Error::io("cannot be opened", error).at(path))?;
                Ok(Box::new(file))
            }
        }
    }

    /// How many bytes of memory it holds: none where its content is on disk.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Spool(_) | Content::Kept(_) | Content::Settled(_) => 0,
        }
    }

    /// All its bytes.
    ///
    /// # Errors
    /// As [`write_to`](Self::write_to).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes)?;
        Ok(bytes)
    }
}

/// Writes all of `file`, read by position.
fn copy_all(file: &File, out: &mut dyn Write) -> std::io::Result<()> {
    let (mut block, mut at) = (vec![0; BLOCK], 0);
    loop {
        match positioned(file, at, &mut block)? {
            0 => return Ok(()),
            count => {
                out.write_all(block.get(..count).unwrap_or_default())?;
                at += count as u64;
            }
        }
    }
}

/// A temporary file, read by position: its clones do not disturb one another.
struct Spooled {
    file: Arc<Temporary>,
    at: u64,
}

impl Read for Spooled {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = positioned(self.file.file(), self.at, into)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// A source whose `verdict` says that nothing has to be done: its own bytes.
///
/// # Errors
/// `Verify` when the verdict is not fit; `Io` when the source cannot be read or has changed since it was measured.
pub(crate) fn kept(
    source: &Source,
    facts: &Facts,
    verdict: &Verdict,
    policy: &Policy,
    waveform: Option<[u8; 64]>,
) -> Result<Fitted> {
    if !verdict.is_fit() {
        return Err(Error::verify("a file that is not fit was to be kept"));
    }
    let fitted = unchanged(source, facts, verdict.role, wire_format(facts, policy))?;
    Ok(Fitted { waveform, ..fitted })
}

/// What a conversion made of `source`, judged again.
///
/// # Errors
/// `Verify`, our own bug, when the result is not of the planned format, breaks a rule, or lost its shape.
pub(crate) fn verify(
    source: &Source,
    facts: &Facts,
    role: Role,
    candidate: Candidate,
    rewrite: &Rewrite,
    policy: &Policy,
) -> Result<Fitted> {
    let format = candidate.format;
    let Some(body) = candidate.body else {
        // Only the name and type change: the same bytes, judged under the new name.
        let renamed = Facts { extension: Some(format.extension().to_owned()), ..facts.clone() };
        judged(&renamed, role, policy)?;
        return Ok(Fitted { waveform: candidate.waveform, ..unchanged(source, facts, role, format)? });
    };
    let name = format!("result.{}", format.extension());
    let (content, result) = match body {
        Body::Memory(bytes) => {
            let bytes: Arc<[u8]> = bytes.into();
            (Content::Bytes(Arc::clone(&bytes)), Source::from_bytes(bytes, Some(Path::new(&name))))
        }
        Body::File(file, len) => {
            let again = file.file().try_clone().map_err(|error| Error::io("a result cannot be read again", error))?;
            let source = Source::from_spool(Arc::new(again), len, Path::new(&name));
            (Content::Spool(Arc::new(file)), source)
        }
    };
    let sniffed = sniff(&result)?;
    if sniffed.format != format {
        return Err(Error::verify(format!("the result's format is wrong; found {}, planned {format}", sniffed.format)));
    }
    let measured = inspect(&result, &sniffed)?;
    judged(&measured, role, policy)?;
    if measured.bytes > rewrite.max_bytes {
        return Err(Error::verify(format!(
            "the result is too large; found {}, allowed {}",
            measured.bytes, rewrite.max_bytes
        )));
    }
    shape(&measured, rewrite.shape)?;
    if rewrite.shape == Shape::Playing {
        playing::verify(facts, &measured, &candidate.steps, candidate.coded_us)?;
    }
    let mut fitted = Fitted {
        role,
        format,
        cut_at_us: playing::cut_noticeably(facts, &measured, &candidate.steps),
        facts: measured,
        content,
        sha256: String::new(),
        waveform: candidate.waveform,
        missed_centi_lufs: candidate.missed_centi_lufs,
        engine: candidate.engine,
    };
    fitted.sha256 = digest::of_copied(&mut fitted.open()?, &mut sink())
        .map_err(|error| Error::io("a result cannot be read again", error))?;
    Ok(fitted)
}

fn judged(facts: &Facts, role: Role, policy: &Policy) -> Result<()> {
    let verdict = judge(facts, role, policy);
    match verdict.findings.iter().find(|finding| finding.severity == Severity::Fail) {
        None => Ok(()),
        Some(finding) => Err(Error::verify(format!("the result breaks {}: {}", finding.rule, finding.message))),
    }
}

/// Whether the picture kept its aspect (within a pixel's rounding) and did not grow.
fn shape(facts: &Facts, shape: Shape) -> Result<()> {
    let Media::Image(image) = &facts.media else { return Ok(()) };
    let (width, height) = image.upright();
    let right = match shape {
        Shape::Any | Shape::Playing => true,
        Shape::Square(side) => (width, height) == (side, side),
        Shape::Aspect(full_width, full_height) => {
            let (w, h) = (f64::from(width), f64::from(height));
            let (fw, fh) = (f64::from(full_width), f64::from(full_height));
            // Each side was rounded by at most half a pixel.
            width <= full_width && height <= full_height && (w * fh - h * fw).abs() <= 0.5 * (fw + fh) + 1.0
        }
    };
    if right {
        Ok(())
    } else {
        Err(Error::verify(format!("the result's size is wrong; found {width}x{height}, planned {shape:?}")))
    }
}

fn unchanged(source: &Source, facts: &Facts, role: Role, format: Format) -> Result<Fitted> {
    let (content, sha256) = match source.name().filter(|_| source.is_file()) {
        Some(path) => {
            let digest = digest::of_file(path).map_err(|error| Error::io("cannot be read", error).at(path))?;
            (Content::Kept(path.to_path_buf()), digest)
        }
        None => {
            let bytes = source.read_all()?;
            let digest = digest::of(&bytes);
            (Content::Bytes(bytes), digest)
        }
    };
    if !source.is_unchanged() {
        let changed = std::io::Error::other("its length or time is not what it was");
        return Err(Error::io("changed while it was checked", changed));
    }
    let (waveform, engine) = (None, Engine::Builtin);
    let (missed_centi_lufs, cut_at_us) = (None, None);
    Ok(Fitted { role, format, facts: facts.clone(), content, sha256, waveform, missed_centi_lufs, cut_at_us, engine })
}
