//! What a link's caching headers do at the platform: the nine rows of whatsapp-media §6.

use crate::judge::Severity;
use serde::Serialize;

/// What the platform does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// None of the headers is there: fetched for each message.
    NotCached,
    /// `max-age=n`: reused for n seconds.
    Reused,
    /// `max-age=0`: fetched for each message.
    ReusedForNothing,
    /// `no-cache` with `Last-Modified`: kept until that changes.
    KeptUntilModified,
    /// `no-cache` without `Last-Modified`: its requirement is not met.
    Unmet,
    /// `no-store`: fetched for each message.
    NoStore,
    /// `private`: taken for personal, fetched for each message.
    Private,
    /// Only `ETag`: by a logic that is not told.
    Undisclosed,
    /// Only `Last-Modified`: no effect is told.
    NoStatedEffect,
}

#[rustfmt::skip]
const ROWS: &[(Effect, Severity, &str)] = &[
    (Effect::NotCached,         Severity::Warn, "no caching header: fetched anew for each message; add Cache-Control: max-age=…"),
    (Effect::Reused,            Severity::Info, "kept and reused until max-age is over, then fetched again when needed"),
    (Effect::ReusedForNothing,  Severity::Warn, "max-age=0: fetched anew for each message; give it a time"),
    (Effect::KeptUntilModified, Severity::Info, "kept, and replaced when Last-Modified has changed"),
    (Effect::Unmet,             Severity::Warn, "no-cache needs Last-Modified; add it, or use max-age"),
    (Effect::NoStore,           Severity::Warn, "no-store: fetched anew for each message"),
    (Effect::Private,           Severity::Warn, "private: taken for personal and not kept; fetched anew for each message unless that is meant"),
    (Effect::Undisclosed,       Severity::Info, "only an ETag: kept by a logic that the platform does not disclose; add Cache-Control: max-age=…"),
    (Effect::NoStatedEffect,    Severity::Warn, "only Last-Modified: no effect is documented; add Cache-Control: max-age=… or no-cache"),
];

/// What the caching headers do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Caching {
    /// What the platform does.
    pub effect: Effect,
    /// For how many seconds, where `max-age` says it.
    pub max_age: Option<u64>,
    /// Whether there is an `ETag` that is ignored for the other headers' sake.
    pub etag_ignored: bool,
    /// The headers as they were.
    pub headers: String,
    /// How much it weighs.
    #[serde(skip)]
    pub severity: Severity,
    /// The effect in a sentence.
    pub message: String,
}

/// What the headers do; `header` gives a header's values, joined by commas.
pub fn caching(header: impl Fn(&str) -> Option<String>) -> Caching {
    let control = header("cache-control").unwrap_or_default();
    let (etag, modified) = (header("etag"), header("last-modified"));
    // Last-Modified has to be a date, and Date is no substitute.
    let has_modified = modified.as_deref().is_some_and(|date| httpdate::parse_http_date(date.trim()).is_ok());
    let directives: Vec<(String, Option<String>)> = control
        .split(',')
        .map(|part| {
            let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
            (name.trim().to_ascii_lowercase(), value.map(|value| value.trim().trim_matches('"').to_owned()))
        })
        .collect();
    let says = |name: &str| directives.iter().any(|(own, _)| own == name);
    let max_age = directives.iter().find(|(name, _)| name == "max-age").and_then(|(_, value)| value.as_ref());
    // Not a sign, not a fraction: a non-negative integer.
    let max_age = max_age.filter(|text| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()));
    let max_age = max_age.map(|text| text.parse::<u64>().unwrap_or(u64::MAX));
    // Where several are there, the stricter counts. s-maxage, must-revalidate, immutable, public are not in the list.
    let effect = match (says("no-store"), says("private"), says("no-cache"), max_age) {
        (true, ..) => Effect::NoStore,
        (_, true, ..) => Effect::Private,
        (_, _, true, _) if has_modified => Effect::KeptUntilModified,
        (_, _, true, _) => Effect::Unmet,
        (_, _, _, Some(0)) => Effect::ReusedForNothing,
        (_, _, _, Some(_)) => Effect::Reused,
        _ if has_modified => Effect::NoStatedEffect,
        _ if etag.is_some() => Effect::Undisclosed,
        _ => Effect::NotCached,
    };
    let row = ROWS.iter().find(|row| row.0 == effect);
    let (severity, message) = row.map_or((Severity::Warn, ""), |row| (row.1, row.2));
    let etag_ignored = etag.is_some() && effect != Effect::Undisclosed;
    let note = if etag_ignored { "; the ETag is ignored beside the other headers" } else { "" };
    let named = [("Cache-Control", Some(control)), ("Last-Modified", modified), ("ETag", etag)];
    let headers: Vec<String> = named
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}: {}", value.filter(|value| !value.is_empty())?)))
        .collect();
    let headers = if headers.is_empty() { "none".to_owned() } else { crate::error::clean(&headers.join("; ")) };
    let max_age = max_age.filter(|_| effect == Effect::Reused);
    Caching { effect, max_age, etag_ignored, headers, severity, message: format!("{message}{note}") }
}
