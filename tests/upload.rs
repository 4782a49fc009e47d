//! Uploads: three uploaders under one conformance test, and how failures are borne.
#![cfg(all(feature = "http", feature = "serve"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "upload/bounds.rs"]
mod bounds;
mod platform;

use mediafit::fault::Class;
use mediafit::simulate::{Fault, Faults, Options, Simulator};
use mediafit::upload::{
    Account, Api, FolderUploader, HttpOptions, HttpUploader, Key, MemoryUploader, TemplateSampleUploader, Uploader,
    save,
};
use mediafit::{Cancel, ErrorKind, Platform, Role};
use platform::{APIS, account, client, client_with, fault, fitted_as, kinds, quick, raw, simulator, text};
use std::io::Cursor;
use std::time::{Duration, Instant};

/// What every uploader does.
fn conforms(uploader: &dyn Uploader, platform: Platform) {
    assert!(!uploader.host().is_empty() && !uploader.number().is_empty());
    let mut checked = 0;
    for (fitted, mime) in kinds(platform) {
        let receipt = uploader.upload(&fitted, Some("a name.bin")).unwrap();
        let info = uploader.info(&receipt.id).unwrap();
        assert_eq!((info.id.as_str(), info.mime.as_str()), (receipt.id.as_str(), mime));
        assert_eq!(info.bytes, Some(fitted.len()));
        let mut out = Cursor::new(b"what was there before".to_vec());
        let fetched = uploader.fetch(&receipt.id, &mut out).unwrap();
        assert_eq!(fetched.sha256.as_deref(), Some(fitted.sha256()));
        assert_eq!(out.get_ref()[..usize::try_from(fitted.len()).unwrap()], fitted.to_bytes().unwrap());

        let second = uploader.upload(&fitted, None).unwrap();
        assert_ne!(second.id, receipt.id, "each upload has its own id");
        uploader.delete(&receipt.id).unwrap();
        assert!(uploader.info(&receipt.id).is_err());
        assert!(uploader.delete(&receipt.id).is_err());
        assert_eq!(uploader.info(&second.id).unwrap().bytes, Some(fitted.len()));
        checked += 1;
    }
    assert_eq!(checked, 10);
    for id in ["nothing", "../../etc/passwd", ""] {
        let error = uploader.fetch(id, &mut Cursor::new(Vec::new())).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Upload { .. }), "{error}");
    }
}

#[test]
fn memory_conforms() {
    conforms(&MemoryUploader::default(), Platform::Cloud);
}

#[test]
fn a_folder_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conforms(&FolderUploader::new(folder.path()).unwrap(), Platform::Cloud);
}

#[test]
fn each_api_conforms() {
    for api in APIS {
        // Many GETs fail here on purpose; each uploader has its own simulator, which would block them.
        let simulator = simulator();
        conforms(&client(&simulator, api), api.platform());
    }
}

#[test]
fn what_passes_by_itself_is_borne() {
    for api in APIS {
        for kind in [
            Fault::TooManyText,
            Fault::ServerError,
            Fault::Page,
            Fault::Garbage,
            Fault::CutBody,
            Fault::LoseAnswer,
            Fault::HalfAnswer,
            Fault::Delay,
        ] {
            let simulator = simulator();
            simulator.set_faults(Faults::always(kind, 2));
            let receipt = client(&simulator, api).upload(&text(1), None);
            let receipt = receipt.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            assert!(simulator.media().iter().any(|media| media.id == receipt.id), "{kind:?}");
            let expected = if kind == Fault::Delay { 1 } else { 3 };
            assert_eq!(simulator.requests(), expected, "{kind:?}");
        }
    }
}

#[test]
fn retry_after_is_waited_for_in_seconds_and_as_a_date() {
    for (kind, least) in [(Fault::TooMany, 1.0), (Fault::TooManyDate, 0.9)] {
        let simulator = simulator();
        simulator.set_faults(Faults::always(kind, 1));
        let start = Instant::now();
        client(&simulator, Api::Dialog360).upload(&text(1), None).unwrap();
        assert!(start.elapsed().as_secs_f64() >= least, "{kind:?}: {:?}", start.elapsed());
    }
}

#[test]
fn tries_are_counted_and_end() {
    let simulator = simulator();
    simulator.set_faults(Faults::always(Fault::ServerError, u64::MAX));
    let error = client(&simulator, Api::Meta).upload(&text(1), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Upload { retryable: true });
    assert_eq!(fault(&error).code, Some(131_000));
    assert!(fault(&error).trace.is_some());
    assert_eq!(simulator.requests(), 5);
}

#[test]
fn what_stops_one_stops_all() {
    for (kind, class) in [(Fault::KeyExpired, Class::Auth), (Fault::VolumeFull, Class::VolumeFull)] {
        for api in APIS {
            let simulator = simulator();
            simulator.set_faults(Faults::always(kind, 1));
            let client = client(&simulator, api);
            let error = client.upload(&text(1), None).unwrap_err();
            assert_eq!(fault(&error).class, class, "{api:?}: {error}");
            assert_eq!(error.kind(), ErrorKind::Upload { retryable: false });
            let second = client.upload(&text(2), None).unwrap_err();
            assert!(second.to_string().contains("not tried"), "{second}");
            assert_eq!(simulator.requests(), 1);
        }
    }
    // A volume that is really full, not only said to be.
    let simulator = Simulator::start(&Options { volume_bytes: 40, ..Options::default() }).unwrap();
    let client = client(&simulator, Api::OnPremise);
    client.upload(&text(1), None).unwrap();
    assert_eq!(fault(&client.upload(&text(2), None).unwrap_err()).class, Class::VolumeFull);
}

#[test]
fn a_get_that_fails_is_not_repeated_and_not_asked_for_ever() {
    let simulator = simulator();
    let client = client(&simulator, Api::Dialog360);
    for number in 1..=15 {
        assert_eq!(fault(&client.info("123").unwrap_err()).class, Class::Missing);
        assert_eq!(simulator.requests(), number);
    }
    let error = client.info("123").unwrap_err();
    assert!(error.to_string().contains("blocks all"), "{error}");
    assert_eq!(simulator.requests(), 15);
}

#[test]
fn a_redirect_is_no_answer_and_carries_no_key() {
    for api in APIS {
        let simulator = simulator();
        simulator.set_faults(Faults::always(Fault::Redirect, 1));
        let error = client(&simulator, api).upload(&text(1), None).unwrap_err();
        assert_eq!(fault(&error).status, 302);
        assert_eq!(simulator.requests(), 1);
    }
}

#[test]
fn a_lost_delete_is_done_once() {
    let simulator = simulator();
    let client = client(&simulator, Api::Meta);
    let receipt = client.upload(&text(1), None).unwrap();
    simulator.set_faults(Faults::always(Fault::LoseAnswer, 1));
    client.delete(&receipt.id).unwrap();
    assert!(simulator.media().is_empty());
}

#[test]
fn nobody_there_is_told_after_the_last_try() {
    let base = { simulator().url() };
    let account = Account::new(Api::Dialog360).at(&base).unwrap().with_key(Key::new("k").unwrap());
    let client = HttpUploader::new(account, &quick(), Cancel::default()).unwrap();
    let error = client.upload(&text(1), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Upload { retryable: true });
}

#[test]
fn a_key_is_needed_and_never_told() {
    let simulator = simulator();
    let account = account(&simulator, Api::Meta).with_key(Key::new("wr0ng-secret").unwrap());
    let client = HttpUploader::new(account, &quick(), Cancel::default()).unwrap();
    let error = client.upload(&text(1), None).unwrap_err();
    assert_eq!(fault(&error).code, Some(190));
    assert!(!format!("{error} {error:?} {client:?}").contains("wr0ng-secret"));
    for api in APIS {
        assert!(HttpUploader::new(Account::new(api), &quick(), Cancel::default()).is_err());
    }
}

#[test]
fn the_pace_is_kept() {
    let simulator = simulator();
    let options = HttpOptions { uploads_per_second: 20.0, ..quick() };
    let client = client_with(&simulator, Api::Dialog360, &options);
    let start = Instant::now();
    for number in 0..11 {
        client.upload(&text(number), None).unwrap();
    }
    assert!(start.elapsed() >= Duration::from_millis(495), "{:?}", start.elapsed());
}

#[test]
fn a_cancelled_upload_ends_at_once() {
    let simulator = simulator();
    simulator.set_faults(Faults::always(Fault::Page, u64::MAX));
    let cancel = Cancel::default();
    let options = HttpOptions { first_wait: Duration::from_secs(60), ..quick() };
    let client = HttpUploader::new(account(&simulator, Api::Meta), &options, cancel.clone()).unwrap();
    let thrown = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        cancel.cancel();
    });
    let start = Instant::now();
    assert_eq!(client.upload(&text(1), None).unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(start.elapsed() < Duration::from_secs(10));
    thrown.join().unwrap();
}

#[test]
fn a_document_over_the_cap_of_v1_goes_by_link_only() {
    let simulator = simulator();
    let mut pdf = platform::read("document/fit__one-page.pdf");
    pdf.resize(70_000_000, b'\n');
    let fitted = fitted_as(Platform::OnPremise, pdf, "big.pdf", Role::Document);
    let error = client(&simulator, Api::OnPremise).upload(&fitted, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotFit);
    assert!(error.to_string().contains("by link only") && error.to_string().contains("67108864"), "{error}");
    assert_eq!(simulator.requests(), 0);
    // The cloud takes it.
    client(&simulator, Api::Dialog360).upload(&fitted, None).unwrap();
}

#[test]
fn a_source_that_changed_is_not_handed_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("note.txt");
    std::fs::write(&path, "before\n").unwrap();
    let (_, ending) = mediafit::Fitter::new(mediafit::Policy::cloud()).fit_path(&path).unwrap();
    let mediafit::Ending::Fitted { fitted, .. } = ending else { panic!("text is fit") };
    let simulator = simulator();
    for content in ["other!\n", "a longer one\n", "less\n"] {
        std::fs::write(&path, content).unwrap();
        let error = client(&simulator, Api::Meta).upload(&fitted, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(simulator.media().is_empty(), "{content}");
    }
}

#[test]
fn a_download_that_breaks_leaves_nothing_under_the_final_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("got.jpg");
    for api in APIS {
        let simulator = simulator();
        let client = client(&simulator, api);
        let receipt = client.upload(&kinds(api.platform())[0].0, None).unwrap();
        simulator.set_faults(Faults::always(Fault::HalfAnswer, u64::MAX));
        assert!(save(&client, &receipt.id, &path).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        simulator.set_faults(Faults::always(Fault::HalfAnswer, 1));
        save(&client, &receipt.id, &path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), kinds(api.platform())[0].0.to_bytes().unwrap());
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn an_id_of_another_number_is_none() {
    let simulator = simulator();
    let receipt = client(&simulator, Api::Meta).upload(&text(1), None).unwrap();
    let other = account(&simulator, Api::Meta).with_phone_number_id("999").unwrap();
    let other = HttpUploader::new(other, &quick(), Cancel::default()).unwrap();
    assert_eq!(fault(&other.info(&receipt.id).unwrap_err()).class, Class::Missing);
}

#[test]
fn a_sample_goes_on_from_where_the_server_stands() {
    let simulator = simulator();
    let client = client(&simulator, Api::Meta);
    let mut pdf = platform::read("document/fit__one-page.pdf");
    pdf.resize(3_000_000, b'\n');
    let fitted = fitted_as(Platform::Cloud, pdf.clone(), "a.pdf", Role::Document);
    let uploader = TemplateSampleUploader::new(&client, "123").unwrap();
    let session = uploader.begin(&fitted, Some("a.pdf")).unwrap();
    simulator.set_faults(Faults::always(Fault::CutBody, 3));
    let before = simulator.requests();
    let handle = uploader.finish(&session, &fitted, Some("a.pdf")).unwrap();
    assert!(handle.starts_with("4::application/pdf"), "{handle}");
    assert_eq!(simulator.sample(&session).unwrap(), pdf);
    assert_eq!(simulator.requests() - before, 8, "asked and sent four times");
    assert!(TemplateSampleUploader::new(&client, "../x").is_err());
    assert!(TemplateSampleUploader::new(&platform::client(&simulator, Api::Dialog360), "123").is_err());
}

#[test]
fn the_stand_in_is_strict() {
    let simulator = simulator();
    let ask = |head: &str, body: &str| {
        let request = format!("{head}Host: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        raw(&simulator, request.as_bytes())
    };
    let part =
        |disposition: &str, rest: &str| format!("--B\r\nContent-Disposition: form-data; {disposition}\r\n{rest}");
    let product = part("name=\"messaging_product\"", "\r\nwhatsapp\r\n");
    let kind = part("name=\"type\"", "\r\nimage/png\r\n");
    let file = |disposition: &str, mime: &str| part(disposition, &format!("{mime}\r\npng\r\n--B--\r\n"));
    let cloud = "POST /media HTTP/1.1\r\nD360-API-KEY: right\r\nContent-Type: multipart/form-data; boundary=B\r\n";
    let named = "name=\"file\"; filename=\"a.png\"";
    let png = "Content-Type: image/png\r\n";
    let octet = "Received file of type 'application/octet-stream'";
    let opus = "Content-Type: audio/flac\r\n";
    let cases = [
        (cloud, format!("{product}{kind}{}", file(named, png)), 200, "\"id\""),
        (cloud, format!("{product}{kind}{}", file("name=\"file\"", png)), 400, octet),
        (cloud, format!("{product}{kind}{}", file(named, "")), 400, octet),
        (cloud, format!("{product}{kind}{}", file("name=\"file\"; filename=\"a.bin\"", png)), 400, octet),
        (cloud, format!("{product}{kind}{}", file(named, opus)), 400, "audio/flac"),
        (cloud, format!("{kind}{}", file(named, png)), 400, "messaging_product is required"),
        (cloud, format!("{product}{}", file(named, png)), 400, "type"),
        (cloud, format!("{product}{kind}--B--\r\n"), 400, "file is required"),
        (
            "POST /v1/media HTTP/1.1\r\nD360-API-KEY: right\r\nContent-Type: image/png\r\n",
            "png".into(),
            200,
            "\"media\"",
        ),
        ("POST /v1/media HTTP/1.1\r\nD360-API-KEY: right\r\nContent-Type: audio/ogg\r\n", "ogg".into(), 400, "1009"),
        ("POST /v1/media HTTP/1.1\r\nD360-API-KEY: right\r\nContent-Type: image/png\r\n", String::new(), 400, "empty"),
        ("POST /v1/media HTTP/1.1\r\nContent-Type: image/png\r\n", "png".into(), 401, "developerMessage"),
        (
            "POST /v1/media HTTP/1.1\r\nAuthorization: Bearer right\r\nContent-Type: image/png\r\n",
            "png".into(),
            401,
            "",
        ),
    ];
    let count = cases.len();
    for (head, body, status, word) in cases {
        let answer = ask(head, &body);
        assert_eq!(answer.0, status, "{head}{body}\n{}", answer.1);
        assert!(answer.1.contains(word), "{word}: {}", answer.1);
    }
    assert_eq!(count, 13);
    let chunked = "POST /v1/media HTTP/1.1\r\nHost: h\r\nConnection: close\r\nD360-API-KEY: right\r\n\
                   Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n3\r\npng\r\n0\r\n\r\n";
    let (status, body) = raw(&simulator, chunked.as_bytes());
    assert!(status == 400 && body.contains("byte streams"), "{status} {body}");
}
