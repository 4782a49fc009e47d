//! Makes any media file fit for WhatsApp Business messaging: checks it by its content, repairs it by the smallest change,
//! and verifies the result with the code that judged the input.
//!
//! ```text
//! Source ─sniff→ Format ─inspect→ Facts ─judge→ Verdict ─plan→ Plan ─convert→ Candidate ─verify→ Fitted
//! ```
//!
//! # Is this file fit?
//!
//! ```
//! use mediafit::{Ask, Fitter, Policy, Source};
//!
//! let fitter = Fitter::new(Policy::cloud());
//! let source = Source::open("testdata/image/fit__png-inside__any.extension.jpg")?;
//! let checked = fitter.check(&source, Ask::Content)?;
//! assert!(checked.verdict.is_fit());
//! for finding in &checked.verdict.findings {
//!     println!("{}: {}", finding.rule, finding.message);
//! }
//! # Ok::<(), mediafit::Error>(())
//! ```
//!
//! # Make it fit
//!
//! ```
//! use mediafit::{Ask, Ending, Fitter, Policy, Role, Source};
//!
//! let fitter = Fitter::new(Policy::cloud());
//! let source = Source::open("testdata/sticker/unfit__photo__sticker.format.jpg")?;
//! let (_, ending) = fitter.fit(&source, Ask::Role(Role::Sticker))?;
//! let Ending::Fitted { fitted, steps } = ending else { panic!("a photo can always become a sticker") };
//! assert_eq!(fitted.mime(), "image/webp");
//! assert!(fitted.len() <= 100_000 && !steps.is_empty());
//! # Ok::<(), mediafit::Error>(())
//! ```
//!
//! # Bytes in memory
//!
//! ```
//! use mediafit::{Ending, Fitter, Policy};
//!
//! let bytes = std::fs::read("testdata/image/fit__rgb.png").expect("is there");
//! let (_, ending) = Fitter::new(Policy::cloud()).fit_bytes(bytes.clone(), None)?;
//! let Ending::Fitted { fitted, .. } = ending else { panic!("it was fit before") };
//! assert_eq!(fitted.to_bytes()?, bytes, "a fit file is handed on byte for byte");
//! # Ok::<(), mediafit::Error>(())
//! ```
//!
//! # A folder
//!
//! ```
//! use mediafit::batch::{Batch, Observer, WalkOptions, walk};
//! use mediafit::{Fitter, Policy, Record};
//!
//! struct Printer;
//! impl Observer for Printer {
//!     fn finished(&self, record: &Record) {
//!         println!("{}", record.to_json());
//!     }
//! }
//!
//! let out = tempfile::tempdir().expect("a folder");
//! let found = walk(&["testdata/document".into()], &WalkOptions::default())?;
//! let summary = Batch::new(Fitter::new(Policy::cloud())).fit(&found.jobs, out.path(), &Printer)?;
//! assert_eq!(summary.errors, 0);
//! # Ok::<(), mediafit::Error>(())
//! ```
//!
//! # Why not ...
//!
//! * **... trust the extension?** Half of the files that fail at the platform carry a wrong one.
//! * **... return an error for a file that is not fit?** Non-compliance is a [`Verdict`] with all its findings; an
//!   [`Error`] says that somebody has to act.
//! * **... hand out bytes?** [`Fitted`] can only be made by the verifier, so that what is uploaded was checked.
//! * **... log?** The library never prints, never exits, and leaves the global thread pool alone.

pub mod batch;
mod boxes;
mod built;
mod bytes;
mod cancel;
mod codec;
pub mod config;
mod convert;
mod demux;
mod digest;
mod disk;
mod engine;
pub mod error;
pub mod facts;
pub mod fault;
pub mod format;
pub mod inspect;
pub mod judge;
pub mod limits;
#[cfg(feature = "http")]
pub mod link;
#[cfg(feature = "serve")]
mod listen;
pub mod message;
mod pipeline;
pub mod plan;
pub mod policy;
pub mod report;
mod rule;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "serve")]
pub mod simulate;
pub mod sniff;
mod source;
#[cfg(feature = "http")]
pub mod upload;
mod verify;
pub mod webhook;

pub use cancel::{Cancel, Progress};
pub use engine::Ffmpeg;
pub use error::{Error, ErrorKind, Result};
pub use facts::Facts;
pub use format::{Family, Format, Role};
pub use judge::{Finding, Measure, RULES, Rule, Severity, Standing, Verdict};
pub use pipeline::{Ask, Checked, Ending, Fitter};
pub use plan::{Animated, Options, Plan, Reason, Refusal, Repair, Step, Transparency};
pub use policy::{Platform, Policy};
pub use report::{Record, Summary};
pub use source::Source;
pub use verify::Fitted;
