//! `Candidate → Fitted`: the one door through which a result becomes fit, by the code that judged the source.

use crate::convert::Candidate;
use crate::error::{Error, Result};
use crate::facts::{Facts, Media};
use crate::format::{Format, Role};
use crate::inspect::inspect;
use crate::judge::{Severity, Verdict, judge, wire_format};
use crate::plan::{Rewrite, Shape};
use crate::policy::Policy;
use crate::sniff::sniff;
use crate::source::Source;
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Media that has passed: the only thing an uploader takes. There is no way to make one but to verify it.
#[derive(Debug, Clone)]
pub struct Fitted {
    role: Role,
    format: Format,
    facts: Facts,
    content: Content,
    sha256: String,
}

#[derive(Debug, Clone)]
enum Content {
    Kept(PathBuf),
    Bytes(Arc<[u8]>),
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
            Content::Bytes(_) => None,
        }
    }

    /// Writes its bytes to `out`, and sees that they are still those that were verified.
    ///
    /// # Errors
    /// `Io` when the kept source cannot be read, has changed meanwhile, or `out` takes no more.
    pub fn write_to(&self, out: &mut dyn Write) -> Result<()> {
        let written = |error| Error::io("cannot be written", error);
        match &self.content {
            Content::Bytes(bytes) => out.write_all(bytes).map_err(written),
            Content::Kept(path) => {
                let mut file =
                    std::fs::File::open(path).map_err(|error| Error::io("cannot be opened", error).at(path))?;
                let digest = copy_hashing(&mut file, out).map_err(written)?;
                if digest == self.sha256 {
                    return Ok(());
                }
                let changed = std::io::Error::other("its content is not what was checked");
                Err(Error::io("changed while it was copied", changed).at(path))
            }
        }
    }

    /// Its bytes as a stream, from their start. What is read of a kept source is what is there now: whoever hands it on
    /// compares the [hash](Self::sha256).
    ///
    /// # Errors
    /// `Io` when the kept source cannot be opened.
    pub fn open(&self) -> Result<Box<dyn Read + Send>> {
        match &self.content {
            Content::Bytes(bytes) => Ok(Box::new(std::io::Cursor::new(Arc::clone(bytes)))),
            Content::Kept(path) => {
                let file = std::fs::File::open(path).map_err(|error| Error::io("cannot be opened", error).at(path))?;
                Ok(Box::new(file))
            }
        }
    }

    /// How many bytes of memory it holds: none where its content is on disk.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Kept(_) => 0,
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

/// A source whose `verdict` says that nothing has to be done: its own bytes.
///
/// # Errors
/// `Verify` when the verdict is not fit; `Io` when the source cannot be read or has changed since it was measured.
pub(crate) fn kept(source: &Source, facts: &Facts, verdict: &Verdict, policy: &Policy) -> Result<Fitted> {
    if !verdict.is_fit() {
        return Err(Error::verify("a file that is not fit was to be kept"));
    }
    unchanged(source, facts, verdict.role, wire_format(facts, policy))
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
    let Some(bytes) = candidate.bytes else {
        // Only the name and type change: the same bytes, judged under the new name.
        let renamed = Facts { extension: Some(format.extension().to_owned()), ..facts.clone() };
        return judged(&renamed, role, policy).and_then(|()| unchanged(source, facts, role, format));
    };
    let bytes: Arc<[u8]> = bytes.into();
    let name = format!("result.{}", format.extension());
    let result = Source::from_bytes(Arc::clone(&bytes), Some(Path::new(&name)));
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
    let sha256 = hex(&Sha256::digest(&bytes));
    Ok(Fitted { role, format, facts: measured, content: Content::Bytes(bytes), sha256 })
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
        Shape::Any => true,
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
            let mut file = std::fs::File::open(path).map_err(|error| Error::io("cannot be opened", error).at(path))?;
            let digest = copy_hashing(&mut file, &mut std::io::sink())
                .map_err(|error| Error::io("cannot be read", error).at(path))?;
            (Content::Kept(path.to_path_buf()), digest)
        }
        None => {
            let bytes = source.read_all()?;
            let digest = hex(&Sha256::digest(&bytes));
            (Content::Bytes(bytes), digest)
        }
    };
    if !source.is_unchanged() {
        let changed = std::io::Error::other("its length or time is not what it was");
        return Err(Error::io("changed while it was checked", changed));
    }
    Ok(Fitted { role, format, facts: facts.clone(), content, sha256 })
}

/// Copies `from` to `to` and gives the SHA-256 of what went through.
fn copy_hashing(from: &mut dyn Read, to: &mut dyn Write) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 128 * 1024];
    loop {
        match from.read(&mut block) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(count) => {
                let read = block.get(..count).unwrap_or_default();
                hash.update(read);
                to.write_all(read)?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
