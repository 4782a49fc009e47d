//! `mediafit webhook`.

use super::api::{ledger, told};
use super::platform_args::WebhookArgs;
use super::screen::Screen;
use super::settings::configured;
use super::when::moment;
use super::{Exit, Outcome, inputs};
use mediafit::error::clean;
use mediafit::fault::Fault;
use mediafit::message::Kind;
use mediafit::report::tagged;
use mediafit::upload::ledger::SendRecord;
use mediafit::webhook::{self, Status};
use serde_json::{Value, json};

/// Explains callbacks about media.
pub(crate) fn run(args: &WebhookArgs) -> Outcome {
    told(args.talk.json, || explained(args))
}

fn explained(args: &WebhookArgs) -> Outcome {
    let config = configured(&args.rules)?;
    let callback = webhook::read(&inputs::text(&args.file)?).map_err(|error| error.at(&args.file))?;
    let ledger = ledger(&config, args.ledger.as_deref())?;
    let screen = Screen::new(&args.talk.run());
    let mut failed = 0_u64;
    for status in &callback.statuses {
        let send = ledger.find_send(&status.message_id)?;
        let status = &about(status, send.as_ref());
        if status.is_failed() {
            failed += 1;
            let detail = status.faults.first().map_or_else(|| "failed".to_owned(), Fault::to_string);
            ledger.fail_send(&status.message_id, &detail)?;
        }
        if screen.json {
            screen.put(&line(status, send.as_ref()).to_string());
        } else if status.is_failed() {
            screen.problem(&lines(status, send.as_ref()));
        } else if !screen.quiet {
            screen.put(&format!("{}  {}", clean(&status.message_id), clean(&status.status)));
        }
    }
    for media in &callback.media {
        if screen.json {
            let line = json!({
                "type": "inbound", "message_id": media.message_id, "kind": media.kind, "id": media.id,
                "mime": media.mime, "sha256": media.sha256, "filename": media.filename,
            });
            screen.put(&line.to_string());
        } else if !screen.quiet {
            let mime = media.mime.as_deref().unwrap_or("-");
            screen.put(&format!(
                "{}  {} from a user ({mime}); mediafit media get --from-webhook downloads it",
                media.id, media.kind
            ));
        }
    }
    let summary = json!({
        "statuses": callback.statuses.len(), "failed": failed, "inbound": callback.media.len(),
    });
    if screen.json {
        screen.put(&tagged("summary", &summary));
    }
    if callback.statuses.is_empty() && callback.media.is_empty() {
        screen.problem("mediafit: the callback has no status and no media");
    }
    screen.end()?;
    Ok(if failed > 0 { Exit::Unfit } else { Exit::Fit })
}

/// The same status; what kind of media it was tells which rule a file breaks that is too large.
fn about(status: &Status, send: Option<&SendRecord>) -> Status {
    let kind = send.and_then(|send| send.note.kind.parse::<Kind>().ok());
    let mut status = status.clone();
    if let Some(kind) = kind {
        status.faults = status.faults.into_iter().map(|fault| fault.about(kind.role())).collect();
    }
    status
}

fn line(status: &Status, send: Option<&SendRecord>) -> Value {
    let send = send.map(|send| {
        json!({
            "kind": send.note.kind, "media_id": send.note.media_id, "link": send.note.link,
            "source": send.note.source, "at": send.at, "state": send.state.name(),
        })
    });
    json!({
        "type": "status",
        "message_id": status.message_id,
        "status": status.status,
        "timestamp": status.timestamp,
        "send": send,
        "faults": status.faults.iter().map(Fault::to_json).collect::<Vec<_>>(),
    })
}

fn lines(status: &Status, send: Option<&SendRecord>) -> String {
    let what = match send {
        Some(send) => {
            let file = send.note.source.as_deref().or(send.note.link.as_deref()).or(send.note.media_id.as_deref());
            format!("{} {} of {}", send.note.kind, clean(file.unwrap_or("-")), moment(send.at))
        }
        None => "not in the ledger".to_owned(),
    };
    let mut lines = vec![format!("{}  failed  {what}", clean(&status.message_id))];
    for fault in &status.faults {
        let rule = fault.rule.map_or("-", mediafit::Rule::name);
        let code = fault.code.map_or_else(|| "-".to_owned(), |code| code.to_string());
        let said = if fault.details.is_empty() { &fault.title } else { &fault.details };
        lines.push(format!("  {code}  {rule:<20}  {said}"));
        if !fault.advice.is_empty() {
            lines.push(format!("  →  {}", fault.advice));
        }
    }
    lines.join("\n")
}
