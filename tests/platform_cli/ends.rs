//! How verbs end: what stands on standard output then, and what is refused before anything is sent.

use super::support::{Dir, JPEG, PDF, Ran, run};
use super::{Stage, TO, bare, dry};
use serde_json::{Value, json};

fn ran(dir: &Dir, arguments: &[&str], input: &[u8]) -> Ran {
    let mut command = bare(dir);
    command.args(arguments);
    run(command, input)
}

#[test]
fn failures_stand_on_standard_output_too() {
    let dir = Dir::new();
    dir.file("b.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>");
    dir.file("no.json", "{");
    let cases: [(&[&str], i32, &str); 7] = [
        (&["send", "image", "--to", TO, "--file", "b.svg", "--dry-run"], 1, "file"),
        (&["send", "image", "--to", TO, "--file", "nothing.jpg", "--dry-run"], 2, "error"),
        (&["upload", "b.svg", "--dry-run"], 1, "file"),
        (&["upload", "b.svg"], 2, "error"),
        (&["media", "info", "1"], 2, "error"),
        (&["media", "get", "--from-webhook", "no.json"], 2, "error"),
        (&["webhook", "no.json"], 2, "error"),
    ];
    let count = cases.len();
    for (arguments, code, kind) in cases {
        let ran = ran(&dir, &[arguments, &["--json"]].concat(), b"").ends_with(code);
        let lines = ran.json();
        assert_eq!(lines.len(), 1, "{arguments:?}: {}", ran.text());
        assert_eq!(lines[0]["type"], kind, "{arguments:?}");
        if kind == "file" {
            assert_eq!((&lines[0]["plan"], lines[0]["refusal"].is_object()), (&"refuse".into(), true));
        } else {
            assert!(lines[0]["message"].is_string() && !ran.stderr.is_empty());
        }
    }
    assert_eq!(count, 7);
}

#[test]
fn a_document_over_the_cap_of_v1_is_refused_in_dry_runs_too() {
    let dir = Dir::new();
    let mut pdf = PDF.to_vec();
    pdf.resize(70_000_000, b'\n');
    dir.file("big.pdf", pdf);
    for arguments in [&["upload", "big.pdf"][..], &["send", "document", "--to", TO, "--file", "big.pdf"]] {
        let v1 =
            ran(&dir, &[arguments, &["--dry-run", "--json", "--platform", "on-premise"]].concat(), b"").ends_with(1);
        assert!(v1.stderr.contains("67108864") && v1.stderr.contains("by link only"), "{}", v1.stderr);
        assert!(!v1.json().iter().any(|line| line["type"] == "request") && v1.json().len() == 1);
        ran(&dir, &[arguments, &["--dry-run", "--json"]].concat(), b"").ends_with(0);
    }
}

#[test]
fn what_comes_on_standard_input_leaves_no_path() {
    let stage = Stage::new();
    let mut command = stage.bare();
    command.args(["upload", "-", "--json", "--base-url", &stage.simulator.url()]).env("D360_API_KEY", super::KEY);
    let upload = run(command, JPEG).ends_with(0).one_file();
    assert_eq!((&upload["path"], &upload["upload"]["filename"]), (&"-".into(), &"stdin.jpg".into()));
    let listed = stage.at_360dialog(&["media", "list", "--json"]).ends_with(0).json();
    assert!(listed[0]["source"].is_null(), "{listed:?}");
    let shown = ran(&stage.dir, &["upload", "-", "--dry-run"], JPEG).ends_with(0).text();
    assert!(shown.starts_with("-: POST"), "{shown}");
}

#[test]
fn the_name_on_the_wire_is_told() {
    let stage = Stage::new();
    stage.dir.file("größe 1.jpeg", JPEG);
    let upload = stage.at_360dialog(&["upload", "größe 1.jpeg", "--json"]).ends_with(0).one_file();
    let sent = stage.simulator.media()[0].filename.clone().unwrap();
    assert_eq!((upload["upload"]["filename"].as_str(), sent.as_str()), (Some("gr__e 1.jpg"), "gr__e 1.jpg"));
    let line = dry(&["upload", "a.jpg"]).remove(0);
    assert_eq!(line["headers"]["Content-Type"], "multipart/form-data");
}

#[test]
fn media_is_judged_by_its_place_however_it_is_named() {
    let stage = Stage::new();
    stage.dir.file("note.txt", "text\n");
    stage.dir.file("offer.pdf", PDF);
    stage.dir.file("rest.json", r#"{"type":"button","body":{"text":"b"},"action":{}}"#);
    let id_of = |name: &str| {
        let upload = stage.at_360dialog(&["upload", name, "--json"]).ends_with(0).one_file();
        upload["upload"]["id"].as_str().unwrap().to_owned()
    };
    let (text, pdf) = (id_of("note.txt"), id_of("offer.pdf"));
    for (source, value, code) in [
        ("--id", text.as_str(), 1),
        ("--id", &pdf, 0),
        ("--id", "12345", 0),
        ("--link", "https://h/a.docx", 1),
        ("--link", "https://h/a.docx?x=1.pdf#y", 1),
        ("--link", "https://h/a.pdf", 0),
        ("--link", "https://h/media/7", 0),
    ] {
        let send = ["send", "document", "--to", TO, source, value, "--template", "n", "--dry-run", "--json"];
        let ran = ran(&stage.dir, &send, b"").ends_with(code);
        let kind = if code == 1 { "objection" } else { "request" };
        assert_eq!(ran.json()[0]["type"], kind, "{source} {value}");
    }
    let send =
        ["send", "document", "--to", TO, "--link", "https://h/a.docx", "--interactive", "rest.json", "--dry-run"];
    ran(&stage.dir, &send, b"").ends_with(0);
    // The stand-in would refuse it as well.
    let template = ["send", "document", "--to", TO, "--id", &text, "--template", "n", "--ledger", "other.sqlite"];
    assert!(stage.at_360dialog(&template).ends_with(2).stderr.contains("only PDF"));
}

#[test]
fn nothing_is_left_out_of_a_message_in_silence() {
    let dir = Dir::new();
    let send = |rest: Value, parts: Value, code: i32| {
        dir.file("rest.json", rest.to_string());
        dir.file("parts.json", parts.to_string());
        let file: &[&str] = if rest.is_null() {
            &["--template", "n", "--components", "parts.json"]
        } else {
            &["--interactive", "rest.json"]
        };
        let all = [&["send", "video", "--to", TO, "--id", "7", "--dry-run", "--json"], file].concat();
        ran(&dir, &all, b"").ends_with(code).json()
    };
    let good = json!({"type": "button", "body": {"text": "b"}, "action": {}});
    let with = |key: &str, value: Value| {
        let mut changed = good.clone();
        changed[key] = value;
        changed
    };
    send(good.clone(), Value::Null, 0);
    for (key, value, named) in [
        ("header", json!({"type": "text", "text": "t"}), "header"),
        ("foot", json!({"text": "t"}), "foot"),
        ("body", json!({"text": "b", "bold": true}), "body.bold"),
    ] {
        let lines = send(with(key, value), Value::Null, 1);
        assert_eq!((&lines[0]["rule"], &lines[0]["found"]), (&"message.header".into(), &named.into()));
    }
    send(Value::Null, json!([{"type": "body", "parameters": []}]), 0);
    let lines = send(Value::Null, json!([{"type": "HEADER", "parameters": []}]), 1);
    assert_eq!((&lines[0]["rule"], &lines[0]["found"]), (&"message.header".into(), &2.into()));
}

#[test]
fn a_voice_note_goes_to_v1_without_a_mark() {
    let dir = Dir::new();
    dir.file("a.ogg", include_bytes!("../../testdata/audio/fit__opus-mono.ogg"));
    let send = |arguments: &[&str], code: i32| {
        let all = [&["send"], arguments, &["--to", TO, "--file", "a.ogg", "--dry-run", "--json"][..]].concat();
        ran(&dir, &all, b"").ends_with(code).json()
    };
    let body = |lines: Vec<Value>| lines[1]["body"]["audio"].clone();
    assert_eq!(body(send(&["voice", "--platform", "on-premise"], 0)), json!({"id": "{media_id}"}));
    assert_eq!(body(send(&["voice"], 0)), json!({"id": "{media_id}", "voice": true}));
    assert_eq!(send(&["audio", "--voice", "--platform", "on-premise"], 1)[0]["rule"], "message.voice");
}
