//! `mediafit media`.

use super::api::{Setup, ledger, told};
use super::args::RuleArgs;
use super::platform_args::{MediaArgs, MediaCommon, MediaVerb};
use super::screen::Screen;
use super::settings::{configured, notice};
use super::table::size;
use super::when::{moment, until};
use super::{Exit, Outcome, Stop, inputs, interrupt};
use mediafit::batch::{Uploaded, renew};
use mediafit::error::clean;
use mediafit::fault::{Class, Fault};
use mediafit::format::FORMATS;
use mediafit::report::tagged;
use mediafit::upload::ledger::{Entry, Filter, NewMedia, Origin, Target};
use mediafit::upload::{Courier, HttpUploader, Ledger, MediaInfo, Uploader, save, save_as_told};
use mediafit::webhook::{self, InboundMedia};
use mediafit::{Cancel, Error, ErrorKind, Ffmpeg, Fitter};
use serde_json::json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long an id lives that a callback named.
const INBOUND_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many sends are listed at most, the newest first.
const MAX_SENDS: u32 = 1000;

/// Does what is asked with media that has an id.
pub(crate) fn run(args: &MediaArgs) -> Outcome {
    let (MediaVerb::Get { common, .. }
    | MediaVerb::Info { common, .. }
    | MediaVerb::Delete { common, .. }
    | MediaVerb::List { common, .. }
    | MediaVerb::Refresh { common, .. }) = &args.verb;
    told(common.talk.json, || done(&args.verb))
}

fn done(verb: &MediaVerb) -> Outcome {
    match verb {
        MediaVerb::Get { id: Some(id), out, common, .. } => get(id, out.as_deref(), common),
        MediaVerb::Get { id: None, from_webhook, out, common } => {
            let callback = from_webhook.as_deref().unwrap_or_else(|| Path::new("-"));
            get_inbound(callback, out.as_deref(), common)
        }
        MediaVerb::Info { ids, common } => info(ids, common),
        MediaVerb::Delete { ids, dry_run, common } => delete(ids, *dry_run, common),
        MediaVerb::List { sends: true, common, .. } => sends(common),
        MediaVerb::List { expiring_within, all, common, .. } => list(*expiring_within, *all, common),
        MediaVerb::Refresh { expiring_within, dry_run, common } => refresh(*expiring_within, *dry_run, common),
    }
}

/// What all of these work with.
struct Desk {
    client: HttpUploader,
    ledger: Ledger,
    target: Target,
    screen: Arc<Screen>,
    cancel: Cancel,
}

impl Desk {
    fn new(common: &MediaCommon) -> Result<Self, Stop> {
        let setup = Setup::new("media", &common.rules, &common.api, true)?;
        let screen = Arc::new(Screen::new(&common.talk.run()));
        say_notice(&common.rules, &screen)?;
        let cancel = Cancel::default();
        interrupt::watch(&cancel, &screen)?;
        let ledger = setup.ledger()?;
        let client = setup.client(&cancel, &ledger)?;
        let target = Target { host: client.host().to_owned(), number: client.number().to_owned() };
        Ok(Self { client, ledger, target, screen, cancel })
    }

    /// Nothing, or that the ledger knows the id as gone. Asking would fail, and failing GETs are counted against the key.
    fn there(&self, id: &str) -> Result<(), Error> {
        let Some(entry) = self.ledger.get(&self.target, id)? else { return Ok(()) };
        let Some(at) = entry.gone_at else { return Ok(()) };
        let newer = self.ledger.find(&self.target, &entry.sha256, &entry.mime)?;
        let newer = newer.map_or_else(String::new, |newer| format!("; the same content has the id {}", newer.id));
        let what = format!("media {id}: deleted, replaced or gone since {}, by the ledger{newer}", moment(at));
        Err(Error::new(ErrorKind::Upload { retryable: false }, what))
    }

    /// Says what failed with one id, and whether the run goes on.
    fn failed(&self, id: &str, error: &Error) -> Result<Exit, Stop> {
        if error.kind() == ErrorKind::Cancelled {
            return Err(Error::cancelled().into());
        }
        let fault = Fault::of(error);
        if self.screen.json {
            let line = json!({
                "type": "error", "id": id, "message": error.to_string(), "fault": fault.map(Fault::to_json),
            });
            self.screen.put(&line.to_string());
        }
        self.screen.problem(&format!("mediafit: {error}"));
        if fault.is_some_and(|fault| fault.class == Class::Missing) {
            self.ledger.forget(&self.target, id)?;
        }
        Ok(Exit::Failed)
    }
}

fn say_notice(rules: &RuleArgs, screen: &Screen) -> Result<(), Error> {
    if let Some(notice) = notice(&configured(rules)?.rules()?) {
        screen.say(&format!("mediafit: {notice}"));
    }
    Ok(())
}

fn get(id: &str, out: Option<&Path>, common: &MediaCommon) -> Outcome {
    let desk = Desk::new(common)?;
    let exit = if out == Some(Path::new("-")) {
        // A pipe cannot be rewound: it gets what was fetched whole.
        let mut whole = std::io::Cursor::new(Vec::new());
        match desk.there(id).and_then(|()| desk.client.fetch(id, &mut whole)) {
            Ok(_) => {
                super::screen::print(&whole.into_inner())?;
                Exit::Fit
            }
            Err(error) => desk.failed(id, &error)?,
        }
    } else {
        match desk.there(id).and_then(|()| saved(&desk, id, out)) {
            Ok((path, info)) => {
                said(&desk.screen, &path, &info);
                Exit::Fit
            }
            Err(error) => desk.failed(id, &error)?,
        }
    };
    desk.screen.end()?;
    Ok(exit)
}

/// Saves under the name asked for, or under the id with the extension of its type.
fn saved(desk: &Desk, id: &str, out: Option<&Path>) -> Result<(PathBuf, MediaInfo), Error> {
    if let Some(out) = out {
        return Ok((out.to_path_buf(), save(&desk.client, id, out)?));
    }
    let partial = PathBuf::from(format!("{}.download", plain(id)));
    let info = save(&desk.client, id, &partial)?;
    let path = PathBuf::from(named(id, &info.mime));
    std::fs::rename(&partial, &path).map_err(|error| Error::io("cannot be put in place", error).at(&path))?;
    Ok((path, info))
}

/// An id as a file name: what a stranger chose leads nowhere.
fn plain(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    let name: String = id.chars().take(100).map(safe).collect();
    if name.is_empty() { "media".to_owned() } else { name }
}

fn named(id: &str, mime: &str) -> String {
    let bare = |mime: &str| mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let row = FORMATS.iter().find(|row| bare(row.mime) == bare(mime));
    match row.map_or("", |row| row.format.extension()) {
        "" => plain(id),
        extension => format!("{}.{extension}", plain(id)),
    }
}

fn said(screen: &Screen, path: &Path, info: &MediaInfo) {
    if screen.json {
        let line = json!({
            "type": "download", "id": info.id, "path": path.to_string_lossy(), "mime": info.mime,
            "bytes": info.bytes, "sha256": info.sha256,
        });
        screen.put(&line.to_string());
    } else if !screen.quiet {
        let path = clean(&path.to_string_lossy());
        screen.put(&format!("{path}  {}  {}", clean(&info.mime), size(info.bytes.unwrap_or(0))));
    }
}

fn get_inbound(file: &Path, out: Option<&Path>, common: &MediaCommon) -> Outcome {
    let desk = Desk::new(common)?;
    let callback = webhook::read(&inputs::text(file)?).map_err(|error| error.at(file))?;
    if callback.media.is_empty() {
        desk.screen.problem("mediafit: no message in the callback carries media");
    }
    let folder = out.unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| Error::io("cannot be made", error).at(folder))?;
    let mut exit = Exit::Fit;
    for media in &callback.media {
        desk.cancel.check()?;
        let path = folder.join(named(&media.id, media.mime.as_deref().unwrap_or_default()));
        match fetched(&desk, media, &path) {
            Ok(info) => said(&desk.screen, &path, &info),
            Err(error) => exit = exit.max(desk.failed(&media.id, &error)?),
        }
    }
    desk.screen.end()?;
    Ok(exit)
}

/// Downloads what a callback named, sees that it is what the callback said, and remembers its id.
fn fetched(desk: &Desk, media: &InboundMedia, path: &Path) -> Result<MediaInfo, Error> {
    desk.there(&media.id)?;
    let info = save_as_told(&desk.client, &media.id, path, media.sha256.as_deref())?;
    let sha256 = info.sha256.clone().unwrap_or_default();
    let stored = NewMedia {
        id: &media.id,
        sha256: &sha256,
        mime: &info.mime,
        bytes: info.bytes.unwrap_or(0),
        role: None,
        name: media.filename.as_deref(),
        source: None,
        origin: Origin::Webhook,
        lifetime: Some(INBOUND_LIFE),
    };
    desk.ledger.add(&desk.target, &stored)?;
    Ok(info)
}

fn info(ids: &[String], common: &MediaCommon) -> Outcome {
    let desk = Desk::new(common)?;
    let mut exit = Exit::Fit;
    for id in ids {
        desk.cancel.check()?;
        let info = match desk.there(id).and_then(|()| desk.client.info(id)) {
            Ok(info) => info,
            Err(error) => {
                exit = exit.max(desk.failed(id, &error)?);
                continue;
            }
        };
        let known = desk.ledger.get(&desk.target, id)?;
        if desk.screen.json {
            let line = json!({
                "type": "media", "id": id, "mime": info.mime, "bytes": info.bytes, "sha256": info.sha256,
                "ledger": known.as_ref().map(|entry| Uploaded::of(entry, true)),
            });
            desk.screen.put(&line.to_string());
        } else if !desk.screen.quiet {
            let ends = known.as_ref().map_or_else(|| "not in the ledger".to_owned(), |entry| until(entry.expires_at));
            let length = info.bytes.map_or_else(|| "-".to_owned(), size);
            desk.screen.put(&format!("{}  {}  {length}  {ends}", clean(id), clean(&info.mime)));
        }
    }
    desk.screen.end()?;
    Ok(exit)
}

fn delete(ids: &[String], dry_run: bool, common: &MediaCommon) -> Outcome {
    if dry_run {
        let setup = Setup::new("media", &common.rules, &common.api, false)?;
        let screen = Screen::new(&common.talk.run());
        for id in ids {
            let call = setup.account.delete(id);
            let plain = format!("{} {}", call.method, call.url);
            screen.put(&if screen.json { call.to_json().to_string() } else { plain });
        }
        screen.end()?;
        return Ok(Exit::Fit);
    }
    let desk = Desk::new(common)?;
    let mut exit = Exit::Fit;
    for id in ids {
        desk.cancel.check()?;
        match desk.client.delete(id) {
            Ok(()) => {
                desk.ledger.forget(&desk.target, id)?;
                let line = json!({"type": "deleted", "id": id}).to_string();
                if desk.screen.json || !desk.screen.quiet {
                    desk.screen.put(&if desk.screen.json { line } else { format!("deleted  {}", clean(id)) });
                }
            }
            Err(error) => exit = exit.max(desk.failed(id, &error)?),
        }
    }
    desk.screen.end()?;
    Ok(exit)
}

fn list(expiring_within: Option<Duration>, all: bool, common: &MediaCommon) -> Outcome {
    let config = configured(&common.rules)?;
    let ledger = ledger(&config, common.api.ledger.as_deref())?;
    let screen = Screen::new(&common.talk.run());
    for entry in ledger.list(&Filter { expiring_within, ended: all, ..Filter::default() })? {
        if screen.json {
            let line = json!({
                "origin": entry.origin, "role": entry.role, "source": entry.source, "gone_at": entry.gone_at,
            });
            let mut value = serde_json::to_value(Uploaded::of(&entry, true)).unwrap_or_default();
            if let (Some(value), Some(more)) = (value.as_object_mut(), line.as_object()) {
                value.remove("reused");
                value.extend(more.clone());
            }
            screen.put(&tagged("media", &value));
        } else if !screen.quiet {
            screen.put(&listed(&entry));
        }
    }
    screen.end()?;
    Ok(Exit::Fit)
}

fn listed(entry: &Entry) -> String {
    let name = entry.source.as_deref().or(entry.name.as_deref()).unwrap_or("-");
    let ends = match entry.gone_at {
        Some(at) => format!("gone since {}", moment(at)),
        None => until(entry.expires_at),
    };
    format!("{}  {}  {}  {ends}  {}", clean(&entry.id), clean(&entry.mime), size(entry.bytes), clean(name))
}

/// Lists what was sent, the newest first; those of which nobody knows whether they were taken are `uncertain`.
fn sends(common: &MediaCommon) -> Outcome {
    let ledger = ledger(&configured(&common.rules)?, common.api.ledger.as_deref())?;
    let screen = Screen::new(&common.talk.run());
    for send in ledger.sends(MAX_SENDS)? {
        let (note, state) = (&send.note, send.state.name());
        if screen.json {
            let line = json!({
                "type": "sent", "message_id": send.message_id, "kind": note.kind, "media_id": note.media_id,
                "link": note.link, "source": note.source, "at": send.at, "state": state, "detail": send.detail,
            });
            screen.put(&line.to_string());
        } else if !screen.quiet {
            let what = note.source.as_deref().or(note.link.as_deref()).or(note.media_id.as_deref()).unwrap_or("-");
            let id = clean(send.message_id.as_deref().unwrap_or("-"));
            screen.put(&format!("{}  {state}  {id}  {} {}", moment(send.at), note.kind, clean(what)));
        }
    }
    screen.end()?;
    Ok(Exit::Fit)
}

/// What is due, those that end first before the others; but of one content the id that ends last comes first, so that
/// the others can be told its new id.
fn due(desk: &Desk, expiring_within: Duration) -> Result<Vec<Entry>, Error> {
    let filter = Filter {
        target: Some(desk.target.clone()),
        expiring_within: Some(expiring_within),
        origin: Some(Origin::Upload),
        ..Filter::default()
    };
    let entries = desk.ledger.list(&filter)?;
    let content = |entry: &Entry| (entry.sha256.clone(), entry.mime.clone());
    let last: HashMap<_, _> = entries.iter().map(|entry| (content(entry), entry.id.clone())).collect();
    let (mut due, others): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| last.get(&content(entry)).is_some_and(|id| *id == entry.id));
    due.extend(others);
    Ok(due)
}

fn refresh(expiring_within: Duration, dry_run: bool, common: &MediaCommon) -> Outcome {
    let desk = Desk::new(common)?;
    let config = configured(&common.rules)?;
    let fitter = Fitter::new(config.rules()?)
        .with_options(config.fit.options())
        .with_cancel(desk.cancel.clone())
        .with_ffmpeg(Ffmpeg::find());
    let courier = Courier::new(&desk.client, &desk.ledger);
    let mut exit = Exit::Fit;
    for entry in due(&desk, expiring_within)? {
        desk.cancel.check()?;
        if dry_run {
            let line =
                json!({"type": "due", "old_id": entry.id, "expires_at": entry.expires_at, "source": entry.source});
            desk.screen.put(&if desk.screen.json { line.to_string() } else { listed(&entry) });
            continue;
        }
        match renew(&fitter, &courier, &entry) {
            Ok(new) => {
                let line = json!({
                    "type": "refreshed", "old_id": entry.id, "new_id": new.id, "expires_at": new.expires_at,
                    "sha256": new.sha256, "source": new.source,
                });
                let plain = format!("{} → {}  {}", clean(&entry.id), clean(&new.id), until(new.expires_at));
                if desk.screen.json || !desk.screen.quiet {
                    desk.screen.put(&if desk.screen.json { line.to_string() } else { plain });
                }
            }
            Err(error) => exit = exit.max(desk.failed(&entry.id, &error)?),
        }
    }
    desk.screen.end()?;
    Ok(exit)
}
