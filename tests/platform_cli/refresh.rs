//! Ids that end or have died.

use super::support::{JPEG, Ran, bmp};
use super::{KEY, NUMBER, Stage, TO, no_secret, run};
use mediafit::simulate::{Fault, Faults};

impl Stage {
    fn at_meta(&self, arguments: &[&str]) -> Ran {
        let mut command = self.bare();
        command.args(arguments).args(["--base-url", &self.simulator.meta_url()]).env("WHATSAPP_TOKEN", KEY);
        command.env("WHATSAPP_PHONE_NUMBER_ID", NUMBER);
        no_secret(run(command, b""))
    }

    /// How many conversions the ledger knows.
    fn conversions(&self) -> i64 {
        let ledger = rusqlite::Connection::open(self.dir.join("state/mediafit/ledger.sqlite")).unwrap();
        ledger.query_row("SELECT count(*) FROM conversion", [], |row| row.get(0)).unwrap()
    }
}

#[test]
fn what_was_renewed_is_not_due_again() {
    let stage = Stage::new();
    stage.dir.file("in/a.jpg", JPEG);
    stage.dir.file("in/b.bmp", bmp(16, 16));
    stage.dir.file("in/wave.webp", include_bytes!("../../testdata/sticker/unfit__animated__sticker.animated.webp"));
    stage.at_360dialog(&["upload", "in", "--animated", "keep"]).ends_with(0);
    let refresh = ["media", "refresh", "--expiring-within", "29d", "--json"];
    assert!(stage.at_360dialog(&refresh).ends_with(0).text().is_empty());
    // Each of them once, whatever its options were, and the old ids are gone.
    let all = ["media", "refresh", "--expiring-within", "31d", "--json"];
    let renewed = stage.at_360dialog(&all).ends_with(0).json();
    assert_eq!(renewed.len(), 3, "{renewed:?}");
    assert!(renewed.iter().all(|line| line["type"] == "refreshed" && line["old_id"] != line["new_id"]));
    let listed = stage.at_360dialog(&["media", "list", "--json"]).ends_with(0).json();
    assert_eq!(listed.len(), 3);
    let old = renewed[0]["old_id"].as_str().unwrap();
    let before = stage.simulator.requests();
    let ran = stage.at_360dialog(&["media", "info", old, "--json"]).ends_with(2);
    let said = ran.json()[0]["message"].to_string();
    assert!(said.contains("gone since") && said.contains(renewed[0]["new_id"].as_str().unwrap()), "{said}");
    assert_eq!(stage.simulator.requests(), before, "what the ledger knows is not asked for");
}

#[test]
fn an_id_that_died_is_replaced_within_a_send() {
    let stage = Stage::new();
    stage.dir.file("b.bmp", bmp(16, 16));
    type At = fn(&Stage, &[&str]) -> Ran;
    let sides: [(At, usize); 2] = [(Stage::at_360dialog, 1), (Stage::at_meta, 2)];
    for (at, messages) in sides {
        let id = at(&stage, &["upload", "b.bmp", "--json"]).ends_with(0).one_file()["upload"]["id"].clone();
        // Behind the ledger's back.
        at(&stage, &["media", "delete", id.as_str().unwrap(), "--ledger", "other.sqlite"]).ends_with(0);
        let ran = at(&stage, &["send", "image", "--to", TO, "--file", "b.bmp", "--json"]).ends_with(0);
        let sent = ran.json().remove(0);
        assert_eq!(sent["state"], "sent");
        assert_ne!(sent["media_id"], id);
        assert_eq!(stage.simulator.messages().len(), messages);
        let listed = at(&stage, &["media", "list", "--json"]).ends_with(0).json();
        assert!(
            listed.iter().any(|line| line["id"] == sent["media_id"]) && !listed.iter().any(|line| line["id"] == id)
        );
    }
}

#[test]
fn a_file_that_is_sent_again_is_not_converted_again() {
    let stage = Stage::new();
    stage.dir.file("b.bmp", bmp(16, 16));
    let send = ["send", "image", "--to", TO, "--file", "b.bmp", "--json"];
    let first = stage.at_360dialog(&send).ends_with(0).json().remove(0);
    assert_eq!((stage.conversions(), stage.simulator.requests()), (1, 2));
    let second = stage.at_360dialog(&send).ends_with(0).json().remove(0);
    assert_eq!((&second["media_id"], stage.simulator.requests()), (&first["media_id"], 3));
    // A document keeps its name though nothing is made of it.
    stage.dir.file("list.csv", "a,b\n1,2\n");
    for _ in 0..2 {
        stage.at_360dialog(&["send", "document", "--to", TO, "--file", "list.csv"]).ends_with(0);
        assert_eq!(stage.simulator.messages().pop().unwrap()["document"]["filename"], "list.txt");
    }
    assert_eq!(stage.conversions(), 2);
}

#[test]
fn a_server_that_repeats_the_key_tells_it_to_nobody() {
    let stage = Stage::new();
    stage.dir.file("a.jpg", JPEG);
    let id = stage.at_360dialog(&["upload", "a.jpg", "--json"]).ends_with(0).one_file()["upload"]["id"].clone();
    let id = id.as_str().unwrap();
    stage.dir.file("new.jpg", [&JPEG[..2], b"\xff\xfe\x00\x04ab", &JPEG[2..]].concat());
    stage.simulator.set_faults(Faults::always(Fault::EchoKey, u64::MAX));
    for arguments in [
        &["upload", "new.jpg"][..],
        &["send", "image", "--to", TO, "--link", "https://h/a.jpg"],
        &["send", "image", "--to", TO, "--file", "new.jpg"],
        &["send", "image", "--to", TO, "--id", id],
        &["media", "info", id],
        &["media", "get", id],
        &["media", "delete", id],
        &["media", "refresh", "--expiring-within", "31d"],
    ] {
        for json in [&[][..], &["--json"]] {
            // Each of them sees that no key is told.
            let ran = stage.at_360dialog(&[arguments, json].concat()).ends_with(2);
            assert!(ran.stderr.contains("***") || ran.text().contains("***"), "{arguments:?}: {}", ran.stderr);
        }
    }
    let mut command = stage.bare();
    command.args(["upload", "new.jpg", "--platform", "on-premise", "--json", "--base-url", &stage.simulator.url()]);
    command.args(["--ledger", "v1.sqlite"]).env("D360_API_KEY", KEY);
    no_secret(run(command, b"")).ends_with(2);
    stage.at_meta(&["send", "image", "--to", TO, "--link", "https://h/a.jpg", "--json"]).ends_with(2);
    for name in ["ledger.sqlite", "ledger.sqlite-wal"] {
        let path = stage.dir.join("state/mediafit").join(name);
        let bytes = std::fs::read(path).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(KEY), "{name}");
    }
    let sends = stage.at_360dialog(&["media", "list", "--sends", "--json"]).ends_with(0);
    assert!(sends.text().contains("***"), "{}", sends.text());
}
