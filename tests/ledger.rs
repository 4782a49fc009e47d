//! The ledger: one upload a content, through expiry, several processes and interrupted ones.
#![cfg(all(feature = "http", feature = "serve"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod platform;
#[path = "ledger/renewal.rs"]
mod renewal;

use mediafit::batch::{Batch, Job, UploadObserver, UploadRecord, renew};
use mediafit::simulate::{Fault, Faults};
use mediafit::upload::ledger::SendNote;
use mediafit::upload::ledger::{Clock, Filter, State};
use mediafit::upload::{Api, Courier, Ledger, MemoryUploader, Sender, Uploader};
use mediafit::{Ask, ErrorKind, Fitter, Policy};
use platform::{APIS, client, fault, simulator, text};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

const DAY: u64 = 24 * 60 * 60;

/// A clock that can be moved, and the switch that moves it.
fn clock() -> (Clock, Arc<AtomicU64>) {
    let ahead = Arc::new(AtomicU64::new(0));
    let by = Arc::clone(&ahead);
    (Arc::new(move || SystemTime::now() + Duration::from_secs(by.load(Ordering::Relaxed))), ahead)
}

#[test]
fn content_is_uploaded_again_only_when_its_id_nears_its_end() {
    for (api, days) in [(Api::OnPremise, 14), (Api::Dialog360, 30), (Api::Meta, 30)] {
        let simulator = simulator();
        let client = client(&simulator, api);
        let (clock, ahead) = clock();
        let ledger = Ledger::in_memory().unwrap().with_clock(clock).with_margin(Duration::from_secs(DAY));
        let courier = Courier::new(&client, &ledger);
        let first = courier.deliver(&text(1), Some("a.txt"), Some("a.txt")).unwrap();
        assert!(!first.reused);
        let life = first.entry.expires_at.unwrap() - first.entry.uploaded_at;
        assert_eq!(life, i64::try_from(days * DAY).unwrap());
        // Within the margin's reach it is known; a second before the margin too, and not from then on.
        for (seconds, reused) in [(0, true), ((days - 1) * DAY - 5, true), ((days - 1) * DAY + 5, false)] {
            ahead.store(seconds, Ordering::Relaxed);
            let again = courier.deliver(&text(1), None, None).unwrap();
            assert_eq!(again.reused, reused, "{api:?} after {seconds} s");
            assert_eq!(again.entry.id == first.entry.id, reused);
        }
        assert_eq!(simulator.media().len(), 2);
    }
}

#[test]
fn an_expired_id_is_gone_at_the_platform_and_refreshed_before() {
    let simulator = simulator();
    let client = client(&simulator, Api::Meta);
    let (clock, ahead) = clock();
    let ledger = Ledger::in_memory().unwrap().with_clock(clock);
    let courier = Courier::new(&client, &ledger);
    let old = courier.deliver(&text(7), Some("note.txt"), None).unwrap().entry;
    let soon = Filter { expiring_within: Some(Duration::from_secs(2 * DAY)), ..Filter::default() };
    assert!(ledger.list(&soon).unwrap().is_empty());
    ahead.store(29 * DAY, Ordering::Relaxed);
    simulator.advance(Duration::from_secs(29 * DAY));
    let due = ledger.list(&soon).unwrap();
    assert_eq!(due.iter().map(|entry| &entry.id).collect::<Vec<_>>(), [&old.id]);
    let new = renew(&Fitter::new(Policy::cloud()), &courier, &due[0]).unwrap();
    assert_ne!(new.id, old.id);
    assert_eq!((&new.sha256, &new.mime, &new.name), (&old.sha256, &old.mime, &old.name));
    assert!(ledger.list(&soon).unwrap().is_empty(), "the old id is replaced");
    assert_eq!(courier.deliver(&text(7), None, None).unwrap().entry.id, new.id);
    ahead.store(31 * DAY, Ordering::Relaxed);
    simulator.advance(Duration::from_secs(2 * DAY));
    assert!(client.info(&old.id).is_err());
    assert!(client.info(&new.id).is_ok());
}

#[test]
fn ids_are_of_one_host_and_number() {
    let ledger = Ledger::in_memory().unwrap();
    let (one, other) = (simulator(), simulator());
    let ids: BTreeSet<String> = APIS
        .iter()
        .flat_map(|api| [client(&one, *api), client(&other, *api)])
        .map(|client| {
            let delivered = Courier::new(&client, &ledger).deliver(&text(3), None, None).unwrap();
            assert!(!delivered.reused);
            format!("{} {}", client.host(), delivered.entry.id)
        })
        .collect();
    assert_eq!(ids.len(), 6);
    assert_eq!(ledger.list(&Filter::default()).unwrap().len(), 6);
}

#[test]
fn equal_content_of_many_threads_is_uploaded_once() {
    let uploader = MemoryUploader::default();
    let ledger = Ledger::in_memory().unwrap();
    let courier = Courier::new(&uploader, &ledger);
    let reused = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let delivered = courier.deliver(&text(5), None, None).unwrap();
                reused.fetch_add(u64::from(delivered.reused), Ordering::Relaxed);
            });
        }
    });
    assert_eq!((uploader.count(), reused.into_inner()), (1, 15));
}

#[test]
fn several_openings_share_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/ledger.sqlite");
    let uploader = MemoryUploader::default();
    std::thread::scope(|scope| {
        for worker in 0..6 {
            let (path, uploader) = (path.clone(), uploader.clone());
            scope.spawn(move || {
                let ledger = Ledger::open(&path).unwrap();
                let courier = Courier::new(&uploader, &ledger);
                for number in 0..20 {
                    courier.deliver(&text(number + worker % 2), None, None).unwrap();
                }
            });
        }
    });
    let ledger = Ledger::open(&path).unwrap();
    let entries = ledger.list(&Filter::default()).unwrap();
    let contents: BTreeSet<&String> = entries.iter().map(|entry| &entry.sha256).collect();
    assert_eq!((entries.len(), contents.len()), (21, 21), "each content stands there once");
    // What several processes uploaded at the same moment was deleted but for one.
    assert_eq!(uploader.count(), 21);
}

#[test]
fn a_file_that_is_no_ledger_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    std::fs::write(&path, b"not a database, but something dear to somebody").unwrap();
    assert_eq!(Ledger::open(&path).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(std::fs::read(&path).unwrap(), b"not a database, but something dear to somebody");
}

#[derive(Default)]
struct Seen(Mutex<Vec<UploadRecord>>);

impl UploadObserver for Seen {
    fn finished(&self, record: &UploadRecord) {
        self.0.lock().unwrap().push(record.clone());
    }
}

fn jobs(folder: &Path, count: usize) -> Vec<Job> {
    (0..count)
        .map(|number| {
            let relative = PathBuf::from(format!("note-{number:04}.txt"));
            let path = folder.join(&relative);
            std::fs::write(&path, format!("This is note number {number}.\n")).unwrap();
            Job { path, relative, ask: Ask::Content }
        })
        .collect()
}

/// What fails without asking for a wait.
const QUICK: [Fault; 7] = [
    Fault::TooManyText,
    Fault::ServerError,
    Fault::Page,
    Fault::Garbage,
    Fault::CutBody,
    Fault::LoseAnswer,
    Fault::HalfAnswer,
];

#[test]
fn five_hundred_uploads_with_one_in_five_failing_are_stored_once_each() {
    five_hundred(&[(Api::Dialog360, 11), (Api::OnPremise, 12)], &QUICK);
}

#[test]
fn five_hundred_uploads_are_stored_once_each_where_waits_are_asked_for() {
    // Each wait holds all uploads for a second or two: some of them are enough.
    let waits = [Fault::Delay, Fault::TooMany, Fault::TooManyDate];
    let kinds: Vec<Fault> = QUICK.repeat(6).into_iter().chain(waits).collect();
    five_hundred(&[(Api::Meta, 13)], &kinds);
}

fn five_hundred(apis: &[(Api, u64)], kinds: &[Fault]) {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(folder.path(), 500);
    for (api, seed) in apis.iter().copied() {
        let simulator = simulator();
        let kinds = kinds.to_vec();
        simulator.set_faults(Faults { rate: 0.2, seed, kinds, ..Faults::default() });
        let client = client(&simulator, api);
        let ledger = Ledger::open(folder.path().join(format!("{seed}.sqlite"))).unwrap();
        let courier = Courier::new(&client, &ledger);
        let batch = Batch::new(Fitter::new(Policy::of(api.platform())));
        // At one in five, five failures in a row meet a file in 3000: a second run is part of the promise.
        let mut runs = 0;
        loop {
            runs += 1;
            let seen = Seen::default();
            let summary = batch.upload(&jobs, &courier, 8, &seen).unwrap();
            assert_eq!(summary.files, 500);
            if summary.have_ids == 500 {
                break;
            }
            assert!(runs < 5, "{summary:?}");
        }
        let entries = ledger.list(&Filter::default()).unwrap();
        let contents: BTreeSet<&String> = entries.iter().map(|entry| &entry.sha256).collect();
        assert_eq!((entries.len(), contents.len()), (500, 500));
        let kept: BTreeSet<String> = simulator.media().into_iter().map(|media| media.id).collect();
        assert!(entries.iter().all(|entry| kept.contains(&entry.id)), "no id that was not given");
        assert!(simulator.requests() > 550, "{} requests", simulator.requests());
        assert!((2..=8).contains(&simulator.most_uploads_at_once()), "{}", simulator.most_uploads_at_once());
        let before = simulator.requests();
        let again = batch.upload(&jobs, &courier, 8, &()).unwrap();
        assert_eq!((again.reused, again.uploaded), (500, 0));
        assert_eq!(simulator.requests(), before, "the second run asks nobody");
    }
}

#[test]
fn a_known_source_is_not_converted_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bmp");
    std::fs::write(&path, platform::read("image/unfit__24-bit__image.format.bmp")).unwrap();
    let jobs = [Job { path, relative: "a.bmp".into(), ask: Ask::Content }];
    let (uploader, ledger) = (MemoryUploader::default(), Ledger::in_memory().unwrap());
    let courier = Courier::new(&uploader, &ledger);
    let batch = Batch::new(Fitter::new(Policy::cloud()));
    let first = batch.upload(&jobs, &courier, 2, &()).unwrap();
    assert_eq!((first.unfit, first.uploaded), (1, 1));
    let seen = Seen::default();
    let second = batch.upload(&jobs, &courier, 2, &seen).unwrap();
    assert_eq!((second.uploaded, second.reused), (0, 1));
    // Other options make something else of it.
    let options = mediafit::Options { strict: true, ..mediafit::Options::default() };
    let strict = Batch::new(Fitter::new(Policy::cloud()).with_options(options));
    strict.upload(&jobs, &courier, 2, &()).unwrap();
    assert_eq!(uploader.count(), 1, "the same content came out, and was known by its hash");
}

#[test]
fn one_answer_that_stops_all_ends_the_run_for_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(folder.path(), 60);
    let simulator = simulator();
    simulator.set_faults(Faults::always(Fault::KeyExpired, u64::MAX));
    let client = client(&simulator, Api::Meta);
    let ledger = Ledger::in_memory().unwrap();
    let summary = Batch::new(Fitter::new(Policy::cloud())).upload(&jobs, &Courier::new(&client, &ledger), 8, &());
    let summary = summary.unwrap();
    assert_eq!((summary.files, summary.errors, summary.have_ids), (60, 60, 0));
    assert!(simulator.requests() <= 8, "{} requests", simulator.requests());
}

fn body(to: &str, id: &str) -> serde_json::Value {
    json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": to, "type": "document",
        "document": {"id": id},
    })
}

#[test]
fn a_send_is_noted_and_never_repeated_blindly() {
    let simulator = simulator();
    let client = client(&simulator, Api::Meta);
    let ledger = Ledger::in_memory().unwrap();
    let id = Courier::new(&client, &ledger).deliver(&text(1), None, Some("in/offer.txt")).unwrap().entry.id;
    let sender = Sender::new(&client, &ledger);
    let note = SendNote { kind: "document".into(), media_id: Some(id.clone()), ..SendNote::default() };
    let sent = sender.send(body("16505551234", &id), &note).unwrap();
    assert_eq!(sent.state, State::Sent);
    let known = ledger.find_send(sent.message_id.as_deref().unwrap()).unwrap().unwrap();
    assert_eq!((known.state, known.note.source.as_deref()), (State::Sent, Some("in/offer.txt")));

    for kind in [Fault::LoseAnswer, Fault::HalfAnswer, Fault::Page, Fault::CutBody, Fault::Garbage] {
        let before = (simulator.requests(), simulator.messages().len());
        simulator.set_faults(Faults::always(kind, u64::MAX));
        let sent = sender.send(body("16505551234", &id), &note).unwrap();
        assert_eq!(sent.state, State::Uncertain, "{kind:?}");
        assert_eq!(simulator.requests(), before.0 + 1, "{kind:?}");
        assert!(simulator.messages().len() <= before.1 + 1);
        assert_eq!(ledger.sends(1).unwrap()[0].state, State::Uncertain);
        simulator.set_faults(Faults::default());
    }
    // The platform said itself that it did not take it: that may be tried again.
    simulator.set_faults(Faults::always(Fault::ServerError, 2));
    assert_eq!(sender.send(body("16505551234", &id), &note).unwrap().state, State::Sent);
    // What is wrong stays wrong.
    simulator.set_faults(Faults::default());
    let before = simulator.requests();
    let error = sender.send(body("nobody", &id), &note).unwrap_err();
    assert_eq!(fault(&error).code, Some(131_009));
    assert_eq!(simulator.requests(), before + 1);
    assert_eq!(ledger.sends(1).unwrap()[0].state, State::Failed);
}
