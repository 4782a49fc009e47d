//! Links as the platform's downloader meets them, and the file server that gives good ones.
#![cfg(all(feature = "http", feature = "serve"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod platform;

use mediafit::link::{Audit, Auditor, Effect, Options, caching};
use mediafit::serve::{self, FileServer};
use mediafit::{ErrorKind, Policy, Severity};
use platform::read;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

#[test]
fn the_nine_rows_of_the_caching_table() {
    const DATE: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
    type Row = (Option<&'static str>, Option<&'static str>, Option<&'static str>, Effect, Severity, bool);
    let (warn, info) = (Severity::Warn, Severity::Info);
    let cases: [Row; 21] = [
        // The nine rows: Cache-Control, Last-Modified, ETag.
        (None, None, None, Effect::NotCached, warn, false),
        (Some("max-age=300"), None, None, Effect::Reused, info, false),
        (Some("no-cache"), Some(DATE), None, Effect::KeptUntilModified, info, false),
        (Some("no-cache"), None, None, Effect::Unmet, warn, false),
        (Some("no-store"), None, None, Effect::NoStore, warn, false),
        (Some("private"), None, None, Effect::Private, warn, false),
        (None, None, Some("\"a\""), Effect::Undisclosed, info, false),
        (Some("max-age=300"), None, Some("\"a\""), Effect::Reused, info, true),
        (None, Some(DATE), None, Effect::NoStatedEffect, warn, false),
        // And what they leave open.
        (Some("max-age=0"), None, None, Effect::ReusedForNothing, warn, false),
        (None, Some(DATE), Some("\"a\""), Effect::NoStatedEffect, warn, true),
        (Some("max-age=300, no-store"), Some(DATE), None, Effect::NoStore, warn, false),
        (Some("Private, MAX-AGE=300"), None, None, Effect::Private, warn, false),
        (Some("public, max-age=300, immutable"), None, None, Effect::Reused, info, false),
        (Some("s-maxage=300, must-revalidate"), None, None, Effect::NotCached, warn, false),
        (Some("max-age=-1"), None, None, Effect::NotCached, warn, false),
        (Some("max-age=1.5"), None, None, Effect::NotCached, warn, false),
        (Some("max-age"), None, None, Effect::NotCached, warn, false),
        (Some("no-cache"), Some("yesterday"), None, Effect::Unmet, warn, false),
        (Some("max-age=\"60\""), None, None, Effect::Reused, info, false),
        (Some("max-age=99999999999999999999999"), None, None, Effect::Reused, info, false),
    ];
    for (control, modified, etag, effect, severity, ignored) in cases {
        let found = caching(|name| {
            let value = match name {
                "cache-control" => control,
                "last-modified" => modified,
                "etag" => etag,
                other => panic!("{other} has no effect"),
            };
            value.map(str::to_owned)
        });
        assert_eq!((found.effect, found.severity, found.etag_ignored), (effect, severity, ignored), "{control:?}");
    }
}

/// A server that answers every request with `answer` of its path; gives its address.
fn server(answer: impl Fn(&str, &str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = Vec::new();
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                match line {
                    Ok(line) if !line.is_empty() => head.push(line),
                    _ => break,
                }
            }
            let first = head.first().cloned().unwrap_or_default();
            assert!(!head.iter().any(|line| line.to_lowercase().starts_with("cookie")));
            let mut words = first.split(' ');
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let _ = stream.write_all(&answer(method, path));
        }
    });
    address
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn audit(url: &str) -> Audit {
    let options = Options { allow_private: true, patience: Duration::from_secs(5), ..Options::default() };
    Auditor::new(Policy::cloud(), options).audit(url).unwrap()
}

#[track_caller]
fn says(audit: &Audit, rule: &str, severity: Severity) {
    let found = audit.findings.iter().any(|remark| remark.rule == rule && remark.severity == severity);
    assert!(found, "{rule} {severity:?} in {:#?}", audit.findings);
}

#[test]
fn what_the_downloader_meets_is_told() {
    let jpeg = read("image/fit__baseline.jpg");
    let heic = read("image/unfit__phone__image.format.heic");
    let base = server(move |method, path| {
        let length = |count: usize| format!("Content-Length: {count}\r\n");
        let good = format!("Content-Type: image/jpeg\r\nCache-Control: max-age=60\r\n{}", length(jpeg.len()));
        let body = if method == "HEAD" { &[][..] } else { &jpeg };
        match path.split('?').next().unwrap_or_default() {
            "/good.jpg" => response("200 OK", &good, body),
            "/moved" => response("302 Found", "Location: /good.jpg\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\n", b""),
            "/loop" => response("301 Moved", "Location: /loop\r\nContent-Length: 0\r\n", b""),
            "/out" => response("302 Found", "Location: file:///etc/passwd\r\nContent-Length: 0\r\n", b""),
            "/page" => {
                response("200 OK", "Content-Type: text/html\r\n", b"<!DOCTYPE html><html><body>Log in</body></html>")
            }
            "/wrong.jpg" => response("200 OK", "Content-Type: application/octet-stream\r\n", body),
            "/heic" => response("200 OK", "Content-Type: image/heic\r\n", &heic),
            "/closed" => response("403 Forbidden", "Content-Length: 0\r\n", b""),
            "/big.jpg" => response("200 OK", "Content-Type: image/jpeg\r\nContent-Length: 6000000\r\n", body),
            "/range.jpg" => {
                let range = format!("Content-Type: image/jpeg\r\nContent-Range: bytes 0-99/5200000\r\n{}", length(100));
                response("206 Partial", &range, &jpeg[..100])
            }
            "/empty" => response("200 OK", "Content-Type: image/jpeg\r\nContent-Length: 0\r\n", b""),
            "/slow.jpg" => {
                std::thread::sleep(Duration::from_millis(300));
                response("200 OK", &good, body)
            }
            _ => response("404 Not Found", "Content-Length: 0\r\n", b""),
        }
    });
    let fail = Severity::Fail;
    let good = audit(&format!("{base}/good.jpg"));
    assert!(good.is_fit() && good.format == Some("jpeg") && good.redirects == 0, "{good:#?}");
    assert_eq!(good.caching.unwrap().effect, Effect::Reused);
    let moved = audit(&format!("{base}/moved"));
    assert!(moved.is_fit() && moved.redirects == 1 && moved.final_url.ends_with("/good.jpg"));
    says(&audit(&format!("{base}/loop")), "link.reachable", fail);
    says(&audit(&format!("{base}/out")), "link.address", fail);
    says(&audit(&format!("{base}/page")), "link.direct", fail);
    says(&audit(&format!("{base}/wrong.jpg")), "link.type", fail);
    says(&audit(&format!("{base}/wrong.jpg")), "link.length", Severity::Warn);
    says(&audit(&format!("{base}/wrong.jpg")), "link.caching", Severity::Warn);
    says(&audit(&format!("{base}/heic")), "link.format", fail);
    says(&audit(&format!("{base}/closed")), "link.status", fail);
    says(&audit(&format!("{base}/nothing")), "link.status", fail);
    says(&audit(&format!("{base}/big.jpg")), "link.size", fail);
    says(&audit(&format!("{base}/range.jpg")), "link.weight", Severity::Warn);
    says(&audit(&format!("{base}/empty")), "link.size", fail);
    says(&audit(&format!("{base}/good.jpg?X-Amz-Expires=300")), "link.expires", Severity::Info);
    let options = Options { allow_private: true, slow_first_byte: Duration::from_millis(100), ..Options::default() };
    let slow = Auditor::new(Policy::cloud(), options).audit(&format!("{base}/slow.jpg")).unwrap();
    says(&slow, "link.slow", Severity::Warn);
}

#[test]
fn sizes_are_seen_without_a_length() {
    let jpeg = read("image/fit__baseline.jpg");
    let padded = move |length: usize| [&jpeg[..], &vec![0; length - jpeg.len()]].concat();
    let kind = "Content-Type: image/jpeg\r\n";
    let base = server(move |method, path| {
        let head = method == "HEAD";
        match path {
            // Only HEAD tells.
            "/head" if head => response("200 OK", &format!("{kind}Content-Length: 6000000\r\n"), b""),
            "/head" => response("200 OK", kind, &padded(40_000)),
            // Nobody tells: it is read until it is over the limit, or to its end.
            "/endless" | "/heavy" | "/small" if head => response("200 OK", kind, b""),
            "/endless" => response("200 OK", kind, &padded(6_000_000)),
            "/heavy" => response("200 OK", kind, &padded(5_100_000)),
            "/small" => response("200 OK", kind, &padded(40_000)),
            // A range whose whole is not told; a second answer is given to the question without one.
            "/star" if head => response("405 No", "Content-Length: 0\r\n", b""),
            "/star" => response("206 Partial", &format!("{kind}Content-Range: bytes 0-32767/*\r\n"), &padded(32_768)),
            "/types" if head => response("200 OK", "Content-Type: text/html; charset=utf-8\r\n", b""),
            "/types" => response("200 OK", &format!("{kind}Content-Length: 4000\r\n"), &padded(4000)),
            _ => response("404 Not Found", "Content-Length: 0\r\n", b""),
        }
    });
    let fail = Severity::Fail;
    let told = audit(&format!("{base}/head"));
    assert_eq!(told.bytes, Some(6_000_000));
    says(&told, "link.size", fail);
    let endless = audit(&format!("{base}/endless"));
    says(&endless, "link.size", fail);
    assert!(!endless.findings.iter().any(|remark| remark.rule == "link.length"), "{endless:#?}");
    let heavy = audit(&format!("{base}/heavy"));
    assert!(heavy.is_fit(), "{heavy:#?}");
    says(&heavy, "link.weight", Severity::Warn);
    for path in ["small", "star", "heavy"] {
        let audit = audit(&format!("{base}/{path}"));
        assert!(audit.is_fit() && audit.bytes.is_none(), "{audit:#?}");
        says(&audit, "link.length", Severity::Warn);
    }
    says(&audit(&format!("{base}/types")), "link.head", Severity::Warn);
}

#[test]
fn what_is_slow_on_the_way_or_after_the_head_is_slow() {
    let base = platform::server(|stream, head| {
        let jpeg = read("image/fit__baseline.jpg");
        let length = format!("Content-Type: image/jpeg\r\nContent-Length: {}\r\n", jpeg.len());
        if head.contains(" /moved ") {
            std::thread::sleep(Duration::from_millis(300));
            let _ = stream.write_all(&response("302 Found", "Location: /quick\r\nContent-Length: 0\r\n", b""));
            return;
        }
        let _ = stream.write_all(&response("200 OK", &length, b""));
        if head.contains(" /late ") {
            std::thread::sleep(Duration::from_millis(300));
        }
        let _ = stream.write_all(&jpeg);
    });
    let options = Options { allow_private: true, slow_first_byte: Duration::from_millis(200), ..Options::default() };
    let auditor = Auditor::new(Policy::cloud(), options);
    for (path, slow) in [("quick", false), ("moved", true), ("late", true)] {
        let audit = auditor.audit(&format!("{base}/{path}")).unwrap();
        assert_eq!(audit.findings.iter().any(|remark| remark.rule == "link.slow"), slow, "{path}: {audit:#?}");
        assert_eq!(audit.first_byte_ms.unwrap() >= 300, slow);
    }
}

#[test]
fn private_addresses_and_other_schemes_are_refused() {
    let auditor = Auditor::new(Policy::cloud(), Options::default());
    let here = server(|_, _| response("200 OK", "Content-Length: 0\r\n", b""));
    let port = here.rsplit(':').next().unwrap();
    for url in [
        here.clone(),
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://2130706433:{port}/"),
    ] {
        let audit = auditor.audit(&url).unwrap();
        assert!(!audit.is_fit(), "{url}");
        // The last form is an address on some systems and an unknown name on others; it is never asked.
        let rules: Vec<_> = audit.findings.iter().map(|remark| remark.rule).collect();
        assert!(rules == ["link.address"] || rules == ["link.reachable"], "{url}: {rules:?}");
        assert_eq!(audit.status, None);
    }
    assert_eq!(auditor.audit(&here).unwrap().findings[0].rule, "link.address");
    for url in ["file:///etc/passwd", "ftp://example.org/a", "gopher://h/", "javascript:1", "http://", "example.org"] {
        assert_eq!(auditor.audit(url).unwrap_err().kind(), ErrorKind::Io, "{url}");
    }
}

/// A folder with a file outside of it, and a server of it.
fn served() -> (tempfile::TempDir, FileServer) {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("public");
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    std::fs::write(place.path().join("secret.jpg"), "secret").unwrap();
    std::fs::write(folder.join("a.jpg"), read("image/fit__baseline.jpg")).unwrap();
    std::fs::write(folder.join("sub/ü b.ogg"), read("audio/fit__opus-mono.ogg")).unwrap();
    std::fs::write(folder.join(".hidden.jpg"), "secret").unwrap();
    std::fs::write(folder.join("mediafit.jsonl"), "secret").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(place.path().join("secret.jpg"), folder.join("out.jpg")).unwrap();
        symlink(place.path(), folder.join("up")).unwrap();
        symlink(folder.join(".hidden.jpg"), folder.join("shown.jpg")).unwrap();
        symlink(folder.join("a.jpg"), folder.join("inside.jpg")).unwrap();
    }
    let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let options = serve::Options { connections: 8, ..serve::Options::new(folder, listen) };
    let server = FileServer::start(&options).unwrap();
    (place, server)
}

/// One request: status, head, body.
fn ask(server: &FileServer, request: &str) -> (u16, String, Vec<u8>) {
    let url = server.url();
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // A server that has read enough ends the connection.
    let _ = stream.write_all(format!("{request}\r\nHost: h\r\nConnection: close\r\n\r\n").as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, head, answer.get(end + 4..).unwrap_or_default().to_vec())
}

#[test]
fn files_are_served_with_the_headers_that_count() {
    let (_place, server) = served();
    let jpeg = read("image/fit__baseline.jpg");
    let (status, head, body) = ask(&server, "GET /a.jpg HTTP/1.1");
    assert_eq!((status, &body), (200, &jpeg));
    let length = format!("content-length: {}", jpeg.len());
    for header in [
        "content-type: image/jpeg",
        &length,
        "cache-control: max-age=86400",
        "last-modified: ",
        "etag: \"",
        "accept-ranges: bytes",
    ] {
        assert!(head.contains(header), "{header} in {head}");
    }
    assert!(!head.contains("transfer-encoding"));
    let (status, again, body) = ask(&server, "HEAD /a.jpg HTTP/1.1");
    assert!(status == 200 && body.is_empty() && again.contains(&length));
    let (status, head_of_part, body) = ask(&server, "GET /a.jpg HTTP/1.1\r\nRange: bytes=2-5");
    assert_eq!((status, body.as_slice()), (206, &jpeg[2..6]));
    assert!(head_of_part.contains(&format!("content-range: bytes 2-5/{}", jpeg.len())));
    assert_eq!(ask(&server, "GET /a.jpg HTTP/1.1\r\nRange: bytes=99999999-").0, 416);
    let etag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    assert_eq!(ask(&server, &format!("GET /a.jpg HTTP/1.1\r\nIf-None-Match: {etag}")).0, 304);
    assert_eq!(ask(&server, "GET /a.jpg HTTP/1.1\r\nIf-None-Match: \"other\"").0, 200);
    let other = "GET /a.jpg HTTP/1.1\r\nRange: bytes=2-5\r\nIf-Range: \"other\"";
    assert_eq!(ask(&server, other).0, 200);
    let (status, head, _) = ask(&server, "GET /sub/%C3%BC%20b.ogg HTTP/1.1");
    assert!(status == 200 && head.contains("content-type: audio/ogg; codecs=opus"), "{head}");
    assert_eq!(ask(&server, "POST /a.jpg HTTP/1.1").0, 405);
    assert_eq!(ask(&server, "DELETE /a.jpg HTTP/1.1").0, 405);
}

#[test]
fn nothing_but_the_folder_is_served() {
    let (place, server) = served();
    let secret = place.path().join("secret.jpg");
    let absolute = format!("/{}", secret.display());
    let paths = [
        "/../secret.jpg",
        "/%2e%2e/secret.jpg",
        "/..%2fsecret.jpg",
        "/sub/../../secret.jpg",
        "/sub/%2e%2e/%2e%2e/secret.jpg",
        "/%252e%252e/secret.jpg",
        "/..\\secret.jpg",
        "//etc/passwd",
        absolute.as_str(),
        "/.hidden.jpg",
        "/out.jpg",
        "/up/secret.jpg",
        "/up/public/a.jpg/../../secret.jpg",
        "/shown.jpg",
        "/mediafit.jsonl",
        "/",
        "/sub",
        "/sub/",
        "/a.jpg/",
        "/a.jpg%00",
        "/nothing",
    ];
    for path in paths {
        let (status, head, body) = ask(&server, &format!("GET {path} HTTP/1.1"));
        assert!((400..500).contains(&status), "{path}: {head}");
        assert!(!String::from_utf8_lossy(&body).contains("secret"), "{path}");
    }
    if cfg!(unix) {
        assert_eq!(ask(&server, "GET /inside.jpg HTTP/1.1").0, 200, "a link that stays inside");
    }
}

#[test]
fn heads_and_connections_are_bounded() {
    let (_place, server) = served();
    let long = format!("GET /a.jpg HTTP/1.1\r\nX: {}", "x".repeat(200_000));
    assert!([0, 400, 413, 431].contains(&ask(&server, &long).0));
    let many = format!("GET /a.jpg HTTP/1.1{}", "\r\nX: y".repeat(500));
    assert!([0, 400, 431].contains(&ask(&server, &many).0));
    // More silent connections than there is room for: they cost nothing, and one that goes makes room.
    let address = server.url();
    let silent: Vec<TcpStream> =
        (0..12).map(|_| TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap()).collect();
    drop(silent);
    assert_eq!(ask(&server, "GET /a.jpg HTTP/1.1").0, 200);
}

#[cfg(unix)]
#[test]
fn every_name_that_fit_writes_is_served() {
    let (place, server) = served();
    for (name, path) in [("12:30 a.jpg", "/12:30%20a.jpg"), ("a\\b.jpg", "/a%5Cb.jpg"), ("C:", "/C%3A")] {
        std::fs::write(place.path().join("public").join(name), read("image/fit__baseline.jpg")).unwrap();
        assert_eq!(ask(&server, &format!("GET {path} HTTP/1.1")).0, 200, "{name}");
    }
}

#[test]
fn readers_that_take_nothing_make_room() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("big.txt"), vec![b'a'; 32_000_000]).unwrap();
    let options = serve::Options {
        connections: 4,
        write_patience: Duration::from_millis(500),
        ..serve::Options::new(place.path().into(), "127.0.0.1:0".parse().unwrap())
    };
    let server = FileServer::start(&options).unwrap();
    let address = server.url();
    let stalled: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
            stream.write_all(b"GET /big.txt HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(100));
    let (status, _, body) = ask(&server, "GET /big.txt HTTP/1.1");
    assert_eq!((status, body.len()), (200, 32_000_000), "a reader that reads is served whole");
    drop(stalled);
}

#[test]
fn what_is_served_passes_the_audit() {
    let (_place, server) = served();
    for path in ["/a.jpg", "/sub/%C3%BC%20b.ogg"] {
        let audit = audit(&format!("{}{path}", server.url()));
        assert!(audit.is_fit(), "{audit:#?}");
        assert_eq!(audit.caching.as_ref().unwrap().effect, Effect::Reused);
        assert!(audit.bytes.is_some());
    }
    assert!(FileServer::start(&serve::Options::new("/nowhere/at/all".into(), "127.0.0.1:0".parse().unwrap())).is_err());
    let odd = serve::Options {
        cache_control: "a\r\nSet-Cookie: b".into(),
        ..serve::Options::new(Path::new(".").into(), "127.0.0.1:0".parse().unwrap())
    };
    assert!(FileServer::start(&odd).is_err());
}
