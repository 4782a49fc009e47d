//! The command as scripts meet it: exit codes, JSON Lines, what is written where.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "cli/places.rs"]
mod places;
#[path = "cli/runs.rs"]
mod runs;
#[path = "cli/severity.rs"]
mod severity;
mod support;
#[cfg(unix)]
#[path = "cli/unix.rs"]
mod unix;

use serde_json::Value;
use std::fs;
use support::{Dir, JPEG, JPEG_WITH_GPS, PDF, bmp, png, png16};

const FIELDS: [&str; 15] = [
    "type", "path", "role", "format", "mime", "bytes", "verdict", "findings", "facts", "plan", "steps", "engine",
    "output", "error", "seconds",
];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn rules(file: &Value) -> Vec<&str> {
    file["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[test]
fn every_verb_has_help() {
    let dir = Dir::new();
    for verb in ["check", "fit", "policy", "completions", "man"] {
        let ran = dir.mediafit([verb, "--help"]).ends_with(0);
        assert!(ran.text().contains("Usage: mediafit"), "{verb}");
        assert!(ran.text().lines().all(|line| line.chars().count() <= 100), "{verb}");
    }
    for verb in ["check", "fit", "policy"] {
        let help = dir.mediafit([verb, "--help"]).text();
        assert!(help.contains("Examples:") && help.contains("[default: cloud]"), "{verb}");
    }
    assert!(dir.mediafit(["--help"]).ends_with(0).text().contains("Exit codes:"));
}

#[test]
fn wrong_usage_is_exit_2_and_leaves_stdout_alone() {
    let dir = Dir::new();
    dir.file("a.png", png(8, 8));
    let cases: &[&[&str]] = &[
        &[],
        &["frobnicate"],
        &["check"],
        &["check", "a.png", "--no-such-flag"],
        &["check", "a.png", "--as", "poster"],
        &["check", "a.png", "--repair", "some"],
        &["check", "a.png", "--background", "reddish"],
        &["check", "a.png", "--jobs", "-1"],
        &["check", "a.png", "-"],
        &["fit", "a.png"],
        &["fit", "a.png", "-", "--out", "out"],
        &["fit", "a.png", "--json", "--out", "-"],
        &["completions", "tcsh"],
        &["man", "teleport"],
    ];
    for arguments in cases {
        let ran = dir.mediafit(*arguments).ends_with(2);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{arguments:?}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn version_is_short_or_with_engines() {
    let dir = Dir::new();
    let version = format!("mediafit {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(dir.mediafit(["-V"]).ends_with(0).text(), version);
    for long in [&["--version"][..], &["--version", "--verbose"]] {
        let text = dir.mediafit(long).ends_with(0).text();
        assert!(text.starts_with(&version) && text.contains("mozjpeg") && text.contains("target"), "{text}");
    }
}

#[test]
fn a_fit_picture_is_exit_0_an_unfit_one_exit_1() {
    let dir = Dir::new();
    dir.file("a.png", png(8, 8));
    dir.file("b.bmp", bmp(8, 8));
    dir.mediafit(["check", "a.png"]).ends_with(0);
    let ran = dir.mediafit(["check", "a.png", "b.bmp"]).ends_with(1);
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    let text = ran.text();
    assert!(
        text.contains("b.bmp  image bmp         unfit   → rewrite (") && text.contains("  fail  image.format"),
        "{text}"
    );
    assert!(text.contains("2 files in ") && text.contains("1 fit, 1 unfit, 0 broken"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn json_has_the_fields_of_the_contract_in_their_order() {
    let dir = Dir::new();
    dir.file("a.png", png(8, 6));
    dir.file("b.jpg", JPEG);
    dir.file("c.bmp", bmp(8, 8));
    let out = dir.mediafit(["fit", ".", "--json", "--out", "out"]).ends_with(0);
    assert_eq!(out.json().len(), 4);
    for name in ["a.png", "b.jpg", "c.bmp"] {
        let file = out.file(name);
        let found: Vec<_> = keys(&file).into_iter().filter(|key| FIELDS.contains(key)).collect();
        assert_eq!(found, FIELDS, "{name}");
        assert_eq!(keys(&file["output"]), ["path", "format", "mime", "bytes", "sha256"]);
    }
    let a = out.file("a.png");
    assert_eq!(
        (&a["type"], &a["role"], &a["format"], &a["mime"]),
        (&"file".into(), &"image".into(), &"png".into(), &"image/png".into())
    );
    assert_eq!((&a["verdict"], &a["plan"], &a["error"]), (&"fit".into(), &"keep".into(), &Value::Null));
    let summary = keys(&out.summary()).join(" ");
    assert!(summary.starts_with("type files fit unfit broken written"), "{summary}");
    assert_eq!(out.summary()["written"], 3);
    assert!(out.stderr.contains("3 files in "), "{}", out.stderr);

    let checked = dir.mediafit(["check", "c.bmp", "--json"]).ends_with(1).one_file();
    assert!(checked.get("output").is_none());
    assert_eq!(
        (&checked["verdict"], &checked["plan"], &checked["engine"]),
        (&"unfit".into(), &"rewrite".into(), &"builtin".into())
    );
    let finding = &checked["findings"][0];
    assert_eq!(keys(finding), ["rule", "severity", "found", "allowed", "message"]);
    assert_eq!((&finding["rule"], &finding["severity"]), (&"image.format".into(), &"fail".into()));
}

#[test]
fn the_role_comes_from_as_config_folder_content() {
    let dir = Dir::new();
    dir.file("in/stickers/a.png", png(8, 8));
    dir.file("in/Photos/b.png", png(8, 8));
    dir.file("in/audio/c.png", png(8, 8));
    dir.file("in/avatars/d.png", png(8, 8));
    dir.file("in/letter.pdf", PDF);
    dir.file("mediafit.toml", "[roles]\n\"avatars/*\" = \"sticker\"\n\"*.png\" = \"image\"\n");
    dir.file("empty.toml", "");
    let role = |arguments: &[&str], name: &str| {
        let ran = dir.mediafit(["check", "in", "--json"].iter().chain(arguments));
        ran.file(name)["role"].as_str().unwrap().to_owned()
    };
    let plain = ["--config", "empty.toml"];
    assert_eq!(role(&plain, "a.png"), "sticker");
    assert_eq!(role(&plain, "b.png"), "image");
    assert_eq!(role(&plain, "c.png"), "image");
    assert_eq!(role(&plain, "letter.pdf"), "document");
    assert_eq!(role(&[], "d.png"), "sticker");
    assert_eq!(role(&[], "a.png"), "image");
    assert_eq!(role(&["--as", "document"], "d.png"), "document");
    let ran = dir.mediafit(["check", "in", "--json", "--config", "empty.toml"]);
    assert!(rules(&ran.file("c.png")).contains(&"any.role"));
    let argument = dir.mediafit(["check", "in/stickers", "--json", "--config", "empty.toml"]);
    assert_eq!(argument.one_file()["role"], "sticker");
}

#[test]
fn a_wrong_extension_is_a_warning_that_fit_cures() {
    let dir = Dir::new();
    dir.file("in/a.jpg", png(8, 8));
    let file = dir.mediafit(["check", "in", "--json"]).ends_with(0).one_file();
    assert_eq!((&file["format"], rules(&file)), (&"png".into(), vec!["any.extension"]));
    dir.mediafit(["check", "in", "--strict"]).ends_with(1);
    dir.mediafit(["check", "in", "--strict=false"]).ends_with(0);
    dir.mediafit(["fit", "in", "--out", "out"]).ends_with(0);
    assert_eq!(dir.read("out/a.png"), png(8, 8));
    assert!(!dir.join("out/a.jpg").exists());
}

#[test]
fn metadata_is_stripped_without_loss_unless_it_is_to_be_kept() {
    let dir = Dir::new();
    dir.file("in/a.jpg", JPEG_WITH_GPS);
    let stripped = dir.mediafit(["fit", "in", "--out", "out", "--json"]).ends_with(0).one_file();
    assert_eq!(stripped["steps"], Value::from(vec!["strip-metadata"]));
    let kept = dir.mediafit(["fit", "in", "--out", "out2", "--json", "--keep-metadata"]).ends_with(0).one_file();
    assert_eq!(kept["plan"], "keep");
    assert_eq!(dir.read("out2/a.jpg"), JPEG_WITH_GPS);
    dir.file("mediafit.toml", "[fit]\nkeep-metadata = true\n");
    let configured = dir.mediafit(["check", "in", "--json"]).ends_with(0).one_file();
    assert_eq!(configured["plan"], "keep");
    let overruled = dir.mediafit(["check", "in", "--json", "--keep-metadata=false"]).ends_with(0).one_file();
    assert_eq!(overruled["plan"], "rewrite");
}

#[test]
fn quiet_says_only_what_is_wrong() {
    let dir = Dir::new();
    dir.file("a.png", png(8, 8));
    dir.file("b.bmp", bmp(8, 8));
    let ran = dir.mediafit(["check", "a.png", "b.bmp", "-q", "--platform", "on-premise"]).ends_with(1);
    assert!(ran.stdout.is_empty());
    assert!(ran.stderr.contains("b.bmp") && !ran.stderr.contains("a.png"), "{}", ran.stderr);
    let ran = dir.mediafit(["fit", "a.png", "--out", "out", "--quiet"]).ends_with(0);
    assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{}", ran.stderr);
}

#[test]
fn standard_input_is_checked_and_fitted() {
    let dir = Dir::new();
    let ran = dir.fed(["check", "-", "--json"], &bmp(8, 8)).ends_with(1);
    assert_eq!((&ran.one_file()["path"], &ran.one_file()["format"]), (&"-".into(), &"bmp".into()));
    assert_eq!(ran.summary()["files"], 1);
    dir.fed(["check", "-", "--deep"], &png(8, 8)).ends_with(0);
    dir.fed(["check", "-"], b"").ends_with(1);

    let ran = dir.fed(["fit", "-", "--out", "out", "--json"], &png16(16, 16)).ends_with(0);
    let path = ran.one_file()["output"]["path"].as_str().unwrap().to_owned();
    assert!(path.starts_with("out") && dir.join(&path).file_stem().unwrap() == "stdin", "{path}");
    dir.mediafit(["check", &path]).ends_with(0);
    assert!(dir.join("out/mediafit.jsonl").exists());

    let ran = dir.fed(["fit", "-", "--out", "-", "--as", "sticker"], &png(40, 20)).ends_with(0);
    assert_eq!(ran.stdout.get(8..12), Some(&b"WEBP"[..]));
    dir.fed(["check", "-", "--as", "sticker"], &ran.stdout).ends_with(0);
}

#[test]
fn one_file_goes_to_standard_output_unchanged_or_repaired() {
    let dir = Dir::new();
    dir.file("a.jpg", JPEG);
    dir.file("b.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    let ran = dir.mediafit(["fit", "a.jpg", "--out", "-"]).ends_with(0);
    assert_eq!(ran.stdout, JPEG);
    assert!(ran.stderr.contains("kept"), "{}", ran.stderr);
    let ran = dir.mediafit(["fit", "b.svg", "--out", "-"]).ends_with(1);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("b.svg: refused"), "{}", ran.stderr);
    let ran = dir.mediafit(["fit", ".", "--out", "-"]).ends_with(2);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("one file"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_list_names_paths_from_the_current_folder() {
    let dir = Dir::new();
    dir.file("a b.png", png(8, 8));
    dir.file("in/c.jpg", JPEG);
    dir.file("lists/list.txt", "a b.png\r\n\nin\n");
    let ran = dir.mediafit(["check", "@lists/list.txt", "--json"]).ends_with(0);
    assert_eq!(ran.summary()["files"], 2);
    let ran = dir.fed(["check", "@-", "--json"], b"in/c.jpg\n").ends_with(0);
    assert_eq!(ran.one_file()["path"], "in/c.jpg");
    dir.mediafit(["check", "@nowhere.txt"]).ends_with(2);
}

#[test]
fn no_file_is_exit_2_and_a_missing_one_too_but_the_rest_goes_on() {
    let dir = Dir::new();
    fs::create_dir(dir.join("empty")).unwrap();
    let ran = dir.mediafit(["check", "empty"]).ends_with(2);
    assert!(ran.stderr.contains("no file found") && ran.stdout.is_empty());
    dir.file(".hidden.png", png(8, 8));
    dir.mediafit(["check", "."]).ends_with(2);
    dir.mediafit(["check", ".", "--hidden"]).ends_with(0);
    dir.file("a.png", png(8, 8));
    let ran = dir.mediafit(["check", "gone.jpg", "a.png", "--json"]).ends_with(2);
    assert!(ran.stderr.contains("mediafit: gone.jpg: "), "{}", ran.stderr);
    assert_eq!(ran.one_file()["path"], "a.png");
}

#[test]
fn gitignore_is_followed_only_when_asked() {
    let dir = Dir::new();
    dir.file("in/.gitignore", "*.png\n");
    dir.file("in/a.png", png(8, 8));
    dir.file("in/b.jpg", JPEG);
    assert_eq!(dir.mediafit(["check", "in", "--json"]).ends_with(0).summary()["files"], 2);
    let ran = dir.mediafit(["check", "in", "--json", "--respect-gitignore"]).ends_with(0);
    assert_eq!(ran.summary()["files"], 1);
}

#[test]
fn the_policy_is_printed_and_can_be_replaced() {
    let dir = Dir::new();
    let cloud = dir.mediafit(["policy"]).ends_with(0);
    assert!(cloud.stderr.is_empty());
    let policy: Value = serde_json::from_slice(&cloud.stdout).unwrap();
    assert_eq!(policy["image"]["size"]["hard_bytes"], 5_242_880);
    let ended = dir.mediafit(["policy", "--platform", "on-premise", "--json"]).ends_with(0);
    assert_eq!(ended.text().lines().count(), 1);
    assert_eq!(ended.stderr.matches("October 2025").count(), 1);

    dir.file("small.json", "{\"image\":{\"size\":{\"hard_bytes\":200,\"target_bytes\":100}}}");
    dir.file("a.jpg", JPEG);
    let file = dir.mediafit(["check", "a.jpg", "--json", "--policy", "small.json"]).ends_with(1).one_file();
    assert!(rules(&file).contains(&"image.size"));
    dir.file("conf/mediafit.toml", "policy = \"rules.json\"\n");
    dir.file("conf/rules.json", "{\"image\":{\"bit_depth\":7}}");
    let configured = dir.mediafit(["policy", "--config", "conf/mediafit.toml"]).ends_with(0);
    let policy: Value = serde_json::from_slice(&configured.stdout).unwrap();
    assert_eq!(policy["image"]["bit_depth"], 7);
    // What it prints can be read again.
    dir.file("whole.json", &configured.stdout);
    assert_eq!(dir.mediafit(["policy", "--policy", "whole.json"]).ends_with(0).stdout, configured.stdout);
    dir.file("wrong.json", "{\"image\":{\"colour\":1}}");
    let ran = dir.mediafit(["policy", "--policy", "wrong.json"]).ends_with(2);
    assert!(ran.stderr.starts_with("mediafit: wrong.json: "), "{}", ran.stderr);
}

#[test]
fn a_wrong_configuration_is_exit_2_with_its_place() {
    let dir = Dir::new();
    dir.file("a.png", png(8, 8));
    dir.mediafit(["check", "a.png", "--config", "gone.toml"]).ends_with(2);
    dir.file("mediafit.toml", "[fit]\nrepare = \"all\"\n");
    let ran = dir.mediafit(["check", "a.png"]).ends_with(2);
    assert!(ran.stderr.contains("line 2") && ran.stderr.contains("repare"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1);
}

#[test]
fn deep_finds_damage_that_no_header_shows() {
    let dir = Dir::new();
    let mut cut = png(64, 64);
    // The first bytes of the compressed pixels.
    let data = cut.windows(4).position(|window| window == b"IDAT").unwrap() + 6;
    cut[data..data + 20].fill(0xff);
    dir.file("a.png", &cut);
    let deep = dir.mediafit(["check", "--deep", "a.png", "--json"]).ends_with(1).one_file();
    assert_eq!(deep["verdict"], "broken");
    let fit = dir.mediafit(["fit", "a.png", "--out", "out", "--json"]).ends_with(1).one_file();
    assert_eq!((&fit["verdict"], &fit["refusal"]["reason"]), (&"broken".into(), &"broken".into()));
}

#[test]
fn an_empty_file_and_a_cut_one_have_one_clear_line_each() {
    let dir = Dir::new();
    dir.file("empty.jpg", "");
    dir.file("cut.jpg", &JPEG[..JPEG.len() / 2]);
    let ran = dir.mediafit(["check", ".", "--json"]).ends_with(1);
    assert_eq!(rules(&ran.file("empty.jpg")), ["any.empty"]);
    assert_eq!(ran.file("cut.jpg")["verdict"], "broken");
    assert_eq!(ran.summary()["broken"], 2);
}

#[test]
fn completions_and_manual_pages_are_printed() {
    let dir = Dir::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(dir.mediafit(["completions", shell]).ends_with(0).text().contains("mediafit"), "{shell}");
    }
    assert!(dir.mediafit(["man"]).ends_with(0).text().contains(".TH mediafit 1"));
    assert!(dir.mediafit(["man", "fit"]).ends_with(0).text().contains("\\-\\-link\\-kept"));
}
