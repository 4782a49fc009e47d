use super::*;
use crate::facts::FrameRate;

fn facts(width: u32, height: u32, color: Option<ColorTags>) -> VideoTrack {
    VideoTrack { width, height, color, frame_rate: Some(FrameRate { frames: 25, seconds: 1 }), ..VideoTrack::default() }
}

fn decided(facts: &VideoTrack, seconds: u64, target_bytes: u64, trim_to_fit: bool) -> Result<Chosen> {
    let source = Source::from_bytes(&b""[..], None);
    let coding = VideoCoding { max_height: None, quantiser: None, target_bytes, trim_to_fit };
    let (format, duration_us) = (Format::Avi, seconds * 1_000_000);
    let job = Job {
        source: &source,
        format,
        video: 0,
        facts,
        sound_bytes: seconds * 12_000,
        duration_us,
        coding,
        salvage: false,
        strict: false,
    };
    settled(&job, OVERHEAD)
}

#[test]
fn a_length_that_is_named_fits() {
    let facts = facts(1280, 720, None);
    for target in [400_000, 1_000_000, 3_000_001] {
        let refused = decided(&facts, 3600, target, false).err().map(|error| error.what()).unwrap_or_default();
        let named = refused.split("3600 s, ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        let named: u64 = named.parse().unwrap();
        assert!(named > 1 && decided(&facts, named, target, false).is_ok(), "{refused}");
        let cut = decided(&facts, 3600, target, true).ok().and_then(|chosen| chosen.ends_at).unwrap_or_default();
        assert!(cut >= named as f64 && cut < 3600.0, "{cut} {named}");
    }
}

#[test]
fn nothing_is_planned_without_a_size_and_the_smallest_has_a_rate() {
    assert!(decided(&facts(0, 0, None), 5, 1_000_000, false).is_err_and(|error| error.what().contains("how large")));
    let tiny = |seconds| decided(&facts(8, 8, None), seconds, 1_000_000, false).unwrap();
    assert_eq!((tiny(50).size, tiny(50).bitrate, tiny(1).bitrate), ((8, 8), 16_000, 131_072));
    assert_eq!(decided(&facts(1080, 1920, None), 60, 16_000_000, false).unwrap().size, (720, 1280));
}

#[test]
fn colours_become_what_the_built_in_engine_makes_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let cube = folder.path().join("colors.cube");
    let of = |wide, high, tags: Option<[u8; 3]>| {
        let color =
            tags.map(|[primaries, transfer, matrix]| ColorTags { primaries, transfer, matrix, full_range: false });
        Colors::of(&facts(wide, high, color), &cube).unwrap()
    };
    let plain = |colors: Colors| (colors.matrix, colors.becomes, colors.cube.is_some());
    assert_eq!(plain(of(1280, 720, None)), (Some(BT709), BT709, false));
    assert_eq!(plain(of(720, 576, None)), (Some(BT601), BT601, false));
    assert_eq!(plain(of(640, 360, Some([1, 1, 1]))), (Some(BT709), BT709, false));
    assert_eq!(plain(of(640, 360, Some([2, 2, 0]))), (None, BT709, false));
    if cfg!(feature = "video") {
        assert_eq!(plain(of(640, 360, Some([9, 18, 9]))), (Some("bt2020"), BT709, true));
        assert_eq!(plain(of(640, 360, Some([9, 1, 9]))), (Some("bt2020"), BT709, true));
        let table = std::fs::read_to_string(&cube).unwrap();
        assert_eq!(table.lines().count(), 1 + 33 * 33 * 33);
        assert_eq!(table.lines().nth(1), Some("0.000000 0.000000 0.000000"));
        let last = table.lines().last().unwrap_or_default();
        assert!(last.split(' ').all(|value| value.parse::<f64>().is_ok_and(|value| value > 0.9999)), "{last}");
    }
}

#[test]
fn names_are_escaped_for_both_readers() {
    assert_eq!(escaped("/tmp/a b.cube"), "/tmp/a b.cube");
    assert_eq!(escaped("C:\\x,y'z"), "C\\\\:\\\\\\\\x\\,y\\\\\\'z");
}
