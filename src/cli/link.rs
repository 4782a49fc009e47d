//! `mediafit link`.

use super::api::told;
use super::platform_args::LinkArgs;
use super::screen::Screen;
use super::settings::{configured, notice};
use super::table::size;
use super::{Exit, Outcome};
use mediafit::error::clean;
use mediafit::link::{Audit, Auditor, Options};
use mediafit::report::tagged;
use mediafit::{Severity, policy::Policy};
use std::time::Duration;

/// Audits links.
pub(crate) fn run(args: &LinkArgs) -> Outcome {
    told(args.talk.json, || audited(args))
}

fn audited(args: &LinkArgs) -> Outcome {
    let config = configured(&args.rules)?;
    let policy: Policy = config.rules()?;
    let screen = Screen::new(&args.talk.run());
    if let Some(notice) = notice(&policy) {
        screen.say(&format!("mediafit: {notice}"));
    }
    let default = Options::default();
    let slow = args.slow_first_byte_ms.or(config.link.slow_first_byte_ms);
    let auditor = Auditor::new(
        policy,
        Options {
            allow_private: args.allow_private,
            warn_bytes: args.warn_bytes.or(config.link.warn_bytes).unwrap_or(default.warn_bytes),
            slow_first_byte: slow.map_or(default.slow_first_byte, Duration::from_millis),
            ..default
        },
    );
    let (mut exit, mut fit) = (Exit::Fit, 0_u64);
    for url in &args.urls {
        // One wrong address costs that address only; it is wrong usage all the same.
        let (audit, worst) = match auditor.audit(url) {
            Ok(audit) => (audit, Exit::Unfit),
            Err(error) => (Audit::of_error(url, &error), Exit::Failed),
        };
        if audit.is_fit() {
            fit += 1;
        } else {
            exit = exit.max(worst);
        }
        if screen.json {
            screen.put(&audit.to_json());
        } else if !screen.quiet {
            screen.put(&lines(&audit));
        } else if !audit.is_fit() {
            screen.problem(&lines(&audit));
        }
    }
    if screen.json {
        let summary = serde_json::json!({"links": args.urls.len(), "fit": fit, "unfit": args.urls.len() as u64 - fit});
        screen.put(&tagged("summary", &summary));
    }
    screen.end()?;
    Ok(exit)
}

fn lines(audit: &Audit) -> String {
    let kind = audit.format.unwrap_or("-");
    let length = audit.bytes.map_or_else(|| "-".to_owned(), size);
    let mut lines = vec![format!("{}  {kind}  {length}  {}", audit.url, audit.verdict)];
    if audit.final_url != audit.url {
        lines.push(format!("  →     {}", audit.final_url));
    }
    for remark in &audit.findings {
        let word = match remark.severity {
            Severity::Fail => "fail",
            Severity::Warn => "warn",
            Severity::Info => "info",
        };
        lines.push(format!("  {word}  {:<16}  {}", remark.rule, clean(&remark.message)));
    }
    lines.join("\n")
}
