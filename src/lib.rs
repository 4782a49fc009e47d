//! scratch
pub mod error;
pub mod facts;
pub mod format;
pub mod limits;
pub mod source;
