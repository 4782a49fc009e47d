//! Runs that are killed, at moments that nobody chose.

use super::{KEY, Stage, run};
use mediafit::simulate::{Fault, Faults};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Numbers from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[test]
fn a_killed_run_loses_at_most_what_was_in_flight() {
    const FILES: usize = 160;
    let now =
        || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() % 1_000_000_007).unwrap();
    let seed = std::env::var("MEDIAFIT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(now);
    println!("MEDIAFIT_SEED={seed} repeats this run's moments");
    let mut chance = Chance(seed);
    let stage = Stage::new();
    for number in 0..FILES {
        stage.dir.file(format!("in/{number:03}.txt"), format!("This is note {number}.\n"));
    }
    stage.dir.file("fast.toml", "[upload]\nper-second = 0\n");
    let url = stage.simulator.url();
    let start = || {
        let mut command = stage.bare();
        command.args(["upload", "in", "--quiet", "--config", "fast.toml", "--base-url", &url]).env("D360_API_KEY", KEY);
        command
    };
    // None of these stores anything: what is stored beyond the files is what the kills cost.
    let kinds = vec![Fault::ServerError, Fault::Page, Fault::Garbage, Fault::CutBody];
    let delay = Duration::from_millis(20);
    stage.simulator.set_faults(Faults { rate: 0.1, seed, kinds, delay, ..Faults::default() });
    let (mut kills, mut in_the_middle) = (0, 0);
    while kills < 12 || (in_the_middle == 0 && kills < 40) {
        // Two processes that share the ledger, each killed at a moment of its own.
        let mut children = [start().spawn().unwrap(), start().spawn().unwrap()];
        for child in &mut children {
            std::thread::sleep(Duration::from_millis(chance.below(150)));
            let stored = stage.simulator.media().len();
            let running = child.try_wait().unwrap().is_none();
            in_the_middle += usize::from(running && stored > 0 && stored < FILES);
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
        }
    }
    stage.simulator.set_faults(Faults::default());
    run(start(), b"").ends_with(0);
    let listed = stage.at_360dialog(&["media", "list", "--json"]).ends_with(0).json();
    let kept: Vec<String> = stage.simulator.media().into_iter().map(|media| media.id).collect();
    assert_eq!(listed.len(), FILES);
    let contents: BTreeSet<_> = listed.iter().map(|line| line["sha256"].to_string()).collect();
    assert_eq!(contents.len(), FILES);
    assert!(listed.iter().all(|line| kept.iter().any(|id| line["id"] == id.as_str())), "no id that was not given");
    assert!(kept.len() <= FILES + 8 * kills, "{} were stored for {FILES} files after {kills} kills", kept.len());
    assert!(in_the_middle > 0, "no kill fell into a run");
    println!("{kills} kills, {in_the_middle} of them while files went up; {} were stored", kept.len());
}

#[cfg(unix)]
#[test]
fn an_interrupted_send_says_that_it_is_uncertain() {
    use std::process::{Command, Stdio};
    let stage = Stage::new();
    stage.simulator.set_faults(Faults { delay: Duration::from_secs(4), ..Faults::default() });
    let mut command = stage.bare();
    command.args(["send", "image", "--to", super::TO, "--link", "https://h/a.jpg"]);
    command.args(["--base-url", &stage.simulator.url()]).env("D360_API_KEY", KEY);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while stage.simulator.requests() == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    for _ in 0..2 {
        let ended = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(ended.success());
        std::thread::sleep(Duration::from_millis(200));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("uncertain") && said.contains("--sends"), "{said}");
    let sends = stage.at_360dialog(&["media", "list", "--sends", "--json"]).ends_with(0).json();
    assert_eq!((&sends[0]["state"], &sends[0]["link"]), (&"uncertain".into(), &"https://h/a.jpg".into()));
    let plain = stage.at_360dialog(&["media", "list", "--sends"]).ends_with(0).text();
    assert!(plain.contains("uncertain") && plain.contains("https://h/a.jpg"), "{plain}");
}
