//! What the command line can say to the servers.

use super::args::TalkArgs;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use mediafit::simulate::{FAULTS, Fault};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// The folder whose files are served
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Where it listens; behind a proxy that speaks https
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// The value of Cache-Control, by which the platform keeps a file
    #[arg(long, value_name = "VALUE", default_value = "max-age=86400")]
    pub(crate) cache_control: String,
    /// The most connections at once; more wait
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) connections: u16,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

/// Arguments of `simulate`.
#[derive(Args, Debug)]
pub(crate) struct SimulateArgs {
    /// Where it listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8077")]
    pub(crate) listen: SocketAddr,
    /// The share of requests that fail, from 0 to 1
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = rate)]
    pub(crate) faults: f64,
    /// How they fail [default: every way that passes by itself]
    #[arg(long = "fault", value_name = "KIND", value_parser = fault())]
    pub(crate) kinds: Vec<Fault>,
    /// Which requests fail
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How long every answer takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) delay_ms: u64,
    /// How much media is kept before the volume is full, in bytes; 0 for no bound
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub(crate) volume_bytes: u64,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

fn fault() -> impl TypedValueParser<Value = Fault> {
    PossibleValuesParser::new(FAULTS.iter().map(|row| row.1))
        .try_map(|name| FAULTS.iter().find(|row| row.1 == name).map(|row| row.0).ok_or("unknown fault"))
}

fn rate(text: &str) -> Result<f64, String> {
    let wrong = || format!("not a share; found {text:?}, allowed 0 to 1");
    text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)).ok_or_else(wrong)
}
