//! From arguments, environment and configuration to an account and a ledger. Keys come from the environment, or from a
//! file or a program that a named configuration names; never from an argument.

use super::args::{RuleArgs, conflict};
use super::platform_args::ApiArgs;
use super::screen::print;
use super::settings::{configured, named};
use super::{Outcome, Stop};

use mediafit::config::{ApiSection, Config};
use mediafit::fault::Fault;
use mediafit::policy::Platform;
use mediafit::upload::{Account, Api, HttpOptions, HttpUploader, Key, Ledger};
use mediafit::{Cancel, Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The longest key that is read, in bytes.
const MAX_KEY: u64 = 64 * 1024;

/// Does the work of a verb; where standard output carries JSON Lines, what ended it stands there too.
pub(crate) fn told(json: bool, work: impl FnOnce() -> Outcome) -> Outcome {
    let ended = work();
    if let (true, Err(Stop::Failed(error))) = (json, &ended) {
        let fault = Fault::of(error).map(Fault::to_json);
        let line = serde_json::json!({"type": "error", "message": error.to_string(), "fault": fault});
        // The error itself is told all the same.
        let _ = print(format!("{line}\n").as_bytes());
    }
    ended
}

/// What calls need.
pub(crate) struct Setup {
    /// The configuration in force.
    pub(crate) config: Config,
    /// The account; without a key where that was not asked for.
    pub(crate) account: Account,
    args: ApiArgs,
}

impl Setup {
    /// For `verb`; `keyed` when calls are to be made.
    ///
    /// # Errors
    /// When it is not clear whose API is meant, or the key cannot be had.
    pub(crate) fn new(verb: &str, rules: &RuleArgs, args: &ApiArgs, keyed: bool) -> Result<Self, Stop> {
        let config = configured(rules)?;
        if config.api.is_trusting() && named(rules).is_none() {
            let what = "base-url, key-file and key-command count only in a file that was named, since a folder of \
                        strangers may hold a mediafit.toml; use --config mediafit.toml";
            return Err(Error::new(ErrorKind::Malformed, what).at(mediafit::config::FILE_NAME).into());
        }
        let api = chosen_api(verb, &config, args, keyed)?;
        let section = section(&config, api);
        let mut account = Account::new(api);
        if let Some(base) = args.base_url.as_ref().or(section.base_url.as_ref()) {
            account = account.at(base)?;
        }
        let number = if api == Api::Meta { variable("WHATSAPP_PHONE_NUMBER_ID") } else { None };
        if let Some(id) = number.or_else(|| section.phone_number_id.clone()).filter(|_| api == Api::Meta) {
            account = account.with_phone_number_id(&id)?;
        }
        if let Some(label) = &section.number {
            account = account.with_label(label);
        }
        if keyed && let Some(key) = key(api, section)? {
            account = account.with_key(key);
        }
        Ok(Self { config, account, args: args.clone() })
    }

    /// A client for the account, which counts failures in `ledger`.
    ///
    /// # Errors
    /// When the account lacks a key or a number.
    pub(crate) fn client(&self, cancel: &Cancel, ledger: &Ledger) -> Result<HttpUploader> {
        let section = &self.config.upload;
        let default = HttpOptions::default();
        let options = HttpOptions {
            uploads_per_second: section.per_second.unwrap_or(default.uploads_per_second),
            tries: section.tries.unwrap_or(default.tries).clamp(1, 20),
            patience: section.patience_seconds.map_or(default.patience, |seconds| Duration::from_secs(seconds.max(1))),
            ..default
        };
        Ok(HttpUploader::new(self.account.clone(), &options, cancel.clone())?.with_ledger(ledger))
    }

    /// The ledger.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn ledger(&self) -> Result<Ledger> {
        ledger(&self.config, self.args.ledger.as_deref())
    }

    /// The ledger, where there is one: what is only shown makes none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn ledger_if_there(&self) -> Result<Option<Ledger>> {
        let there = ledger_path(&self.config, self.args.ledger.as_deref()).is_ok_and(|path| path.is_file());
        if there { self.ledger().map(Some) } else { Ok(None) }
    }

    /// The app's id, for samples of templates.
    pub(crate) fn app_id(&self) -> Option<String> {
        variable("WHATSAPP_APP_ID").or_else(|| section(&self.config, self.account.api()).app_id.clone())
    }
}

/// The ledger by argument, configuration or custom.
///
/// # Errors
/// When it cannot be opened, or there is no folder for it.
pub(crate) fn ledger(config: &Config, path: Option<&Path>) -> Result<Ledger> {
    let ledger = Ledger::open(ledger_path(config, path)?)?;
    Ok(match config.ledger.margin_hours {
        Some(hours) => ledger.with_margin(Duration::from_secs(hours.saturating_mul(3600))),
        None => ledger,
    })
}

fn ledger_path(config: &Config, path: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = path.map(Path::to_path_buf).or_else(|| config.ledger.path.clone()) {
        return Ok(path);
    }
    let folder = state_folder()
        .ok_or_else(|| Error::new(ErrorKind::Io, "there is no folder for the ledger; name a file with --ledger"))?;
    Ok(folder.join("mediafit").join("ledger.sqlite"))
}

fn state_folder() -> Option<PathBuf> {
    let own = variable("XDG_STATE_HOME").or_else(|| variable("LOCALAPPDATA")).map(PathBuf::from);
    own.filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".local").join("state")))
}

fn section(config: &Config, api: Api) -> &ApiSection {
    match api {
        Api::OnPremise => &config.api.on_premise,
        Api::Dialog360 => &config.api.dialog,
        Api::Meta => &config.api.meta,
    }
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn chosen_api(verb: &str, config: &Config, args: &ApiArgs, keyed: bool) -> Result<Api, Stop> {
    if config.platform == Some(Platform::OnPremise) {
        if args.via.is_some_and(|via| via == Api::Meta) {
            return Err(conflict(verb, "--platform on-premise is at 360dialog only"));
        }
        return Ok(Api::OnPremise);
    }
    let via = match (args.via, config.upload.via.as_deref()) {
        (Some(via), _) => Some(via),
        (None, Some("360dialog")) => Some(Api::Dialog360),
        (None, Some("meta")) => Some(Api::Meta),
        (None, Some(other)) => {
            let what = format!("unknown value of via; found {other:?}, allowed 360dialog, meta");
            return Err(Error::new(ErrorKind::Malformed, what).into());
        }
        (None, None) => None,
    };
    if let Some(via) = via {
        return Ok(via);
    }
    let dialog = variable("D360_API_KEY").is_some() || config.api.dialog.names_key();
    let meta = variable("WHATSAPP_TOKEN").is_some() || config.api.meta.names_key();
    match (dialog, meta) {
        (true, false) => Ok(Api::Dialog360),
        (false, true) => Ok(Api::Meta),
        // What is only shown needs no account: Meta's own form.
        (false, false) if !keyed => Ok(Api::Meta),
        (true, true) => Err(conflict(verb, "there are credentials of both 360dialog and Meta; choose with --via")),
        (false, false) => {
            let what = "no credentials; set D360_API_KEY, or WHATSAPP_TOKEN and WHATSAPP_PHONE_NUMBER_ID, or name a file or program in the file given with --config";
            Err(Error::new(ErrorKind::Io, what).into())
        }
    }
}

/// The key for `api`: from its variable, else from the file or program of its section.
fn key(api: Api, section: &ApiSection) -> Result<Option<Key>> {
    let name = match api {
        Api::OnPremise | Api::Dialog360 => "D360_API_KEY",
        Api::Meta => "WHATSAPP_TOKEN",
    };
    if let Some(value) = variable(name) {
        return Key::new(&value).map(Some).map_err(|error| error.at(name));
    }
    if let Some(path) = &section.key_file {
        let failed = |error| Error::io("the key cannot be read", error).at(path);
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut text = String::new();
        std::io::Read::read_to_string(&mut std::io::Read::take(file, MAX_KEY), &mut text).map_err(failed)?;
        return Key::new(&text).map(Some).map_err(|error| error.at(path));
    }
    let Some([program, arguments @ ..]) = section.key_command.as_deref() else { return Ok(None) };
    let failed = |error| Error::io("the program that prints the key failed", error).at(program);
    let output =
        Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(failed)?;
    if !output.status.success() {
        return Err(failed(std::io::Error::other(output.status.to_string())));
    }
    Key::new(&String::from_utf8_lossy(&output.stdout)).map(Some).map_err(|error| error.at(program))
}
