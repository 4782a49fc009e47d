//! The limits to the byte: judged on facts, on real files padded when the test runs, and held by what comes out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod pictures;

use image::{ImageFormat, RgbaImage};
use mediafit::facts::{Animation, AudioTrack, ColorModel, DocumentFacts, ImageFacts, Media, StreamFacts, VideoTrack};
use mediafit::judge::judge;
use mediafit::plan::{Animated, Options, Reason, Repair, Step, Transparency};
use mediafit::{Ask, Ending, Facts, Fitted, Fitter, Format, Policy, Role, Rule, Severity, Source, Standing};
use pictures::{distance, encoded, noise, padded_jpeg, padded_png, padded_webp, photo, pixels, read};
use std::path::Path;

fn facts(format: Format, bytes: u64, media: Media) -> Facts {
    let extension = format.extension().to_owned();
    Facts {
        format,
        bytes,
        file_name: Some(format!("a.{extension}")),
        extension: Some(extension),
        damage: Vec::new(),
        media,
    }
}

fn picture(format: Format, bytes: u64, width: u32, height: u32) -> Facts {
    facts(format, bytes, Media::Image(ImageFacts::new(width, height, ColorModel::Rgb)))
}

fn moving(bytes: u64, shortest_frame_ms: u32, total_ms: u64) -> Facts {
    let mut image = ImageFacts::new(512, 512, ColorModel::Rgba);
    let (shortest_frame_ms, total_ms) = (Some(shortest_frame_ms), Some(total_ms));
    image.animation = Some(Animation { frames: 3, shortest_frame_ms, total_ms, played_us: None });
    facts(Format::Webp, bytes, Media::Image(image))
}

fn voice(bytes: u64) -> Facts {
    let stream = StreamFacts {
        audio: vec![AudioTrack { codec: "opus".into(), channels: Some(1), ..AudioTrack::default() }],
        ..StreamFacts::default()
    };
    facts(Format::OggOpus, bytes, Media::Audio(stream))
}

/// How much the size weighs, by whichever rule is about size.
fn weight(facts: &Facts, role: Role, policy: &Policy) -> Option<Severity> {
    let about_size =
        [Rule::ImageSize, Rule::StickerSize, Rule::AudioSize, Rule::VoiceSize, Rule::VideoSize, Rule::DocumentSize];
    let verdict = judge(facts, role, policy);
    assert_eq!(verdict.is_fit(), !verdict.findings.iter().any(|finding| finding.severity == Severity::Fail));
    verdict.findings.iter().find(|finding| about_size.contains(&finding.rule)).map(|finding| finding.severity)
}

#[test]
fn bands_pass_warn_and_fail_at_the_byte() {
    let mut asked = Policy::cloud();
    asked.sticker.accept_animated = true;
    let cloud = Policy::cloud();
    type Make = fn(u64) -> Facts;
    let still: Make = |bytes| picture(Format::Webp, bytes, 512, 512);
    let aac: Make = |bytes| {
        let stream = StreamFacts {
            audio: vec![AudioTrack { codec: "aac".into(), channels: Some(2), ..AudioTrack::default() }],
            ..StreamFacts::default()
        };
        facts(Format::Adts, bytes, Media::Audio(stream))
    };
    let film: Make = |bytes| {
        let stream = StreamFacts {
            video: vec![VideoTrack { codec: "h264".into(), ..VideoTrack::default() }],
            brand: Some("isom".into()),
            ..StreamFacts::default()
        };
        facts(Format::Mp4, bytes, Media::Video(stream))
    };
    let pdf: Make = |bytes| facts(Format::Pdf, bytes, Media::Document(DocumentFacts::default()));
    #[rustfmt::skip]
    let bands: [(Role, &Policy, Make, u64, u64); 8] = [
        (Role::Image,    &cloud, |bytes| picture(Format::Jpeg, bytes, 800, 600),  5_000_000,   5_242_880),
        (Role::Image,    &cloud, |bytes| picture(Format::Png, bytes, 800, 600),   5_000_000,   5_242_880),
        (Role::Sticker,  &cloud, still,                                             100_000,     102_400),
        (Role::Sticker,  &asked, |bytes| moving(bytes, 8, 10_000),                  500_000,     512_000),
        (Role::Audio,    &cloud, aac,                                            16_000_000,  16_777_216),
        (Role::Voice,    &cloud, voice,                                             512_000,     524_288),
        (Role::Video,    &cloud, film,                                           16_000_000,  16_777_216),
        (Role::Document, &cloud, pdf,                                           100_000_000, 104_857_600),
    ];
    for (role, policy, make, target, hard) in bands {
        let found = [1, target, target + 1, hard, hard + 1].map(|bytes| weight(&make(bytes), role, policy));
        let expected = [None, None, Some(Severity::Warn), Some(Severity::Warn), Some(Severity::Fail)];
        assert_eq!(found, expected, "{role}");
        assert!(judge(&make(hard), role, policy).is_fit(), "{role}");
        assert_eq!(judge(&make(0), role, policy).standing, Standing::Broken, "{role}");
    }
}

#[test]
fn a_document_between_the_upload_and_the_size_limit_goes_by_link_on_premise() {
    let (cloud, on_premise) = (Policy::cloud(), Policy::on_premise());
    let pdf = |bytes| facts(Format::Pdf, bytes, Media::Document(DocumentFacts::default()));
    let found = [67_108_864, 67_108_865, 104_857_600, 104_857_601]
        .map(|bytes| weight(&pdf(bytes), Role::Document, &on_premise));
    assert_eq!(found, [None, Some(Severity::Warn), Some(Severity::Warn), Some(Severity::Fail)]);
    assert_eq!(weight(&pdf(67_108_865), Role::Document, &cloud), None);
}

#[test]
fn a_sticker_is_square_and_its_frames_are_in_time() {
    let mut asked = Policy::cloud();
    asked.sticker.accept_animated = true;
    let failed = |facts: &Facts, policy: &Policy| -> Vec<Rule> {
        let findings = judge(facts, Role::Sticker, policy).findings;
        findings.into_iter().filter(|finding| finding.severity == Severity::Fail).map(|finding| finding.rule).collect()
    };
    assert_eq!(failed(&picture(Format::Webp, 9000, 512, 512), &asked), []);
    for (width, height) in [(512, 511), (511, 512), (513, 512), (1024, 1024)] {
        assert_eq!(failed(&picture(Format::Webp, 9000, width, height), &asked), [Rule::StickerDimensions]);
    }
    assert_eq!(failed(&moving(9000, 8, 10_000), &asked), []);
    assert_eq!(failed(&moving(9000, 7, 10_000), &asked), [Rule::StickerFrame]);
    assert_eq!(failed(&moving(9000, 8, 10_001), &asked), [Rule::StickerTotal]);
    assert_eq!(failed(&moving(9000, 8, 10_000), &Policy::cloud()), [Rule::StickerAnimated]);
    let mut on_premise = Policy::on_premise();
    on_premise.sticker.accept_animated = true;
    assert_eq!(failed(&moving(9000, 8, 10_000), &on_premise), [Rule::StickerAnimated]);
}

#[test]
fn our_own_guards_hold_at_the_pixel() {
    let limited = |width, height| {
        judge(&picture(Format::Jpeg, 9000, width, height), Role::Image, &Policy::cloud()).has(Rule::Limit)
    };
    assert!(!limited(16_000, 16_000));
    assert!(limited(16_001, 16_000));
    assert!(!limited(65_535, 3));
    assert!(limited(65_536, 3));
}

fn fit(bytes: Vec<u8>, name: &str, role: Role, fitter: &Fitter) -> (Standing, Ending) {
    let source = Source::from_bytes(bytes, Some(Path::new(name)));
    let (checked, ending) = fitter.fit(&source, Ask::Role(role)).unwrap();
    (checked.verdict.standing, ending)
}

#[track_caller]
fn fitted(ending: Ending) -> (Fitted, Vec<Step>) {
    match ending {
        Ending::Fitted { fitted, steps } => (*fitted, steps),
        Ending::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

fn with(options: Options) -> Fitter {
    Fitter::new(Policy::cloud()).with_options(options)
}

#[test]
fn padded_pictures_lose_their_padding_and_nothing_else() {
    let (jpeg, png) = (read("image/fit__baseline.jpg"), read("image/fit__rgb.png"));
    let fitter = with(Options::default());
    for (base, name, format) in [(&jpeg, "a.jpg", Format::Jpeg), (&png, "a.png", Format::Png)] {
        let padded = |bytes| if format == Format::Jpeg { padded_jpeg(base, bytes) } else { padded_png(base, bytes) };
        for (bytes, standing) in [
            (5_000_000, Standing::Fit),
            (5_000_001, Standing::Fit),
            (5_242_880, Standing::Fit),
            (5_242_881, Standing::Unfit),
        ] {
            let (found, ending) = fit(padded(bytes), name, Role::Image, &fitter);
            assert_eq!(found, standing, "{name} of {bytes}");
            let (result, steps) = fitted(ending);
            if standing == Standing::Fit {
                assert_eq!((steps, result.len()), (Vec::new(), bytes as u64), "{name} of {bytes}: kept");
            } else {
                assert!(result.len() <= 5_000_000, "{name}: {} by {steps:?}", result.len());
                assert_eq!(result.format(), format);
                let same = distance(&pixels(format, base), &pixels(format, &result.to_bytes().unwrap()));
                assert_eq!(same, 0.0, "{name} by {steps:?}");
            }
        }
        // Asked to cure every warning, it goes below the smaller reading of the limit.
        let (_, ending) =
            fit(padded(5_000_001), name, Role::Image, &with(Options { repair: Repair::All, ..Options::default() }));
        assert!(fitted(ending).0.len() <= 5_000_000, "{name}");
    }
}

#[test]
fn padded_stickers_pass_and_fail_at_the_limit() {
    let base = read("sticker/fit__lossy-alpha.webp");
    let fitter = with(Options::default());
    for (bytes, standing) in [(100_000, Standing::Fit), (102_400, Standing::Fit), (102_402, Standing::Unfit)] {
        let (found, ending) = fit(padded_webp(&base, bytes), "a.webp", Role::Sticker, &fitter);
        assert_eq!(found, standing, "{bytes}");
        let (result, steps) = fitted(ending);
        let kept = (steps.is_empty(), result.len() == bytes as u64);
        assert_eq!(kept, (standing == Standing::Fit, standing == Standing::Fit), "{bytes}: {steps:?}");
        assert!(result.len() <= 102_400);
    }
}

#[test]
fn kept_animations_pass_and_fail_at_the_limit() {
    let base = read("sticker/unfit__animated__sticker.animated.webp");
    let keep = with(Options { animated: Animated::Keep, ..Options::default() });
    let (found, ending) = fit(padded_webp(&base, 512_000), "a.webp", Role::Sticker, &keep);
    assert_eq!((found, fitted(ending).1), (Standing::Fit, Vec::new()));
    let (found, ending) = fit(padded_webp(&base, 512_002), "a.webp", Role::Sticker, &keep);
    assert_eq!(found, Standing::Unfit);
    assert!(matches!(ending, Ending::Refused(refusal) if refusal.reason == Reason::Animated));
    // The first frame alone is a static sticker, whose limit is lower.
    let first = with(Options { animated: Animated::FirstFrame, ..Options::default() });
    let (_, ending) = fit(padded_webp(&base, 512_002), "a.webp", Role::Sticker, &first);
    assert!(fitted(ending).0.len() <= 100_000);
}

#[test]
fn no_way_out_is_named_that_leads_nowhere() {
    let keep = Options { animated: Animated::Keep, ..Options::default() };
    for (policy, kind, is_way_out) in
        [(Policy::cloud(), "webp", true), (Policy::cloud(), "gif", false), (Policy::on_premise(), "webp", false)]
    {
        let animation = read(&format!("image/unfit__animated__image.format+image.animated.{kind}"));
        let fitter = Fitter::new(policy).with_options(keep);
        let (_, ending) = fit(animation, &format!("a.{kind}"), Role::Image, &fitter);
        let Ending::Refused(refusal) = ending else { panic!("an animation is no image") };
        assert_eq!(refusal.message.contains("sticker"), is_way_out, "{}", refusal.message);
    }
}

#[test]
fn a_photo_over_the_limit_fills_it() {
    // A large JPEG is made by the library itself, under a limit that is wide enough.
    let wide =
        Policy::cloud().overridden(r#"{"image":{"size":{"hard_bytes":9000000,"target_bytes":9000000}}}"#).unwrap();
    let bmp = encoded(photo(3000, 2000, 24, 7), ImageFormat::Bmp);
    let (source, _) = fitted(fit(bmp, "a.bmp", Role::Image, &Fitter::new(wide)).1);
    assert_eq!(source.format(), Format::Jpeg);
    assert!((5_242_881..=9_000_000).contains(&source.len()), "{} bytes", source.len());
    let bytes = source.to_bytes().unwrap();
    let (found, ending) = fit(bytes.clone(), "a.jpg", Role::Image, &with(Options::default()));
    assert_eq!(found, Standing::Unfit);
    let (result, steps) = fitted(ending);
    assert!((4_750_000..=5_000_000).contains(&result.len()), "{} bytes by {steps:?}", result.len());
    let apart = distance(&pixels(Format::Jpeg, &bytes), &pixels(result.format(), &result.to_bytes().unwrap()));
    assert!(apart < 6.0, "{apart} apart by {steps:?}");
}

#[test]
fn an_opaque_png_over_the_limit_becomes_a_photo() {
    let png = encoded(photo(1700, 1300, 60, 8), ImageFormat::Png);
    assert!(png.len() > 5_242_880, "{}", png.len());
    let (result, _) = fitted(fit(png, "a.png", Role::Image, &with(Options::default())).1);
    assert_eq!(result.format(), Format::Jpeg);
    assert!(result.len() <= 5_000_000);
}

#[test]
fn a_transparent_png_over_the_limit_is_flattened_or_stays_transparent_as_asked() {
    let png = encoded(noise(1250, 1100, 9), ImageFormat::Png);
    assert!(png.len() > 5_242_880, "{}", png.len());
    let (result, steps) = fitted(fit(png.clone(), "a.png", Role::Image, &with(Options::default())).1);
    assert_eq!(result.format(), Format::Jpeg);
    assert!(result.len() <= 5_000_000);
    assert!(steps.contains(&Step::Flatten { background: [255; 3] }), "{steps:?}");
    let keep = with(Options { transparency: Transparency::Keep, ..Options::default() });
    let (result, steps) = fitted(fit(png, "a.png", Role::Image, &keep).1);
    assert_eq!(result.format(), Format::Png, "{steps:?}");
    assert!(result.len() <= 5_000_000);
    let decoded = pixels(Format::Png, &result.to_bytes().unwrap());
    assert!(decoded.pixels().any(|pixel| pixel.0[3] < 255), "transparency is gone by {steps:?}");
}

#[test]
fn a_sticker_of_noise_comes_out_under_the_limit() {
    // Noise in its colours, a soft edge in its transparency.
    let soft = |width: u32, height: u32, seed| {
        let mut picture = noise(width, height, seed);
        for (x, _, pixel) in picture.enumerate_pixels_mut() {
            pixel.0[3] = u8::try_from((x * 1020 / width).min(255)).unwrap();
        }
        picture
    };
    let cases: [(RgbaImage, ImageFormat, &str); 3] = [
        (soft(512, 512, 10), ImageFormat::WebP, "a.webp"),
        (soft(900, 700, 11), ImageFormat::Png, "a.png"),
        (soft(40, 2000, 12), ImageFormat::Png, "a.png"),
    ];
    for (picture, format, name) in cases {
        let (found, ending) = fit(encoded(picture, format), name, Role::Sticker, &with(Options::default()));
        assert_eq!(found, Standing::Unfit);
        let (result, steps) = fitted(ending);
        assert!(result.len() <= 100_000, "{} by {steps:?}", result.len());
        assert_eq!(pixels(result.format(), &result.to_bytes().unwrap()).dimensions(), (512, 512));
    }
    // Transparency of noise is what no setting makes small: refused, if it does not fit, but never over.
    match fit(encoded(noise(512, 512, 10), ImageFormat::WebP), "a.webp", Role::Sticker, &with(Options::default())).1 {
        Ending::Fitted { fitted, .. } => assert!(fitted.len() <= 100_000, "{}", fitted.len()),
        Ending::Refused(refusal) => assert_eq!(refusal.reason, Reason::CannotFit),
    }
}

#[test]
fn tiny_limits_are_never_exceeded() {
    let mut ends = [0, 0];
    for limit in [20_000, 2000, 600, 100] {
        let json = format!(
            r#"{{"image":{{"size":{{"hard_bytes":{limit},"target_bytes":{limit}}}}}, "sticker":{{"size":{{"hard_bytes":{limit},"target_bytes":{limit}}}}}}}"#
        );
        let policy = Policy::cloud().overridden(&json).unwrap();
        for transparency in [Transparency::Auto, Transparency::Keep] {
            let fitter = Fitter::new(policy.clone()).with_options(Options { transparency, ..Options::default() });
            for (bytes, name) in [
                (encoded(photo(1000, 800, 40, 13), ImageFormat::Png), "a.png"),
                (encoded(noise(300, 200, 14), ImageFormat::Png), "b.png"),
                (read("image/fit__orientation-6__image.orientation.jpg"), "c.jpg"),
            ] {
                for role in [Role::Image, Role::Sticker] {
                    match fit(bytes.clone(), name, role, &fitter).1 {
                        Ending::Fitted { fitted, steps } => {
                            ends[0] += 1;
                            assert!(
                                fitted.len() <= limit,
                                "{name} as {role}: {} of {limit} by {steps:?}",
                                fitted.len()
                            );
                        }
                        Ending::Refused(refusal) => {
                            ends[1] += 1;
                            assert_eq!(refusal.reason, Reason::CannotFit, "{name} as {role}, {limit}: {refusal:?}");
                        }
                    }
                }
            }
        }
    }
    assert!(ends[0] >= 12, "{ends:?}: a small limit is no reason to refuse");
}

#[test]
fn bombs_are_refused_by_their_headers() {
    let mut bombs = 0;
    for folder in ["image", "sticker"] {
        for entry in std::fs::read_dir(pictures::testdata(folder)).unwrap() {
            let path = entry.unwrap().path();
            if !path.file_name().unwrap().to_string_lossy().contains("__bomb") {
                continue;
            }
            bombs += 1;
            for role in [Role::Image, Role::Sticker] {
                let source = Source::open(&path).unwrap();
                let fitter = with(Options { animated: Animated::FirstFrame, salvage: true, ..Options::default() });
                let (checked, ending) = fitter.fit(&source, Ask::Role(role)).unwrap();
                assert!(checked.verdict.has(Rule::Limit), "{}", path.display());
                assert!(
                    matches!(ending, Ending::Refused(refusal) if refusal.reason == Reason::Limit),
                    "{}",
                    path.display()
                );
                assert!(source.bytes_read() <= 128 * 1024, "{}: {} bytes read", path.display(), source.bytes_read());
            }
        }
    }
    assert_eq!(bombs, 10);
}
