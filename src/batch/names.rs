//! Where outputs go: the source's relative path with the extension that fits the content.

use super::Job;
use crate::format::Format;
use crate::pipeline::Checked;
use crate::plan::Plan;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The target of each job below the output folder, as a stem that [`with_extension`] completes.
///
/// Decided on the whole sorted list by what the plans allow, so that neither the order of work nor its outcome matters:
/// where two sources could share a name, each keeps its full name (`b.mov.mp4`).
pub(super) fn targets<'a>(jobs: impl Iterator<Item = (&'a Job, Option<&'a Checked>)>) -> Vec<PathBuf> {
    let mut wanted: Vec<(usize, &Path, PathBuf, Vec<Format>)> = jobs
        .enumerate()
        .map(|(place, (job, checked))| {
            (place, job.path.as_path(), inside(&job.relative), checked.map(formats).unwrap_or_default())
        })
        .collect();
    wanted.sort_by(|one, other| one.2.cmp(&other.2).then_with(|| one.1.cmp(other.1)));
    let mut claims: HashMap<String, usize> = HashMap::new();
    for (_, _, relative, formats) in &wanted {
        for claim in claims_of(&relative.with_extension(""), formats) {
            *claims.entry(claim).or_default() += 1;
        }
    }
    let mut taken = HashSet::new();
    let mut targets: Vec<(usize, PathBuf)> = wanted
        .into_iter()
        .map(|(place, _, relative, formats)| {
            let short = relative.with_extension("");
            let shared =
                claims_of(&short, &formats).iter().any(|claim| claims.get(claim).is_some_and(|count| *count > 1));
            let stem = if shared { full_name(&relative, &formats) } else { short };
            // Two arguments can hold the same relative path: the later one in the list gets a number.
            let numbered = (2..).map(|number| with_suffix(&stem, &format!("-{number}")));
            let free = std::iter::once(stem.clone())
                .chain(numbered)
                .find(|stem| claims_of(stem, &formats).iter().all(|claim| !taken.contains(claim)))
                .unwrap_or(stem);
            taken.extend(claims_of(&free, &formats));
            (place, free)
        })
        .collect();
    targets.sort_unstable();
    targets.into_iter().map(|(_, target)| target).collect()
}

/// `stem` with the extension of `format`; the stem's own dots stay.
pub(super) fn with_extension(stem: &Path, format: Format) -> PathBuf {
    match format.extension() {
        "" => stem.to_path_buf(),
        extension => with_suffix(stem, &format!(".{extension}")),
    }
}

/// The formats that may come out.
fn formats(checked: &Checked) -> Vec<Format> {
    match &checked.plan {
        Plan::Keep => vec![checked.facts.format],
        Plan::Rewrite(rewrite) => rewrite.rungs.iter().map(|rung| rung.format).collect(),
        Plan::Refuse(_) => Vec::new(),
    }
}

/// The names that a stem may end up as, lower case: some file systems do not tell `A.jpg` from `a.jpg`.
fn claims_of(stem: &Path, formats: &[Format]) -> Vec<String> {
    let mut claims: Vec<String> =
        formats.iter().map(|format| with_extension(stem, *format).to_string_lossy().to_lowercase()).collect();
    claims.sort_unstable();
    claims.dedup();
    claims
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
    fn dots_of_a_stem_stay() {
        assert_eq!(with_extension(Path::new("a/b.c"), Format::Jpeg), Path::new("a/b.c.jpg"));
    }
}
