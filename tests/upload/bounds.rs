//! What is borne of servers and what is not: early answers, dripping ones, long waits, and those that repeat the key.

use super::platform::{self, APIS, account, account_at, client, fault, fitted_as, quick, response, simulator, text};
use mediafit::fault::Class;
use mediafit::simulate::{Fault, Faults};
use mediafit::upload::{Api, HttpOptions, HttpUploader, Key, Ledger, TemplateSampleUploader, Uploader};
use mediafit::{Cancel, ErrorKind, Fitted, Platform, Role, Rule};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn big() -> Fitted {
    let mut pdf = platform::read("document/fit__one-page.pdf");
    pdf.resize(20_000_000, b'\n');
    fitted_as(Platform::Cloud, pdf, "big.pdf", Role::Document)
}

fn at(base: &str, api: Api, options: &HttpOptions) -> HttpUploader {
    HttpUploader::new(account_at(base, api), options, Cancel::default()).unwrap()
}

#[test]
fn an_answer_before_the_body_is_read_is_heard() {
    let wrong_key = r#"{"error":{"message":"Invalid OAuth access token","code":190,"fbtrace_id":"A"}}"#;
    for (status, body, class) in
        [("401 Unauthorized", wrong_key, Class::Auth), ("413 Payload Too Large", "<html>too large</html>", Class::Fix)]
    {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let base = platform::server(move |stream, _| {
            count.fetch_add(1, Ordering::Relaxed);
            // The body is never read: the connection ends hard.
            stream.write_all(&response(status, "", body)).unwrap();
        });
        let error = at(&base, Api::Meta, &quick()).upload(&big(), None).unwrap_err();
        assert_eq!(fault(&error).class, class, "{error}");
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{status}");
    }
}

#[test]
fn an_answer_that_drips_ends() {
    let base = platform::server(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let options = HttpOptions { patience: Duration::from_secs(1), tries: 2, ..quick() };
    let start = Instant::now();
    let error = at(&base, Api::Dialog360, &options).info("1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Upload { retryable: true }, "{error}");
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn a_wait_that_is_too_long_stops_all_calls_of_the_key() {
    for api in APIS {
        let simulator = simulator();
        simulator.set_faults(Faults::always(Fault::TooManyLong, 1));
        let client = client(&simulator, api);
        let start = Instant::now();
        let error = client.upload(&text(1), None).unwrap_err();
        assert_eq!(fault(&error).retry_after, Some(Duration::from_secs(7200)));
        assert!(error.to_string().contains("7200 s"), "{error}");
        assert!(client.upload(&text(2), None).unwrap_err().to_string().contains("not tried"));
        assert_eq!(simulator.requests(), 1);
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_sample_bears_the_waits_that_everything_bears() {
    let simulator = simulator();
    let client = client(&simulator, Api::Meta);
    let pdf = fitted_as(Platform::Cloud, platform::read("document/fit__one-page.pdf"), "a.pdf", Role::Document);
    let uploader = TemplateSampleUploader::new(&client, "123").unwrap();
    let session = uploader.begin(&pdf, None).unwrap();
    simulator.set_faults(Faults::always(Fault::TooMany, 1));
    // The GET for the offset is not repeated; what was begun can be gone on with.
    assert!(uploader.finish(&session, &pdf, None).is_err());
    assert!(uploader.finish(&session, &pdf, None).is_ok());
    for wrong in ["upload:a b", "../me", "", "upload:a/b"] {
        assert_eq!(uploader.finish(wrong, &pdf, None).unwrap_err().kind(), ErrorKind::Io, "{wrong}");
    }
    for seconds in ["7200", "18446744073709551615"] {
        let base = platform::server(move |stream, head| {
            let answer = if head.starts_with("GET") {
                response("200 OK", "", r#"{"id":"upload:1","file_offset":0}"#)
            } else {
                let _ = stream.read(&mut [0; 65536]);
                response(
                    "429 Too Many",
                    &format!("Retry-After: {seconds}\r\n"),
                    r#"{"error":{"code":4,"message":"m"}}"#,
                )
            };
            let _ = stream.write_all(&answer);
        });
        let client = at(&base, Api::Meta, &quick());
        let start = Instant::now();
        let error = TemplateSampleUploader::new(&client, "123").unwrap().finish("upload:1", &pdf, None).unwrap_err();
        assert_eq!(fault(&error).class, Class::Rate, "{error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{seconds}");
    }
}

#[test]
fn failed_gets_are_counted_across_processes() {
    let simulator = simulator();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    // Each with its own connection to the file, as processes have.
    let process = || client(&simulator, Api::Dialog360).with_ledger(&Ledger::open(&path).unwrap());
    for number in 1..=15 {
        assert_eq!(fault(&process().info("123").unwrap_err()).class, Class::Missing);
        assert_eq!(simulator.requests(), number);
    }
    assert!(process().info("123").unwrap_err().to_string().contains("blocks all"));
    assert_eq!(simulator.requests(), 15);
    // Another number's failures are its own.
    let other = account(&simulator, Api::Dialog360).with_label("other");
    let other = HttpUploader::new(other, &quick(), Cancel::default()).unwrap();
    assert_eq!(fault(&other.with_ledger(&Ledger::open(&path).unwrap()).info("1").unwrap_err()).class, Class::Missing);
}

#[test]
fn a_server_that_repeats_the_key_does_not_tell_it() {
    const KEY: &str = "wr0ng/secret+of-length";
    let escaped = KEY.replace('/', "\\/");
    let odd = format!("HTTP/1.1 200 OK\r\nContent-Type: {KEY}\r\nContent-Length: 0\r\n\r\n");
    let bodies = [
        response(
            "400 Bad",
            "",
            &format!(r#"{{"error":{{"message":"odd {escaped}","code":100,"fbtrace_id":"{KEY}"}}}}"#),
        ),
        response("400 Bad", "", &format!(r#"{{"meta":{{"developer_message":"odd {KEY}","http_code":400}}}}"#)),
        response("500 Bad", "", &format!("<html>{KEY} {KEY}</html>")),
        response("200 OK", "", &format!(r#"{{"id":"{KEY}","url":"http://evil.example/{KEY}"}}"#)),
        format!("HTTP/1.1 200 {KEY}\r\n{KEY}\r\n\r\n").into_bytes(),
        odd.into_bytes(),
    ];
    for body in bodies {
        for api in APIS {
            let body = body.clone();
            let base = platform::server(move |stream, head| {
                if head.starts_with("POST") {
                    let _ = stream.read(&mut [0; 65536]);
                }
                let _ = stream.write_all(&body);
            });
            let account = account_at(&base, api).with_key(Key::new(KEY).unwrap());
            let options = HttpOptions { tries: 1, patience: Duration::from_secs(2), ..quick() };
            let client = HttpUploader::new(account, &options, Cancel::default()).unwrap();
            let said = format!(
                "{:?} {:?} {:?}",
                client.upload(&text(1), None).map_err(|error| error.to_string()),
                client.info("1").map_err(|error| format!("{error} {error:?}")),
                client.fetch("1", &mut std::io::Cursor::new(Vec::new())).map_err(|error| error.to_string()),
            );
            assert!(!said.contains(KEY) && !said.contains(&escaped), "{said}");
        }
    }
}

#[test]
fn what_is_too_large_breaks_its_roles_rule() {
    let too_large =
        r#"{"error":{"message":"(#100) Invalid parameter","code":100,"error_data":{"details":"File Too Large"}}}"#;
    let base = platform::server(move |stream, _| {
        let _ = stream.read(&mut [0; 65536]);
        let _ = stream.write_all(&response("400 Bad", "", too_large));
    });
    let client = at(&base, Api::Meta, &quick());
    let (jpeg, ogg) = (platform::read("image/fit__baseline.jpg"), platform::read("audio/fit__opus-mono.ogg"));
    for (bytes, name, role, rule) in [
        (jpeg.clone(), "a.jpg", Role::Image, Rule::ImageSize),
        (jpeg, "a.jpg", Role::Sticker, Rule::StickerSize),
        (ogg.clone(), "a.ogg", Role::Audio, Rule::AudioSize),
        (ogg, "a.ogg", Role::Voice, Rule::VoiceSize),
        (b"text".to_vec(), "a.txt", Role::Document, Rule::DocumentSize),
    ] {
        let fitted = fitted_as(Platform::Cloud, bytes, name, role);
        assert_eq!(fault(&client.upload(&fitted, None).unwrap_err()).rule, Some(rule));
    }
}

#[test]
fn the_stand_in_is_strict_about_headers() {
    use serde_json::json;
    let simulator = simulator();
    let client = client(&simulator, Api::Dialog360);
    let pdf = fitted_as(Platform::Cloud, platform::read("document/fit__one-page.pdf"), "a.pdf", Role::Document);
    let pdf = client.upload(&pdf, None).unwrap().id;
    let note = client.upload(&text(1), None).unwrap().id;
    let link = |kind: &str| json!({"type": kind, kind: {"link": "https://h/a"}});
    let document = |id: &str| json!({"type": "document", "document": {"id": id}});
    let template = |headers: Vec<serde_json::Value>| {
        let components: Vec<_> =
            headers.into_iter().map(|header| json!({"type": "header", "parameters": [header]})).collect();
        ("template", json!({"name": "n", "language": {"code": "de"}, "components": components}))
    };
    let interactive =
        |header: serde_json::Value| ("interactive", json!({"type": "button", "header": header, "action": {}}));
    let words = |count: usize| json!({"type": "text", "text": "ü".repeat(count)});
    let cases = [
        (template(vec![link("image")]), 200),
        (template(vec![link("audio")]), 400),
        (template(vec![link("sticker")]), 400),
        (template(vec![json!({"type": "nothing"})]), 400),
        (template(vec![words(200)]), 200),
        (template(vec![document(&pdf)]), 200),
        (template(vec![document(&note)]), 400),
        (template(vec![link("image"), link("image")]), 400),
        (interactive(link("video")), 200),
        (interactive(link("sticker")), 400),
        (interactive(link("audio")), 400),
        (interactive(document(&note)), 200),
        (interactive(words(60)), 200),
        (interactive(words(61)), 400),
    ];
    let count = cases.len();
    for ((kind, content), status) in cases {
        let body =
            json!({"messaging_product": "whatsapp", "to": "16505551234", "type": kind, kind: content}).to_string();
        let length = body.len();
        let head = format!("D360-API-KEY: right\r\nContent-Type: application/json\r\nContent-Length: {length}");
        let request = format!("POST /messages HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{head}\r\n\r\n{body}");
        let answer = platform::raw(&simulator, request.as_bytes());
        assert_eq!(answer.0, status, "{body}\n{}", answer.1);
    }
    assert_eq!(count, 14);
}
