//! `mediafit send`.

use super::api::{Setup, told};
use super::compose::{self, format_of_link, format_of_mime};
use super::platform_args::SendArgs;
use super::screen::Screen;
use super::settings::{configured, notice};
use super::{Exit, Outcome, Stop, interrupt};
use mediafit::batch::Batch;
use mediafit::error::clean;
use mediafit::fault::{Class, Fault};
use mediafit::format::Format;
use mediafit::message::{Objection, Usage, usable};
use mediafit::upload::ledger::{Entry, SendNote, State};
use mediafit::upload::{Call, Courier, HttpUploader, Ledger, Sender, Sent, TemplateSampleUploader};
use mediafit::{Ask, Ending, Error, ErrorKind, Fitted, Fitter, Record, Result, Source};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// What stands for an id that an upload has yet to give.
const NO_MEDIA: &str = "{media_id}";

/// What is said about a message that may have been sent.
const UNCERTAIN: &str =
    "it may arrive: look at the callbacks before it is sent again (mediafit media list --sends lists it)";

/// Sends one message with media.
pub(crate) fn run(args: &SendArgs) -> Outcome {
    told(args.talk.json, || prepared(args))
}

fn prepared(args: &SendArgs) -> Outcome {
    let usage = compose::usage(args)?;
    let setup = Setup::new("send", &args.rules, &args.api, !args.dry_run)?;
    let screen = Arc::new(Screen::new(&args.talk.run()));
    let policy = configured(&args.rules)?.rules()?;
    if let Some(notice) = notice(&policy) {
        screen.say(&format!("mediafit: {notice}"));
    }
    let mut config = configured(&args.rules)?;
    args.repair.over(&mut config.fit);
    let fitter = Fitter::new(policy).with_options(config.fit.options()).with_ffmpeg(mediafit::Ffmpeg::find());
    interrupt::watch(fitter.cancel(), &screen)?;
    if args.source.link.is_some() && usage != Usage::TemplateSample {
        screen.say("mediafit: uploading is the advised way: a link is fetched for each message, and may fail there (mediafit link audits it)");
    }
    let left_out = compose::left_out(args)?;
    if !left_out.is_empty() {
        return Ok(object(&screen, &left_out));
    }
    let job = Job { args, setup: &setup, screen: &screen, batch: Batch::new(fitter), usage };
    let ended = match (usage, args.dry_run) {
        (Usage::TemplateSample, _) => job.sample(),
        (_, true) => job.show_message(),
        (_, false) => job.message(),
    };
    screen.end()?;
    ended
}

struct Job<'a> {
    args: &'a SendArgs,
    setup: &'a Setup,
    screen: &'a Screen,
    batch: Batch,
    usage: Usage,
}

/// Media on its way into a message.
enum Media {
    /// Made fit just now.
    Fitted(Box<Fitted>),
    /// What the file became before has an id.
    Known(Box<Entry>),
    /// Named by id or by link, with its wire type where that is known.
    Named(Option<String>),
}

impl Media {
    fn mime(&self) -> Option<&str> {
        match self {
            Self::Fitted(fitted) => Some(fitted.mime()),
            Self::Known(entry) => Some(&entry.mime),
            Self::Named(mime) => mime.as_deref(),
        }
    }

    fn format(&self) -> Option<Format> {
        match self {
            Self::Fitted(fitted) => Some(fitted.format()),
            Self::Known(entry) => format_of_mime(&entry.mime),
            Self::Named(_) => None,
        }
    }
}

/// What ends a send before anything is sent, and was told.
type Checked<T> = Result<std::result::Result<T, Exit>, Stop>;

impl Job<'_> {
    /// The body, with the id where there is one; what is wrong with it was told.
    fn body(&self, id: Option<&str>, media: &Media) -> Checked<Value> {
        let platform = self.setup.account.api().platform();
        if let Some(mime) = media.mime() {
            let objections = usable(self.usage, self.args.kind.kind, mime);
            if !objections.is_empty() {
                return Ok(Err(object(self.screen, &objections)));
            }
        }
        let id = id.unwrap_or(NO_MEDIA);
        let message = compose::message(self.args, self.usage, platform, id, media.format())?;
        Ok(message.body(platform).map_err(|objections| object(self.screen, &objections)))
    }

    /// Prints the requests that would be made.
    fn show_message(&self) -> Outcome {
        let media = match &self.args.source.file {
            Some(path) => match self.fitted(path)? {
                Ok(fitted) => Media::Fitted(fitted),
                Err(exit) => return Ok(exit),
            },
            None => Media::Named(self.named(self.setup.ledger_if_there()?.as_ref())?),
        };
        let body = match self.body(None, &media)? {
            Ok(body) => body,
            Err(exit) => return Ok(exit),
        };
        if let (Media::Fitted(fitted), Some(path)) = (&media, &self.args.source.file) {
            if let Err(error) = self.setup.account.accepts(fitted) {
                return Ok(self.refuse(path, &error));
            }
            self.show(&self.setup.account.upload(fitted, Some(&file_name(path))));
        }
        self.show(&self.setup.account.message(body));
        Ok(Exit::Fit)
    }

    fn message(&self) -> Outcome {
        let ledger = self.setup.ledger()?;
        let client = self.setup.client(self.batch.fitter.cancel(), &ledger)?;
        let courier = Courier::new(&client, &ledger);
        let media = match &self.args.source.file {
            Some(path) => match self.batch.known(&courier, path, self.ask()) {
                Some(entry) => Media::Known(Box::new(entry)),
                None => match self.fitted(path)? {
                    Ok(fitted) => Media::Fitted(fitted),
                    Err(exit) => return Ok(exit),
                },
            },
            None => Media::Named(self.named(Some(&ledger))?),
        };
        // First with a placeholder: what is wrong with the message costs no upload.
        if let Err(exit) = self.body(None, &media)? {
            return Ok(exit);
        }
        let Some(path) = &self.args.source.file else {
            let sent = self.sent(&client, &ledger, self.args.source.id.as_deref(), &media)?;
            return Ok(sent.unwrap_or_else(|exit| exit));
        };
        let (id, reused) = self.delivered(&courier, path, &media)?;
        let error = match self.sent(&client, &ledger, Some(&id), &media) {
            Err(Stop::Failed(error)) if reused && is_gone(&ledger, &courier, &id, &error)? => error,
            sent => return Ok(sent?.unwrap_or_else(|exit| exit)),
        };
        // The platform itself has said that it did not take the message: with another id it may be sent once more.
        self.screen.say(&format!("mediafit: {error}; uploading it again"));
        let media = match self.fitted(path)? {
            Ok(fitted) => Media::Fitted(fitted),
            Err(exit) => return Ok(exit),
        };
        let (id, _) = self.delivered(&courier, path, &media)?;
        Ok(self.sent(&client, &ledger, Some(&id), &media)?.unwrap_or_else(|exit| exit))
    }

    /// The id of the file at `path`, and whether the ledger had it.
    fn delivered(&self, courier: &Courier<'_>, path: &Path, media: &Media) -> Result<(String, bool)> {
        match media {
            Media::Fitted(fitted) => {
                let source = path.to_string_lossy();
                let delivered = courier.deliver(fitted, Some(&file_name(path)), Some(&source))?;
                self.batch.remember(courier, path, self.ask(), fitted)?;
                Ok((delivered.entry.id, delivered.reused))
            }
            Media::Known(entry) => Ok((entry.id.clone(), true)),
            Media::Named(_) => Err(Error::verify("media of a file has neither content nor id")),
        }
    }

    /// Sends the message, and says how that went.
    fn sent(&self, client: &HttpUploader, ledger: &Ledger, id: Option<&str>, media: &Media) -> Checked<Exit> {
        let body = match self.body(id, media)? {
            Ok(body) => body,
            Err(exit) => return Ok(Err(exit)),
        };
        let note = SendNote {
            kind: self.args.kind.kind.name().to_owned(),
            media_id: id.map(str::to_owned),
            link: self.args.source.link.clone(),
            source: self.args.source.file.as_ref().map(|path| path.to_string_lossy().into_owned()),
        };
        self.screen.last_words(Some(format!("mediafit: uncertain: the message was being sent; {UNCERTAIN}")));
        let sent = Sender::new(client, ledger).send(body, &note);
        self.screen.last_words(None);
        let sent = sent?;
        self.say(&sent, id);
        Ok(Ok(if sent.state == State::Sent { Exit::Fit } else { Exit::Failed }))
    }

    fn say(&self, sent: &Sent, id: Option<&str>) {
        let about = json!({
            "type": "send",
            "state": sent.state.name(),
            "message_id": sent.message_id,
            "message_status": sent.message_status,
            "wa_id": sent.wa_id,
            "media_id": id,
            "link": self.args.source.link,
            "error": sent.why,
        });
        let certain = sent.state == State::Sent;
        if self.screen.json {
            self.screen.put(&about.to_string());
        } else if let (true, false) = (certain, self.screen.quiet) {
            let id = clean(sent.message_id.as_deref().unwrap_or_default());
            self.screen.put(&format!("accepted  {id}  (not yet delivered: that is told by a callback)"));
        }
        if !certain {
            let why = clean(sent.why.as_deref().unwrap_or_default());
            let what = "the message was sent, and no answer came back";
            self.screen.problem(&format!("mediafit: uncertain: {what} ({why}); {UNCERTAIN}"));
        }
    }

    fn sample(&self) -> Outcome {
        let Some(path) = &self.args.source.file else { return Ok(Exit::Failed) };
        let fitted = match self.fitted(path)? {
            Ok(fitted) => fitted,
            Err(exit) => return Ok(exit),
        };
        let objections = usable(self.usage, self.args.kind.kind, fitted.mime());
        if !objections.is_empty() {
            return Ok(object(self.screen, &objections));
        }
        let name = Some(file_name(path));
        let app = self.setup.app_id();
        if self.args.dry_run {
            let app = app.unwrap_or_else(|| "{app_id}".to_owned());
            let calls = self.setup.account.sample(&app, &fitted, name.as_deref());
            calls.iter().for_each(|call| self.show(call));
            return Ok(Exit::Fit);
        }
        let app = app.ok_or_else(|| {
            Error::new(ErrorKind::Io, "a template's sample needs the app's id; set WHATSAPP_APP_ID, or app-id in the file given with --config")
        })?;
        let client = self.setup.client(self.batch.fitter.cancel(), &self.setup.ledger()?)?;
        let uploader = TemplateSampleUploader::new(&client, &app)?;
        let session = match &self.args.header.session {
            Some(session) => session.clone(),
            None => uploader.begin(&fitted, name.as_deref())?,
        };
        let handle = uploader.finish(&session, &fitted, name.as_deref()).inspect_err(|_| {
            self.screen.problem(&format!("mediafit: go on with it by --session '{}'", clean(&session)));
        })?;
        if self.screen.json {
            self.screen.put(&json!({"type": "sample", "session": session, "handle": handle}).to_string());
        } else {
            self.screen.put(&clean(&handle));
        }
        Ok(Exit::Fit)
    }

    fn ask(&self) -> Ask {
        Ask::Role(compose::role(self.args))
    }

    /// The file made fit; a refusal was told.
    fn fitted(&self, path: &Path) -> Checked<Box<Fitted>> {
        let start = Instant::now();
        let (checked, ending) = self.batch.fitter.fit(&Source::open(path)?, self.ask())?;
        if self.screen.json && matches!(ending, Ending::Refused(_)) {
            let record = Record::of_fit(path, &checked, &ending, start.elapsed().as_secs_f64());
            self.screen.put(&record.to_json());
        }
        Ok(match ending {
            Ending::Fitted { fitted, .. } => Ok(fitted),
            Ending::Refused(refusal) => {
                let (name, why) = (clean(&path.to_string_lossy()), clean(&refusal.message));
                self.screen.problem(&format!("mediafit: {name}: refused: {why}"));
                Err(Exit::Unfit)
            }
        })
    }

    /// Says that the upload would be refused.
    fn refuse(&self, path: &Path, error: &Error) -> Exit {
        if self.screen.json {
            let line = json!({"type": "error", "path": path.to_string_lossy(), "message": error.to_string()});
            self.screen.put(&line.to_string());
        }
        self.screen.problem(&format!("mediafit: {}: {error}", clean(&path.to_string_lossy())));
        Exit::Unfit
    }

    /// The wire type of what is named: by the ledger for an id, by the extension for a link.
    fn named(&self, ledger: Option<&Ledger>) -> Result<Option<String>> {
        match (&self.args.source.id, &self.args.source.link) {
            (Some(id), _) => {
                let entry = ledger.map_or(Ok(None), |ledger| ledger.find_id(id))?;
                Ok(entry.map(|entry| entry.mime))
            }
            (None, Some(link)) => Ok(format_of_link(link).map(|format| format.mime().to_owned())),
            (None, None) => Ok(None),
        }
    }

    fn show(&self, call: &Call) {
        let request = call.to_json();
        if self.screen.json {
            return self.screen.put(&request.to_string());
        }
        let mut lines = vec![format!("{} {}", call.method, call.url)];
        if let Some(headers) = request.get("headers").and_then(Value::as_object) {
            lines.extend(headers.iter().map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default())));
        }
        let body = request.get("body").filter(|body| !body.is_null());
        lines.extend(body.map(|body| serde_json::to_string_pretty(body).unwrap_or_default()));
        self.screen.put(&lines.join("\n"));
    }
}

/// Whether the platform does not know the id any more that the ledger gave; the sender has forgotten it then.
fn is_gone(ledger: &Ledger, courier: &Courier<'_>, id: &str, error: &Error) -> Result<bool> {
    if Fault::of(error).is_none_or(|fault| fault.class != Class::Missing) {
        return Ok(false);
    }
    Ok(ledger.get(courier.target(), id)?.is_some_and(|entry| entry.gone_at.is_some()))
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Says what is wrong with the message.
fn object(screen: &Screen, objections: &[Objection]) -> Exit {
    for objection in objections {
        if screen.json {
            let line = json!({
                "type": "objection", "rule": objection.rule, "found": objection.found,
                "allowed": objection.allowed, "message": objection.message,
            });
            screen.put(&line.to_string());
        }
        screen.problem(&format!("mediafit: {}: {}", objection.rule, objection.message));
    }
    Exit::Unfit
}
