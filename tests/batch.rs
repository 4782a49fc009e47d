//! A run over many files: names, duplicates, a second run, a killed run, and that nothing else is touched.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod pictures;

use image::ImageFormat;
use mediafit::batch::{Batch, Job, Observer, WalkOptions, walk};
use mediafit::{Cancel, Fitter, Options, Policy, Record, Repair, Summary};
use pictures::{encoded, photo, read};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

/// A temporary folder with inputs in `in`, and outputs in `out`.
struct Place(tempfile::TempDir);

impl Place {
    fn new(files: &[(&str, Vec<u8>)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.input()).unwrap();
        for (name, bytes) in files {
            place.put(name, bytes);
        }
        place
    }

    fn input(&self) -> PathBuf {
        self.0.path().join("in")
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.input().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn jobs(&self) -> Vec<Job> {
        let found =
            walk(&[self.input()], &WalkOptions { exclude: vec![self.out()], ..WalkOptions::default() }).unwrap();
        assert!(found.errors.is_empty(), "{:?}", found.errors);
        found.jobs
    }

    fn fit(&self) -> (Summary, BTreeMap<String, Record>) {
        self.fit_with(&Batch::new(Fitter::new(Policy::cloud())))
    }

    fn fit_with(&self, batch: &Batch) -> (Summary, BTreeMap<String, Record>) {
        let seen = Seen::default();
        let summary = batch.fit(&self.jobs(), &self.out(), &seen).unwrap();
        let name = |record: &Record| Path::new(&record.path).strip_prefix(self.input()).unwrap().display().to_string();
        let records = seen.0.into_inner().unwrap();
        assert_eq!(records.len() as u64, summary.files);
        (summary, records.into_iter().map(|record| (name(&record), record)).collect())
    }
}

#[derive(Default)]
struct Seen(Mutex<Vec<Record>>);

impl Observer for Seen {
    fn finished(&self, record: &Record) {
        self.0.lock().unwrap().push(record.clone());
    }
}

/// All files below `folder`: relative path → bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().display().to_string(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The outputs of `place`, the run's own record apart.
fn outputs(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let mut found = contents(&place.out());
    assert!(found.remove("mediafit.jsonl").is_some());
    found
}

fn names(place: &Place) -> Vec<String> {
    outputs(place).into_keys().collect()
}

fn bmp(seed: u64) -> Vec<u8> {
    encoded(photo(60, 40, 10, seed), ImageFormat::Bmp)
}

fn png(seed: u64) -> Vec<u8> {
    encoded(photo(60, 40, 10, seed), ImageFormat::Png)
}

fn heic() -> Vec<u8> {
    read("image/unfit__8-bit__image.format.heic")
}

#[test]
fn files_of_one_content_give_one_output() {
    let place = Place::new(&[("a.bmp", bmp(1)), ("b/c.bmp", bmp(1)), ("d.bmp", bmp(1)), ("e.bmp", bmp(2))]);
    let (summary, records) = place.fit();
    assert_eq!((summary.files, summary.written, summary.repaired, summary.errors), (4, 4, 4, 0));
    let found = outputs(&place);
    assert_eq!(found["a.png"], found["b/c.png"]);
    assert_eq!(found["a.png"], found["d.png"]);
    assert_ne!(found["a.png"], found["e.png"]);
    let hash = |name: &str| records[name].output.as_ref().unwrap().sha256.clone();
    assert_eq!((hash("a.bmp"), hash("a.bmp")), (hash("b/c.bmp"), hash("d.bmp")));
    let source = |name: &str| records[name].source.as_ref().unwrap().sha256.clone();
    assert_eq!(source("a.bmp"), source("d.bmp"), "twins are known by their content");
}

#[test]
fn names_that_clash_do_not_depend_on_the_order_of_work() {
    let files = [
        ("a/b.heic", heic()),
        ("a/b.png", png(3)),
        ("a/b.bmp", bmp(4)),
        ("a/B.jpg", read("image/fit__baseline.jpg")),
        ("c.bmp", bmp(5)),
        ("c.png", png(6)),
        ("d.tar.bmp", bmp(7)),
        ("e", read("image/fit__no-extension")),
        ("e.jpg", read("image/fit__progressive.jpg")),
        ("f.jpg", png(8)),
        ("f.png", png(9)),
    ];
    let place = Place::new(&files);
    let mut all = Vec::new();
    for (jobs, turned) in [(1, false), (4, false), (4, true), (1, true)] {
        let _ = fs::remove_dir_all(place.out());
        let batch = Batch { jobs, ..Batch::new(Fitter::new(Policy::cloud())) };
        let mut list = place.jobs();
        if turned {
            // The order in which the caller lists them decides nothing.
            list.reverse();
        }
        let summary = batch.fit(&list, &place.out(), &()).unwrap();
        assert_eq!((summary.written, summary.errors), (11, 0));
        all.push(outputs(&place));
    }
    let listed: Vec<&String> = all[0].keys().collect();
    for other in &all[1..] {
        assert_eq!(other.keys().collect::<Vec<_>>(), listed);
        let differing: Vec<&String> = listed.iter().copied().filter(|name| other[*name] != all[0][*name]).collect();
        assert!(differing.is_empty(), "outputs differ in their bytes: {differing:?}");
    }
    assert_eq!(listed.len(), 11, "{listed:?}");
    let lower: std::collections::BTreeSet<String> = listed.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(lower.len(), 11, "names that some file systems take for one: {listed:?}");
    assert!(listed.iter().any(|name| *name == "d.tar.png"), "{listed:?}");
}

#[test]
fn a_second_run_redoes_nothing_that_is_whole() {
    let broken = read("image/broken__no-iend__image.truncated.png");
    let place = Place::new(&[
        ("a.bmp", bmp(1)),
        ("b.png", png(2)),
        ("c.png", broken),
        ("d.svg", read("image/unfit__plain__image.format.svg")),
    ]);
    let (first, _) = place.fit();
    assert_eq!((first.written, first.reused, first.refused), (2, 0, 2));
    let before = outputs(&place);
    let times = |place: &Place| {
        ["a.png", "b.png"].map(|name| fs::metadata(place.out().join(name)).unwrap().modified().unwrap())
    };
    let old = times(&place);
    let (second, records) = place.fit();
    assert_eq!((second.files, second.written, second.reused, second.refused), (4, 2, 4, 2));
    assert!(records.values().all(|record| record.reused));
    assert_eq!((second.kept, second.repaired, second.bytes_out), (first.kept, first.repaired, first.bytes_out));
    assert_eq!(times(&place), old, "nothing was written again");
    assert_eq!(outputs(&place), before);
    assert_eq!(records.len(), 4, "what is reused is reported too");
}

#[test]
fn what_changed_is_done_again() {
    let place = Place::new(&[("a.bmp", bmp(1)), ("b.bmp", bmp(2)), ("c.bmp", bmp(3)), ("d.png", png(4))]);
    place.fit();
    let reused = |place: &Place| place.fit().0.reused;
    assert_eq!(reused(&place), 4);

    place.put("a.bmp", &bmp(11));
    let touched = fs::File::options().write(true).open(place.input().join("a.bmp")).unwrap();
    touched.set_modified(SystemTime::now() + Duration::from_secs(5)).unwrap();
    let before = outputs(&place);
    assert_eq!(reused(&place), 3, "a source of another content");
    assert_ne!(outputs(&place)["a.png"], before["a.png"]);

    fs::remove_file(place.out().join("b.png")).unwrap();
    assert_eq!(reused(&place), 3, "a missing output");
    fs::write(place.out().join("c.png"), b"something else").unwrap();
    assert_eq!(reused(&place), 3, "an output that is not as recorded");
    assert_eq!(outputs(&place)["c.png"], before["c.png"]);

    let options = Options { background: [0; 3], ..Options::default() };
    let other = Batch::new(Fitter::new(Policy::cloud()).with_options(options));
    assert_eq!(place.fit_with(&other).0.reused, 0, "other options");
    assert_eq!(place.fit_with(&other).0.reused, 4);
    let policy = Policy::cloud().overridden(r#"{"image":{"size":{"target_bytes":4000000}}}"#).unwrap();
    assert_eq!(place.fit_with(&Batch::new(Fitter::new(policy))).0.reused, 0, "another policy");

    place.put("e.bmp", &bmp(6));
    let options = Options { repair: Repair::Lossless, ..Options::default() };
    let (summary, _) = place.fit_with(&Batch::new(Fitter::new(Policy::cloud()).with_options(options)));
    assert_eq!((summary.files, summary.written), (5, 5));
}

#[test]
fn a_touched_source_of_known_content_is_reused() {
    // Twins are hashed, so that their content is known when only their times change.
    let place = Place::new(&[("a.bmp", bmp(1)), ("b.bmp", bmp(1))]);
    place.fit();
    for name in ["a.bmp", "b.bmp"] {
        let file = fs::File::options().write(true).open(place.input().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(90_000)).unwrap();
    }
    assert_eq!(place.fit().0.reused, 2);
}

#[test]
fn a_killed_run_goes_on() {
    let place = Place::new(&[("a.bmp", bmp(1)), ("b.bmp", bmp(2)), ("c.bmp", bmp(3))]);
    place.fit();
    let before = outputs(&place);
    let journal = place.out().join("mediafit.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    assert_eq!(text.lines().count(), 3);
    let second_end = text.match_indices('\n').nth(1).unwrap().0;
    for cut in [text.len() - 40, second_end + 1, second_end, second_end - 30, 10, 0] {
        fs::write(&journal, &text[..cut]).unwrap();
        let whole = text[..cut].lines().filter(|line| serde_json::from_str::<Record>(line).is_ok()).count() as u64;
        let (summary, _) = place.fit();
        assert_eq!((summary.written, summary.reused), (3, whole), "cut at {cut}");
        assert_eq!(outputs(&place), before);
        let lines = fs::read_to_string(&journal).unwrap();
        assert_eq!(lines.lines().filter(|line| serde_json::from_str::<Record>(line).is_ok()).count(), 3, "{lines}");
    }
    fs::write(&journal, b"\xff\xfe not a record\n{\"type\":\"summary\"}\n{}\n[]\n").unwrap();
    assert_eq!(place.fit().0.written, 3, "a foreign record is no reason to stop");
}

struct Stopping<'a>(&'a Cancel);

impl Observer for Stopping<'_> {
    fn finished(&self, _: &Record) {
        self.0.cancel();
    }
}

#[test]
fn a_cancelled_run_leaves_whole_files_only_and_goes_on() {
    let files: Vec<(String, Vec<u8>)> = (0..24).map(|index| (format!("{index:02}.bmp"), bmp(index))).collect();
    let named: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let place = Place::new(&named);
    let cancel = Cancel::default();
    let batch = Batch { jobs: 2, ..Batch::new(Fitter::new(Policy::cloud()).with_cancel(cancel.clone())) };
    let summary = batch.fit(&place.jobs(), &place.out(), &Stopping(&cancel)).unwrap();
    assert!(summary.interrupted);
    assert!((1..24).contains(&summary.written), "{summary:?}");
    let left = names(&place);
    assert_eq!(left.len() as u64, summary.written, "{left:?}");
    assert!(left.iter().all(|name| name.ends_with(".png") && !name.contains(".mediafit-")), "{left:?}");
    let (summary, _) = place.fit();
    assert!(!summary.interrupted);
    assert_eq!((summary.written, summary.reused), (24, left.len() as u64));

    let before_it_starts = Cancel::default();
    before_it_starts.cancel();
    let batch = Batch::new(Fitter::new(Policy::cloud()).with_cancel(before_it_starts));
    let elsewhere = place.0.path().join("elsewhere");
    let summary = batch.fit(&place.jobs(), &elsewhere, &()).unwrap();
    assert!(summary.interrupted && summary.written == 0);
    assert!(contents(&elsewhere).keys().all(|name| name == "mediafit.jsonl"));
}

#[test]
fn an_output_folder_inside_the_input_is_not_input() {
    let place = Place::new(&[("a.bmp", bmp(1)), ("b.png", png(2))]);
    let out = place.input().join("fit");
    let run = || {
        let options = WalkOptions { exclude: vec![out.clone()], ..WalkOptions::default() };
        fs::create_dir_all(&out).unwrap();
        let found = walk(&[place.input()], &options).unwrap();
        Batch::new(Fitter::new(Policy::cloud())).fit(&found.jobs, &out, &()).unwrap()
    };
    assert_eq!((run().files, run().files, run().reused), (2, 2, 2));
    assert_eq!(contents(&out).into_keys().collect::<Vec<_>>(), ["a.png", "b.png", "mediafit.jsonl"]);
}

#[test]
fn a_bad_file_among_good_ones_costs_itself_only() {
    let place = Place::new(&[
        ("a.bmp", bmp(1)),
        ("broken.jpg", read("image/broken__cut-in-scan__image.truncated.jpg")),
        ("bomb.png", read("image/unfit__bomb__any.limit.png")),
        ("empty.jpg", Vec::new()),
        ("hidden-damage.png", read("image/fit__image-data-too-short.png")),
        ("sub/b.png", png(2)),
    ]);
    let mut jobs = place.jobs();
    let gone = place.input().join("gone.png");
    jobs.push(Job { path: gone.clone(), relative: "gone.png".into(), ask: mediafit::Ask::Content });
    let seen = Seen::default();
    let summary = Batch::new(Fitter::new(Policy::cloud())).fit(&jobs, &place.out(), &seen).unwrap();
    assert_eq!((summary.files, summary.written, summary.refused, summary.errors), (7, 2, 4, 1), "{summary:?}");
    assert_eq!(names(&place), ["a.png", "sub/b.png"]);
    let records = seen.0.into_inner().unwrap();
    let failed = records.iter().find(|record| Path::new(&record.path) == gone).unwrap();
    assert_eq!(failed.error.as_ref().unwrap().kind, "io");
    assert!(records.iter().filter(|record| record.plan == "refuse").all(|record| record.refusal.is_some()));
}

#[test]
fn sources_stay_as_they_are() {
    let place = Place::new(&[
        ("a.bmp", bmp(1)),
        ("gps.jpg", read("image/fit__gps__image.metadata.jpg")),
        ("kept.png", png(2)),
        ("wrong.png", read("image/fit__baseline.jpg")),
        ("documents/notes.md", b"# notes\n".to_vec()),
        ("stickers/s.png", png(3)),
    ]);
    let before = contents(&place.input());
    for link_kept in [false, true] {
        let _ = fs::remove_dir_all(place.out());
        let (summary, _) = place.fit_with(&Batch { link_kept, ..Batch::new(Fitter::new(Policy::cloud())) });
        assert_eq!((summary.written, summary.errors), (6, 0));
        assert_eq!(contents(&place.input()), before);
        // A second run over changed options must not write through a link either.
        let options = Options { repair: Repair::All, ..Options::default() };
        place.fit_with(&Batch::new(Fitter::new(Policy::cloud()).with_options(options)));
        assert_eq!(contents(&place.input()), before);
    }
    assert_eq!(names(&place), ["a.png", "documents/notes.txt", "gps.jpg", "kept.png", "stickers/s.webp", "wrong.jpg"],);
}

#[test]
fn memory_that_is_short_slows_a_run_and_ends_nothing() {
    let files: Vec<(String, Vec<u8>)> = (0..12).map(|index| (format!("{index:02}.bmp"), bmp(index))).collect();
    let named: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let place = Place::new(&named);
    let batch = Batch { jobs: 4, memory_bytes: 1, ..Batch::new(Fitter::new(Policy::cloud())) };
    assert_eq!(place.fit_with(&batch).0.written, 12);
}
