//! What tests of the platform share: a stand-in, clients for it, and files that are fit.
#![allow(dead_code, reason = "each test uses a part of it")]

use mediafit::fault::Fault;
use mediafit::simulate::{Options, Simulator};
use mediafit::upload::{Account, Api, HttpOptions, HttpUploader, Key};
use mediafit::{Ask, Cancel, Ending, Fitted, Fitter, Platform, Policy, Role, Source};
use std::path::Path;
use std::time::Duration;

pub(crate) const NUMBER: &str = "102290129340398";
pub(crate) const APIS: [Api; 3] = [Api::OnPremise, Api::Dialog360, Api::Meta];

pub(crate) fn simulator() -> Simulator {
    Simulator::start(&Options { key: Some("right".to_owned()), ..Options::default() }).unwrap()
}

/// Quick to try again, and without a pace.
pub(crate) fn quick() -> HttpOptions {
    HttpOptions {
        uploads_per_second: 0.0,
        first_wait: Duration::from_millis(2),
        longest_wait: Duration::from_millis(20),
        patience: Duration::from_secs(10),
        ..HttpOptions::default()
    }
}

pub(crate) fn account(simulator: &Simulator, api: Api) -> Account {
    let base = if api == Api::Meta { simulator.meta_url() } else { simulator.url() };
    let account = Account::new(api).at(&base).unwrap().with_key(Key::new("right").unwrap());
    if api == Api::Meta { account.with_phone_number_id(NUMBER).unwrap() } else { account }
}

pub(crate) fn client_with(simulator: &Simulator, api: Api, options: &HttpOptions) -> HttpUploader {
    HttpUploader::new(account(simulator, api), options, Cancel::default()).unwrap()
}

pub(crate) fn client(simulator: &Simulator, api: Api) -> HttpUploader {
    client_with(simulator, api, &quick())
}

pub(crate) fn fitted_as(platform: Platform, bytes: Vec<u8>, name: &str, role: Role) -> Fitted {
    let source = Source::from_bytes(bytes, Some(Path::new(name)));
    match Fitter::new(Policy::of(platform)).fit(&source, Ask::Role(role)).unwrap().1 {
        Ending::Fitted { fitted, .. } => *fitted,
        Ending::Refused(refusal) => panic!("{name}: {}", refusal.message),
    }
}

pub(crate) fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)).unwrap()
}

/// One fit file of each kind, with the type it goes as.
pub(crate) fn kinds(platform: Platform) -> Vec<(Fitted, &'static str)> {
    [
        ("image/fit__baseline.jpg", Role::Image, "image/jpeg"),
        ("image/fit__rgb.png", Role::Image, "image/png"),
        ("image/fit__rgb.png", Role::Sticker, "image/webp"),
        ("audio/fit__opus-mono.ogg", Role::Audio, "audio/ogg; codecs=opus"),
        ("audio/fit__mp3.mp3", Role::Audio, "audio/mpeg"),
        ("audio/fit__aac.m4a", Role::Audio, "audio/mp4"),
        ("audio/fit__adts.aac", Role::Audio, "audio/aac"),
        ("audio/fit__amr.amr", Role::Audio, "audio/amr"),
        ("document/fit__one-page.pdf", Role::Document, "application/pdf"),
        ("document/fit__ascii.txt", Role::Document, "text/plain"),
    ]
    .into_iter()
    .map(|(name, role, mime)| (fitted_as(platform, read(name), name, role), mime))
    .collect()
}

/// A small fit text, different for each number.
pub(crate) fn text(number: usize) -> Fitted {
    let bytes = format!("This is text number {number}.\n").into_bytes();
    fitted_as(Platform::Cloud, bytes, "note.txt", Role::Document)
}

#[track_caller]
pub(crate) fn fault(error: &mediafit::Error) -> &Fault {
    Fault::of(error).unwrap_or_else(|| panic!("no fault of the platform: {error}"))
}

/// One call by hand, for what no client of ours sends: status and body.
pub(crate) fn raw(simulator: &Simulator, request: &[u8]) -> (u16, String) {
    use std::io::{Read, Write};
    let address = simulator.url();
    let mut stream = std::net::TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // The other side may end the connection hard after its answer.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    (status, body)
}

/// A server of one's own that is handed each connection with the head of its first request, on a thread; gives its address.
pub(crate) fn server(handle: impl Fn(&mut std::net::TcpStream, &str) + Send + Sync + 'static) -> String {
    use std::io::Read;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let handle = std::sync::Arc::new(handle);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let handle = std::sync::Arc::clone(&handle);
            std::thread::spawn(move || {
                // Byte by byte: what follows the head stays unread.
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
                    head.extend_from_slice(&byte);
                }
                handle(&mut stream, &String::from_utf8_lossy(&head));
            });
        }
    });
    address
}

/// A whole answer, after which the connection ends.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

/// An account at such a server.
pub(crate) fn account_at(base: &str, api: Api) -> Account {
    let account = Account::new(api).at(base).unwrap().with_key(Key::new("right").unwrap());
    if api == Api::Meta { account.with_phone_number_id(NUMBER).unwrap() } else { account }
}
