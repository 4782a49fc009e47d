//! Uploading again before an id ends, ids that died, and the second index.

use super::platform::{self, APIS, client, fault, simulator, text};
use super::{DAY, clock};
use mediafit::batch::{Batch, Job, renew};
use mediafit::fault::Class;
use mediafit::plan::{Animated, Options};
use mediafit::upload::ledger::{Entry, Filter, NewMedia, Origin, SendNote, State};
use mediafit::upload::{Api, Courier, Ledger, MemoryUploader, Sender, Uploader};
use mediafit::{Ask, Fitter, Platform, Policy, Role};
use serde_json::json;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn plain() -> Fitter {
    Fitter::new(Policy::cloud())
}

/// Uploads the file at `path` as a run does, and gives what the ledger holds then.
fn uploaded(fitter: &Fitter, courier: &Courier<'_>, path: &Path, ask: Ask) -> Entry {
    let jobs = [Job { path: path.into(), relative: path.file_name().unwrap().into(), ask }];
    let summary = Batch::new(fitter.clone()).upload(&jobs, courier, 1, &()).unwrap();
    assert_eq!(summary.uploaded, 1, "{summary:?}");
    courier.ledger().list(&Filter::default()).unwrap().pop().unwrap()
}

#[test]
fn a_changed_source_is_not_uploaded_as_what_it_was() {
    for api in APIS {
        let simulator = simulator();
        let client = client(&simulator, api);
        let ledger = Ledger::in_memory().unwrap();
        let courier = Courier::new(&client, &ledger);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("note.txt");
        std::fs::write(&path, "before\n").unwrap();
        let entry = uploaded(&plain(), &courier, &path, Ask::Content);
        // The platform's copy is the content that is meant, whatever has become of the source.
        std::fs::write(&path, "after\n").unwrap();
        let renewed = renew(&plain(), &courier, &entry).unwrap();
        assert_eq!(renewed.sha256, entry.sha256);
        assert!(ledger.get(courier.target(), &entry.id).unwrap().unwrap().gone_at.is_some());
        let before = simulator.media().len();
        client.delete(&renewed.id).unwrap();
        let error = renew(&plain(), &courier, &renewed).unwrap_err().to_string();
        assert!(error.contains(&renewed.id) && error.contains("the source changed"), "{error}");
        assert_eq!(simulator.media().len(), before - 1, "nothing was uploaded");
        assert!(ledger.list(&Filter::default()).unwrap().is_empty(), "an id that is not there is forgotten");
        // With the old content there again, the source serves.
        std::fs::write(&path, "before\n").unwrap();
        assert_eq!(renew(&plain(), &courier, &renewed).unwrap().sha256, entry.sha256);
    }
}

#[test]
fn a_repaired_source_is_made_fit_again_with_the_same_options() {
    let simulator = simulator();
    let client = client(&simulator, Api::Meta);
    let ledger = Ledger::in_memory().unwrap();
    let courier = Courier::new(&client, &ledger);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.gif");
    std::fs::write(&path, platform::read("image/unfit__animated__image.format+image.animated.gif")).unwrap();
    let still = plain().with_options(Options { animated: Animated::FirstFrame, ..Options::default() });
    let entry = uploaded(&still, &courier, &path, Ask::Role(Role::Image));
    client.delete(&entry.id).unwrap();
    // Without the options that it was made with, nothing comes out of it, and the message says of what.
    let error = renew(&plain(), &courier, &entry).unwrap_err().to_string();
    assert!(error.contains(&entry.id), "{error}");
    let renewed = renew(&still, &courier, &entry).unwrap();
    assert_eq!(renewed.sha256, entry.sha256);
    assert_eq!(ledger.list(&Filter::default()).unwrap().len(), 1);
}

#[test]
fn an_animated_sticker_that_was_kept_is_kept_again() {
    let simulator = simulator();
    let client = client(&simulator, Api::Dialog360);
    let ledger = Ledger::in_memory().unwrap();
    let courier = Courier::new(&client, &ledger);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wave.webp");
    std::fs::write(&path, platform::read("sticker/unfit__animated__sticker.animated.webp")).unwrap();
    let keeping = plain().with_options(Options { animated: Animated::Keep, ..Options::default() });
    let entry = uploaded(&keeping, &courier, &path, Ask::Role(Role::Sticker));
    let renewed = renew(&plain(), &courier, &entry).unwrap();
    assert_eq!((&renewed.sha256, renewed.role), (&entry.sha256, Some(Role::Sticker)));
    assert_ne!(renewed.id, entry.id);
}

#[test]
fn a_newer_id_of_the_same_content_is_taken_and_stays() {
    let simulator = simulator();
    let client = client(&simulator, Api::Meta);
    let (clock, ahead) = clock();
    let ledger = Ledger::in_memory().unwrap().with_clock(clock);
    let courier = Courier::new(&client, &ledger);
    let old = courier.deliver(&text(1), None, None).unwrap().entry;
    ahead.store(29 * DAY + 5, Ordering::Relaxed);
    let newer = courier.deliver(&text(1), None, None).unwrap().entry;
    assert_ne!(newer.id, old.id);
    let before = simulator.requests();
    assert_eq!(renew(&plain(), &courier, &old).unwrap(), newer);
    assert_eq!(simulator.requests(), before, "nobody is asked");
    let living = ledger.list(&Filter::default()).unwrap();
    assert_eq!(living, [newer]);
}

#[test]
fn only_our_own_uploads_are_listed_by_origin() {
    let (uploader, ledger) = (MemoryUploader::default(), Ledger::in_memory().unwrap());
    let courier = Courier::new(&uploader, &ledger);
    let own = courier.deliver(&text(1), None, None).unwrap().entry;
    let inbound = NewMedia {
        id: "77",
        sha256: &"0".repeat(64),
        mime: "image/jpeg",
        bytes: 1,
        role: None,
        name: None,
        source: None,
        origin: Origin::Webhook,
        lifetime: Some(Duration::from_secs(7 * DAY)),
    };
    ledger.add(courier.target(), &inbound).unwrap();
    assert_eq!(ledger.list(&Filter::default()).unwrap().len(), 2);
    let filter = Filter { origin: Some(Origin::Upload), ..Filter::default() };
    assert_eq!(ledger.list(&filter).unwrap(), [own]);
}

#[test]
fn an_id_that_the_platform_does_not_know_is_forgotten() {
    for api in APIS {
        let simulator = simulator();
        let client = client(&simulator, api);
        let ledger = Ledger::in_memory().unwrap();
        let courier = Courier::new(&client, &ledger);
        let first = courier.deliver(&text(1), None, None).unwrap().entry;
        client.delete(&first.id).unwrap();
        let mut body = json!({
            "recipient_type": "individual", "to": "16505551234", "type": "document", "document": {"id": first.id},
        });
        if api.platform() == Platform::Cloud {
            body["messaging_product"] = "whatsapp".into();
        }
        let note = SendNote { kind: "document".into(), media_id: Some(first.id.clone()), ..SendNote::default() };
        let error = Sender::new(&client, &ledger).send(body, &note).unwrap_err();
        assert_eq!(fault(&error).class, Class::Missing, "{error}");
        assert_eq!(ledger.sends(1).unwrap()[0].state, State::Failed);
        let again = courier.deliver(&text(1), None, None).unwrap();
        assert!(!again.reused && again.entry.id != first.id, "{api:?}");
    }
}

#[test]
fn what_one_file_became_is_known_by_the_second_index() {
    let (uploader, ledger) = (MemoryUploader::default(), Ledger::in_memory().unwrap());
    let courier = Courier::new(&uploader, &ledger);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bmp");
    std::fs::write(&path, platform::read("image/unfit__24-bit__image.format.bmp")).unwrap();
    let ask = Ask::Role(Role::Image);
    let batch = Batch::new(plain());
    assert_eq!(batch.known(&courier, &path, ask), None);
    let entry = uploaded(&plain(), &courier, &path, ask);
    assert_eq!(batch.known(&courier, &path, ask).as_ref(), Some(&entry));
    assert_eq!(batch.known(&courier, &path, Ask::Role(Role::Sticker)), None);
    std::fs::write(&path, "another content").unwrap();
    assert_eq!(batch.known(&courier, &path, ask), None);
}
