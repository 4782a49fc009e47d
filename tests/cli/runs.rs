//! What `fit` writes where, what a second run does, and what is in the way.

use super::*;

#[test]
fn fit_writes_below_the_folder_with_the_right_extension() {
    let dir = Dir::new();
    let kept = dir.file("in/deep/er/kept.png", png(8, 8));
    dir.file("in/photo.bmp", bmp(64, 48));
    dir.file("in/letter.pdf", PDF);
    let ran = dir.mediafit(["fit", "in", "--out", "out"]).ends_with(0);
    assert_eq!(dir.read("out/deep/er/kept.png"), fs::read(kept).unwrap());
    assert_eq!(dir.read("out/letter.pdf"), PDF);
    let photo = fs::read_dir(dir.join("out")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let photo: Vec<_> = photo.filter(|name| name.starts_with("photo.")).collect();
    assert!(matches!(photo.as_slice(), [name] if name == "photo.jpg" || name == "photo.png"), "{photo:?}");
    let text = ran.text();
    assert!(text.contains("kept") && text.contains("repaired") && text.contains("3 fit now, 0 not"), "{text}");
    let journal = String::from_utf8(dir.read("out/mediafit.jsonl")).unwrap();
    assert_eq!(journal.lines().filter(|line| line.contains("\"type\":\"file\"")).count(), 3, "{journal}");
}

#[test]
fn a_second_run_redoes_nothing_and_a_changed_source_only_itself() {
    let dir = Dir::new();
    dir.file("in/a.png", png(8, 8));
    dir.file("in/b.bmp", bmp(16, 8));
    let arguments = ["fit", "in", "--out", "out", "--json"];
    assert_eq!(dir.mediafit(arguments).ends_with(0).summary()["reused"], 0);
    let again = dir.mediafit(arguments).ends_with(0);
    assert_eq!((&again.summary()["reused"], &again.summary()["written"]), (&2.into(), &2.into()));
    assert_eq!((&again.file("a.png")["reused"], &again.file("b.bmp")["reused"]), (&true.into(), &true.into()));
    // The record says how each file stands, whichever run saw to it.
    assert!(!String::from_utf8(dir.read("out/mediafit.jsonl")).unwrap().contains("\"reused\""));
    let told = dir.mediafit(["fit", "in", "--out", "out"]).ends_with(0);
    assert!(told.text().contains("  unchanged since the last run: 2"), "{}", told.text());
    dir.file("in/b.bmp", bmp(32, 8));
    let changed = dir.mediafit(arguments).ends_with(0);
    assert_eq!(changed.summary()["reused"], 1);
    assert!(changed.file("b.bmp").get("reused").is_none());
    fs::remove_file(dir.join("out/a.png")).unwrap();
    assert_eq!(dir.mediafit(arguments).ends_with(0).summary()["reused"], 1);
    assert!(dir.join("out/a.png").exists());
    let other = dir.mediafit(["fit", "in", "--out", "out", "--json", "--background", "#000000"]);
    assert_eq!(other.ends_with(0).summary()["reused"], 0);
}

#[test]
fn the_out_folder_and_its_record_are_never_input() {
    let dir = Dir::new();
    dir.file("a.png", png(8, 8));
    dir.file("sub/mediafit.jsonl", "{}");
    for files in [1, 1] {
        let ran = dir.mediafit(["fit", ".", "--out", "out", "--json"]).ends_with(0);
        assert_eq!(ran.summary()["files"], files);
    }
}

#[test]
fn an_out_folder_that_cannot_be_one_is_exit_2() {
    let dir = Dir::new();
    dir.file("a.png", png(8, 8));
    dir.file("occupied", "a file");
    let ran = dir.mediafit(["fit", "a.png", "--out", "occupied"]).ends_with(2);
    assert!(ran.stderr.contains("mediafit: occupied"), "{}", ran.stderr);
    dir.mediafit(["fit", "a.png", "--out", "occupied/below"]).ends_with(2);
    dir.fed(["fit", "-", "--out", "occupied"], &png(8, 8)).ends_with(2);
    assert_eq!(dir.read("occupied"), b"a file");
}

#[test]
fn an_output_that_cannot_be_written_costs_that_file_only() {
    let dir = Dir::new();
    dir.file("in/sub/a.png", png(8, 8));
    dir.file("in/b.png", png(9, 9));
    dir.file("out/sub", "a file where a folder is to be");
    let ran = dir.mediafit(["fit", "in", "--out", "out", "--json"]).ends_with(1);
    assert_eq!(ran.file("a.png")["error"]["kind"], "io");
    assert_eq!((&ran.summary()["errors"], &ran.summary()["written"]), (&1.into(), &1.into()));
    assert!(dir.join("out/b.png").exists());
}

#[test]
fn a_refusal_is_exit_1_with_its_reason_and_writes_nothing() {
    let dir = Dir::new();
    dir.file("in/a.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>");
    let ran = dir.mediafit(["fit", "in", "--out", "out"]).ends_with(1);
    assert!(ran.text().contains("refused") && ran.text().contains("export it as PNG"), "{}", ran.text());
    assert!(!dir.join("out/a.svg").exists());
    let json = dir.mediafit(["fit", "in", "--out", "out", "--json"]).ends_with(1);
    assert_eq!(json.one_file()["refusal"]["reason"], "unsupported");
    assert_eq!((&json.summary()["refused"], &json.summary()["written"]), (&1.into(), &0.into()));
    let quiet = dir.mediafit(["fit", "in", "--out", "out", "--quiet"]).ends_with(1);
    assert!(quiet.stdout.is_empty() && quiet.stderr.contains("refused"), "{}", quiet.stderr);
}

#[test]
fn what_a_killed_run_left_is_swept_and_nothing_else() {
    let dir = Dir::new();
    dir.file("in/a.png", png(8, 8));
    dir.file("in/sub/b.png", png(8, 8));
    let left = [dir.file("out/.mediafit-Abc123", "half"), dir.file("out/sub/.mediafit-zzz999", "half")];
    let others = [
        dir.file("out/.mediafit-notes", "a user's"),
        dir.file("out/.mediafit-Abc123.png", "a user's"),
        dir.file("out/elsewhere/.mediafit-Abc123", "in a folder that this run does not write to"),
        dir.file("in/.mediafit-Abc123", "beside the sources"),
    ];
    let at_work = fs::File::create(dir.join("out/.mediafit-Xyz789")).unwrap();
    at_work.lock().unwrap();
    let ran = dir.mediafit(["fit", "in", "--out", "out", "--json"]).ends_with(0);
    assert_eq!(ran.summary()["written"], 2);
    assert!(left.iter().all(|path| !path.exists()));
    assert!(others.iter().all(|path| path.exists()));
    assert!(dir.join("out/.mediafit-Xyz789").exists(), "another run holds it");
    drop(at_work);
    dir.mediafit(["fit", "in", "--out", "out"]).ends_with(0);
    assert!(!dir.join("out/.mediafit-Xyz789").exists());
}
