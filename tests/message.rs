//! Message bodies: Meta's own examples come out of the builder, and what the platform refuses is objected to.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use mediafit::Platform;
use mediafit::message::{
    Category, Clause, Component, Content, Interactive, Kind, Media, Message, Recipient, Reference, Template,
    TemplateDraft, Usage, usable,
};
use serde_json::Value;

const TO: &str = "16505551234";
const LINK: &str = "https://example.org/media";
const ID: &str = "4490709327384033";

/// Meta's example with its placeholders filled in.
fn filled(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains("-Number}}") => TO.into(),
        Value::String(text) if text.contains("-url") => LINK.into(),
        Value::String(text) if text.contains("OBJECT_ID>") => ID.into(),
        Value::String(text) if text.starts_with('<') => text.trim_matches(['<', '>']).into(),
        Value::Array(values) => values.iter().map(filled).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), filled(value))).collect(),
        other => other.clone(),
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// The media that an example's object describes.
fn media(kind: &str, object: &Value) -> Media {
    let reference = match text(object, "id") {
        Some(id) => Reference::Id(id),
        None => Reference::Link(text(object, "link").unwrap()),
    };
    let (caption, filename) = (text(object, "caption"), text(object, "filename"));
    Media { caption, filename, ..Media::new(kind.parse().unwrap(), reference) }
}

fn header(object: &Value) -> Media {
    let kind = object["type"].as_str().unwrap();
    media(kind, &object[kind])
}

fn content(example: &Value) -> Content {
    match example["type"].as_str().unwrap() {
        "template" => {
            let template = &example["template"];
            let component = |component: &Value| match component["type"].as_str() {
                Some("header") => Component::Header(header(&component["parameters"][0])),
                _ => Component::Other(component.clone()),
            };
            Content::Template(Template {
                name: text(template, "name").unwrap(),
                language: text(&template["language"], "code").unwrap(),
                components: template["components"].as_array().unwrap().iter().map(component).collect(),
            })
        }
        "interactive" => {
            let interactive = &example["interactive"];
            Content::Interactive(Interactive {
                kind: text(interactive, "type").unwrap(),
                header: Some(header(&interactive["header"])),
                body: text(&interactive["body"], "text"),
                footer: text(&interactive["footer"], "text"),
                action: interactive["action"].clone(),
            })
        }
        kind => Content::Media(media(kind, &example[kind])),
    }
}

#[test]
fn every_example_of_meta_comes_out_of_the_builder() {
    let file: Value = serde_json::from_str(include_str!("api/messages.json")).unwrap();
    let examples = file["requests"].as_object().unwrap();
    for (name, example) in examples {
        let example = filled(example);
        let mut message = Message::with(example["to"].as_str().unwrap(), content(&example));
        message.reply_to = example.pointer("/context/message_id").and_then(Value::as_str).map(str::to_owned);
        assert_eq!(message.body(Platform::Cloud).unwrap(), example, "{name}");
    }
    assert_eq!(examples.len(), 23);
}

#[test]
fn every_template_with_a_sample_comes_out_of_the_builder() {
    let file: Value = serde_json::from_str(include_str!("api/templates.json")).unwrap();
    let examples = file["template_create_examples"].as_object().unwrap();
    for (name, example) in examples {
        let components = example["components"].as_array().unwrap();
        let (headers, others): (Vec<&Value>, Vec<&Value>) =
            components.iter().partition(|component| component["type"] == "HEADER");
        let header = headers[0];
        let draft = TemplateDraft {
            name: text(example, "name").unwrap(),
            category: if example["category"] == "UTILITY" { Category::Utility } else { Category::Marketing },
            language: text(example, "language").unwrap(),
            header: (
                header["format"].as_str().unwrap().to_lowercase().parse().unwrap(),
                header["example"]["header_handle"][0].as_str().unwrap().to_owned(),
            ),
            components: others.into_iter().cloned().collect(),
        };
        assert_eq!(&draft.body(), example, "{name}");
    }
    assert_eq!(examples.len(), 2);
}

#[test]
fn v1_has_its_own_bodies() {
    let link = || Reference::Link(LINK.to_owned());
    let provided = Media { provider: Some("p".into()), ..Media::new(Kind::Sticker, link()) };
    let body = Message::new(TO, provided).body(Platform::OnPremise).unwrap();
    let expected = serde_json::json!({
        "recipient_type": "individual", "to": TO, "type": "sticker",
        "sticker": {"link": LINK, "provider": {"name": "p"}},
    });
    assert_eq!(body, expected);
    let verbatim = format!("p/{LINK}");
    let media = Media::new(Kind::Image, Reference::Link(verbatim.clone()));
    let body = Message::new(TO, media.clone()).body(Platform::OnPremise).unwrap();
    assert_eq!(body["image"]["link"], verbatim);
    assert_eq!(Message::new(TO, media).body(Platform::Cloud).unwrap_err()[0].rule, Clause::Source);
}

#[test]
fn captions_are_counted_in_characters() {
    for platform in [Platform::Cloud, Platform::OnPremise] {
        for (letter, count, passes) in [("a", 1024, true), ("a", 1025, false), ("名", 1024, true), ("é", 1025, false)]
        {
            let caption = Some(letter.repeat(count));
            let media = Media { caption, ..Media::new(Kind::Video, Reference::Id(ID.into())) };
            let body = Message::new(TO, media).body(platform);
            assert_eq!(body.is_ok(), passes, "{letter} {count}");
            if let Err(objections) = body {
                assert_eq!(objections[0].rule.name(), "message.caption");
                assert!(objections[0].message.contains("1025"), "{}", objections[0].message);
            }
        }
    }
}

#[test]
fn what_does_not_go_together_is_objected_to() {
    let id = || Reference::Id(ID.into());
    let link = |text: &str| Reference::Link(text.into());
    let caption = || Some("c".to_owned());
    let (cloud, v1) = (Platform::Cloud, Platform::OnPremise);
    let cases = [
        (cloud, Media { caption: caption(), ..Media::new(Kind::Audio, id()) }, Clause::Caption),
        (cloud, Media { caption: caption(), ..Media::new(Kind::Sticker, id()) }, Clause::Caption),
        (cloud, Media { filename: caption(), ..Media::new(Kind::Image, id()) }, Clause::Filename),
        (cloud, Media { voice: true, ..Media::new(Kind::Image, id()) }, Clause::Voice),
        (v1, Media { voice: true, ..Media::new(Kind::Audio, id()) }, Clause::Voice),
        (cloud, Media { provider: caption(), ..Media::new(Kind::Image, link(LINK)) }, Clause::Source),
        (v1, Media { provider: caption(), ..Media::new(Kind::Image, id()) }, Clause::Source),
        (cloud, Media::new(Kind::Image, link("ftp://example.org/a")), Clause::Source),
        (cloud, Media::new(Kind::Image, link("https:///a")), Clause::Source),
        (cloud, Media::new(Kind::Image, link("https://example.org/a b")), Clause::Source),
        (cloud, Media::new(Kind::Image, Reference::Id(String::new())), Clause::Source),
    ];
    let count = cases.len();
    for (platform, media, rule) in cases {
        let objections = Message::new(TO, media.clone()).body(platform).unwrap_err();
        assert_eq!(objections.iter().map(|one| one.rule).collect::<Vec<_>>(), [rule], "{media:?}");
    }
    assert_eq!(count, 11);
}

#[test]
fn recipients_and_replies_are_checked() {
    let media = || Media::new(Kind::Image, Reference::Id(ID.into()));
    for (to, right) in [("16505551234", true), ("+16505551234", true), ("", false), ("12a", false), ("1 650", false)] {
        assert_eq!(Message::new(to, media()).body(Platform::Cloud).is_ok(), right, "{to}");
    }
    let group = Message { recipient: Recipient::Group, ..Message::new("Y2FwaV9ncm91cDox", media()) };
    assert_eq!(group.body(Platform::Cloud).unwrap()["recipient_type"], "group");
    let reply = Message { reply_to: Some("gBGG".into()), ..Message::new(TO, media()) };
    assert_eq!(reply.body(Platform::OnPremise).unwrap_err()[0].rule, Clause::Reply);
}

#[test]
fn headers_take_less_than_messages() {
    let cases = [
        (Usage::Message, Kind::Sticker, "image/webp", true),
        (Usage::TemplateHeader, Kind::Image, "image/png", true),
        (Usage::TemplateHeader, Kind::Document, "application/pdf", true),
        (Usage::TemplateHeader, Kind::Document, "text/plain", false),
        (Usage::TemplateHeader, Kind::Audio, "audio/mpeg", false),
        (Usage::InteractiveHeader, Kind::Document, "text/plain", true),
        (Usage::InteractiveHeader, Kind::Sticker, "image/webp", false),
        (Usage::TemplateSample, Kind::Video, "video/mp4", true),
        (Usage::TemplateSample, Kind::Video, "video/3gpp", false),
        (Usage::TemplateSample, Kind::Document, "application/pdf", true),
    ];
    for (usage, kind, mime, right) in cases {
        assert_eq!(usable(usage, kind, mime).is_empty(), right, "{usage:?} {mime}");
    }
    let media = Media { caption: Some("c".into()), ..Media::new(Kind::Image, Reference::Id(ID.into())) };
    let components = vec![Component::Header(media)];
    let template = Template { name: "n".into(), language: "en_US".into(), components };
    let objections = Message::with(TO, Content::Template(template)).body(Platform::Cloud).unwrap_err();
    assert_eq!(objections[0].rule, Clause::Caption);
}
