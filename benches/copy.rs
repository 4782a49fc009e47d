//! A large video whose index stands last: what it costs to look at it, and to copy it into an MP4.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mediafit::{Ask, Ending, Fitter, Policy, Source};
use std::hint::black_box;
use std::io::Write;
use std::path::Path;

/// Frames, and bytes of each: 100 MB.
const FRAMES: u32 = 5000;
const FRAME: u32 = 20_000;

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len() + 8).unwrap_or(0).to_be_bytes(), &kind[..], body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// The sample entry of a clip of the test data.
fn entry() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/video/fit__h264-main-aac.mp4");
    let clip = std::fs::read(path).unwrap_or_default();
    let at = clip.windows(4).position(|window| window == b"stsd").map_or(4, |stsd| stsd + 16);
    let size = clip.get(at - 4..at).map_or(0, |size| size.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)));
    clip.get(at - 4..at - 4 + size).unwrap_or_default().to_vec()
}

/// A QuickTime file of pictures alone: content, then the index.
fn film(path: &Path) -> std::io::Result<()> {
    let ftyp = boxed(b"ftyp", b"qt  \0\0\x02\0qt  ");
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    file.write_all(&ftyp)?;
    file.write_all(&(FRAMES * FRAME + 8).to_be_bytes())?;
    file.write_all(b"mdat")?;
    let mut seed = 1_u32;
    for frame in 0..FRAMES {
        let mut picture = words(&[FRAME - 4]);
        picture.push(if frame % 50 == 0 { 0x65 } else { 0x41 });
        picture.push(0x88);
        while picture.len() < FRAME as usize {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            picture.push((seed >> 24) as u8);
        }
        file.write_all(&picture)?;
    }
    let start = ftyp.len() as u32 + 8;
    let matrix = words(&[1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30]);
    let length = FRAMES * 512;
    let mvhd =
        [words(&[0, 0, 0, 12_800, length, 1 << 16, 0x0100_0000, 0, 0]), matrix.clone(), words(&[0; 6]), words(&[2])];
    let tkhd = [words(&[3, 0, 0, 1, 0, length, 0, 0, 0, 0]), matrix, words(&[320 << 16, 240 << 16])];
    let hdlr = [words(&[0, 0]), b"vide".to_vec(), words(&[0; 3]), vec![0]].concat();
    let dref = boxed(b"dref", &[words(&[0, 1]), boxed(b"url ", &words(&[1]))].concat());
    let syncs: Vec<u32> = (0..FRAMES).step_by(50).map(|frame| frame + 1).collect();
    let stbl = [
        boxed(b"stsd", &[words(&[0, 1]), entry()].concat()),
        boxed(b"stts", &words(&[0, 1, FRAMES, 512])),
        boxed(b"stss", &[words(&[0, syncs.len() as u32]), words(&syncs)].concat()),
        boxed(b"stsc", &words(&[0, 1, 1, 10, 1])),
        boxed(b"stsz", &[words(&[0, 0, FRAMES]), words(&vec![FRAME; FRAMES as usize])].concat()),
        boxed(
            b"stco",
            &[
                words(&[0, FRAMES / 10]),
                (0..FRAMES / 10).flat_map(|chunk| (start + chunk * 10 * FRAME).to_be_bytes()).collect(),
            ]
            .concat(),
        ),
    ];
    let minf = [boxed(b"vmhd", &words(&[1, 0, 0])), boxed(b"dinf", &dref), boxed(b"stbl", &stbl.concat())];
    let mdia = [
        boxed(b"mdhd", &words(&[0, 0, 0, 12_800, length, 0x55C4_0000])),
        boxed(b"hdlr", &hdlr),
        boxed(b"minf", &minf.concat()),
    ];
    let trak = [boxed(b"tkhd", &tkhd.concat()), boxed(b"mdia", &mdia.concat())];
    let moov = [boxed(b"mvhd", &mvhd.concat()), boxed(b"trak", &trak.concat())];
    file.write_all(&boxed(b"moov", &moov.concat()))?;
    file.flush()
}

fn copy(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("a temporary folder: {error}"));
    let path = folder.path().join("film.mov");
    film(&path).unwrap_or_else(|error| panic!("a film can be written: {error}"));
    // What is measured is the copy, not the way to a smaller file.
    let mut policy = Policy::cloud();
    (policy.video.size.hard_bytes, policy.video.size.target_bytes) = (1 << 30, 1 << 30);
    let fitter = Fitter::new(policy);

    let mut inspect = criterion.benchmark_group("inspect");
    inspect.throughput(Throughput::Elements(1));
    inspect.bench_function("mov/100MB/moov-last", |bencher| {
        bencher.iter(|| black_box(Source::open(&path).and_then(|source| fitter.check(&source, Ask::Content))));
    });
    inspect.finish();

    let mut remux = criterion.benchmark_group("copy");
    remux.sample_size(10).throughput(Throughput::Bytes(u64::from(FRAMES) * u64::from(FRAME)));
    remux.bench_function("mov/100MB", |bencher| {
        bencher.iter(|| {
            let source = Source::open(&path).unwrap_or_else(|error| panic!("the film is there: {error}"));
            let (_, ending) =
                fitter.fit(&source, Ask::Content).unwrap_or_else(|error| panic!("the film is copied: {error}"));
            assert!(matches!(ending, Ending::Fitted { .. }), "{ending:?}");
        });
    });
    remux.finish();
}

criterion_group!(benches, copy);
criterion_main!(benches);
