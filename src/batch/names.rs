//! Where outputs go: the source's relative path with the extension that fits the content.

use super::Job;
use crate::digest;
use crate::format::{Format, Role};
use crate::judge::Rule;
use crate::pipeline::Checked;
use crate::plan::Plan;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The longest name that common file systems take, in bytes.
const MAX_NAME: usize = 255;

/// How many digits of its hash a name gets that is too long.
const HASH_DIGITS: usize = 8;

/// Where a job's output goes below the output folder, once its format is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    stem: PathBuf,
    /// Whether the stem is the whole name.
    whole: bool,
}

impl Target {
    /// `stem` with the extension of whatever comes out.
    pub(super) fn of_stem(stem: impl Into<PathBuf>) -> Self {
        Self { stem: stem.into(), whole: false }
    }

    /// The folder below the output folder.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.stem.parent()
    }

    /// The path below the output folder of an output in `format`.
    pub(super) fn path(&self, format: Format) -> PathBuf {
        limited(if self.whole { self.stem.clone() } else { with_extension(&self.stem, format) })
    }

    /// The same with a number.
    fn numbered(&self, number: u32) -> Self {
        let suffix = format!("-{number}");
        let extension = self.stem.extension().filter(|_| self.whole);
        let Some(extension) = extension else { return Self { stem: with_suffix(&self.stem, &suffix), ..self.clone() } };
        let mut stem = with_suffix(&self.stem.with_extension(""), &suffix).into_os_string();
        stem.push(".");
        stem.push(extension);
        Self { stem: stem.into(), whole: true }
    }

    /// The names that it may end up as, lower case: some file systems do not tell `A.jpg` from `a.jpg`.
    fn claims(&self, formats: &[Format]) -> Vec<String> {
        let mut claims: Vec<String> =
            formats.iter().map(|format| self.path(*format).to_string_lossy().to_lowercase()).collect();
        claims.sort_unstable();
        claims.dedup();
        claims
    }
}

/// A job on its way to its target.
struct Wanted<'a> {
    place: usize,
    source: &'a Path,
    relative: PathBuf,
    formats: Vec<Format>,
    short: Target,
}

/// The target of each job below the output folder.
///
/// Decided on the whole sorted list by what the plans allow, so that neither the order of work nor its outcome matters:
/// where two sources could share a name, each keeps its full name (`b.mov.mp4`).
pub(super) fn targets<'a>(jobs: impl Iterator<Item = (&'a Job, Option<&'a Checked>)>) -> Vec<Target> {
    let mut wanted: Vec<Wanted<'_>> = jobs
        .enumerate()
        .map(|(place, (job, checked))| {
            let relative = inside(&job.relative);
            let short = if checked.is_some_and(keeps_its_name) {
                Target { stem: relative.clone(), whole: true }
            } else {
                Target::of_stem(relative.with_extension(""))
            };
            Wanted { place, source: &job.path, relative, formats: checked.map(formats).unwrap_or_default(), short }
        })
        .collect();
    wanted.sort_by(|one, other| one.relative.cmp(&other.relative).then_with(|| one.source.cmp(other.source)));
    let mut claims: HashMap<String, usize> = HashMap::new();
    for claim in wanted.iter().flat_map(|one| one.short.claims(&one.formats)) {
        *claims.entry(claim).or_default() += 1;
    }
    let is_shared = |one: &Wanted<'_>| {
        one.short.claims(&one.formats).iter().any(|claim| claims.get(claim).is_some_and(|count| *count > 1))
    };
    let (shared, alone): (Vec<_>, Vec<_>) = wanted.into_iter().partition(is_shared);
    let mut taken = HashSet::new();
    let mut targets = Vec::new();
    // Names that nobody else wants come first: a full name must not take one of them.
    for (wanted, is_shared) in alone.iter().map(|one| (one, false)).chain(shared.iter().map(|one| (one, true))) {
        let Wanted { relative, formats, short, .. } = wanted;
        let full = is_shared && !short.whole;
        let target = if full { Target::of_stem(full_name(relative, formats)) } else { short.clone() };
        // Two arguments can hold the same relative path: the later one in the list gets a number.
        let free = std::iter::once(target.clone())
            .chain((2..).map(|number| target.numbered(number)))
            .find(|target| target.claims(formats).iter().all(|claim| !taken.contains(claim)))
            .unwrap_or(target);
        taken.extend(free.claims(formats));
        targets.push((wanted.place, free));
    }
    targets.sort_unstable();
    targets.into_iter().map(|(_, target)| target).collect()
}

/// Whether the output is called as the source is: a document whose bytes stay, and whose name does not contradict them.
fn keeps_its_name(checked: &Checked) -> bool {
    checked.verdict.role == Role::Document
        && checked.plan == Plan::Keep
        && !checked.verdict.has(Rule::DocumentExtension)
}

/// `stem` with the extension of `format`; the stem's own dots stay.
fn with_extension(stem: &Path, format: Format) -> PathBuf {
    match format.extension() {
        "" => stem.to_path_buf(),
        extension => with_suffix(stem, &format!(".{extension}")),
    }
}

/// `path` with a name that file systems take: what is too long is cut, and told from its like by a hash.
fn limited(path: PathBuf) -> PathBuf {
    let Some(name) = path.file_name().filter(|name| name.len() > MAX_NAME) else { return path };
    let hash = digest::of(name.as_encoded_bytes());
    let extension = Path::new(name).extension().filter(|extension| extension.len() < MAX_NAME / 4);
    let end = extension.map_or_else(String::new, |extension| format!(".{}", extension.to_string_lossy()));
    let end = format!("-{}{end}", hash.get(..HASH_DIGITS).unwrap_or(&hash));
    let text = name.to_string_lossy();
    let kept = text.get(..text.floor_char_boundary(MAX_NAME.saturating_sub(end.len()))).unwrap_or_default();
    path.with_file_name(format!("{kept}{end}"))
}

/// The formats that may come out.
fn formats(checked: &Checked) -> Vec<Format> {
    match &checked.plan {
        Plan::Keep => vec![checked.facts.format],
        Plan::Rewrite(rewrite) => rewrite.rungs.iter().map(|rung| rung.format).collect(),
        Plan::Refuse(_) => Vec::new(),
    }
}

/// The whole name as a stem, less an extension that the output gets anyway.
fn full_name(relative: &Path, formats: &[Format]) -> PathBuf {
    let extension = relative.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    let kept = formats.len() == 1 && formats.iter().all(|format| format.extension() == extension);
    if kept { relative.with_extension("") } else { relative.to_path_buf() }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(suffix);
    path.with_file_name(name)
}

/// `relative` without anything that would lead out of the output folder.
fn inside(relative: &Path) -> PathBuf {
    relative.components().filter(|component| matches!(component, Component::Normal(_))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_the_output_folder() {
        assert_eq!(inside(Path::new("../../etc/./passwd")), Path::new("etc/passwd"));
        assert_eq!(inside(Path::new("/abs/a.jpg")), Path::new("abs/a.jpg"));
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_between_characters_and_stays_its_own() {
        let long = |last: &str| limited(PathBuf::from(format!("a/{}{last}.jpg", "ü".repeat(126))));
        let (one, other) = (long("1"), long("2"));
        assert_ne!(one, other);
        for path in [one, other] {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(name.len() <= MAX_NAME && name.ends_with(".jpg") && name.starts_with("üü"), "{name}");
        }
        assert_eq!(limited(PathBuf::from("a/short.jpg")), Path::new("a/short.jpg"));
    }

    #[test]
    fn dots_of_a_stem_stay() {
        assert_eq!(with_extension(Path::new("a/b.c"), Format::Jpeg), Path::new("a/b.c.jpg"));
    }
}
