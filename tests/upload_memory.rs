//! What an upload run takes beyond what conversion needs: at most 64 MiB, however many files there are.
//!
//! 1,000 files by default; `MEDIAFIT_HEAVY=1` makes it 4,000. Linux tells the peak of a process, other systems do not.
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

/// File number `number`, unlike every other: pictures that are kept and that are not, sound, videos, documents.
fn file(number: u32) -> (&'static str, Vec<u8>) {
    // Nobody looks into a box of this type.
    let with_free_box = |name: &str| {
        let mut bytes = testdata(name);
        bytes.extend_from_slice(&[0, 0, 0, 16]);
        bytes.extend_from_slice(format!("free{number:08}").as_bytes());
        bytes
    };
    match number % 20 {
        // Kept files stream from disk.
        0 | 1 => ("txt", format!("Note {number}.\n").repeat(50_000).into_bytes()),
        2..=4 => ("png", png16(200 + number % 50, 100 + number / 50)),
        5..=7 => ("bmp", bmp(200 + number % 50, 100 + number / 50)),
        8 | 9 => ("pdf", [&testdata("document/fit__one-page.pdf")[..], format!("% {number}\n").as_bytes()].concat()),
        10 => ("heic", with_free_box("image/unfit__8-bit__image.format.heic")),
        11 | 12 => ("mov", with_free_box("video/unfit__h264-aac__video.brand.mov")),
        13 => ("mp4", with_free_box("video/fit__h264-main-aac.mp4")),
        14 => ("m4a", with_free_box("audio/fit__aac.m4a")),
        15 => ("wav", wav(4000 + number)),
        _ => {
            let mut bytes = JPEG.to_vec();
            // A comment after the start: another content, as fit as before.
            let comment = format!("note {number:06}");
            let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
            bytes.splice(2..2, [&[0xff, 0xfe][..], &length, comment.as_bytes()].concat());
            ("jpg", bytes)
        }
    }
}

fn testdata(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)).unwrap()
}

/// So many samples of a tone, 8,000 a second: not fit, and different for each count.
fn wav(samples: u32) -> Vec<u8> {
    let data: Vec<u8> =
        (0..samples).flat_map(|at| (i16::try_from(at % 40).unwrap() * 500 - 10_000).to_le_bytes()).collect();
    let bytes = u32::try_from(data.len()).unwrap();
    let mut file = [b"RIFF", &(bytes + 36).to_le_bytes()[..], b"WAVEfmt ", &16_u32.to_le_bytes()].concat();
    file.extend([1_u16, 1].iter().flat_map(|word| word.to_le_bytes()));
    file.extend([8000_u32, 16_000].iter().flat_map(|word| word.to_le_bytes()));
    file.extend([2_u16, 16].iter().flat_map(|word| word.to_le_bytes()));
    file.extend([b"data", &bytes.to_le_bytes()[..], &data].concat());
    file
}

#[test]
fn uploads_take_little_more_than_conversion() {
    let heavy = std::env::var_os("MEDIAFIT_HEAVY").is_some();
    let count: u32 = if heavy { 4000 } else { 1000 };
    let dir = Dir::new();
    for number in 0..count {
        let (extension, bytes) = file(number);
        dir.file(format!("in/{number:04}.{extension}"), bytes);
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
    simulator.set_faults(Faults { delay: Duration::from_millis(40), ..Faults::default() });
    let url = simulator.url();
    dir.file("fast.toml", "[upload]\nper-second = 0\n");
    let upload = run(&["upload", "in", "--base-url", &url, "--config", "fast.toml"]);
    // What is made of the HEIC and of the MOV is the same each time, and uploaded once.
    let distinct = count - 3 * (count / 20) + 2;
    assert_eq!(simulator.media().len(), distinct as usize);
    println!("{count} files: conversion {conversion} kB, with uploads {upload} kB");
    assert!(upload <= conversion + ALLOWED_KB, "conversion {conversion} kB, with uploads {upload} kB");
}
