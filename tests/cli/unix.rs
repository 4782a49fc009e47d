//! Links, pipes, signals, and names that only Unix has.

use super::support::run;
use super::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

#[test]
fn names_cannot_speak_to_the_terminal() {
    let dir = Dir::new();
    dir.file("in/\u{1b}[31mred\n\u{202e}gnp.bmp", bmp(8, 8));
    let ran = dir.mediafit(["check", "in"]).ends_with(1);
    assert!(!ran.text().contains('\u{1b}') && !ran.text().contains('\u{202e}'), "{}", ran.text());
    assert!(ran.text().contains("\\u{1b}[31mred\\u{a}"), "{}", ran.text());
    dir.mediafit(["fit", "in", "--out", "out"]).ends_with(0);
    let ran = dir.mediafit(["check", "gone\u{1b}[31m"]).ends_with(2);
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
}

#[test]
fn names_that_are_not_utf_8_are_files_too() {
    let dir = Dir::new();
    let name = OsStr::from_bytes(b"caf\xe9.png");
    dir.file(std::path::Path::new("in").join(name), png(8, 8));
    let ran = dir.mediafit(["fit", "in", "--out", "out", "--json"]).ends_with(0);
    assert_eq!(ran.summary()["written"], 1);
    assert!(dir.join("out").join(name).exists());
    let mut list = b"in/".to_vec();
    list.extend_from_slice(name.as_bytes());
    dir.file("list.txt", &list);
    dir.mediafit(["check", "@list.txt"]).ends_with(0);
}

#[test]
fn links_and_pipes_in_a_folder_neither_hang_nor_end_the_run() {
    let dir = Dir::new();
    dir.file("in/a.png", png(8, 8));
    symlink("nowhere.png", dir.join("in/dangling.png")).unwrap();
    symlink(".", dir.join("in/loop")).unwrap();
    symlink("knot-b.png", dir.join("in/knot-a.png")).unwrap();
    symlink("knot-a.png", dir.join("in/knot-b.png")).unwrap();
    assert!(Command::new("mkfifo").arg(dir.join("in/pipe.png")).status().unwrap().success());
    let ran = dir.mediafit(["check", "in", "--json"]);
    assert!(matches!(ran.code, Some(1 | 2)), "{ran:?}");
    assert_eq!(ran.file("/a.png")["verdict"], "fit");
    assert_eq!(ran.file("/dangling.png")["error"]["kind"], "io");
    assert_eq!(ran.summary()["fit"], 1);
    let ran = dir.mediafit(["fit", "in", "--out", "out"]);
    assert!(matches!(ran.code, Some(1 | 2)), "{ran:?}");
    assert!(dir.join("out/a.png").exists());
    dir.mediafit(["check", "in/pipe.png"]).ends_with(2);
}

#[test]
fn kept_files_are_linked_when_asked() {
    use std::os::unix::fs::MetadataExt;
    let dir = Dir::new();
    let source = dir.file("in/a.png", png(8, 8));
    dir.mediafit(["fit", "in", "--out", "linked", "--link-kept"]).ends_with(0);
    dir.mediafit(["fit", "in", "--out", "copied"]).ends_with(0);
    let number = |path: &std::path::Path| path.metadata().unwrap().ino();
    assert_eq!(number(&dir.join("linked/a.png")), number(&source));
    assert_ne!(number(&dir.join("copied/a.png")), number(&source));
}

#[test]
fn a_link_to_a_source_is_followed_by_link_kept() {
    use std::os::unix::fs::MetadataExt;
    let dir = Dir::new();
    let source = dir.file("elsewhere/real.png", png(8, 8));
    fs::create_dir(dir.join("in")).unwrap();
    symlink("../elsewhere/real.png", dir.join("in/a.png")).unwrap();
    dir.mediafit(["fit", "in", "--out", "deep/er/out", "--link-kept"]).ends_with(0);
    let written = dir.join("deep/er/out/a.png");
    assert!(written.symlink_metadata().unwrap().is_file());
    assert_eq!(written.metadata().unwrap().ino(), source.metadata().unwrap().ino());
}

#[test]
fn a_file_is_taken_under_its_own_name_and_not_that_of_a_link() {
    let dir = Dir::new();
    dir.file("d/ok.png", png(8, 8));
    symlink("ok.png", dir.join("d/link.png")).unwrap();
    symlink("ok.png", dir.join("d/z.png")).unwrap();
    let ran = dir.mediafit(["fit", "d", "--out", "out", "--json"]).ends_with(0);
    assert_eq!(ran.one_file()["path"], "d/ok.png");
    assert!(dir.join("out/ok.png").exists() && !dir.join("out/link.png").exists());
}

#[test]
fn names_that_differ_in_bytes_that_are_not_utf_8_are_two_files() {
    let dir = Dir::new();
    for name in [&b"caf\xe9.png"[..], b"caf\xe8.png"] {
        dir.file(std::path::Path::new("in").join(OsStr::from_bytes(name)), png(8, 8));
    }
    let arguments = ["fit", "in", "--out", "out", "--json"];
    dir.mediafit(arguments).ends_with(0);
    assert_eq!(dir.mediafit(arguments).ends_with(0).summary()["reused"], 2);
    assert_eq!(String::from_utf8(dir.read("out/mediafit.jsonl")).unwrap().lines().count(), 2);
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let dir = Dir::new();
    for number in 0..300 {
        dir.file(format!("in/{number}.png"), png(8, 8));
    }
    for arguments in [&["check", "in", "--json"][..], &["check", "in"], &["man"], &["policy"], &["completions", "bash"]]
    {
        let mut command = dir.command();
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("pipe"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_full_device_is_exit_2() {
    let dir = Dir::new();
    dir.file("a.png", png(8, 8));
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let mut command = dir.command();
    let child = command.args(["check", "a.png"]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output cannot be written"));
}

#[test]
fn an_interrupt_ends_cleanly_with_130_and_a_second_run_goes_on() {
    let dir = Dir::new();
    // Enough work for the signal to come in the midst of it.
    for number in 0..12 {
        dir.file(format!("in/{number}.bmp"), bmp(1000 + number, 1000));
    }
    let mut child = dir
        .command()
        .args(["fit", "in", "--out", "out", "--jobs", "1", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut reader, &mut first).unwrap();
    assert!(first.contains("\"type\":\"file\""), "{first}");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut reader, &mut rest).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{rest}");
    let summary: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!((&summary["type"], &summary["interrupted"]), (&"summary".into(), &true.into()));
    let mut again = dir.command();
    again.args(["fit", "in", "--out", "out", "--json"]);
    let ran = run(again, b"").ends_with(0);
    assert_eq!(ran.summary()["written"], 12);
    assert!(ran.summary()["reused"].as_u64().unwrap() >= 1);
    assert_eq!(hidden(&dir, "out"), Vec::<String>::new());
}

#[test]
fn a_second_interrupt_ends_at_once_and_the_next_run_sweeps() {
    let dir = Dir::new();
    for number in 0..40 {
        dir.file(format!("in/{number}.bmp"), bmp(1200 + number, 1000));
    }
    let mut command = dir.command();
    command.args(["fit", "in", "--out", "out", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut reader, &mut String::new()).unwrap();
    for _ in 0..2 {
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Whatever was left: one more, as the process would have left it in the midst of writing.
    dir.file("out/.mediafit-Qw3rty", "half");
    let again = dir.mediafit(["fit", "in", "--out", "out", "--json"]).ends_with(0);
    assert_eq!(again.summary()["written"], 40);
    assert!(again.summary()["reused"].as_u64().unwrap() >= 1);
    assert_eq!(hidden(&dir, "out"), Vec::<String>::new());
}

/// The command under a limit on the length of the files that it writes, in blocks of 512 bytes.
fn limited(dir: &Dir, blocks: u32, arguments: &[&str]) -> support::Ran {
    let mut command = Command::new("sh");
    // The signal is ignored, as by a shell with a trap, so that the write itself fails: a full disk to the command.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    command.current_dir(dir.path()).args(["-c", &script, env!("CARGO_BIN_EXE_mediafit")]).args(arguments);
    run(command, b"")
}

#[test]
fn a_disk_that_is_full_costs_the_files_that_do_not_fit() {
    let dir = Dir::new();
    let large = [PDF, &[b' '; 9000]].concat();
    dir.file("in/a.png", png(8, 8));
    dir.file("in/b.pdf", &large);
    dir.file("in/c.pdf", PDF);
    let ran = limited(&dir, 16, &["fit", "in", "--out", "out", "--json"]).ends_with(1);
    let failed = &ran.file("b.pdf")["error"];
    assert_eq!(failed["kind"], "io");
    assert!(failed["message"].as_str().unwrap().starts_with("cannot be written: "), "{failed}");
    assert_eq!((&ran.summary()["written"], &ran.summary()["errors"]), (&2.into(), &1.into()));
    assert!(!dir.join("out/b.pdf").exists() && dir.join("out/c.pdf").exists());
    assert_eq!(hidden(&dir, "out"), Vec::<String>::new());
    // With room again only that one is done.
    let again = dir.mediafit(["fit", "in", "--out", "out", "--json"]).ends_with(0);
    assert_eq!((&again.summary()["reused"], dir.read("out/b.pdf")), (&2.into(), large));
}

#[test]
fn a_record_that_cannot_be_written_is_exit_2() {
    let dir = Dir::new();
    for number in 0..12 {
        dir.file(format!("in/{number}.pdf"), PDF);
    }
    let ran = limited(&dir, 2, &["fit", "in", "--out", "out"]).ends_with(2);
    assert!(ran.stderr.starts_with("mediafit: out/mediafit.jsonl: cannot be written: "), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.text().contains("12 files in "), "what was done is told all the same: {}", ran.text());
    assert_eq!(hidden(&dir, "out"), Vec::<String>::new());
    dir.mediafit(["fit", "in", "--out", "out"]).ends_with(0);
}

fn hidden(dir: &Dir, folder: &str) -> Vec<String> {
    let names = fs::read_dir(dir.join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with('.')).collect()
}
