//! The sections about the platform's APIs. What leads a key somewhere, or starts a program, counts only in a file that
//! was named: a `mediafit.toml` that lies in a folder of strangers must not send a key to them.

use serde::Deserialize;
use std::path::PathBuf;

/// The sections `[api.on-premise]`, `[api.360dialog]`, `[api.meta]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ApiSections {
    /// On-premise style at 360dialog.
    pub on_premise: ApiSection,
    /// The cloud through 360dialog.
    #[serde(rename = "360dialog")]
    pub dialog: ApiSection,
    /// The cloud at Meta.
    pub meta: ApiSection,
}

/// Where one API is, and where its key is to be found. Keys themselves never stand here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ApiSection {
    /// Another address than the API's own. Default: its own.
    pub base_url: Option<String>,
    /// A file with the key on one line, relative to this file. Default: none.
    pub key_file: Option<PathBuf>,
    /// A program that prints the key, with its arguments. Default: none.
    pub key_command: Option<Vec<String>>,
    /// The number's id at Meta. Default: none.
    pub phone_number_id: Option<String>,
    /// The app's id at Meta, for samples of templates. Default: none.
    pub app_id: Option<String>,
    /// A name for the number in the ledger. Default: the number's id, or a name made from the key.
    pub number: Option<String>,
}

impl ApiSection {
    const fn is_trusting(&self) -> bool {
        self.base_url.is_some() || self.key_file.is_some() || self.key_command.is_some()
    }

    /// Whether it says where a key is.
    #[must_use]
    pub const fn names_key(&self) -> bool {
        self.key_file.is_some() || self.key_command.is_some()
    }
}

impl ApiSections {
    /// Whether anything in them leads a key somewhere or starts a program.
    #[must_use]
    pub const fn is_trusting(&self) -> bool {
        self.on_premise.is_trusting() || self.dialog.is_trusting() || self.meta.is_trusting()
    }
}

/// The section `[upload]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct UploadSection {
    /// `360dialog` or `meta`. Default: the one that there are credentials for.
    pub via: Option<String>,
    /// Uploads a second with one key; 0 for no limit. Default: 25.
    pub per_second: Option<f64>,
    /// Uploads in flight at once. Default: 8.
    pub in_flight: Option<usize>,
    /// How often a call is made at most. Default: 5.
    pub tries: Option<u32>,
    /// How long a silence of the platform is borne, in seconds. Default: 60.
    pub patience_seconds: Option<u64>,
}

/// The section `[ledger]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct LedgerSection {
    /// The file, relative to this file. Default: `mediafit/ledger.sqlite` in the user's folder for state.
    pub path: Option<PathBuf>,
    /// How near its end an id is not handed out any more, in hours. Default: 24.
    pub margin_hours: Option<u64>,
}

/// The section `[link]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct LinkSection {
    /// More bytes than this warn. Default: 5,000,000.
    pub warn_bytes: Option<u64>,
    /// A first byte later than this warns, in milliseconds. Default: 2000.
    pub slow_first_byte_ms: Option<u64>,
}
