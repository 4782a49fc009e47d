//! Holds the direction of the layers, and what the rooms may not do, by reading the sources.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// Each level may use only levels before it, and rooms of its own level not at all.
const LEVELS: &[&[&str]] = &[
    &["built", "error", "format", "limits", "rule"],
    &["cancel", "digest", "disk"],
    &["facts", "source"],
    &["bytes", "engine"],
    &["boxes", "codec"],
    &["demux"],
    &["policy", "sniff"],
    &["inspect", "judge"],
    &["plan"],
    &["convert"],
    &["verify"],
    &["pipeline", "fault", "message"],
    &["upload", "link", "webhook", "listen"],
    &["report"],
    &["config", "batch", "serve", "simulate"],
];

/// Uses against the direction, and why each of them stands.
const AGAINST: &[(&str, &str)] = &[];

/// Files of more than 500 lines, and why each of them is one subject.
const LONG: &[(&str, &str)] = &[];

/// Rooms that only compute.
const PURE: &[&str] = &["facts", "format", "judge", "message", "plan", "policy", "rule"];

struct File {
    /// Below `src`, with `/`.
    name: String,
    /// The first component: the room.
    room: String,
    text: String,
}

impl File {
    /// Its lines without comments, docs and test modules.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = if self.name.ends_with("/tests.rs") { Some(0) } else { self.text.find("#[cfg(test)]\nmod ") };
        let end = tests.unwrap_or(self.text.len());
        let lines = self.text[..end].lines().enumerate();
        lines.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(index, line)| (index + 1, line))
    }
}

fn sources() -> Vec<File> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
                let room = name.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
                files.push(File { name, room, text: fs::read_to_string(path).unwrap() });
            }
        }
    }
    assert!(files.len() > 80, "only {} files were read", files.len());
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}

fn level(room: &str) -> Option<usize> {
    LEVELS.iter().position(|rooms| rooms.contains(&room))
}

/// The rooms that `line` names by `crate::`, in one path or in braces.
fn rooms_used(line: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        // `$crate::` is the same place; `pub(in crate::…)` uses nothing.
        if line[..at].ends_with("in ") {
            continue;
        }
        let rest = &line[at + "crate::".len()..];
        if let Some(braced) = rest.strip_prefix('{') {
            used.extend(braced.split(',').map(first_name));
        } else {
            used.push(first_name(rest));
        }
    }
    used
}

fn first_name(path: &str) -> String {
    path.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The crate's own re-exports are names of rooms too.
fn room_of(name: &str) -> &str {
    match name {
        "Error" | "ErrorKind" | "Result" => "error",
        other => other,
    }
}

#[test]
fn each_room_uses_only_rooms_before_it() {
    let mut wrong = Vec::new();
    let mut uses = 0;
    for file in sources() {
        if ["lib", "main", "cli"].contains(&file.room.as_str()) {
            continue;
        }
        let own = level(&file.room).unwrap_or_else(|| panic!("{} has no level", file.name));
        for (number, line) in file.code() {
            for name in rooms_used(line) {
                let room = room_of(&name);
                if room == file.room {
                    continue;
                }
                uses += 1;
                let against = AGAINST.iter().any(|(from, to)| *from == file.room && *to == room);
                if level(room).is_none_or(|level| level >= own) && !against {
                    wrong.push(format!("src/{}:{number}: {} uses {name}", file.name, file.room));
                }
            }
        }
    }
    assert!(uses > 200, "only {uses} uses were seen");
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_command_uses_only_the_public_door() {
    for file in sources().iter().filter(|file| ["main", "cli"].contains(&file.room.as_str())) {
        for (number, line) in file.code() {
            let rooms = rooms_used(line);
            let own = rooms.iter().all(|room| room == "cli");
            assert!(own, "src/{}:{number}: uses {rooms:?}; allowed mediafit::", file.name);
        }
    }
}

#[test]
fn pure_rooms_do_no_io_and_know_no_codec() {
    let forbidden = [
        "std::fs",
        "std::io",
        "std::time",
        "std::thread",
        "std::env",
        "std::net",
        "std::process",
        "rayon",
        "use image",
        "DynamicImage",
        "log::",
        "tracing",
        "println!",
        "Instant",
        "SystemTime",
    ];
    check(&forbidden, |file| PURE.contains(&file.room.as_str()));
}

#[test]
fn conversion_knows_nothing_of_the_platform() {
    check(&["crate::policy", "crate::judge", "crate::rule", "Policy", "Verdict"], |file| file.room == "convert");
}

#[test]
fn inspection_decodes_nothing() {
    let decoders =
        ["image::", "heifer", "re_rav1d", "jxl_oxide", "mozjpeg", "webp::", "png::", "moxcms", "crate::convert"];
    let own = |file: &File| file.room == "inspect" || file.room == "sniff";
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| own(file)) {
        for (number, line) in file.code().filter(|(_, line)| line.trim_start().starts_with("use ")) {
            let outside = !line.contains("super::") && !line.contains("self::");
            if outside && decoders.iter().any(|word| line.contains(word)) {
                wrong.push(format!("src/{}:{number}: {}", file.name, line.trim()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_library_neither_prints_nor_ends_the_process() {
    let forbidden = [
        "println!",
        "eprintln!",
        "print!(",
        "eprint!(",
        "dbg!",
        "process::exit",
        "process::abort",
        "env::set_var",
        "env::remove_var",
        "set_hook",
        "set_logger",
        "build_global",
        "set_current_dir",
    ];
    check(&forbidden, |file| !["main", "cli"].contains(&file.room.as_str()));
}

#[test]
fn only_the_servers_are_asynchronous() {
    let servers = ["listen", "serve", "simulate"];
    check(&["async fn", "async move", ".await", "tokio", "axum", "hyper"], |file| {
        !servers.contains(&file.room.as_str())
    });
}

#[test]
fn panics_are_caught_at_the_doors() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    assert!(!text.contains("panic ="), "a decoder's panic must cost its file only");
    let doors: Vec<String> =
        sources().iter().filter(|file| file.text.contains("catch_unwind(")).map(|file| file.name.clone()).collect();
    assert!(doors.contains(&"pipeline.rs".to_owned()), "{doors:?}");
}

#[test]
fn a_file_is_one_subject() {
    let mut long = Vec::new();
    let tests = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")).unwrap();
    let tests = tests.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let tests = tests.map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()));
    for (name, text) in sources().into_iter().map(|file| (file.name, file.text)).chain(tests) {
        let lines = text.lines().count();
        if lines > 500 && !LONG.iter().any(|(file, _)| name.ends_with(file)) {
            long.push(format!("{name}: {lines} lines, allowed 500"));
        }
    }
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn unsafe_code_is_where_it_was_audited() {
    let allowed = ["convert/jpeg/ffi.rs", "convert/jpeg/ffi/", "convert/video/ffi.rs"];
    for file in sources() {
        let audited = allowed.iter().any(|place| file.name.starts_with(place));
        assert!(audited || !file.code().any(|(_, line)| line.contains("unsafe ")), "src/{} has unsafe code", file.name);
    }
}

#[track_caller]
fn check(forbidden: &[&str], applies: impl Fn(&File) -> bool) {
    let mut wrong = Vec::new();
    let mut files = 0;
    for file in sources().iter().filter(|file| applies(file)) {
        files += 1;
        for (number, line) in file.code() {
            // Prose in string literals is not code; paths and calls are what is looked for.
            let hit = forbidden.iter().find(|word| found(line, word));
            if let Some(word) = hit {
                wrong.push(format!("src/{}:{number}: {word}", file.name));
            }
        }
    }
    assert!(files > 4, "only {files} files were read");
    assert_eq!(wrong, Vec::<String>::new());
}

/// Whether `word` stands in `line` as a whole path, not as the end of another name (`crate::judge::image::`).
fn found(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
    })
}
