//! What a person reads: a line a file, and the summary.

use mediafit::batch::Job;
use mediafit::error::clean;
use mediafit::plan::Because;
use mediafit::{Finding, Record, Severity, Standing, Summary};
use std::path::Path;

/// The widest column for paths, in characters; longer ones push their line to the right.
const MAX_PATH_WIDTH: usize = 56;
/// Enough for `document ogg-opus`.
const KIND_WIDTH: usize = 16;

/// How lines are laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    path_width: usize,
    color: bool,
}

/// What a word stands for, which a colour underlines.
#[derive(Debug, Clone, Copy)]
enum Tone {
    Good,
    Doubtful,
    Bad,
    Quiet,
}

impl Layout {
    /// A layout for the paths of `jobs`.
    pub(crate) fn of(jobs: &[Job], color: bool) -> Self {
        let width = |job: &Job| shown(&job.path).chars().count();
        Self { path_width: jobs.iter().map(width).max().unwrap_or(1).min(MAX_PATH_WIDTH), color }
    }

    /// The lines of a checked file.
    pub(crate) fn checked(self, record: &Record) -> String {
        let (word, tone) = match (&record.error, record.verdict) {
            (Some(_), _) => ("error", Tone::Bad),
            (None, Standing::Fit) => ("fit", Tone::Good),
            (None, Standing::Unfit) => ("unfit", Tone::Bad),
            (None, Standing::Broken) => ("broken", Tone::Bad),
        };
        let plan = match (record.error.is_some(), record.plan.as_ref()) {
            (true, _) | (_, "keep") => String::new(),
            (_, "rewrite") => format!("  → rewrite ({}{})", record.steps.join(", "), kept_audio(record)),
            (_, other) => format!("  → {other}"),
        };
        let mut lines = vec![format!("{}{}{plan}", self.begun(record), self.word(word, 6, tone))];
        lines.extend(record.findings.iter().map(|finding| self.finding(finding)));
        if let (None, Some(refusal)) = (&record.error, &record.refusal) {
            lines.push(format!("  →     {}", clean(&refusal.message)));
        }
        trimmed(&lines)
    }

    /// The line of a file that was to be made fit.
    pub(crate) fn fitted(self, record: &Record) -> String {
        let before = size(record.bytes);
        let (word, tone, rest) = match (&record.error, &record.refusal, &record.output) {
            (Some(error), ..) => ("error", Tone::Bad, clean(&error.message)),
            (None, Some(refusal), _) => ("refused", Tone::Bad, clean(&refusal.message)),
            (None, None, Some(_)) if record.plan == "keep" => ("kept", Tone::Good, before),
            (None, None, Some(output)) => {
                let mut steps = record.steps.join(", ");
                steps.push_str(&kept_audio(record));
                if let Some(us) = output.cut_at_us {
                    steps.push_str(&format!("; cut after {}.{} s", us / 1_000_000, us / 100_000 % 10));
                }
                if let Some(centi_lufs) = output.missed_centi_lufs {
                    steps.push_str(&format!("; {:.1} LUFS, louder it cannot be made", f64::from(centi_lufs) / 100.0));
                }
                (
                    "repaired",
                    Tone::Doubtful,
                    format!("{before} → {} {} ({steps})", size(output.bytes), clean(&output.format)),
                )
            }
            (None, None, None) => ("repaired", Tone::Doubtful, format!("({})", record.steps.join(", "))),
        };
        trimmed(&[format!("{}{}  {rest}", self.begun(record), self.word(word, 8, tone))])
    }

    /// The rows of the summary after a check.
    pub(crate) fn summed_check(self, summary: &Summary, tally: &Tally) -> String {
        let mut lines = vec![format!(
            "{} in {}: {} fit, {} unfit, {} broken{}",
            files(summary.files),
            time(summary.seconds),
            summary.fit,
            summary.unfit,
            summary.broken,
            stopped(summary),
        )];
        lines.push(format!("  {:<9}{:>9}{:>12}", "plan", "files", "bytes"));
        for (name, row) in ["keep", "rewrite", "refuse", "errors"].into_iter().zip(tally.rows()) {
            lines.push(format!("  {name:<9}{:>9}{:>12}", row.files, size(row.before)));
        }
        trimmed(&lines)
    }

    /// The rows of the summary after a repair.
    pub(crate) fn summed_fit(self, summary: &Summary, tally: &Tally) -> String {
        let mut lines = vec![format!(
            "{} in {}: {} fit now, {} not{}",
            files(summary.files),
            time(summary.seconds),
            summary.written,
            summary.files.saturating_sub(summary.written),
            stopped(summary),
        )];
        lines.push(format!("  {:<9}{:>9}{:>12}{:>12}", "", "files", "before", "after"));
        for (name, row) in ["kept", "repaired", "refused", "errors"].into_iter().zip(tally.rows()) {
            let after = if row.after > 0 { size(row.after) } else { "-".to_owned() };
            lines.push(format!("  {name:<9}{:>9}{:>12}{after:>12}", row.files, size(row.before)));
        }
        lines.push(format!(
            "  {:<9}{:>9}{:>12}{:>12}",
            "together",
            summary.files,
            size(summary.bytes_in),
            size(summary.bytes_out)
        ));
        if summary.reused > 0 {
            lines.push(format!("  unchanged since the last run: {}", summary.reused));
        }
        trimmed(&lines)
    }

    fn begun(self, record: &Record) -> String {
        let kind = match (&record.role, &record.format) {
            (Some(role), Some(format)) => format!("{} {}", clean(role), clean(format)),
            _ => "-".to_owned(),
        };
        format!("{:<width$}  {kind:<KIND_WIDTH$}  ", clean(&record.path), width = self.path_width)
    }

    fn finding(self, finding: &Finding) -> String {
        let (word, tone) = match finding.severity {
            Severity::Fail => ("fail", Tone::Bad),
            Severity::Warn => ("warn", Tone::Doubtful),
            Severity::Info => ("info", Tone::Quiet),
        };
        format!("  {}  {:<22}  {}", self.word(word, 4, tone), finding.rule.name(), clean(&finding.message))
    }

    /// `word`, padded before it is coloured: escape sequences have no width.
    fn word(self, word: &str, width: usize, tone: Tone) -> String {
        let code = match tone {
            Tone::Good => 32,
            Tone::Doubtful => 33,
            Tone::Bad => 31,
            Tone::Quiet => 2,
        };
        let padded = format!("{word:<width$}");
        if self.color { format!("\u{1b}[{code}m{padded}\u{1b}[0m") } else { padded }
    }
}

/// Files of one kind, with their bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Row {
    files: u64,
    before: u64,
    after: u64,
}

/// What was done, or is to be done, by kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    keep: Row,
    rewrite: Row,
    refuse: Row,
    errors: Row,
}

impl Tally {
    /// Counts `record`.
    pub(crate) fn add(&mut self, record: &Record) {
        let row = match (&record.error, record.plan.as_ref()) {
            (Some(_), _) => &mut self.errors,
            (None, "keep") => &mut self.keep,
            (None, "rewrite") => &mut self.rewrite,
            (None, _) => &mut self.refuse,
        };
        row.files += 1;
        row.before += record.bytes;
        row.after += record.output.as_ref().map_or(0, |output| output.bytes);
    }

    const fn rows(&self) -> [Row; 4] {
        [self.keep, self.rewrite, self.refuse, self.errors]
    }
}

/// Which stream of sound is kept, behind the steps.
fn kept_audio(record: &Record) -> String {
    let Some(kept) = &record.kept_audio else { return String::new() };
    let language = kept.language.as_deref().map_or_else(String::new, |code| format!(" ({})", clean(code)));
    let because = match kept.because {
        Because::Language | Because::Default | Because::First => "",
        Because::NoSuchLanguage => ", none is in the language asked for",
        Because::OnlyReadable => ", since another cannot be read here",
    };
    format!("; sound {} of {} kept{language}{because}", kept.index.saturating_add(1), kept.of)
}

/// `bytes` in decimal units, as the platform's limits are printed.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut value = bytes as f64 / 1000.0;
    let mut unit = "kB";
    for larger in ["MB", "GB", "TB"] {
        // 999.95 would be shown as 1000.0.
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

/// `count` with its noun.
pub(crate) fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

fn time(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

const fn stopped(summary: &Summary) -> &'static str {
    if summary.interrupted { " (stopped before the end)" } else { "" }
}

fn shown(path: &Path) -> String {
    clean(&path.to_string_lossy())
}

/// The lines as one text, without the blanks that an empty last column leaves.
fn trimmed(lines: &[String]) -> String {
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal_and_never_show_four_digits() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (5_242_880, "5.2 MB"),
            (4_000_000_000, "4.0 GB"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn a_colour_changes_no_width() {
        let plain = Layout { path_width: 1, color: false }.word("fit", 6, Tone::Good);
        let colored = Layout { path_width: 1, color: true }.word("fit", 6, Tone::Good);
        assert_eq!(plain, "fit   ");
        assert_eq!(colored, "\u{1b}[32mfit   \u{1b}[0m");
    }
}
