//! `mediafit serve` and `mediafit simulate`: both run until they are stopped.

use super::screen::Screen;
use super::server_args::{ServeArgs, SimulateArgs};
use super::{Exit, Outcome, interrupt};
use mediafit::serve::{FileServer, Options};
use mediafit::simulate::{self, Faults, Simulator};
use mediafit::{Cancel, Error, ErrorKind};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Serves a folder.
pub(crate) fn serve(args: &ServeArgs) -> Outcome {
    let screen = Arc::new(Screen::new(&args.talk.run()));
    let server = FileServer::start(&Options {
        cache_control: args.cache_control.clone(),
        connections: usize::from(args.connections),
        ..Options::new(args.folder.clone(), args.listen)
    })?;
    if screen.json {
        screen.put(&json!({"type": "listening", "url": server.url()}).to_string());
    } else {
        screen.say(&format!("mediafit: serving {} at {}", args.folder.display(), server.url()));
    }
    until_stopped(&screen, || server.is_running())
}

/// Stands in for the platform.
pub(crate) fn simulate(args: &SimulateArgs) -> Outcome {
    let screen = Arc::new(Screen::new(&args.talk.run()));
    let mut faults = Faults { rate: args.faults, seed: args.seed, ..Faults::default() };
    faults.delay = Duration::from_millis(args.delay_ms);
    if !args.kinds.is_empty() {
        faults.kinds.clone_from(&args.kinds);
    }
    let options = simulate::Options {
        listen: args.listen,
        volume_bytes: args.volume_bytes,
        faults,
        ..simulate::Options::default()
    };
    let simulator = Simulator::start(&options)?;
    if screen.json {
        let line = json!({"type": "listening", "url": simulator.url(), "meta_url": simulator.meta_url()});
        screen.put(&line.to_string());
    } else {
        screen.say(&format!(
            "mediafit: standing in for the platform; --base-url {} (on-premise, 360dialog), --base-url {} (meta)",
            simulator.url(),
            simulator.meta_url()
        ));
    }
    until_stopped(&screen, || simulator.is_running())
}

/// Waits for Ctrl-C, which is how these end.
fn until_stopped(screen: &Arc<Screen>, running: impl Fn() -> bool) -> Outcome {
    let stop = Cancel::default();
    interrupt::watch(&stop, screen)?;
    while !stop.is_cancelled() {
        if !running() {
            return Err(Error::new(ErrorKind::Io, "the server has ended by itself").into());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    screen.end()?;
    Ok(Exit::Fit)
}
