//! What the command line can say.

#[cfg(feature = "http")]
use super::platform_args::{LinkArgs, MediaArgs, SendArgs, UploadArgs, WebhookArgs};
#[cfg(feature = "serve")]
use super::server_args::{ServeArgs, SimulateArgs};
use super::{Stop, version};
use clap::builder::{PossibleValue, PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use mediafit::config::{
    ANIMATIONS, AUDIO_CODECS, Choice, ENGINES, MAX_JOBS, PLATFORMS, REPAIRS, TRANSPARENCIES, chosen, parse_bytes,
    parse_color, parse_loudness,
};
use mediafit::format::{ROLES, Role};
use mediafit::plan::{Animated, AudioCodec, EngineChoice, Language, Repair, Transparency};
use mediafit::policy::Platform;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  mediafit check photos/                       what would be refused, and why
  mediafit fit photos/ --out ready             a fit copy of every file, below ready/
  mediafit fit cat.png --as sticker --out .    a sticker
  mediafit check photos/ --json | jq .verdict  for scripts

Exit codes: 0 every file is (now) fit; 1 some file is unfit or could not be made fit;
2 usage or operational error; 130 interrupted";

const CHECK_EXAMPLES: &str = "\
Examples:
  mediafit check photos/ docs/brief.pdf
  mediafit check --deep @list.txt              decode everything that list.txt names
  mediafit check --as sticker art/             judged as stickers, wherever they are
  curl -s https://example.org/a.jpg | mediafit check -

Exit codes: 0 every file is fit; 1 some file is not (with --strict: or warns); 2 usage or
operational error; 130 interrupted";

const FIT_EXAMPLES: &str = "\
Examples:
  mediafit fit photos/ --out ready             ready/ has every file, repaired where needed
  mediafit fit art/ --as sticker --animated first-frame --out stickers
  mediafit fit scan.tiff --out - > scan.jpg    one file, to standard output
  mediafit fit - --out - < in.heic > out.jpg

`mediafit check` with the same options shows what would be done, and writes nothing. Run again,
`fit` redoes only what has changed.

Exit codes: 0 every file is fit now; 1 some file could not be made fit; 2 usage or operational
error; 130 interrupted";

const POLICY_EXAMPLES: &str = "\
Examples:
  mediafit policy > rules.json                 to be edited, then used with --policy rules.json
  mediafit policy --platform on-premise";

#[cfg(feature = "http")]
const UPLOAD_EXAMPLES: &str = "\
Examples:
  mediafit upload photos/ --json               an id a file; run again, nothing is uploaded twice
  mediafit upload photos/ --dry-run            the requests, without credentials

The key comes from D360_API_KEY (360dialog), or from WHATSAPP_TOKEN and
WHATSAPP_PHONE_NUMBER_ID (Meta), or from a file or program that the file given with --config names.

Exit codes: 0 every file has an id now; 1 some file could not be made fit; 2 usage or operational
error, failed uploads included; 130 interrupted";

#[cfg(feature = "http")]
const SEND_EXAMPLES: &str = "\
Examples:
  mediafit send image --to 16505551234 --file photo.heic --caption 'Hello'
  mediafit send document --to 16505551234 --id 4490709327384033 --filename offer.pdf
  mediafit send image --to 16505551234 --link https://example.org/a.jpg --dry-run --json
  mediafit send image --to 16505551234 --file a.jpg --template offer --language en_US

Accepted is not delivered: how a message fared is told by callbacks (mediafit webhook).

Exit codes: 0 accepted; 1 the file or the message is unfit; 2 refused, uncertain, or an
operational error; 130 interrupted";

#[cfg(feature = "http")]
const MEDIA_EXAMPLES: &str = "\
Examples:
  mediafit media list --expiring-within 48h
  mediafit media refresh --expiring-within 48h
  mediafit media get 4490709327384033 -o photo.jpg
  mediafit media get --from-webhook callback.json -o inbox/";

#[cfg(feature = "http")]
const LINK_EXAMPLES: &str = "\
Examples:
  mediafit link https://example.org/a.jpg
  mediafit link http://127.0.0.1:8080/a.jpg --allow-private

Exit codes: 0 every link can be sent; 1 some link cannot; 2 usage or operational error";

#[cfg(feature = "http")]
const WEBHOOK_EXAMPLES: &str = "\
Examples:
  mediafit webhook callback.json
  jq -c .body requests.log | mediafit webhook - --json

Exit codes: 0 no message failed; 1 some message failed; 2 usage or operational error";

#[cfg(feature = "serve")]
const SERVE_EXAMPLES: &str = "\
Examples:
  mediafit serve ready/ --listen 127.0.0.1:8080
  mediafit serve ready/ --cache-control no-cache   kept until Last-Modified changes

It speaks plain HTTP: put a proxy with TLS before it.";

#[cfg(feature = "serve")]
const SIMULATE_EXAMPLES: &str = "\
Examples:
  mediafit simulate &
  D360_API_KEY=any mediafit upload photos/ --base-url http://127.0.0.1:8077
  mediafit simulate --faults 0.2 --seed 7      one request in five fails, always the same ones

GET /_simulate/media, /_simulate/messages and /_simulate/callbacks tell what it holds;
POST /_simulate/advance?seconds=N moves its clock.";

/// The verbs that have a manual page, in the order of the help.
const VERBS: &[&str] = &[
    "check",
    "fit",
    #[cfg(feature = "http")]
    "upload",
    #[cfg(feature = "http")]
    "send",
    #[cfg(feature = "http")]
    "media",
    #[cfg(feature = "http")]
    "link",
    #[cfg(feature = "http")]
    "webhook",
    #[cfg(feature = "serve")]
    "serve",
    #[cfg(feature = "serve")]
    "simulate",
    "policy",
    "completions",
    "man",
];

/// Makes any media file fit for WhatsApp Business messaging: checks it, repairs it by the smallest change, verifies the
/// result
#[derive(Parser, Debug)]
#[command(name = "mediafit", version, long_version = version::long(), propagate_version = true, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Say which files the platform would refuse, why, and what would be done about it; writes nothing
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Check, repair and verify files, and write fit ones to a folder
    #[command(after_help = FIT_EXAMPLES)]
    Fit(FitArgs),
    /// Make files fit, upload them, and print their ids; what is known is not uploaded again
    #[cfg(feature = "http")]
    #[command(after_help = UPLOAD_EXAMPLES)]
    Upload(UploadArgs),
    /// Send a message with media: by id, by link, or from a file
    #[cfg(feature = "http")]
    #[command(after_help = SEND_EXAMPLES)]
    Send(Box<SendArgs>),
    /// Download, look up, delete, list or renew media by id
    #[cfg(feature = "http")]
    #[command(after_help = MEDIA_EXAMPLES)]
    Media(MediaArgs),
    /// Audit links as the platform's downloader would meet them
    #[cfg(feature = "http")]
    #[command(after_help = LINK_EXAMPLES)]
    Link(LinkArgs),
    /// Explain callbacks about media: which file failed, by which rule, and what to do
    #[cfg(feature = "http")]
    #[command(after_help = WEBHOOK_EXAMPLES)]
    Webhook(WebhookArgs),
    /// Serve fit files over HTTP with the caching headers that the platform honours
    #[cfg(feature = "serve")]
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArgs),
    /// Stand in for the platform's three APIs, strictly, for tests
    #[cfg(feature = "serve")]
    #[command(after_help = SIMULATE_EXAMPLES)]
    Simulate(SimulateArgs),
    /// Print the rules in force as JSON
    #[command(after_help = POLICY_EXAMPLES)]
    Policy(PolicyArgs),
    /// Print a script that completes this command's arguments in a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    Man {
        /// The page of one verb
        #[arg(value_parser = PossibleValuesParser::new(VERBS))]
        verb: Option<String>,
    },
}

/// Arguments of `check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    #[command(flatten)]
    pub(crate) repair: RepairArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    /// Also decode everything, to find damage that no header shows
    #[arg(long, help_heading = "Run")]
    pub(crate) deep: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `fit`.
#[derive(Args, Debug)]
pub(crate) struct FitArgs {
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) repair: RepairArgs,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `policy`.
#[derive(Args, Debug)]
pub(crate) struct PolicyArgs {
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    /// Print it on one line
    #[arg(long)]
    pub(crate) json: bool,
    /// Print no notices
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// Which files, and as what.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// A file, a folder, @LIST (a file with one path a line), or - for one file on standard input
    #[arg(required = true, value_name = "PATH", help_heading = None::<&str>)]
    pub(crate) paths: Vec<PathBuf>,
    /// The role of every file [default: by config, folder name, content]
    #[arg(long = "as", value_name = "ROLE", value_parser = role())]
    pub(crate) role: Option<Role>,
    /// Also take hidden files and folders
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Leave out what .gitignore names
    #[arg(long)]
    pub(crate) respect_gitignore: bool,
}

/// Where results go.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct TargetArgs {
    /// The folder that fit files and mediafit.jsonl are written to, or - to write one file to standard output
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Hard-link files that are kept as they are, where the file system can; they are copied otherwise
    #[arg(long)]
    pub(crate) link_kept: bool,
}

/// What is repaired, and how.
#[derive(Args, Debug)]
#[command(next_help_heading = "Repair")]
pub(crate) struct RepairArgs {
    /// What is repaired [default: lossless]
    #[arg(long, value_name = "WHAT", value_parser = choice(REPAIRS))]
    pub(crate) repair: Option<Repair>,
    /// Count warnings as failures [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) strict: Option<bool>,
    /// What becomes of animated pictures [default: refuse]
    #[arg(long, value_name = "HOW", value_parser = choice(ANIMATIONS))]
    pub(crate) animated: Option<Animated>,
    /// Repair damaged files as far as they can be read [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) salvage: Option<bool>,
    /// Leave GPS positions and serial numbers in files that need no other change [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) keep_metadata: Option<bool>,
    /// What transparent parts are laid on: #RRGGBB, white or black [default: white]
    #[arg(long, value_name = "COLOR", value_parser = parse_color)]
    pub(crate) background: Option<[u8; 3]>,
    /// What becomes of transparency that does not fit as PNG [default: auto]
    #[arg(long, value_name = "HOW", value_parser = choice(TRANSPARENCIES))]
    pub(crate) transparency: Option<Transparency>,
    /// Which codec sound is coded with where it has to be [default: opus for speech, aac for music]
    #[arg(long, value_name = "CODEC", value_parser = choice(AUDIO_CODECS))]
    pub(crate) audio_codec: Option<AudioCodec>,
    /// Bring sound to this loudness, in LUFS (EBU R 128): -16 [default: as it is]
    #[arg(long, value_name = "LUFS", value_parser = parse_loudness, allow_hyphen_values = true)]
    pub(crate) loudness: Option<i32>,
    /// Keep the audio stream in this language where only one may stay [default: the one marked as default, else the first]
    #[arg(long, value_name = "CODE")]
    pub(crate) audio_language: Option<Language>,
    /// Who decodes and encodes [default: auto]
    #[arg(long, value_name = "WHO", value_parser = choice(ENGINES))]
    pub(crate) engine: Option<EngineChoice>,
    /// The most lines a video may have that is coded anew [default: as many as fit]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(64..=8192))]
    pub(crate) max_height: Option<u32>,
    /// The finest quantiser of H.264 for new pictures, 10 (best) to 40 [default: by what the source is worth]
    #[arg(long, value_name = "QP", value_parser = clap::value_parser!(u8).range(10..=40))]
    pub(crate) video_quality: Option<u8>,
    /// Aim below this size where a file is coded anew: bytes, 900k, 9.5M [default: the platform's]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) target_size: Option<u64>,
    /// Cut the end off a video or sound that cannot fit otherwise [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub(crate) trim_to_fit: Option<bool>,
    /// The longest that one file may take; what takes longer is refused [default: 3600]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) time_limit: Option<u64>,
}

/// Whose rules.
#[derive(Args, Debug)]
#[command(next_help_heading = "Rules")]
pub(crate) struct RuleArgs {
    /// Whose rules are followed [default: cloud]
    #[arg(long, value_name = "NAME", value_parser = choice(PLATFORMS))]
    pub(crate) platform: Option<Platform>,
    /// A JSON file with rules in place of the platform's own; see `mediafit policy`
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The configuration; options given here win over it [default: mediafit.toml, if there]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// How the run goes and what it says.
#[derive(Args, Debug)]
#[command(next_help_heading = "Run")]
pub(crate) struct RunArgs {
    /// How many files are worked on at once; 0 for as many as there are cores [default: 0]
    #[arg(long, short, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(0..=MAX_JOBS as u64))]
    pub(crate) jobs: Option<usize>,
    /// Print JSON Lines: an object a file as it is finished, then a summary
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing but what is wrong, on standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// What is printed.
#[cfg(any(feature = "http", feature = "serve"))]
#[derive(Args, Debug, Clone, Copy)]
#[command(next_help_heading = "Run")]
pub(crate) struct TalkArgs {
    /// Print JSON Lines
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing but what is wrong, on standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[cfg(any(feature = "http", feature = "serve"))]
impl TalkArgs {
    /// The same as for a run.
    pub(crate) const fn run(self) -> RunArgs {
        RunArgs { jobs: None, json: self.json, quiet: self.quiet }
    }
}

impl InputArgs {
    /// Whether the one file comes on standard input.
    ///
    /// # Errors
    /// When standard input is named beside other paths.
    pub(crate) fn is_stdin(&self, verb: &str) -> Result<bool, Stop> {
        let named = self.paths.iter().any(|path| path == Path::new("-"));
        if named && self.paths.len() > 1 {
            return Err(conflict(
                verb,
                "- stands for one file on standard input and cannot be combined with other paths",
            ));
        }
        Ok(named)
    }
}

/// A usage error of `verb`, shown as clap shows its own.
pub(crate) fn conflict(verb: &str, message: &str) -> Stop {
    let mut command = Cli::command();
    command.build();
    let error = match command.find_subcommand_mut(verb) {
        Some(verb) => verb.error(ErrorKind::ArgumentConflict, message),
        None => command.error(ErrorKind::ArgumentConflict, message),
    };
    Stop::Usage(error)
}

fn choice<T: Copy + Send + Sync + 'static>(choices: &'static [Choice<T>]) -> impl TypedValueParser<Value = T> {
    let names = choices.iter().map(|choice| PossibleValue::new(choice.name).help(choice.about));
    PossibleValuesParser::new(names).try_map(move |name| chosen(choices, &name).ok_or("unknown value"))
}

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(ROLES.map(Role::name)).try_map(|name| name.parse::<Role>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_manual_has_a_page_for_every_verb() {
        let command = Cli::command();
        let verbs: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
        let man = command.find_subcommand("man").unwrap();
        let pages = man.get_positionals().next().unwrap().get_possible_values();
        let pages: Vec<_> = pages.iter().map(|page| page.get_name().to_owned()).collect();
        assert_eq!(pages, verbs);
    }
}
