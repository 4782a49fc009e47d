//! Makes any media file fit for WhatsApp Business messaging.

pub mod batch;
pub mod cancel;
pub mod config;
pub mod convert;
pub mod error;
pub mod facts;
pub mod format;
pub mod inspect;
pub mod judge;
pub mod limits;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod report;
pub mod rule;
pub mod sniff;
pub mod source;
pub mod verify;

pub use cancel::Cancel;
pub use error::{Error, ErrorKind, Result};
pub use facts::Facts;
pub use format::{Family, Format, Role};
pub use judge::{Finding, Rule, Severity, Standing, Verdict};
pub use pipeline::{Ask, Checked, Ending, Fitter};
pub use plan::{Options, Plan, Refusal, Step};
pub use policy::{Platform, Policy};
pub use report::{Record, Summary};
pub use source::Source;
pub use verify::Fitted;
