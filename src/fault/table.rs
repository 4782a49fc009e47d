//! Codes and details as tables (whatsapp-media §2 for v1, §5 for the cloud).

use super::Class;
use crate::rule::Rule;

/// How a fault was sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sorted {
    pub(super) class: Class,
    pub(super) rule: Option<Rule>,
    pub(super) advice: &'static str,
}

const KEY: &str = "check the key, its expiry and its permissions";
const LATER: &str = "it is tried again later";
const FIX: &str = "change the request; the details name the parameter";

/// From code, to code, class, what to do. Codes of v1 (400 to 1016) and of the cloud do not overlap but for the HTTP-like
/// ones, which mean the same.
#[rustfmt::skip]
const CODES: &[(i64, i64, Class, &str)] = &[
    (     0,      0, Class::Auth,       KEY),
    (     1,      2, Class::Retry,      LATER),
    (     3,      3, Class::Auth,       KEY),
    (     4,      4, Class::Rate,       LATER),
    (    10,     10, Class::Auth,       KEY),
    (    33,     33, Class::Missing,    "the id does not exist, has expired, or belongs to another number: upload the file again"),
    (   100,    100, Class::Fix,        FIX),
    (   190,    190, Class::Auth,       "the token has expired; make a new one"),
    (   200,    299, Class::Auth,       KEY),
    (   368,    368, Class::Restricted, "the account is blocked for a breach of policy; see the business manager"),
    (   400,    400, Class::Refetch,    "the media could not be fetched; see that the link works without a login, or upload the file"),
    (   401,    401, Class::Auth,       KEY),
    (   402,    402, Class::Restricted, "the account has to be paid for"),
    (   403,    403, Class::Auth,       KEY),
    (   404,    404, Class::Missing,    "the id does not exist, or has expired: upload the file again"),
    (   408,    408, Class::Fix,        "the message was not valid"),
    (   410,    410, Class::Missing,    "it has expired"),
    (   429,    429, Class::Rate,       LATER),
    (   430,    433, Class::Auth,       "the number's certificate is wrong or missing"),
    (   470,    470, Class::Recipient,  "more than 24 hours since the customer wrote: send a template"),
    (   471,    471, Class::Spam,       "the number is limited for spam; pause"),
    (  1000,   1000, Class::Fix,        "v1 says this of anything, sound that it cannot read included; check the file"),
    (  1005,   1005, Class::Auth,       KEY),
    (  1006,   1006, Class::Missing,    "it does not exist, or has expired: upload the file again"),
    (  1008,   1009, Class::Fix,        FIX),
    (  1014,   1014, Class::Retry,      LATER),
    (  1015,   1015, Class::Rate,       LATER),
    (  1016,   1016, Class::Retry,      LATER),
    ( 80007,  80007, Class::Rate,       LATER),
    (130429, 130429, Class::Rate,       LATER),
    (131000, 131000, Class::Retry,      LATER),
    (131005, 131005, Class::Auth,       KEY),
    (131008, 131009, Class::Fix,        FIX),
    (131016, 131016, Class::Retry,      LATER),
    (131026, 131026, Class::Recipient,  "the message cannot be delivered to this recipient"),
    (131031, 131031, Class::Restricted, "the account is locked; see the business manager"),
    (131047, 131047, Class::Recipient,  "more than 24 hours since the customer wrote: send a template"),
    (131048, 131048, Class::Spam,       "the number is limited for spam; pause"),
    (131051, 131051, Class::Fix,        "this type of message is not supported"),
    (131052, 131052, Class::Refetch,    "the media could not be downloaded; ask for it again"),
    (131053, 131053, Class::Fix,        "the platform could not process the file; `mediafit check` names what is wrong with it"),
    (131056, 131056, Class::PairRate,   "too many messages to this one recipient; it is tried again, much slower"),
];

/// What stands in title or details (lower case; every part has to be there, in this order), whatever the code: class,
/// rule, what to do. The first row that fits counts.
#[rustfmt::skip]
const DETAILS: &[(&[&str], Class, Option<Rule>, &str)] = &[
    (&["media volume", "full"],                     Class::VolumeFull, None, "free the media volume, then go on"),
    (&["no space left"],                            Class::VolumeFull, None, "free the media volume, then go on"),
    (&["exceeded the limit of", "request every"],   Class::Rate, None, LATER),
    (&["unsupported", "voice", "mime type"],        Class::Fix, Some(Rule::VoiceContainer), "send it as Ogg Opus, mono: mediafit fit --as voice"),
    (&["unsupported audio mime type"],              Class::Fix, Some(Rule::AudioContainer), "declare audio/ogg; codecs=opus, or convert it: mediafit fit --as audio"),
    (&["unsupported image mime type"],              Class::Fix, Some(Rule::ImageFormat), "convert it: mediafit fit --as image"),
    (&["unsupported video mime type"],              Class::Fix, Some(Rule::VideoContainer), "convert it: mediafit fit --as video"),
    (&["unsupported document mime type"],           Class::Fix, Some(Rule::DocumentType), "the cloud takes txt pdf doc xls ppt docx xlsx pptx"),
    (&["unsupported sticker mime type"],            Class::Fix, Some(Rule::StickerFormat), "convert it: mediafit fit --as sticker"),
    (&["videocodec=h264", "audiocodec=unknown"],    Class::Fix, Some(Rule::VideoAudioCodec), "only the sound has to be converted: mediafit fit --as video"),
    (&["videocodec=unknown"],                       Class::Fix, Some(Rule::VideoCodec), "the picture has to be converted: mediafit fit --as video"),
    (&["audio file uploaded with mimetype as", "however"], Class::Fix, Some(Rule::AudioContainer), "the bytes are not what was declared, or fragmented: mediafit fit --as audio"),
    (&["video file uploaded with mimetype as", "however"], Class::Fix, Some(Rule::VideoContainer), "the bytes are not what was declared, or fragmented: mediafit fit --as video"),
    (&["image file uploaded with mimetype as", "however"], Class::Fix, Some(Rule::ImageFormat), "the bytes are not what was declared: mediafit fit --as image"),
    (&["sticker file could not be processed"],      Class::Fix, Some(Rule::StickerFormat), "stickers are WebP, 512x512, up to 100 kB: mediafit fit --as sticker"),
    (&["param file must be a file with one of the following types"], Class::Fix, Some(Rule::Extension), "the part's Content-Type is not one of the accepted types: mediafit upload declares it by the content"),
    (&["image is invalid", "image properties"],     Class::Fix, Some(Rule::ImageColor), "images are gray or RGB (image.color), with 8 bits a component (image.bit-depth): mediafit fit --as image"),
    (&["is not a valid whatsapp", "media attachment id"], Class::Missing, None, "the id does not exist, has expired, or belongs to another number: upload the file again"),
    (TOO_LARGE[0],                                  Class::Fix, None, "over the limit of its type: mediafit fit makes it smaller"),
    (TOO_LARGE[1],                                  Class::Fix, None, "over the limit of its type: mediafit fit makes it smaller"),
];

/// How the platform says that a file is too large. The rule that it breaks is its role's, which it does not say.
const TOO_LARGE: [&[&str]; 2] = [&["file too large"], &["file size", "exceed"]];

/// The status that the platform met at a link, within details of 131053.
const WEBLINK: &str = "downloading media from weblink failed with http code ";

pub(super) fn sort(status: u16, code: Option<i64>, text: &str) -> Sorted {
    let text = text.to_ascii_lowercase();
    if let Some((_, rest)) = text.split_once(WEBLINK) {
        return of_link(rest);
    }
    let row = DETAILS.iter().find(|(parts, ..)| stand_in(parts, &text));
    if let Some((_, class, rule, advice)) = row {
        return Sorted { class: *class, rule: *rule, advice };
    }
    if let Some(code) = code {
        let row = CODES.iter().find(|(from, to, ..)| (*from..=*to).contains(&code));
        if let Some((_, _, class, advice)) = row {
            return Sorted { class: *class, rule: None, advice };
        }
    }
    of_status(status)
}

/// Whether a file is said to be too large.
pub(super) fn says_too_large(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    TOO_LARGE.iter().any(|parts| stand_in(parts, &text))
}

/// Whether all of `parts` stand in `text`, in this order.
fn stand_in(parts: &[&str], text: &str) -> bool {
    let mut rest = Some(text);
    parts.iter().all(|part| {
        rest = rest.and_then(|text| text.split_once(part)).map(|(_, rest)| rest);
        rest.is_some()
    })
}

/// 4xx at the link is the link's own; 429 and 5xx may pass, and an upload needs no link.
fn of_link(rest: &str) -> Sorted {
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    match digits.parse::<u16>().unwrap_or(0) {
        429 | 500..=599 => Sorted {
            class: Class::Retry,
            rule: None,
            advice: "the link's server failed; send again, or upload the file instead",
        },
        _ => Sorted {
            class: Class::Fix,
            rule: None,
            advice: "the link does not give the file without a login; `mediafit link` shows what the platform met",
        },
    }
}

/// Nothing but the status is known: a proxy's page, an empty body.
fn of_status(status: u16) -> Sorted {
    let (class, advice) = match status {
        401 | 403 => (Class::Auth, KEY),
        402 => (Class::Restricted, "the account has to be paid for"),
        404 | 410 => (Class::Missing, "it does not exist, or has expired"),
        408 | 425 | 500 | 502..=504 | 520..=529 => (Class::Retry, LATER),
        413 => (Class::Fix, "the body is larger than the server takes"),
        429 => (Class::Rate, LATER),
        507 => (Class::VolumeFull, "free the media volume, then go on"),
        _ => (Class::Fix, "change the request"),
    };
    Sorted { class, rule: None, advice }
}
