//! The verbs that talk to the platform, through the binary and against the stand-in.
#![cfg(all(feature = "cli", feature = "http", feature = "serve"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "platform_cli/ends.rs"]
mod ends;
#[path = "platform_cli/kills.rs"]
mod kills;
mod platform;
#[path = "platform_cli/refresh.rs"]
mod refresh;
#[allow(dead_code, reason = "other tests use the rest")]
mod support;

use mediafit::simulate::{Fault, Faults, Options, Simulator};
use platform::NUMBER;
use serde_json::{Value, json};
use std::process::Command;
use support::{Dir, JPEG, PDF, Ran, bmp, run};

const KEY: &str = "s3cret-of-360dialog";
const TOKEN: &str = "s3cret-of-meta";
const TO: &str = "16505551234";

/// A folder, a stand-in, and the command with nothing of the surrounding environment that counts.
struct Stage {
    dir: Dir,
    simulator: Simulator,
}

impl Stage {
    fn new() -> Self {
        let options = Options { key: Some(KEY.to_owned()), ..Options::default() };
        Self { dir: Dir::new(), simulator: Simulator::start(&options).unwrap() }
    }

    fn bare(&self) -> Command {
        bare(&self.dir)
    }

    /// The command with 360dialog's key, and the stand-in's address at the end.
    fn at_360dialog(&self, arguments: &[&str]) -> Ran {
        let mut command = self.bare();
        command.args(arguments).args(["--base-url", &self.simulator.url()]).env("D360_API_KEY", KEY);
        no_secret(run(command, b""))
    }
}

fn bare(dir: &Dir) -> Command {
    let mut command = dir.command();
    for name in ["D360_API_KEY", "WHATSAPP_TOKEN", "WHATSAPP_PHONE_NUMBER_ID", "WHATSAPP_APP_ID"] {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", dir.join("state"));
    command
}

/// No key is ever printed.
#[track_caller]
fn no_secret(ran: Ran) -> Ran {
    for secret in [KEY, TOKEN] {
        assert!(!ran.text().contains(secret) && !ran.stderr.contains(secret), "{}{}", ran.text(), ran.stderr);
    }
    ran
}

fn dry(arguments: &[&str]) -> Vec<Value> {
    let dir = Dir::new();
    dir.file("a.jpg", JPEG);
    dir.file("offer.pdf", PDF);
    let mut command = bare(&dir);
    command.args(arguments).args(["--dry-run", "--json"]);
    no_secret(run(command, b"").ends_with(0)).json()
}

#[test]
fn a_dry_run_needs_no_credentials_and_shows_the_request() {
    let line = dry(&["send", "image", "--to", TO, "--id", "1", "--caption", "Hi"]);
    let expected = json!({
        "type": "request",
        "method": "POST",
        "url": "https://graph.facebook.com/v23.0/{phone_number_id}/messages",
        "headers": {"Authorization": "Bearer ***", "Content-Type": "application/json"},
        "body": {
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": TO, "type": "image",
            "image": {"id": "1", "caption": "Hi"},
        },
    });
    assert_eq!(line, [expected]);
    let keys: Vec<&String> = line[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["type", "method", "url", "headers", "body"]);

    let line = &dry(&["send", "audio", "--to", TO, "--link", "https://h/a.ogg", "--voice", "--via", "360dialog"])[0];
    assert_eq!(line["url"], "https://waba-v2.360dialog.io/messages");
    assert_eq!(line["headers"]["D360-API-KEY"], "***");
    assert_eq!(line["body"]["audio"], json!({"link": "https://h/a.ogg", "voice": true}));

    let v1 =
        ["send", "sticker", "--to", TO, "--link", "https://h/a.webp", "--provider", "p", "--platform", "on-premise"];
    let line = &dry(&v1)[0];
    assert_eq!(line["url"], "https://waba.360dialog.io/v1/messages");
    assert_eq!(line["body"]["sticker"], json!({"link": "https://h/a.webp", "provider": {"name": "p"}}));
    assert!(line["body"].get("messaging_product").is_none());
}

#[test]
fn a_dry_run_with_a_file_shows_both_requests() {
    let lines =
        dry(&["send", "document", "--to", TO, "--file", "offer.pdf", "--via", "360dialog", "--reply-to", "wamid.x"]);
    assert_eq!(lines.len(), 2);
    let (upload, message) = (&lines[0], &lines[1]);
    assert_eq!(upload["url"], "https://waba-v2.360dialog.io/media");
    assert_eq!(upload["body"]["type"], "application/pdf");
    assert_eq!(upload["body"]["file"]["filename"], "offer.pdf");
    assert_eq!(message["body"]["document"], json!({"id": "{media_id}", "filename": "offer.pdf"}));
    assert_eq!(message["body"]["context"]["message_id"], "wamid.x");
    let lines = dry(&["upload", "a.jpg", "--platform", "on-premise"]);
    assert_eq!((&lines[0]["headers"]["Content-Type"], &lines[0]["method"]), (&"image/jpeg".into(), &"POST".into()));
    let lines = dry(&["send", "image", "--for", "template-sample", "--file", "a.jpg"]);
    assert!(lines[0]["url"].as_str().unwrap().contains("/{app_id}/uploads?file_name=a.jpg&file_length="));
    assert_eq!(lines[1]["headers"]["Authorization"], "OAuth ***");
}

#[test]
fn headers_are_composed() {
    let dir = Dir::new();
    dir.file("rest.json", r#"{"type":"button","body":{"text":"b"},"footer":{"text":"f"},"action":{"buttons":[]}}"#);
    dir.file("parts.json", r#"[{"type":"body","parameters":[{"type":"text","text":"x"}]}]"#);
    let send = |arguments: &[&str], code: i32| {
        let mut command = bare(&dir);
        command.args(["send", "video", "--to", TO, "--id", "7", "--dry-run", "--json"]).args(arguments);
        run(command, b"").ends_with(code)
    };
    let body = send(&["--interactive", "rest.json"], 0).json()[0]["body"].clone();
    assert_eq!(body["interactive"]["header"], json!({"type": "video", "video": {"id": "7"}}));
    let body =
        send(&["--template", "n", "--language", "de", "--components", "parts.json"], 0).json()[0]["body"].clone();
    assert_eq!(body["template"]["components"][0]["parameters"][0]["video"]["id"], "7");
    assert_eq!(body["template"]["components"].as_array().unwrap().len(), 2);
    let ran = send(&["--template", "n", "--caption", "c"], 1);
    assert_eq!(ran.json()[0]["rule"], "message.caption");
    send(&["--for", "template-header"], 2);
    send(&["--for", "template-sample"], 2);
}

#[test]
fn captions_are_bounded_by_characters() {
    let dir = Dir::new();
    for (count, code) in [(1024, 0), (1025, 1)] {
        let mut command = bare(&dir);
        let caption = "ü".repeat(count);
        command.args(["send", "image", "--to", TO, "--id", "1", "--dry-run", "--caption", &caption]);
        let ran = run(command, b"").ends_with(code);
        assert_eq!(ran.stderr.contains("message.caption"), code == 1, "{}", ran.stderr);
    }
    for wrong in [&["--id", "1", "--link", "https://h/a"][..], &[], &["--id", "1", "--file", "x"]] {
        let mut command = bare(&dir);
        command.args(["send", "image", "--to", TO, "--dry-run"]).args(wrong);
        run(command, b"").ends_with(2);
    }
}

#[test]
fn files_are_uploaded_once_and_known_again() {
    let stage = Stage::new();
    stage.dir.file("in/a.jpg", JPEG);
    stage.dir.file("in/b.bmp", bmp(16, 16));
    stage.dir.file("in/offer.pdf", PDF);
    let ran = stage.at_360dialog(&["upload", "in", "--json"]).ends_with(0);
    let summary = ran.summary();
    assert_eq!((&summary["files"], &summary["uploaded"], &summary["reused"]), (&3.into(), &3.into(), &0.into()));
    let upload = &ran.file("b.bmp")["upload"];
    assert_eq!((&upload["mime"], &upload["reused"]), (&"image/png".into(), &false.into()));
    assert_eq!(upload["expires_at"].as_i64().unwrap() - upload["uploaded_at"].as_i64().unwrap(), 30 * 86_400);
    let names: Vec<_> = stage.simulator.media().into_iter().filter_map(|media| media.filename).collect();
    assert!(names.contains(&"b.png".to_owned()), "{names:?}");

    let again = stage.at_360dialog(&["upload", "in", "--json"]).ends_with(0);
    assert_eq!((&again.summary()["uploaded"], &again.summary()["reused"]), (&0.into(), &3.into()));
    assert_eq!(again.file("b.bmp")["upload"]["id"], upload["id"]);
    assert_eq!(stage.simulator.requests(), 3);
    let ledger = stage.dir.read("state/mediafit/ledger.sqlite");
    assert!(!String::from_utf8_lossy(&ledger).contains(KEY));
    let plain = stage.at_360dialog(&["upload", "in"]).ends_with(0).text();
    assert!(plain.contains("known") && plain.contains("UTC"), "{plain}");
}

#[test]
fn credentials_choose_the_host_and_never_come_from_arguments() {
    let stage = Stage::new();
    stage.dir.file("a.jpg", JPEG);
    let with = |variables: &[(&str, &str)], arguments: &[&str], code: i32| {
        let mut command = stage.bare();
        command.args(["upload", "a.jpg"]).args(arguments).envs(variables.iter().copied());
        no_secret(run(command, b"")).ends_with(code).stderr
    };
    let (url, meta_url) = (stage.simulator.url(), stage.simulator.meta_url());
    assert!(with(&[], &[], 2).contains("D360_API_KEY"));
    let both = [("D360_API_KEY", KEY), ("WHATSAPP_TOKEN", KEY), ("WHATSAPP_PHONE_NUMBER_ID", NUMBER)];
    assert!(with(&both, &[], 2).contains("--via"));
    with(&both, &["--via", "360dialog", "--base-url", &url], 0);
    with(&both, &["--via", "meta", "--base-url", &meta_url], 0);
    assert!(with(&both[1..2], &["--base-url", &meta_url], 2).contains("WHATSAPP_PHONE_NUMBER_ID"));
    assert!(with(&both[..1], &["--base-url", "http://example.org"], 2).contains("readable on the way"));
    assert!(with(&[("D360_API_KEY", "one two")], &["--base-url", &url], 2).contains("D360_API_KEY"));
    assert_eq!(stage.simulator.media().len(), 2);
    with(&[], &["--key", KEY], 2);
}

#[test]
fn a_configuration_that_lies_around_leads_no_key_away() {
    let stage = Stage::new();
    stage.dir.file("a.jpg", JPEG);
    stage.dir.file("waba.key", format!("{KEY}\n"));
    let config = format!("[api.360dialog]\nbase-url = \"{}\"\nkey-file = \"waba.key\"\n", stage.simulator.url());
    stage.dir.file("mediafit.toml", &config);
    let upload = |arguments: &[&str]| {
        let mut command = stage.bare();
        command.args(["upload", "a.jpg"]).args(arguments);
        no_secret(run(command, b""))
    };
    let ran = upload(&[]).ends_with(2);
    assert!(ran.stderr.contains("--config") && stage.simulator.requests() == 0, "{}", ran.stderr);
    upload(&["--config", "mediafit.toml"]).ends_with(0);
    if cfg!(unix) {
        let url = stage.simulator.url();
        let config = format!("[api.360dialog]\nbase-url = \"{url}\"\nkey-command = [\"cat\", \"waba.key\"]\n");
        stage.dir.file("command.toml", config);
        let ran = upload(&["--config", "command.toml"]).ends_with(0);
        assert!(ran.text().contains("known"), "{}", ran.text());
        let config = format!("[api.360dialog]\nbase-url = \"{url}\"\nkey-command = [\"false\"]\n");
        stage.dir.file("failing.toml", config);
        upload(&["--config", "failing.toml"]).ends_with(2);
    }
}

#[test]
fn a_message_is_sent_and_its_failure_explained() {
    let stage = Stage::new();
    stage.dir.file("in/a.jpg", JPEG);
    let ran = stage.at_360dialog(&["send", "image", "--to", TO, "--file", "in/a.jpg", "--json"]).ends_with(0);
    let sent = ran.json().remove(0);
    assert_eq!((&sent["state"], &sent["message_status"]), (&"sent".into(), &"accepted".into()));
    assert_eq!(stage.simulator.messages()[0]["image"]["id"], sent["media_id"]);

    let callback = json!({"entry": [{"changes": [{"value": {"statuses": [{
        "id": sent["message_id"], "status": "failed", "timestamp": "1795356300",
        "errors": [{"code": 131_053, "title": "Media upload error", "error_data": {"details":
            "Image file uploaded with mimetype as image/jpeg, however on processing it is of type image/webp"}}],
    }]}}]}]});
    let mut command = stage.bare();
    command.args(["webhook", "-", "--json"]);
    let lines = run(command, callback.to_string().as_bytes()).ends_with(1).json();
    assert_eq!(lines[0]["send"]["source"], "in/a.jpg");
    assert_eq!(lines[0]["faults"][0]["rule"], "image.format");
    stage.dir.file("callback.json", callback.to_string());
    let mut command = stage.bare();
    command.args(["webhook", "callback.json"]);
    let said = run(command, b"").ends_with(1).stderr;
    assert!(said.contains("in/a.jpg") && said.contains("image.format") && said.contains("mediafit fit"), "{said}");
}

#[test]
fn an_uncertain_send_is_told_and_exit_2() {
    let stage = Stage::new();
    stage.simulator.set_faults(Faults::always(Fault::LoseAnswer, u64::MAX));
    let ran = stage.at_360dialog(&["send", "image", "--to", TO, "--link", "https://h/a.jpg", "--json"]).ends_with(2);
    assert_eq!(ran.json()[0]["state"], "uncertain");
    assert!(ran.stderr.contains("before it is sent again") && ran.stderr.contains("uploading is the advised way"));
    assert_eq!(stage.simulator.messages().len(), 1);
}

#[test]
fn a_refused_message_is_told_with_its_fault() {
    let stage = Stage::new();
    let ran = stage.at_360dialog(&["send", "image", "--to", TO, "--id", "404", "--json"]).ends_with(2);
    let line = ran.json().remove(0);
    assert_eq!((&line["type"], &line["fault"]["class"]), (&"error".into(), &"missing".into()));
    assert!(ran.stderr.contains("upload the file again"), "{}", ran.stderr);
}

#[test]
fn a_failed_upload_is_operational_and_an_unfit_file_is_not() {
    let stage = Stage::new();
    stage.dir.file("in/a.jpg", JPEG);
    stage.dir.file("in/b.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>");
    let ran = stage.at_360dialog(&["upload", "in", "--json"]).ends_with(1);
    assert!(ran.file("b.svg")["upload"].is_null() && ran.file("a.jpg")["error"].is_null());
    stage.simulator.set_faults(Faults::always(Fault::VolumeFull, u64::MAX));
    stage.dir.file("in/c.txt", "new\n");
    let ran = stage.at_360dialog(&["upload", "in", "--json"]).ends_with(2);
    let file = ran.file("c.txt");
    assert_eq!((&file["error"]["kind"], &file["fault"]["class"]), (&"upload".into(), &"volume-full".into()));
    let mut command = stage.bare();
    command.args(["upload", "-", "--json", "--base-url", &stage.simulator.url()]).env("D360_API_KEY", KEY);
    stage.simulator.set_faults(Faults::default());
    assert_eq!(run(command, JPEG).ends_with(0).one_file()["path"], "-");
}

#[test]
fn media_is_listed_looked_up_downloaded_renewed_and_deleted() {
    let stage = Stage::new();
    stage.dir.file("a.jpg", JPEG);
    let upload = stage.at_360dialog(&["upload", "a.jpg", "--json"]).ends_with(0).one_file();
    let id = upload["upload"]["id"].as_str().unwrap().to_owned();
    let listed = stage.at_360dialog(&["media", "list", "--json"]).ends_with(0).json();
    assert_eq!((&listed[0]["id"], &listed[0]["source"]), (&id.as_str().into(), &"a.jpg".into()));
    assert!(stage.at_360dialog(&["media", "list", "--expiring-within", "48h"]).ends_with(0).text().is_empty());
    let info = stage.at_360dialog(&["media", "info", &id, "--json"]).ends_with(0).json();
    assert_eq!((&info[0]["mime"], &info[0]["ledger"]["id"]), (&"image/jpeg".into(), &id.as_str().into()));
    stage.at_360dialog(&["media", "get", &id]).ends_with(0);
    assert_eq!(stage.dir.read(format!("{id}.jpg")), JPEG);
    assert_eq!(stage.at_360dialog(&["media", "get", &id, "-o", "-"]).ends_with(0).stdout, JPEG);

    let renewed = stage.at_360dialog(&["media", "refresh", "--expiring-within", "31d", "--json"]).ends_with(0).json();
    assert_eq!(renewed[0]["old_id"], id.as_str());
    let new = renewed[0]["new_id"].as_str().unwrap();
    assert_ne!(new, id);
    assert_eq!(stage.at_360dialog(&["media", "list", "--json"]).ends_with(0).json().len(), 1);
    stage.at_360dialog(&["media", "delete", new]).ends_with(0);
    stage.at_360dialog(&["media", "delete", new]).ends_with(2);
    assert!(stage.at_360dialog(&["media", "list"]).ends_with(0).text().is_empty());
    let gone = stage.at_360dialog(&["media", "list", "--all", "--json"]).ends_with(0).json();
    assert!(gone.iter().all(|line| !line["gone_at"].is_null()) && gone.len() == 2);
}

#[test]
fn media_of_users_is_downloaded_from_a_callback() {
    let stage = Stage::new();
    stage.dir.file("a.jpg", JPEG);
    let upload = stage.at_360dialog(&["upload", "a.jpg", "--json"]).ends_with(0).one_file();
    let (id, sha256) = (&upload["upload"]["id"], &upload["upload"]["sha256"]);
    let callback = |sha256: &Value| {
        let image = json!({"id": id, "mime_type": "image/jpeg", "sha256": sha256});
        json!({"entry": [{"changes": [{"value": {"messages": [{"id": "m", "type": "image", "image": image}]}}]}]})
    };
    stage.dir.file("callback.json", callback(sha256).to_string());
    let get = ["media", "get", "--from-webhook", "callback.json", "-o", "inbox", "--ledger", "other.sqlite"];
    stage.at_360dialog(&get).ends_with(0);
    let name = format!("inbox/{}.jpg", id.as_str().unwrap());
    assert_eq!(stage.dir.read(&name), JPEG);
    let known = stage.at_360dialog(&["media", "list", "--json", "--ledger", "other.sqlite"]).ends_with(0).json();
    assert_eq!(known[0]["origin"], "webhook");
    assert_eq!(known[0]["expires_at"].as_i64().unwrap() - known[0]["uploaded_at"].as_i64().unwrap(), 7 * 86_400);
    std::fs::remove_file(stage.dir.join(&name)).unwrap();
    stage.dir.file("callback.json", callback(&"00".repeat(32).into()).to_string());
    let ran = stage.at_360dialog(&get).ends_with(2);
    assert!(ran.stderr.contains(id.as_str().unwrap()), "{}", ran.stderr);
    assert!(!stage.dir.join(&name).exists(), "what is not as it was told is not left there");
    stage.dir.file(&name, "what was there before");
    stage.at_360dialog(&get).ends_with(2);
    assert_eq!(stage.dir.read(&name), b"what was there before");
    // What users sent is theirs: it is not uploaded again.
    let refresh = ["media", "refresh", "--expiring-within", "31d", "--ledger", "other.sqlite", "--json"];
    assert!(stage.at_360dialog(&refresh).ends_with(0).text().is_empty());
}

#[test]
fn a_sample_is_gone_on_with_from_where_the_server_stands() {
    let stage = Stage::new();
    stage.dir.file("a.jpg", JPEG);
    let sample = |arguments: &[&str]| {
        let mut command = stage.bare();
        command.args(["send", "image", "--for", "template-sample", "--file", "a.jpg", "--json"]).args(arguments);
        command.args(["--base-url", &stage.simulator.meta_url()]).env("WHATSAPP_TOKEN", KEY);
        command.env("WHATSAPP_PHONE_NUMBER_ID", NUMBER).env("WHATSAPP_APP_ID", "123");
        no_secret(run(command, b"")).ends_with(0).json().remove(0)
    };
    let whole = sample(&[]);
    assert!(whole["handle"].as_str().unwrap().starts_with("4::image/jpeg:"));
    let session = begun(&stage, JPEG.len(), &JPEG[..1000]);
    let rest = sample(&["--session", &session]);
    assert_eq!(rest["session"], session.as_str());
    assert!(rest["handle"].as_str().unwrap().ends_with(&session));
}

/// A session of which only `part` has arrived.
fn begun(stage: &Stage, length: usize, part: &[u8]) -> String {
    let head = |path: &str, auth: &str, more: &str, length: usize| {
        format!(
            "POST /v23.0/{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: {auth} {KEY}\r\n{more}Content-Length: {length}\r\n\r\n"
        )
    };
    let query = format!("123/uploads?file_name=a.jpg&file_length={length}&file_type=image/jpeg");
    let (status, body) = platform::raw(&stage.simulator, head(&query, "Bearer", "", 0).as_bytes());
    assert_eq!(status, 200, "{body}");
    let begun: Value = serde_json::from_str(&body).unwrap();
    let session = begun["id"].as_str().unwrap().to_owned();
    let mut request = head(&session, "OAuth", "file_offset: 0\r\n", part.len()).into_bytes();
    request.extend_from_slice(part);
    assert_eq!(platform::raw(&stage.simulator, &request).0, 500);
    session
}

#[test]
fn on_premise_prints_one_notice() {
    let stage = Stage::new();
    stage.dir.file("a.jpg", JPEG);
    let ran = stage.at_360dialog(&["upload", "a.jpg", "--platform", "on-premise"]).ends_with(0);
    assert_eq!(ran.stderr.matches("October 2025").count(), 1, "{}", ran.stderr);
    let ran =
        stage.at_360dialog(&["send", "image", "--to", TO, "--file", "a.jpg", "--platform", "on-premise"]).ends_with(0);
    assert_eq!(ran.stderr.matches("October 2025").count(), 1, "{}", ran.stderr);
    assert!(stage.simulator.messages()[0].get("messaging_product").is_none());
}

#[test]
fn servers_say_where_they_are_and_end() {
    use std::io::{BufRead, BufReader};
    let dir = Dir::new();
    dir.file("public/a.jpg", JPEG);
    for arguments in [&["simulate"][..], &["serve", "public"]] {
        let mut command = bare(&dir);
        command.args(arguments).args(["--listen", "127.0.0.1:0", "--json"]).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        assert!(line["url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{line}");
        if arguments[0] == "serve" {
            let url = format!("{}/a.jpg", line["url"].as_str().unwrap());
            let ran = dir.mediafit(["link", &url, "--allow-private", "--json"]).ends_with(0);
            assert_eq!(ran.json()[0]["format"], "jpeg");
            assert!(dir.mediafit(["link", &url]).ends_with(1).text().contains("private network"));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    dir.mediafit(["link", "file:///etc/passwd"]).ends_with(2);
    // One wrong address costs that address only.
    let ran = dir.mediafit(["link", "http://127.0.0.1:9/", "ftp://h/a", "http://127.0.0.1:9/b", "--json"]).ends_with(2);
    let rules: Vec<_> = ran.json().iter().map(|line| line["findings"][0]["rule"].clone()).collect();
    assert_eq!(rules[..3], ["link.address", "link.address", "link.address"]);
    assert_eq!((&ran.summary()["links"], &ran.summary()["unfit"]), (&3.into(), &3.into()));
}
