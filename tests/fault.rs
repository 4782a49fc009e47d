//! Faults by code and details, and callbacks explained.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mediafit::Rule;
use mediafit::fault::{Class, Fault};
use mediafit::webhook;
use serde_json::{Value, json};

fn cloud(code: i64, details: &str) -> Value {
    json!({"error": {"message": format!("(#{code}) m"), "type": "OAuthException", "code": code,
           "error_data": {"messaging_product": "whatsapp", "details": details}, "fbtrace_id": "Atrace"}})
}

#[test]
fn codes_decide_not_the_status() {
    let cases = [
        (0, Class::Auth),
        (190, Class::Auth),
        (3, Class::Auth),
        (10, Class::Auth),
        (200, Class::Auth),
        (299, Class::Auth),
        (1, Class::Retry),
        (2, Class::Retry),
        (4, Class::Rate),
        (80_007, Class::Rate),
        (130_429, Class::Rate),
        (131_056, Class::PairRate),
        (131_048, Class::Spam),
        (33, Class::Missing),
        (100, Class::Fix),
        (131_008, Class::Fix),
        (131_009, Class::Fix),
        (131_000, Class::Retry),
        (131_016, Class::Retry),
        (131_026, Class::Recipient),
        (131_047, Class::Recipient),
        (131_051, Class::Fix),
        (131_052, Class::Refetch),
        (131_053, Class::Fix),
        (368, Class::Restricted),
        (131_031, Class::Restricted),
    ];
    for (code, class) in cases {
        // One code comes with different statuses in different versions of the documentation.
        for status in [400, 401, 403, 429, 500] {
            let fault = Fault::of_answer(status, cloud(code, "").to_string().as_bytes(), None);
            assert_eq!(fault.class, class, "{code} with {status}");
            assert_eq!((fault.code, fault.trace.as_deref()), (Some(code), Some("Atrace")));
        }
    }
    assert_eq!(cases.len(), 26);
}

#[test]
fn details_name_the_rule_and_whether_it_may_pass() {
    let cases = [
        (
            "Unsupported Audio mime type audio/opus. Please use one of audio/ogg; codecs=opus",
            Class::Fix,
            Some(Rule::AudioContainer),
        ),
        ("Unsupported Voice mime type audio/opus. Please use one of", Class::Fix, Some(Rule::VoiceContainer)),
        (
            "Audio file uploaded with mimetype as audio/mp4, however on processing it is of type application/octet-stream",
            Class::Fix,
            Some(Rule::AudioContainer),
        ),
        (
            "Video file uploaded with mimetype as video/mp4, however on processing it is of type application/octet-stream",
            Class::Fix,
            Some(Rule::VideoContainer),
        ),
        ("Unsupported Video: videoCodec=h264, audioCodec=unknown", Class::Fix, Some(Rule::VideoAudioCodec)),
        ("Sticker file could not be processed", Class::Fix, Some(Rule::StickerFormat)),
        ("Downloading media from weblink failed with http code 404, status message Not Found", Class::Fix, None),
        ("Downloading media from weblink failed with http code 403", Class::Fix, None),
        ("Downloading media from weblink failed with http code 429", Class::Retry, None),
        ("Downloading media from weblink failed with http code 500", Class::Retry, None),
        (
            "(#100) Param file must be a file with one of the following types: audio/aac. Received file of type 'application/octet-stream'.",
            Class::Fix,
            Some(Rule::Extension),
        ),
        // Which limit, only the file's role tells.
        ("File Too Large", Class::Fix, None),
        ("Image is invalid. Please check the image properties", Class::Fix, Some(Rule::ImageColor)),
        ("Param image['id'] is not a valid whatsapp business account media attachment ID", Class::Missing, None),
        ("The media volume is full", Class::VolumeFull, None),
        ("something nobody has seen yet", Class::Fix, None),
    ];
    for (details, class, rule) in cases {
        let fault = Fault::of_answer(400, cloud(131_053, details).to_string().as_bytes(), None);
        assert_eq!((fault.class, fault.rule), (class, rule), "{details}");
        assert_eq!(fault.finding().map(|finding| finding.rule), rule);
        assert!(!fault.advice.is_empty());
    }
    assert_eq!(cases.len(), 16);
    let too_large = Fault::of_answer(400, cloud(100, "File Too Large").to_string().as_bytes(), None);
    assert_eq!(too_large.about(mediafit::Role::Video).rule, Some(Rule::VideoSize));
}

#[test]
fn every_shape_of_an_answer_is_read() {
    let cases = [
        (
            400,
            r#"{"errors":[{"code":1009,"title":"Parameter value is not valid","details":"type"}]}"#,
            Some(1009),
            Class::Fix,
        ),
        (500, r#"{"errors":[{"code":1014,"title":"Internal error","details":"x"}]}"#, Some(1014), Class::Retry),
        (429, r#"{"errors":[{"code":1015,"title":"Too many requests"}]}"#, Some(1015), Class::Rate),
        // The gateway's status and its body's differ.
        (
            400,
            r#"{"meta":{"httpCode":401,"developerMessage":"Invalid api_key or token expired","success":false}}"#,
            None,
            Class::Auth,
        ),
        (
            400,
            r#"{"meta":{"httpCode":400,"developerMessage":"You have exceeded the limit of 1 request every 2 seconds"}}"#,
            None,
            Class::Rate,
        ),
        (
            400,
            r#"{"meta":{"http_code":401,"developer_message":"Invalid api_key or token expired","success":false}}"#,
            None,
            Class::Auth,
        ),
        (500, r#"{"error":{"message":"m","code":"131000","error_data":"as text"}}"#, Some(131_000), Class::Retry),
        (400, r#"{"error":{"message":"m","code":100,"error_subcode":33}}"#, Some(100), Class::Missing),
        (400, r#"{"error":{"message":"m","code":999999,"is_transient":true}}"#, Some(999_999), Class::Retry),
        (400, r#"{"error":{"message":"m"}}"#, None, Class::Fix),
        (502, "<html>Bad gateway</html>", None, Class::Retry),
        (503, "", None, Class::Retry),
        (429, "", None, Class::Rate),
        (401, "[]", None, Class::Auth),
        (404, "{}", None, Class::Missing),
        (507, "", None, Class::VolumeFull),
        (418, "\u{1b}[31mteapot", None, Class::Fix),
    ];
    for (status, body, code, class) in cases {
        let fault = Fault::of_answer(status, body.as_bytes(), None);
        assert_eq!((fault.code, fault.class), (code, class), "{status} {body}");
        assert!(!fault.to_string().contains(['\n', '\u{1b}']), "{fault}");
    }
    assert_eq!(cases.len(), 17);
    let endless = format!("{{\"error\":{{\"message\":\"{}\"}}}}", "x".repeat(100_000));
    assert!(Fault::of_answer(400, endless.as_bytes(), None).to_string().len() < 3000);
}

const CALLBACK: &str = include_str!("api/callback.json");

#[test]
fn callbacks_are_explained() {
    let callback = webhook::read(CALLBACK).unwrap();
    let found: Vec<_> = callback
        .statuses
        .iter()
        .map(|status| {
            let fault = status.faults.first();
            (status.status.as_str(), fault.and_then(|fault| fault.code), fault.and_then(|fault| fault.rule))
        })
        .collect();
    let expected = [
        ("delivered", None, None),
        ("failed", Some(131_053), Some(Rule::AudioContainer)),
        ("failed", Some(131_053), None),
        ("failed", Some(131_053), Some(Rule::StickerFormat)),
        ("failed", Some(131_047), None),
    ];
    assert_eq!(found, expected);
    assert_eq!(callback.statuses[2].faults[0].class, Class::Retry, "the link's server failed");
    assert_eq!(callback.statuses[4].faults[0].class, Class::Recipient, "not about media");
    assert_eq!(callback.media.len(), 2);
    let (image, document) = (&callback.media[0], &callback.media[1]);
    assert_eq!((image.kind.as_str(), image.id.as_str()), ("image", "2754859441498128"));
    assert_eq!(document.filename.as_deref(), Some("offer.pdf"));
}

#[test]
fn callbacks_come_in_other_shapes_too() {
    let status = r#"{"id":"m","status":"failed","errors":[{"code":470,"title":"t"}]}"#;
    for text in [
        format!(r#"{{"statuses":[{status}]}}"#),
        format!(r#"[{{"statuses":[{status}]}}]"#),
        format!(r#"{{"value":{{"statuses":[{status}]}}}}"#),
        format!("{{\"statuses\":[{status}]}}\n{{\"other\":1}}\n"),
    ] {
        let callback = webhook::read(&text).unwrap();
        assert_eq!(callback.statuses.len(), 1, "{text}");
        assert_eq!(callback.statuses[0].faults[0].class, Class::Recipient);
    }
    for strange in ["", "{}", "[]", "null", r#"{"entry":1}"#, r#"{"statuses":[{}, 1, {"id":2}]}"#] {
        assert_eq!(webhook::read(strange).unwrap(), webhook::Callback::default(), "{strange}");
    }
    assert!(webhook::read("{").is_err());
    assert!(webhook::read(&"[".repeat(100_000)).is_err(), "depth is bounded");
}
