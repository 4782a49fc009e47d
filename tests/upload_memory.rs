//! What an upload run takes beyond what conversion needs: at most 64 MiB, however many files there are.
//!
//! 200 files by default; `MEDIAFIT_HEAVY=1` makes it 1000. Linux tells the peak of a process, other systems do not.
#![cfg(all(feature = "cli", feature = "http", feature = "serve", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "other tests use the rest")]
mod support;

use mediafit::simulate::{Faults, Options, Simulator};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::{Dir, JPEG, bmp, png16};

const ALLOWED_KB: u64 = 64 * 1024;

/// The peak of a process's memory in kB, asked until it ends.
fn peak(mut child: Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().strip_suffix("kB")).and_then(|kb| kb.trim().parse().ok());
        peak = peak.max(now.unwrap_or(0));
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{ended}");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

#[test]
fn uploads_take_little_more_than_conversion() {
    let heavy = std::env::var_os("MEDIAFIT_HEAVY").is_some();
    let count: u32 = if heavy { 1000 } else { 200 };
    let dir = Dir::new();
    for number in 0..count {
        let name = |extension: &str| format!("in/{number:04}.{extension}");
        match number % 4 {
            // Kept files stream from disk.
            0 => dir.file(name("txt"), format!("Note {number}.\n").repeat(100_000)),
            1 => dir.file(name("png"), png16(300 + number % 50, 200 + number / 50)),
            2 => dir.file(name("bmp"), bmp(200 + number % 50, 200 + number / 50)),
            _ => {
                let mut bytes = JPEG.to_vec();
                // A comment after the start: another content, as fit as before.
                let comment = format!("note {number:06}");
                let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
                bytes.splice(2..2, [&[0xff, 0xfe][..], &length, comment.as_bytes()].concat());
                dir.file(name("jpg"), bytes)
            }
        };
    }
    let run = |arguments: &[&str]| -> u64 {
        let mut command: Command = dir.command();
        command.args(arguments).args(["--jobs", "2", "--quiet"]).env("D360_API_KEY", "k");
        command.env("XDG_STATE_HOME", dir.join("state")).env_remove("WHATSAPP_TOKEN");
        peak(command.stdout(Stdio::null()).spawn().unwrap())
    };
    let conversion = run(&["fit", "in", "--out", "out"]);
    let simulator = Simulator::start(&Options::default()).unwrap();
    // Uploads slower than conversion: what is converted has to wait.
    simulator.set_faults(Faults { delay: Duration::from_millis(60), ..Faults::default() });
    let url = simulator.url();
    dir.file("fast.toml", "[upload]\nper-second = 0\n");
    let upload = run(&["upload", "in", "--base-url", &url, "--config", "fast.toml"]);
    assert_eq!(simulator.media().len(), count as usize);
    println!("{count} files: conversion {conversion} kB, with uploads {upload} kB");
    assert!(upload <= conversion + ALLOWED_KB, "conversion {conversion} kB, with uploads {upload} kB");
}
