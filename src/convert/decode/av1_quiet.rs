//! Settings of the AV1 decoder without its messages: by default it writes what it finds wrong with a file to standard
//! error, and its safe interface has no switch for that.

#![expect(unsafe_code, reason = "the logger can only be set on the struct inside of the settings")]

use re_rav1d::dav1d::Settings;
use re_rav1d::include::dav1d::dav1d::{Dav1dLogger, Dav1dSettings};

// Of a struct with a field as large as itself that field is the whole: nothing else may be in there one day.
const _: () = assert!(size_of::<Settings>() == size_of::<Dav1dSettings>());
const _: () = assert!(align_of::<Settings>() == align_of::<Dav1dSettings>());

/// Default settings without a logger.
pub(super) fn settings() -> Settings {
    let mut settings = Settings::new();
    let whole = (&raw mut settings).cast::<Dav1dSettings>();
    // SAFETY: `Settings` of the one version that Cargo.toml allows has a single field, a `Dav1dSettings`, which by the
    // assertions above starts where the struct does. The pointer is to a local that nothing else borrows. A logger
    // without a callback is never called.
    unsafe {
        (*whole).logger = Dav1dLogger::new(None, None);
    }
    settings
}
