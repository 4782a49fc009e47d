//! Sound through the public door: what players disagree about, recordings of a working day, and what others say of it all.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use libtest_mimic::{Arguments, Failed, Trial};
use mediafit::facts::{Media, StreamFacts};
use mediafit::plan::{AudioCodec, Options, Reason, Repair};
use mediafit::{Ask, Ending, Facts, Ffmpeg, Fitted, Fitter, Format, Policy, Role, Source};
use std::path::{Path, PathBuf};
use std::process::Command;

/// So many files of sound are given to other programs at least.
const FILES: usize = 40;

fn main() {
    let arguments = Arguments::from_args();
    let (ffmpeg, opusinfo) = (program("ffmpeg"), program("opusinfo"));
    let ignored = (ffmpeg.is_none(), opusinfo.is_none());
    let made = ffmpeg.clone().unwrap_or_default();
    let measured = made.clone();
    let trials = vec![
        Trial::test("parametric_stereo_stays_stereo", parametric_stereo),
        Trial::test("opus_in_mp4_starts_where_its_header_says", opus_in_mp4),
        Trial::test("eight_hours_are_refused_with_the_length_that_fits", eight_hours),
        Trial::test("the_length_that_fits_fits_and_is_cut_when_asked_for", trimmed_to_fit),
        Trial::test("channels_that_cancel_each_other_are_heard", opposites),
        Trial::test("a_chain_becomes_one_stream", chained),
        Trial::test("of_joined_files_no_half_is_lost", joined),
        Trial::test("a_page_that_does_not_match_its_checksum_is_damage", checksum),
        Trial::test("a_clock_that_drifts_changes_no_length", drifting),
        Trial::test("what_ffmpeg_makes_is_told_and_coded", move || made_by_ffmpeg(&made)).with_ignored_flag(ignored.0),
        Trial::test("loudness_is_reached_or_told", move || loudness(&measured)).with_ignored_flag(ignored.0),
        Trial::test("ffmpeg_warns_of_no_result", move || ffmpeg_is_content(ffmpeg.as_deref()))
            .with_ignored_flag(ignored.0),
        Trial::test("opusinfo_warns_of_no_result", move || opusinfo_is_content(opusinfo.as_deref()))
            .with_ignored_flag(ignored.1),
        Trial::test("ffmpeg_decodes_to_the_stated_length", decoded_by_ffmpeg).with_ignored_flag(ignored.0),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&folders).map(|folder| folder.join(&name)).find(|path| path.is_file())
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn streams(facts: &Facts) -> &StreamFacts {
    match &facts.media {
        Media::Audio(streams) | Media::Video(streams) => streams,
        other => panic!("no sound: {other:?}"),
    }
}

fn fitted(fitter: &Fitter, source: &Source, role: Role) -> Result<Fitted, Failed> {
    match fitter.fit(source, Ask::Role(role))?.1 {
        Ending::Fitted { fitted, .. } => Ok(*fitted),
        Ending::Refused(refusal) => Err(format!("refused: {refusal:?}").into()),
    }
}

/// The core of it has one channel and half the rate; nothing but the frames says more.
fn parametric_stereo() -> Result<(), Failed> {
    let source = Source::open(testdata("streams/he-aac-v2.aac"))?;
    let fitter = Fitter::new(Policy::cloud());
    let checked = fitter.check(&source, Ask::Role(Role::Audio))?;
    let [track] = &streams(&checked.facts).audio[..] else { return Err("one stream was expected".into()) };
    assert_eq!((track.profile.as_deref(), track.sample_rate), (Some("he-v2"), Some(44_100)));
    let fitter = fitter.with_options(Options { repair: Repair::All, ..Options::default() });
    let result = fitted(&fitter, &source, Role::Audio)?;
    assert_eq!(result.format(), Format::M4a);
    let [track] = &streams(result.facts()).audio[..] else { return Err("one stream was expected".into()) };
    assert_eq!((track.codec.as_str(), track.profile.as_deref()), ("aac", Some("lc")));
    assert_eq!((track.channels, track.sample_rate), (Some(2), Some(44_100)));
    Ok(())
}

fn opus_in_mp4() -> Result<(), Failed> {
    let source = Source::open(testdata("streams/opus-preskip.mp4"))?;
    let fitter = Fitter::new(Policy::cloud());
    let before = fitter.check(&source, Ask::Role(Role::Voice))?;
    let [was] = &streams(&before.facts).audio[..] else { return Err("one stream was expected".into()) };
    let result = fitted(&fitter, &source, Role::Voice)?;
    assert_eq!(result.format(), Format::OggOpus);
    let [is] = &streams(result.facts()).audio[..] else { return Err("one stream was expected".into()) };
    assert_eq!((was.priming, is.priming), (Some(312), Some(312)));
    assert_eq!((was.packet_us, was.packet_code), (is.packet_us, is.packet_code));
    assert!(was.packet_code.is_some());
    assert_eq!(is.duration_us, Some(500_000));
    let found = was.duration_us.unwrap();
    assert!(found.abs_diff(500_000) < 1000, "{found}");
    Ok(())
}

/// PCM of 16 bits in a WAV.
fn wav(rate: u32, channels: u16, samples: impl Iterator<Item = f32>) -> Source {
    let data: Vec<u8> = samples.flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes()).collect();
    let length = u32::try_from(data.len()).unwrap();
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
    bytes[4..8].copy_from_slice(&(length + 36).to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(channels) * 2).to_le_bytes());
    bytes.extend((channels * 2).to_le_bytes());
    bytes.extend(b"\x10\0data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(data);
    Source::from_bytes(bytes, Some(Path::new("made.wav")))
}

/// What a voice note says of a length that is too much, and that it is so.
fn trimmed_to_fit() -> Result<(), Failed> {
    let sound = |tenths: u32| {
        let sample = |index: u32| {
            let at = index as f32 / 8000.0;
            0.4 * (at * 2700.0).sin() * (at * 9.0).sin()
        };
        wav(8000, 1, (0..tenths * 800).map(sample))
    };
    let options = Options { target_bytes: Some(60_000), ..Options::default() };
    let fitter = Fitter::new(Policy::cloud()).with_options(options);
    let Ending::Refused(refusal) = fitter.fit(&sound(500), Ask::Role(Role::Voice))?.1 else {
        return Err("50 s were made fit".into());
    };
    let told = refusal.message.split("allowed ").nth(1).and_then(|rest| rest.split(" s").next());
    let seconds: f32 = told.ok_or_else(|| refusal.message.clone())?.parse()?;
    assert!((37.0..40.0).contains(&seconds), "{}", refusal.message);
    fitted(&fitter, &sound((seconds * 10.0).round() as u32), Role::Voice)?;
    let fitter = Fitter::new(Policy::cloud()).with_options(Options { trim_to_fit: true, ..options });
    let result = fitted(&fitter, &sound(500), Role::Voice)?;
    let us = streams(result.facts()).duration_us.unwrap();
    let bytes = result.to_bytes()?.len();
    assert!((us as f32 / 1e6 - seconds).abs() < 0.2, "{us}");
    assert!((50_000..=60_000).contains(&bytes), "{bytes}");
    Ok(())
}

/// As of lines that were wired the wrong way round: a mix of them is silent.
fn opposites() -> Result<(), Failed> {
    let samples = (0..16_000_u32).flat_map(|index| {
        let sample = 0.3 * (index as f32 * 0.3).sin();
        [sample, -sample]
    });
    let result = fitted(&Fitter::new(Policy::cloud()), &wav(16_000, 2, samples), Role::Voice)?;
    let waveform = result.waveform().ok_or("no waveform")?;
    assert!(waveform.iter().all(|&bar| bar > 50), "{waveform:?}");
    Ok(())
}

/// AMR at 4.75 kbit/s: the limit holds seven hours of it, and no coding that anybody would want to hear holds more.
fn eight_hours() -> Result<(), Failed> {
    const FRAMES: usize = 8 * 3600 * 50;
    let mut bytes = b"#!AMR\n".to_vec();
    // Frame type 0 and good: 13 bytes.
    let frame = [0x04, 0x5a, 0x3c, 0x91, 0x07, 0x66, 0x13, 0x80, 0x2f, 0x50, 0x1e, 0x77, 0xa0];
    bytes.extend(frame.iter().copied().cycle().take(FRAMES * frame.len()));
    let source = Source::from_bytes(bytes, Some(Path::new("day.amr")));
    let fitter = Fitter::new(Policy::cloud());
    let checked = fitter.check(&source, Ask::Role(Role::Audio))?;
    assert_eq!(streams(&checked.facts).duration_us, Some(8 * 3_600_000_000));
    match fitter.fit(&source, Ask::Role(Role::Audio))?.1 {
        Ending::Refused(refusal) => {
            assert_eq!(refusal.reason, Reason::CannotFit, "{refusal:?}");
            Ok(())
        }
        Ending::Fitted { steps, .. } => Err(format!("made fit by {steps:?}").into()),
    }
}

/// What comes of all files of sound as `role`, by their names.
fn results(role: Role) -> Result<Vec<(String, Fitted)>, Failed> {
    let fitter = Fitter::new(Policy::cloud());
    let (mut results, mut files) = (Vec::new(), 0);
    for folder in ["audio", "voice"] {
        for entry in std::fs::read_dir(testdata(folder))? {
            let path = entry?.path();
            files += 1;
            let source = Source::open(&path)?;
            if let Ending::Fitted { fitted, .. } = fitter.fit(&source, Ask::Role(role))?.1
                && fitted.facts().format.family() == mediafit::Family::Audio
            {
                results.push((path.file_name().unwrap().to_string_lossy().into_owned(), *fitted));
            }
        }
    }
    assert!(files >= FILES, "{files}");
    Ok(results)
}

fn ffmpeg_is_content(ffmpeg: Option<&Path>) -> Result<(), Failed> {
    let ffmpeg = ffmpeg.ok_or("there is no ffmpeg")?;
    let folder = tempfile::tempdir()?;
    for role in [Role::Audio, Role::Voice] {
        for (name, fitted) in results(role)? {
            // A file that was fit is as its maker left it.
            if fitted.kept_path().is_some() {
                continue;
            }
            let path = folder.path().join(format!("result.{}", fitted.format().extension()));
            std::fs::write(&path, fitted.to_bytes()?)?;
            let mut command = Command::new(ffmpeg);
            command.args(["-nostdin", "-hide_banner", "-v", "warning", "-i"]).arg(&path).args(["-f", "null", "-"]);
            let output = command.output()?;
            let said = String::from_utf8_lossy(&output.stderr);
            // It says so of every file of bare frames.
            let complaint = said.lines().find(|line| !line.contains("Estimating duration from bitrate"));
            if !output.status.success() || complaint.is_some() {
                return Err(format!("{name} as {}: {said}", role.name()).into());
            }
        }
    }
    Ok(())
}

fn opusinfo_is_content(opusinfo: Option<&Path>) -> Result<(), Failed> {
    let opusinfo = opusinfo.ok_or("there is no opusinfo")?;
    let folder = tempfile::tempdir()?;
    for (name, fitted) in results(Role::Voice)? {
        if fitted.kept_path().is_some() {
            continue;
        }
        let path = folder.path().join("result.ogg");
        std::fs::write(&path, fitted.to_bytes()?)?;
        let output = Command::new(opusinfo).arg(&path).output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        if !output.status.success() || said.contains("WARNING") {
            return Err(format!("{name}: {said}").into());
        }
    }
    Ok(())
}

/// Recorders' clocks run apart from what they record: players without pictures play one packet behind the other.
fn drifting() -> Result<(), Failed> {
    // TimestampScale, in nanoseconds.
    const SCALE: &[u8] = &[0x2a, 0xd7, 0xb1, 0x83];
    let mut seen = 0;
    for name in ["audio/unfit__opus__audio.container.webm", "audio/unfit__opus__audio.container.mka"] {
        let bytes = std::fs::read(testdata(name))?;
        let at = bytes.windows(4).position(|window| window == SCALE).ok_or("no scale")? + 4;
        let mut lengths = Vec::new();
        for scale in [1_000_000_u32, 900_000, 1_100_000] {
            let mut bytes = bytes.clone();
            bytes[at..at + 3].copy_from_slice(&scale.to_be_bytes()[1..]);
            let source = Source::from_bytes(bytes, None);
            for codec in [None, Some(AudioCodec::Aac)] {
                let role = if codec.is_some() { Role::Audio } else { Role::Voice };
                let options = Options { audio_codec: codec, repair: Repair::All, ..Options::default() };
                let fitter = Fitter::new(Policy::cloud()).with_options(options);
                let checked = fitter.check(&source, Ask::Role(role))?;
                lengths.extend(streams(&checked.facts).audio[0].duration_us);
                let result = fitted(&fitter, &source, role)?;
                lengths.extend(streams(result.facts()).audio[0].duration_us);
                seen += 1;
            }
        }
        let (least, most) = (lengths.iter().min().unwrap(), lengths.iter().max().unwrap());
        assert!(lengths.len() == 12 && most - least <= 1000, "{name}: {lengths:?}");
    }
    assert_eq!(seen, 12);
    Ok(())
}

/// SBR of which no header says a word, in every container of AAC; and the lowest rate of AAC.
fn made_by_ffmpeg(ffmpeg: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let make = |name: &str, arguments: &[&str]| -> Result<PathBuf, Failed> {
        let path = folder.path().join(name);
        let mut command = Command::new(ffmpeg);
        command.args(["-nostdin", "-v", "error"]).args(arguments).arg(&path);
        let output = command.output()?;
        if !output.status.success() {
            return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(path)
    };
    let replicated = testdata("streams/he-aac-v2.aac");
    let replicated = replicated.to_str().ok_or("a name that is no text")?;
    let fitter = Fitter::new(Policy::cloud());
    let mut seen = 0;
    for name in ["sbr.flv", "sbr.ts", "sbr.mka", "sbr.m4a", "sbr.mov"] {
        let source = Source::open(make(name, &["-i", replicated, "-c", "copy"])?)?;
        let checked = fitter.check(&source, Ask::Content)?;
        let track = &streams(&checked.facts).audio[0];
        assert_eq!((track.profile.as_deref(), track.channels), (Some("he-v2"), Some(2)), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 5);
    // Fragments whose table plays less than they hold.
    let fragments = "-f lavfi -i sine=f=300:d=0.9 -c:a libopus -frame_duration 60 -movflags +frag_keyframe+empty_moov";
    let arguments: Vec<&str> = fragments.split(' ').chain(["-strict", "-2"]).collect();
    let source = Source::open(make("fragments.mp4", &arguments)?)?;
    let result = fitted(&fitter, &source, Role::Voice)?;
    let is = streams(result.facts()).audio[0].duration_us.unwrap();
    assert!(is.abs_diff(900_000) <= 21, "{is}");
    // Windows Media counts from before its first sample.
    let source = Source::open(make("tone.wma", &["-f", "lavfi", "-i", "sine=f=300:d=1", "-c:a", "wmav2"])?)?;
    let with_ffmpeg = Fitter::new(Policy::cloud()).with_ffmpeg(Ffmpeg::find());
    let coded = folder.path().join("wma.m4a");
    std::fs::write(&coded, fitted(&with_ffmpeg, &source, Role::Audio)?.to_bytes()?)?;
    let samples = Command::new(ffmpeg).args(["-v", "error", "-i"]).arg(&coded).args(["-f", "s16le", "-"]).output()?;
    let onset = samples.stdout.as_chunks::<2>().0.iter().position(|&bytes| i16::from_le_bytes(bytes).abs() > 1000);
    assert!(onset.is_some_and(|at| at < 44_100 / 25), "{onset:?}");
    // Its packet table states no priming, and packets of a length that they do not have.
    let opus = testdata("audio/fit__opus-mono.ogg");
    let opus = opus.to_str().ok_or("a name that is no text")?;
    let source = Source::open(make("opus.caf", &["-i", opus, "-c", "copy"])?)?;
    let result = fitted(&fitter, &source, Role::Voice)?;
    let track = &streams(result.facts()).audio[0];
    assert_eq!((track.codec.as_str(), track.priming), ("opus", Some(312)));
    assert!(track.duration_us.unwrap().abs_diff(1_000_000) < 60_000, "{track:?}");
    let tone = ["-f", "lavfi", "-i", "sine=d=2", "-ar", "7350", "-c:a", "aac"];
    let source = Source::open(make("low.aac", &tone)?)?;
    let result = fitted(&fitter, &source, Role::Voice)?;
    let length = streams(result.facts()).audio[0].duration_us.unwrap();
    assert!((2_000_000..2_400_000).contains(&length), "{length}");
    trimmed(make)
}

/// Frames without a container cannot say that less is played: what an edit takes half off is coded anew.
fn trimmed(make: impl Fn(&str, &[&str]) -> Result<PathBuf, Failed>) -> Result<(), Failed> {
    let fitter = Fitter::new(Policy::cloud());
    let mut seen = 0;
    for (name, source, from) in [("cut.mov", "audio/fit__mp3.mp3", "0.3"), ("cut.3gp", "audio/fit__amr.amr", "0.31")] {
        let source = testdata(source);
        let source = source.to_str().ok_or("a name that is no text")?;
        let path = make(name, &["-ss", from, "-i", source, "-c", "copy"])?;
        let whole = std::fs::read(&path)?;
        let was = fitted(&fitter, &Source::open(&path)?, Role::Audio)?;
        // The entry's media time, behind version, flags, count and the segment's length.
        let at = whole.windows(4).position(|window| window == b"elst").ok_or("no edit list")? + 16;
        let timescale = whole.windows(4).position(|window| window == b"mdhd").ok_or("no header")? + 16;
        let rate = u32::from_be_bytes(whole[timescale..timescale + 4].try_into()?);
        let mut cut = whole.clone();
        cut[at..at + 4].copy_from_slice(&(rate / 2).to_be_bytes());
        let source = Source::from_bytes(cut, None);
        let stated = streams(&fitter.check(&source, Ask::Role(Role::Audio))?.facts).audio[0].duration_us.unwrap();
        let is = fitted(&fitter, &source, Role::Audio)?;
        assert!(["mp3", "amr"].contains(&was.format().name()), "{name}: {}", was.format());
        let length = streams(is.facts()).audio[0].duration_us.unwrap();
        assert!(!["mp3", "amr"].contains(&is.format().name()), "{name}: {}", is.format());
        assert!(stated < 600_000 && length.abs_diff(stated) < 20_000, "{name}: {length} for {stated}");
        seen += 1;
    }
    assert_eq!(seen, 2);
    Ok(())
}

/// Of a chain of streams players of chats play the first alone.
fn chained() -> Result<(), Failed> {
    let one = std::fs::read(testdata("audio/fit__opus-mono.ogg"))?;
    let source = Source::from_bytes(one.repeat(3), None);
    let alone = Source::from_bytes(one, None);
    let fitter = Fitter::new(Policy::cloud());
    let mut seen = 0;
    for role in [Role::Audio, Role::Voice] {
        let length = streams(&fitter.check(&alone, Ask::Role(role))?.facts).audio[0].duration_us.unwrap();
        let checked = fitter.check(&source, Ask::Role(role))?;
        assert!(!checked.verdict.is_fit(), "{:?}", checked.verdict);
        let result = fitted(&fitter, &source, role)?;
        let is = streams(result.facts()).audio[0].duration_us.unwrap();
        assert!(is.abs_diff(length * 3) < 100, "{is} for three of {length}");
        seen += 1;
    }
    assert_eq!(seen, 2);
    // Links of other codecs, and with other counts of channels.
    let read = |name: &str| std::fs::read(testdata(&format!("audio/{name}")));
    let [vorbis, flac] = ["unfit__vorbis__audio.codec.ogg", "unfit__flac__audio.codec.ogg"].map(|name| [name; 2]);
    let opus = ["fit__opus-mono.ogg", "unfit__opus-stereo__audio.channels.ogg"];
    for names in [vorbis, flac, opus] {
        let source = Source::from_bytes([read(names[0])?, read(names[1])?].concat(), None);
        let result = fitted(&fitter, &source, Role::Audio)?;
        let is = streams(result.facts()).audio[0].duration_us.unwrap();
        assert!(is.abs_diff(2_000_000) < 1000, "{names:?}: {is}");
    }
    let joined = Source::from_bytes([read(opus[0])?, read(vorbis[0])?].concat(), None);
    let ending = fitter.fit(&joined, Ask::Role(Role::Audio))?.1;
    assert!(matches!(&ending, Ending::Refused(refusal) if refusal.reason == Reason::Broken), "{ending:?}");
    Ok(())
}

/// Of joined files one half is never lost without a word.
fn joined() -> Result<(), Failed> {
    let read = |name: &str| std::fs::read(testdata(&format!("audio/{name}")));
    let fitter = Fitter::new(Policy::cloud());
    for (one, other) in [
        ("fit__mp3.mp3", "fit__mp3-low-rate.mp3"),
        ("unfit__pcm__audio.container.flac", "unfit__pcm__audio.container.flac"),
    ] {
        let source = Source::from_bytes([read(one)?, read(other)?].concat(), None);
        let ending = fitter.fit(&source, Ask::Role(Role::Audio))?.1;
        assert!(matches!(&ending, Ending::Refused(refusal) if refusal.reason == Reason::Broken), "{one}: {ending:?}");
    }
    Ok(())
}

/// A page whose bytes are not those that its checksum was made of.
fn checksum() -> Result<(), Failed> {
    let mut bytes = std::fs::read(testdata("audio/fit__opus-mono.ogg"))?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    let source = Source::from_bytes(bytes, None);
    let checked = Fitter::new(Policy::cloud()).check(&source, Ask::Role(Role::Audio))?;
    let damage = &checked.facts.damage;
    assert!(format!("{damage:?}").contains("checksum"), "{damage:?}");
    Ok(())
}

/// What is loud for moments alone cannot be as loud as is asked for; what coding adds to its peaks stays below -1 dBTP.
fn loudness(ffmpeg: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("input.wav");
    // A tone that is twelve and six times as loud for 50 ms of a second, and one that is even.
    let [peaky, lively, even] = [
        "if(lt(mod(t,1),0.05),0.6,0.05)*sin(2*PI*440*t)",
        "if(lt(mod(t,1),0.05),0.3,0.05)*sin(2*PI*440*t)",
        "0.05*sin(2*PI*440*t)",
    ];
    let mut seen = 0;
    for (codec, sound, missed) in [
        (AudioCodec::Opus, peaky, true),
        (AudioCodec::Aac, peaky, true),
        (AudioCodec::Opus, lively, false),
        (AudioCodec::Aac, lively, false),
        (AudioCodec::Opus, even, false),
        (AudioCodec::Aac, even, false),
    ] {
        let made = Command::new(ffmpeg)
            .args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"])
            .arg(format!("aevalsrc={}:s=48000:d=6", sound.replace(',', "\\,")))
            .arg(&path)
            .output()?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned().into());
        }
        let options = Options { audio_codec: Some(codec), loudness_centi_lufs: Some(-1600), ..Options::default() };
        let fitter = Fitter::new(Policy::cloud()).with_options(options);
        let result = fitted(&fitter, &Source::open(&path)?, Role::Audio)?;
        let coded = folder.path().join(format!("coded.{}", result.format().extension()));
        std::fs::write(&coded, result.to_bytes()?)?;
        let output = Command::new(ffmpeg)
            .args(["-nostdin", "-hide_banner", "-i"])
            .arg(&coded)
            .args(["-af", "ebur128=peak=true", "-f", "null", "-"])
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let value = |label: &str| -> Result<f64, Failed> {
            let at = said.rfind(label).ok_or_else(|| said.clone())? + label.len();
            Ok(said[at..].split_whitespace().next().ok_or("no value")?.parse()?)
        };
        let (is, peak) = (value("I:")?, value("Peak:")?);
        let wanted = result.missed_centi_lufs().map_or(-16.0, |centi_lufs| f64::from(centi_lufs) / 100.0);
        assert_eq!(result.missed_centi_lufs().is_some(), missed, "{codec:?} {is}");
        assert!((is - wanted).abs() < 0.7 && peak <= -1.0, "{codec:?}: {is} LUFS for {wanted}, {peak} dBTP");
        seen += 1;
    }
    assert_eq!(seen, 6);
    Ok(())
}

/// WMA ends within a frame that is decoded whole.
fn decoded_by_ffmpeg() -> Result<(), Failed> {
    let fitter = Fitter::new(Policy::cloud()).with_ffmpeg(Ffmpeg::find());
    let source = Source::open(testdata("audio/unfit__wmav2__audio.container.wma"))?;
    let was = streams(&fitter.check(&source, Ask::Role(Role::Audio))?.facts).duration_us.unwrap();
    let result = fitted(&fitter, &source, Role::Audio)?;
    let is = streams(result.facts()).duration_us.unwrap();
    // The first frame is stated, and not heard.
    assert!((0..50_000).contains(&was.saturating_sub(is)), "{was} {is}");
    Ok(())
}
