//! `mediafit send`.

use super::api::Setup;
use super::args::conflict;
use super::platform_args::SendArgs;
use super::screen::Screen;
use super::settings::{configured, notice};
use super::{Exit, Outcome, Stop, interrupt};
use mediafit::error::clean;
use mediafit::fault::Fault;
use mediafit::message::Objection;
use mediafit::message::{
    Component, Content, Interactive, Kind, Media, Message, Recipient, Reference, Template, Usage, usable,
};
use mediafit::upload::ledger::{SendNote, State};
use mediafit::upload::{Call, Courier, Sender, TemplateSampleUploader};
use mediafit::{Ask, Ending, Error, ErrorKind, Fitted, Fitter, Role, Source};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// What stands for an id that an upload has yet to give.
const NO_MEDIA: &str = "{media_id}";

/// The largest JSON file that is read, in bytes.
const MAX_JSON: u64 = 1024 * 1024;

/// Sends one message with media.
pub(crate) fn run(args: &SendArgs) -> Outcome {
    let usage = usage(args)?;
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
    let fitted = match &args.source.file {
        Some(path) => match fit(&fitter, path, role(args))? {
            Ok(fitted) => Some(fitted),
            Err(why) => return Ok(refuse(&screen, &format!("{}: refused: {why}", clean(&path.to_string_lossy())))),
        },
        None => None,
    };
    if let Some(fitted) = &fitted {
        let objections = usable(usage, args.kind.kind, fitted.mime());
        if !objections.is_empty() {
            return Ok(object(&screen, &objections));
        }
    }
    let job = Job { args, setup: &setup, screen: &screen, fitter: &fitter, usage };
    let ended = match (usage, &fitted) {
        (Usage::TemplateSample, Some(fitted)) => job.sample(fitted),
        _ => job.message(fitted.as_deref()),
    };
    if let (true, Err(Stop::Failed(error))) = (screen.json, &ended) {
        let fault = Fault::of(error).map(Fault::to_json);
        screen.put(&json!({"type": "error", "message": error.to_string(), "fault": fault}).to_string());
    }
    screen.end()?;
    ended
}

struct Job<'a> {
    args: &'a SendArgs,
    setup: &'a Setup,
    screen: &'a Screen,
    fitter: &'a Fitter,
    usage: Usage,
}

impl Job<'_> {
    fn message(&self, fitted: Option<&Fitted>) -> Outcome {
        let platform = self.setup.account.api().platform();
        // First with a placeholder: what is wrong with the message costs no upload.
        let message = self.composed(NO_MEDIA, fitted)?;
        let body = match message.body(platform) {
            Ok(body) => body,
            Err(objections) => return Ok(object(self.screen, &objections)),
        };
        let name = self.args.source.file.as_deref().map(file_name);
        if self.args.dry_run {
            if let Some(fitted) = fitted {
                self.show(&self.setup.account.upload(fitted, name.as_deref()));
            }
            self.show(&self.setup.account.message(body));
            return Ok(Exit::Fit);
        }
        let client = self.setup.client(self.fitter.cancel())?;
        let ledger = self.setup.ledger()?;
        let source = self.args.source.file.as_ref().map(|path| path.to_string_lossy().into_owned());
        let (body, id) = match fitted {
            Some(fitted) => {
                let courier = Courier::new(&client, &ledger);
                let delivered = courier.deliver(fitted, name.as_deref(), source.as_deref())?;
                let body = self.composed(&delivered.entry.id, Some(fitted))?.body(platform);
                (body.map_err(|_| Error::verify("the message changed with its id"))?, Some(delivered.entry.id))
            }
            None => (body, self.args.source.id.clone()),
        };
        let note = SendNote {
            kind: self.args.kind.kind.name().to_owned(),
            media_id: id.clone(),
            link: self.args.source.link.clone(),
            source,
        };
        let sent = Sender::new(&client, &ledger).send(body, &note)?;
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
            self.screen.problem(&format!(
                "mediafit: uncertain: the message was sent, and no answer came back ({why}); it may arrive: look at the callbacks before it is sent again"
            ));
        }
        Ok(if certain { Exit::Fit } else { Exit::Failed })
    }

    fn sample(&self, fitted: &Fitted) -> Outcome {
        let name = self.args.source.file.as_deref().map(file_name);
        let app = self.setup.app_id();
        if self.args.dry_run {
            let app = app.unwrap_or_else(|| "{app_id}".to_owned());
            let calls = self.setup.account.sample(&app, fitted, name.as_deref());
            calls.iter().for_each(|call| self.show(call));
            return Ok(Exit::Fit);
        }
        let app = app.ok_or_else(|| {
            Error::new(ErrorKind::Io, "a template's sample needs the app's id; set WHATSAPP_APP_ID, or app-id in the file given with --config")
        })?;
        let client = self.setup.client(self.fitter.cancel())?;
        let uploader = TemplateSampleUploader::new(&client, &app)?;
        let session = match &self.args.header.session {
            Some(session) => session.clone(),
            None => uploader.begin(fitted, name.as_deref())?,
        };
        let handle = uploader.finish(&session, fitted, name.as_deref()).inspect_err(|_| {
            self.screen.problem(&format!("mediafit: go on with it by --session '{}'", clean(&session)));
        })?;
        if self.screen.json {
            self.screen.put(&json!({"type": "sample", "session": session, "handle": handle}).to_string());
        } else {
            self.screen.put(&clean(&handle));
        }
        Ok(Exit::Fit)
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

    /// The message with `id` in the place of an upload that has yet to be.
    fn composed(&self, id: &str, fitted: Option<&Fitted>) -> Result<Message, Stop> {
        let (args, content) = (self.args, &self.args.content);
        let reference = match (&args.source.id, &args.source.link) {
            (Some(id), _) => Reference::Id(id.clone()),
            (None, Some(link)) => Reference::Link(link.clone()),
            (None, None) => Reference::Id(id.to_owned()),
        };
        // A document without a name is shown unnamed.
        let own_name = || {
            let fitted = fitted.filter(|_| args.kind.kind == Kind::Document && self.usage == Usage::Message)?;
            let stem = args.source.file.as_deref()?.file_stem()?.to_string_lossy();
            Some(format!("{}.{}", clean(&stem), fitted.format().extension()))
        };
        let media = Media {
            kind: args.kind.kind,
            reference,
            caption: content.caption.clone(),
            filename: content.filename.clone().or_else(own_name),
            voice: content.voice || args.kind.voice,
            provider: content.provider.clone(),
        };
        let content = match self.usage {
            Usage::Message | Usage::TemplateSample => Content::Media(media),
            Usage::TemplateHeader => Content::Template(template(args, media)?),
            Usage::InteractiveHeader => Content::Interactive(interactive(args, media)?),
        };
        let recipient = if args.content.group { Recipient::Group } else { Recipient::Individual };
        let to = args.to.clone().unwrap_or_default();
        Ok(Message { to, recipient, reply_to: args.content.reply_to.clone(), content })
    }
}

fn template(args: &SendArgs, media: Media) -> Result<Template, Stop> {
    let name =
        args.header.template.clone().ok_or_else(|| conflict("send", "--for template-header needs --template NAME"))?;
    let others = match &args.header.components {
        Some(path) => match read_json(path)? {
            Value::Array(components) => components,
            _ => return Err(Error::malformed("is not an array of components").at(path).into()),
        },
        None => Vec::new(),
    };
    let others = others.into_iter().map(Component::Other);
    let components = std::iter::once(Component::Header(media)).chain(others).collect();
    Ok(Template { name, language: args.header.language.clone(), components })
}

fn interactive(args: &SendArgs, media: Media) -> Result<Interactive, Stop> {
    let path = args.header.interactive.as_ref();
    let path = path.ok_or_else(|| conflict("send", "--for interactive-header needs --interactive FILE"))?;
    let value = read_json(path)?;
    let text = |name: &str| value.pointer(name).and_then(Value::as_str).map(str::to_owned);
    let kind = text("/type").ok_or_else(|| Error::malformed("has no type: button, list …").at(path))?;
    let action = value.get("action").cloned().ok_or_else(|| Error::malformed("has no action").at(path))?;
    Ok(Interactive { kind, header: Some(media), body: text("/body/text"), footer: text("/footer/text"), action })
}

fn read_json(path: &Path) -> Result<Value, Error> {
    let failed = |error| Error::io("cannot be read", error).at(path);
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, MAX_JSON), &mut text).map_err(failed)?;
    serde_json::from_str(&text).map_err(|error| Error::malformed(format!("is not JSON: {error}")).at(path))
}

fn usage(args: &SendArgs) -> Result<Usage, Stop> {
    let header = &args.header;
    let implied = match (&header.template, &header.interactive) {
        (Some(_), Some(_)) => return Err(conflict("send", "--template and --interactive exclude each other")),
        (Some(_), None) => Usage::TemplateHeader,
        (None, Some(_)) => Usage::InteractiveHeader,
        (None, None) => Usage::Message,
    };
    let usage = header.usage.unwrap_or(implied);
    if usage == Usage::TemplateSample && args.source.file.is_none() {
        return Err(conflict("send", "--for template-sample needs --file"));
    }
    if usage != Usage::TemplateSample && args.to.is_none() {
        return Err(conflict("send", "--to NUMBER is needed"));
    }
    Ok(usage)
}

fn role(args: &SendArgs) -> Role {
    let voice = args.kind.voice || args.content.voice;
    match args.kind.kind {
        Kind::Image => Role::Image,
        Kind::Video => Role::Video,
        Kind::Audio if voice => Role::Voice,
        Kind::Audio => Role::Audio,
        Kind::Document => Role::Document,
        Kind::Sticker => Role::Sticker,
    }
}

fn fit(fitter: &Fitter, path: &Path, role: Role) -> Result<Result<Box<Fitted>, String>, Error> {
    match fitter.fit(&Source::open(path)?, Ask::Role(role))?.1 {
        Ending::Fitted { fitted, .. } => Ok(Ok(fitted)),
        Ending::Refused(refusal) => Ok(Err(clean(&refusal.message))),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn refuse(screen: &Screen, what: &str) -> Exit {
    screen.problem(&format!("mediafit: {what}"));
    Exit::Unfit
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
