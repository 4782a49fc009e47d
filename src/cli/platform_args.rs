//! What the command line can say to the verbs that talk to the platform, or stand in for it.

use super::args::{InputArgs, RepairArgs, RuleArgs, RunArgs, TalkArgs};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use mediafit::message::{Kind, Usage};
use mediafit::upload::Api;
use std::path::PathBuf;
use std::time::Duration;

/// The platform's limit of ids in one go.
const MAX_IN_FLIGHT: i64 = 64;

/// Whose API, and what is remembered where.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Platform")]
pub(crate) struct ApiArgs {
    /// Which host of the cloud API [default: the one that there are credentials for]
    #[arg(long, value_name = "HOST", value_parser = via())]
    pub(crate) via: Option<Api>,
    /// Another address of the API: a gateway of your own, or `mediafit simulate`
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// What was uploaded and sent is remembered here [default: mediafit/ledger.sqlite in the folder for state]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
}

/// Arguments of `upload`.
#[derive(Args, Debug)]
pub(crate) struct UploadArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(flatten)]
    pub(crate) repair: RepairArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    /// How many uploads are in flight at once [default: 8]
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u8).range(1..=MAX_IN_FLIGHT))]
    pub(crate) in_flight: Option<u8>,
    /// Print the requests that would be made, and make none; needs no credentials
    #[arg(long, help_heading = "Run")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `send`.
#[derive(Args, Debug)]
pub(crate) struct SendArgs {
    /// What kind of message
    #[arg(value_name = "TYPE", value_parser = kind())]
    pub(crate) kind: SendKind,
    /// The recipient's phone number with its country code, or a group's id
    #[arg(long, value_name = "NUMBER", required_unless_present = "usage")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) content: ContentArgs,
    #[command(flatten)]
    pub(crate) header: HeaderArgs,
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(flatten)]
    pub(crate) repair: RepairArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    /// Print the requests that would be made, and make none; needs no credentials
    #[arg(long, help_heading = "Run")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

/// Where the media is.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
#[command(next_help_heading = "Media")]
pub(crate) struct SourceArgs {
    /// The id that an upload gave
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// An address that the platform fetches; uploading is the advised way
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
    /// A file, which is made fit and uploaded
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
}

/// What goes with the media.
#[derive(Args, Debug)]
#[command(next_help_heading = "Message")]
pub(crate) struct ContentArgs {
    /// The text below it: images, videos and documents, up to 1024 characters
    #[arg(long, value_name = "TEXT")]
    pub(crate) caption: Option<String>,
    /// The name that a document is shown under [default: the file's own]
    #[arg(long, value_name = "NAME")]
    pub(crate) filename: Option<String>,
    /// Mark sound as a voice note (cloud)
    #[arg(long)]
    pub(crate) voice: bool,
    /// A configured media provider (on-premise, with --link)
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// The id of the message that this one answers (cloud)
    #[arg(long, value_name = "MESSAGE")]
    pub(crate) reply_to: Option<String>,
    /// The recipient is a group
    #[arg(long)]
    pub(crate) group: bool,
}

/// What the media is the header of.
#[derive(Args, Debug)]
#[command(next_help_heading = "Header")]
pub(crate) struct HeaderArgs {
    /// What the media is for; each place takes less than a message of its own [default: message]
    #[arg(long = "for", id = "usage", value_name = "PLACE", value_parser = usage())]
    pub(crate) usage: Option<Usage>,
    /// The template's name
    #[arg(long, value_name = "NAME")]
    pub(crate) template: Option<String>,
    /// The code of the template's language
    #[arg(long, value_name = "CODE", default_value = "en_US")]
    pub(crate) language: String,
    /// A JSON file with the template's other components, as an array
    #[arg(long, value_name = "FILE")]
    pub(crate) components: Option<PathBuf>,
    /// A JSON file with the rest of the interactive message: type, body, footer, action
    #[arg(long, value_name = "FILE")]
    pub(crate) interactive: Option<PathBuf>,
    /// Go on with the upload of a template's sample
    #[arg(long, value_name = "UPLOAD")]
    pub(crate) session: Option<String>,
}

/// Arguments of `media`.
#[derive(Args, Debug)]
pub(crate) struct MediaArgs {
    /// What is done
    #[command(subcommand)]
    pub(crate) verb: MediaVerb,
}

/// What is done with media that has an id.
#[derive(Subcommand, Debug)]
pub(crate) enum MediaVerb {
    /// Download media by its id, or all that a callback names
    Get {
        /// The media's id
        #[arg(required_unless_present = "from_webhook", conflicts_with = "from_webhook")]
        id: Option<String>,
        /// A callback with messages of users; - for standard input
        #[arg(long, value_name = "FILE")]
        from_webhook: Option<PathBuf>,
        /// The file that is written, - for standard output, or with --from-webhook a folder [default: named after the id]
        #[arg(long, short, value_name = "PATH")]
        out: Option<PathBuf>,
        #[command(flatten)]
        common: MediaCommon,
    },
    /// Say what the platform and the ledger know about media
    Info {
        /// The media's id
        #[arg(required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        common: MediaCommon,
    },
    /// Delete media at the platform
    Delete {
        /// The media's id
        #[arg(required = true)]
        ids: Vec<String>,
        /// Print the requests that would be made, and make none
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        common: MediaCommon,
    },
    /// List what the ledger knows; asks nobody
    List {
        /// Only ids that end within this time: 48h, 7d, 90m
        #[arg(long, value_name = "TIME", value_parser = time)]
        expiring_within: Option<Duration>,
        /// Also ids that have ended, or were deleted
        #[arg(long)]
        all: bool,
        /// List what was sent in place of that, with those messages of which it is uncertain whether they were taken
        #[arg(long, conflicts_with_all = ["expiring_within", "all"])]
        sends: bool,
        #[command(flatten)]
        common: MediaCommon,
    },
    /// Upload again what will end soon, and print old and new ids
    Refresh {
        /// Ids that end within this time: 48h, 7d, 90m
        #[arg(long, value_name = "TIME", value_parser = time)]
        expiring_within: Duration,
        /// Only say what would be uploaded again
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        common: MediaCommon,
    },
}

/// What all of these take.
#[derive(Args, Debug)]
pub(crate) struct MediaCommon {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

/// Arguments of `link`.
#[derive(Args, Debug)]
pub(crate) struct LinkArgs {
    /// Addresses of http or https
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// Also ask this machine and the local network
    #[arg(long)]
    pub(crate) allow_private: bool,
    /// Warn of more bytes than this [default: 5000000]
    #[arg(long, value_name = "BYTES")]
    pub(crate) warn_bytes: Option<u64>,
    /// Warn of a first byte later than this [default: 2000]
    #[arg(long, value_name = "MS")]
    pub(crate) slow_first_byte_ms: Option<u64>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

/// Arguments of `webhook`.
#[derive(Args, Debug)]
pub(crate) struct WebhookArgs {
    /// A file with callbacks, or - for standard input
    pub(crate) file: PathBuf,
    /// What was sent is looked up here [default: mediafit/ledger.sqlite in the folder for state]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

/// A kind of message, and whether it is a voice note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SendKind {
    pub(crate) kind: Kind,
    pub(crate) voice: bool,
}

fn kind() -> impl TypedValueParser<Value = SendKind> {
    PossibleValuesParser::new(["image", "video", "audio", "voice", "document", "sticker"]).try_map(|name| {
        let voice = name == "voice";
        let kind: Result<Kind, String> = if voice { Ok(Kind::Audio) } else { name.parse() };
        kind.map(|kind| SendKind { kind, voice })
    })
}

fn via() -> impl TypedValueParser<Value = Api> {
    let values = [
        PossibleValue::new("360dialog").help("through 360dialog (D360_API_KEY)"),
        PossibleValue::new("meta").help("at Meta (WHATSAPP_TOKEN, WHATSAPP_PHONE_NUMBER_ID)"),
    ];
    PossibleValuesParser::new(values).map(|name| if name == "meta" { Api::Meta } else { Api::Dialog360 })
}

fn usage() -> impl TypedValueParser<Value = Usage> {
    let values = [
        PossibleValue::new("message").help("a message of its own"),
        PossibleValue::new("template-header").help("the header of a template (--template)"),
        PossibleValue::new("interactive-header").help("the header of an interactive message (--interactive)"),
        PossibleValue::new("template-sample").help("the sample that a template is submitted with; prints its handle"),
    ];
    PossibleValuesParser::new(values).map(|name| match name.as_str() {
        "template-header" => Usage::TemplateHeader,
        "interactive-header" => Usage::InteractiveHeader,
        "template-sample" => Usage::TemplateSample,
        _ => Usage::Message,
    })
}

/// `48h`, `7d`, `90m`, `30s`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("not a time; found {text:?}, allowed a number with s, m, h or d: 48h");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}
