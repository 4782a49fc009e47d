//! Animations as a container of one track of pictures: composed frames, played once, each as long as browsers show it.

use super::color::usual_matrix;
use super::decode::{guarded, rgb};
use super::{Clip, Job, Sound, transcode};
use crate::cancel::Cancel;
use crate::convert::decode::Moving;
use crate::convert::{Candidate, color, geometry};
use crate::demux::{Demuxer, Kind, Packet, Track, Want};
use crate::error::{Error, Result};
use crate::facts::{Animation, ColorTags, Facts, Media, Orientation, VideoTrack};
use crate::limits::MAX_FRAMES;
use crate::plan::{Engine, Rung, Step};
use image::{DynamicImage, Rgb, RgbImage, imageops};

/// Ticks a second, in which hundredths, milliseconds and the usual frame rates are whole.
const TIMESCALE: u32 = 90_000;

/// The longest that one frame may be shown, in nanoseconds: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Makes a video of an animation by the steps of `rung`.
///
/// # Errors
/// As [`transcode`].
pub(crate) fn convert(source: &[u8], facts: &Facts, rung: &Rung, cancel: &Cancel) -> Result<Candidate> {
    let wrong = || Error::engine("the plan makes a video of what is no animation");
    let Media::Image(image) = &facts.media else { return Err(wrong()) };
    let mut track = image.as_track().ok_or_else(wrong)?;
    let matrix = usual_matrix(track.width, track.height);
    // sRGB shares its primaries with BT.709, and players show that curve as sRGB.
    track.color = Some(ColorTags { primaries: 1, transfer: 1, matrix, full_range: false });
    let coding = rung
        .steps
        .iter()
        .find_map(|step| if let Step::EncodeVideo { coding, .. } = step { Some(*coding) } else { None });
    let background = rung
        .steps
        .iter()
        .find_map(|step| if let Step::Flatten { background } = step { Some(*background) } else { None });
    let (Some(coding), Some(background)) = (coding, background) else { return Err(wrong()) };
    let open = || -> Result<Box<dyn Demuxer + '_>> {
        Ok(Box::new(Reel::open(source, facts, &track, image.orientation, background)?))
    };
    // Only what was asked to be salvaged is planned for at all once it is damaged.
    let salvage = !facts.damage.is_empty();
    let clip = Clip { open: &open, track: 0, facts: &track, coding: &coding, salvage, every_picture: true };
    let body = transcode(&Job { clip, sound: Sound::None }, cancel)?.0.into_body()?;
    let (format, steps) = (rung.format, rung.steps.clone());
    let (engine, waveform) = (Engine::Builtin, None);
    Ok(Candidate {
        format,
        body: Some(body),
        steps,
        waveform,
        missed_centi_lufs: None,
        engine,
        coded_us: None,
        lost: None,
    })
}

/// An animation, read forward.
struct Reel<'a> {
    moving: Moving<'a>,
    tracks: [Track; 1],
    size: (u32, u32),
    orientation: Orientation,
    background: [u8; 3],
    bytes: u64,
    frames: u32,
    at_ns: u64,
}

impl<'a> Reel<'a> {
    fn open(
        source: &'a [u8],
        facts: &Facts,
        video: &VideoTrack,
        orientation: Orientation,
        background: [u8; 3],
    ) -> Result<Self> {
        guarded(video.width, video.height)?;
        let mut track = Track::new(1, Kind::Video, rgb::CODEC, TIMESCALE);
        track.size = Some((video.width, video.height));
        track.color = video.color;
        Ok(Self {
            moving: Moving::open(facts.format, source)?,
            tracks: [track],
            size: (video.width, video.height),
            orientation,
            background,
            bytes: source.len() as u64,
            frames: 0,
            at_ns: 0,
        })
    }

    /// Red, green and blue of a frame as it is shown: upright, in sRGB, on the background.
    fn shown(&self, frame: DynamicImage) -> Result<RgbImage> {
        let frame = geometry::upright(frame, self.orientation);
        let frame = color::to_srgb8(frame, self.moving.icc.as_deref(), self.moving.primaries)?;
        let flat = match frame {
            DynamicImage::ImageRgba8(pixels) => color::flattened(&pixels, self.background),
            other => other.into_rgb8(),
        };
        let (width, height) = self.size;
        if flat.dimensions() == self.size {
            return Ok(flat);
        }
        if flat.width() > width || flat.height() > height {
            let (wide, high) = flat.dimensions();
            return Err(Error::malformed(format!("a frame of {wide}x{high} in an animation of {width}x{height}")));
        }
        let mut canvas = RgbImage::from_pixel(width, height, Rgb(self.background));
        let (left, top) = ((width - flat.width()) / 2, (height - flat.height()) / 2);
        imageops::replace(&mut canvas, &flat, left.into(), top.into());
        Ok(canvas)
    }
}

/// Nanoseconds as ticks.
fn ticks(ns: u64) -> i64 {
    let ticks = (u128::from(ns) * u128::from(TIMESCALE) + 500_000_000) / 1_000_000_000;
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

impl Demuxer for Reel<'_> {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next(&mut self, packet: &mut Packet, want: Want) -> Result<bool> {
        let Some((frame, stated_ns)) = self.moving.next()? else { return Ok(false) };
        if self.frames >= MAX_FRAMES {
            return Err(Error::limit(format!("has more than {MAX_FRAMES} frames; cut it first")));
        }
        if stated_ns > LONGEST_NS {
            let seconds = stated_ns / 1_000_000_000;
            return Err(Error::limit(format!("shows a frame for {seconds} s; allowed 3600; shorten it first")));
        }
        let start = ticks(self.at_ns);
        self.at_ns += Animation::shown_ns(stated_ns);
        // Frames are composed before they are given, so that each stands for itself.
        *packet =
            Packet { dts: start, pts: start, sync: true, data: std::mem::take(&mut packet.data), ..Packet::default() };
        packet.duration = u64::try_from(ticks(self.at_ns) - start).unwrap_or(0);
        // What a frame takes by itself is not known: the whole stands with the first.
        packet.size = if self.frames == 0 { u32::try_from(self.bytes).unwrap_or(u32::MAX) } else { 0 };
        packet.data.clear();
        self.frames += 1;
        if want != Want::Table {
            packet.data.extend_from_slice(self.shown(DynamicImage::ImageRgba8(frame))?.as_raw());
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ColorModel, ImageFacts};
    use crate::format::Format;
    use image::{Delay, Frame, Rgba, RgbaImage};

    #[test]
    fn frames_are_composed_on_the_background_of_a_canvas_that_a_video_can_have() {
        let dot =
            |x| RgbaImage::from_fn(20, 4, move |column, _| Rgba(if column == x { [250, 0, 0, 255] } else { [0; 4] }));
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        for (x, ms) in [(3, 0), (5, 40)] {
            encoder.encode_frame(Frame::from_parts(dot(x), 0, 0, Delay::from_numer_denom_ms(ms, 1))).unwrap();
        }
        drop(encoder);
        let mut image = ImageFacts::new(20, 4, ColorModel::Palette);
        image.animation = Some(Animation { frames: 2, shortest_frame_ms: None, total_ms: None, played_us: None });
        let track = image.as_track().unwrap();
        let length = bytes.len() as u64;
        let facts = Facts {
            format: Format::Gif,
            bytes: length,
            file_name: None,
            extension: None,
            damage: Vec::new(),
            media: Media::Image(image),
        };
        let mut reel = Reel::open(&bytes, &facts, &track, Orientation::Normal, [0, 0, 255]).unwrap();
        assert_eq!(reel.tracks()[0].size, Some((20, 16)));
        let mut packet = Packet::default();
        let mut seen = Vec::new();
        while reel.next(&mut packet, Want::Content).unwrap() {
            let at = |x: usize, y: usize| packet.data[3 * (20 * y + x)..][..3].to_vec();
            seen.push((packet.pts, packet.duration, at(3, 7), at(5, 7), at(3, 0)));
        }
        let (red, blue) = (vec![250, 0, 0], vec![0, 0, 255]);
        assert_eq!((seen[0].0, seen[0].1), (0, 9000));
        assert_eq!((seen[1].0, seen[1].1), (9000, 3600));
        assert_eq!([&seen[0].2, &seen[0].3, &seen[0].4], [&red, &blue, &blue]);
        assert_eq!((seen.len(), &seen[1].3, &seen[1].4), (2, &red, &blue));
    }
}
