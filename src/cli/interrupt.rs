//! Ctrl-C: the first ends the run cleanly, the second at once.

use super::Exit;
use super::screen::Screen;
use mediafit::{Cancel, Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// From now on the first Ctrl-C throws `cancel`, and a second one ends the process.
///
/// # Errors
/// When the system gives no handler.
pub(crate) fn watch(cancel: &Cancel, screen: &Arc<Screen>) -> Result<()> {
    let (cancel, screen) = (cancel.clone(), Arc::clone(screen));
    let thrown = AtomicBool::new(false);
    let handler = move || {
        if thrown.swap(true, Ordering::Relaxed) {
            screen.say_last_words();
            std::process::exit(Exit::Interrupted as i32);
        }
        cancel.cancel();
        screen.say("mediafit: stopping; what is under way is ended first, Ctrl-C again stops at once");
    };
    ctrlc::set_handler(handler).map_err(|error| Error::new(ErrorKind::Io, format!("cannot watch for Ctrl-C: {error}")))
}
