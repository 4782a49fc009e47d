//! The rules as data: the printed policies equal the tables, and an override changes what it names and no more.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mediafit::{ErrorKind, Format, Platform, Policy, Role};
use serde_json::Value;
use std::path::Path;

fn printed(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_printed_policies_equal_the_tables() {
    let cases = [("policy-cloud.json", Policy::cloud()), ("policy-on-premise.json", Policy::on_premise())];
    for (name, policy) in cases {
        let found = serde_json::to_value(&policy).unwrap();
        assert_eq!(printed(name), found, "docs/{name} is old; print it with `mediafit policy`");
        let read: Policy = serde_json::from_value(printed(name)).unwrap();
        assert_eq!(read, policy);
    }
}

/// The reference's figures, stated once more: a typing error in the table must not pass.
#[test]
fn limits_are_those_of_the_reference() {
    #[rustfmt::skip]
    let limits = [
        (Role::Image,    false,   5_242_880,   5_000_000),
        (Role::Audio,    false,  16_777_216,  16_000_000),
        (Role::Voice,    false,     524_288,     512_000),
        (Role::Video,    false,  16_777_216,  16_000_000),
        (Role::Sticker,  false,     102_400,     100_000),
        (Role::Sticker,  true,      512_000,     500_000),
        (Role::Document, false, 104_857_600, 100_000_000),
    ];
    for (role, animated, hard, target) in limits {
        let band = Policy::cloud().size(role, animated);
        assert_eq!((band.hard_bytes, band.target_bytes), (hard, target), "{role}");
    }
    let (cloud, on_premise) = (Policy::cloud(), Policy::on_premise());
    assert_eq!((cloud.upload.hard_bytes, cloud.upload.target_bytes), (104_857_600, 100_000_000));
    assert_eq!((on_premise.upload.hard_bytes, on_premise.upload.target_bytes), (67_108_864, 64_000_000));
    assert_eq!(on_premise.sticker.animated_size, None);
    assert_eq!((cloud.sticker.min_frame_ms, cloud.sticker.max_total_ms, cloud.sticker.side), (8, 10_000, 512));
    assert_eq!(Policy::of(Platform::OnPremise), on_premise);
    assert_eq!(Policy::default(), cloud);
}

#[test]
fn on_premise_differs_only_where_the_platforms_do() {
    let (cloud, on_premise) = (printed("policy-cloud.json"), printed("policy-on-premise.json"));
    let mut differing = Vec::new();
    differences("", &cloud, &on_premise, &mut differing);
    let expected = [
        "/document/formats",
        "/document/text_as_plain",
        "/platform",
        "/sticker/animated_size",
        "/upload/hard_bytes",
        "/upload/target_bytes",
    ];
    differing.sort();
    assert_eq!(differing, expected);
}

fn differences(path: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(left), Value::Object(right)) => {
            assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>(), "{path}");
            for (key, value) in left {
                differences(&format!("{path}/{key}"), value, &right[key], found);
            }
        }
        _ if one == other => {}
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn an_override_changes_what_it_names_and_no_more() {
    let cloud = Policy::cloud();
    assert_eq!(cloud.overridden("{}").unwrap(), cloud);
    let changed = cloud.overridden(r#"{"image":{"size":{"target_bytes":1000}},"sticker":{"side":256}}"#).unwrap();
    assert_eq!(changed.image.size.target_bytes, 1000);
    assert_eq!(changed.image.size.hard_bytes, cloud.image.size.hard_bytes);
    assert_eq!(changed.sticker.side, 256);
    assert_eq!((&changed.audio, &changed.video, &changed.document), (&cloud.audio, &cloud.video, &cloud.document));
    let listed = cloud.overridden(r#"{"image":{"formats":["webp"]}}"#).unwrap();
    assert_eq!(*listed.image.formats, [Format::Webp], "a list is replaced as a whole");
    let twice = changed.overridden(r#"{"sticker":{"side":512}}"#).unwrap();
    assert_eq!(twice.sticker, cloud.sticker);
    let whole = serde_json::to_string(&Policy::on_premise()).unwrap();
    assert_eq!(cloud.overridden(&whole).unwrap(), Policy::on_premise());
}

#[test]
fn what_makes_no_sense_is_refused_with_its_name() {
    let cases = [
        (r#"{"imgae":{}}"#, "imgae"),
        (r#"{"image":{"sise":{}}}"#, "sise"),
        (r#"{"image":{"size":{"max":1}}}"#, "max"),
        (r#"{"image":{"formats":["jpg"]}}"#, "jpg"),
        (r#"{"image":{"bit_depth":-1}}"#, "-1"),
        (r#"{"image":{"size":{"hard_bytes":10}}}"#, "image.size"),
        (r#"{"image":{"size":{"target_bytes":0}}}"#, "image.size"),
        (r#"{"sticker":{"animated_size":{"hard_bytes":10,"target_bytes":11}}}"#, "sticker.animated_size"),
        (r#"{"sticker":{"side":0}}"#, "sticker.side"),
        (r#"{"sticker":{"side":100000}}"#, "sticker.side"),
        (r#"{"platform":"telegram"}"#, "telegram"),
        (r"{", "EOF"),
        (r"[]", "expected struct Policy"),
        ("", "EOF"),
    ];
    for (json, named) in cases {
        let error = Policy::cloud().overridden(json).expect_err(json);
        assert_eq!(error.kind(), ErrorKind::Malformed, "{json}");
        assert!(error.what().contains(named), "{json}: {error}");
    }
}
