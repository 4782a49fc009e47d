//! The sample table (ISO/IEC 14496-12 §8.6, §8.7): its runs as the file has them, and a cursor that counts through them.
//!
//! Nothing here is as long as a count claims: a table has as many entries as its box has bytes for.

use super::guard::children;
use crate::boxes::full;
use crate::bytes::{be32, be64, byte};

/// Entries of one table, of the same length each.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    bytes: Vec<u8>,
    size: usize,
}

impl Entries {
    /// As many entries of `size` bytes as `count` claims and `body` holds; `short` is set when these are fewer.
    fn new(body: &[u8], count: u32, size: usize, short: &mut bool) -> Self {
        let there = body.len() / size;
        let claimed = usize::try_from(count).unwrap_or(usize::MAX);
        *short |= there < claimed;
        Self { bytes: body.get(..there.min(claimed) * size).unwrap_or_default().to_vec(), size }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len().checked_div(self.size).unwrap_or(0)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The 32-bit number at `field` bytes in the entry `index`.
    pub(super) fn number(&self, index: usize, field: usize) -> Option<u32> {
        be32(&self.bytes, index.checked_mul(self.size)? + field)
    }
}

/// Where samples' lengths stand.
#[derive(Debug, Clone)]
enum Sizes {
    /// All have the same.
    Constant(u32),
    /// Each has its own, of 32 bits.
    Table(Entries),
    /// Each has its own, of 4, 8 or 16 bits.
    Compact(Vec<u8>, u8),
}

/// A track's sample table.
#[derive(Debug, Clone)]
pub(super) struct SampleTable {
    /// Runs of decoding times: count, length.
    pub times: Entries,
    /// Runs of composition offsets: count, offset.
    pub offsets: Entries,
    /// Runs of chunks: first chunk, samples a chunk, description.
    pub runs: Entries,
    /// Numbers of the samples that decoding can start at; without, all are.
    sync: Option<Entries>,
    chunks: Entries,
    sizes: Sizes,
    /// How many samples there are.
    pub count: u64,
    /// Whether a table claims more than it holds.
    pub short: bool,
}

impl Default for SampleTable {
    fn default() -> Self {
        Self {
            times: Entries::default(),
            offsets: Entries::default(),
            runs: Entries::default(),
            sync: None,
            chunks: Entries::default(),
            sizes: Sizes::Constant(0),
            count: 0,
            short: false,
        }
    }
}

impl SampleTable {
    /// Reads the content of `stbl`.
    pub(super) fn read(stbl: &[u8]) -> Self {
        let mut table = Self::default();
        for found in children(stbl) {
            let _: Option<()> = table.add(&found.kind, found.body);
        }
        table
    }

    fn add(&mut self, kind: &[u8; 4], body: &[u8]) -> Option<()> {
        let (_, _, mut rest) = full(body)?;
        let short = &mut self.short;
        match kind {
            b"stts" => self.times = Entries::new(rest.0.get(4..)?, rest.u32()?, 8, short),
            b"ctts" => self.offsets = Entries::new(rest.0.get(4..)?, rest.u32()?, 8, short),
            b"stsc" => self.runs = Entries::new(rest.0.get(4..)?, rest.u32()?, 12, short),
            b"stco" => self.chunks = Entries::new(rest.0.get(4..)?, rest.u32()?, 4, short),
            b"co64" => self.chunks = Entries::new(rest.0.get(4..)?, rest.u32()?, 8, short),
            b"stss" => self.sync = Some(Entries::new(rest.0.get(4..)?, rest.u32()?, 4, short)),
            b"stsz" => {
                let (size, count) = (rest.u32()?, rest.u32()?);
                if size == 0 {
                    let table = Entries::new(rest.0, count, 4, short);
                    self.count = table.len() as u64;
                    self.sizes = Sizes::Table(table);
                } else {
                    self.count = count.into();
                    self.sizes = Sizes::Constant(size);
                }
            }
            b"stz2" => {
                let (bits, count) = ((rest.u32()? & 0xFF) as u8, rest.u32()?);
                if !matches!(bits, 4 | 8 | 16) {
                    return None;
                }
                let there = rest.0.len() as u64 * 8 / u64::from(bits);
                *short |= there < u64::from(count);
                self.count = there.min(count.into());
                self.sizes = Sizes::Compact(rest.0.to_vec(), bits);
            }
            _ => {}
        }
        Some(())
    }

    /// The length that all samples have, when they have one.
    pub(super) const fn constant_size(&self) -> Option<u32> {
        match self.sizes {
            Sizes::Constant(size) => Some(size),
            Sizes::Table(_) | Sizes::Compact(..) => None,
        }
    }

    /// Uncompressed sound counts bytes or samples as it likes: a sample shall be one of all channels.
    pub(super) fn set_frame_bytes(&mut self, bytes: u32) {
        if let Sizes::Constant(size) = &mut self.sizes {
            *size = bytes;
        }
    }

    /// Length of the sample `index`.
    fn size(&self, index: u64) -> Option<u32> {
        let at = usize::try_from(index).ok()?;
        match &self.sizes {
            Sizes::Constant(size) => Some(*size),
            Sizes::Table(table) => table.number(at, 0),
            Sizes::Compact(bytes, 16) => {
                Some(u32::from(byte(bytes, at * 2)?) << 8 | u32::from(byte(bytes, at * 2 + 1)?))
            }
            Sizes::Compact(bytes, 8) => byte(bytes, at).map(u32::from),
            // The first of two stands in the upper half.
            Sizes::Compact(bytes, _) => {
                byte(bytes, at / 2).map(|pair| u32::from(if at % 2 == 0 { pair >> 4 } else { pair & 15 }))
            }
        }
    }

    /// Where the chunk `index` starts in the file.
    fn chunk(&self, index: usize) -> Option<u64> {
        match self.chunks.size {
            8 => be64(&self.chunks.bytes, index.checked_mul(8)?),
            _ => self.chunks.number(index, 0).map(u64::from),
        }
    }

    /// How many sample entries the chunks use: more than one is rare.
    pub(super) fn descriptions(&self) -> u32 {
        (0..self.runs.len()).filter_map(|index| self.runs.number(index, 8)).max().unwrap_or(1)
    }
}

/// A chunk: samples one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Where it starts in the file.
    pub offset: u64,
    /// The number of its first sample, from 0.
    pub first: u64,
    /// How many samples it has.
    pub samples: u64,
}

/// Counts through the chunks.
#[derive(Debug, Clone, Default)]
pub(super) struct Chunks {
    next: usize,
    run: usize,
    first: u64,
}

impl Chunks {
    /// The next chunk that has samples.
    pub(super) fn next(&mut self, table: &SampleTable) -> Option<Chunk> {
        while self.first < table.count {
            let offset = table.chunk(self.next)?;
            // Chunks are numbered from 1. A run ends where the next one starts; runs that do not rise are passed over.
            while let Some(start) = table.runs.number(self.run + 1, 0)
                && start as usize <= self.next + 1
            {
                self.run += 1;
            }
            self.next += 1;
            let samples = u64::from(table.runs.number(self.run, 4)?).min(table.count - self.first);
            let chunk = Chunk { offset, first: self.first, samples };
            self.first += samples;
            if samples > 0 {
                return Some(chunk);
            }
        }
        None
    }

    /// How many samples have no chunk.
    pub(super) const fn missing(&self, table: &SampleTable) -> u64 {
        table.count - self.first
    }
}

/// A run of samples' values, counted through.
#[derive(Debug, Clone, Default)]
struct Run {
    entry: usize,
    left: u32,
    value: u32,
}

impl Run {
    /// How many samples from here have the same value, and that value; the last one holds on.
    fn here(&mut self, entries: &Entries) -> (u64, u32) {
        while self.left == 0
            && let (Some(count), Some(value)) = (entries.number(self.entry, 0), entries.number(self.entry, 4))
        {
            self.entry += 1;
            (self.left, self.value) = (count, value);
        }
        if self.left == 0 { (u64::MAX, self.value) } else { (self.left.into(), self.value) }
    }

    fn pass(&mut self, count: u64) {
        self.left = self.left.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

/// Samples in a row whose times follow one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timed {
    /// How many.
    pub count: u64,
    /// Length of each in ticks.
    pub delta: u32,
    /// Offset from decoding to showing.
    pub offset: i32,
}

/// Counts through the times.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    times: Run,
    offsets: Run,
    passed: u64,
}

impl Times {
    /// The next samples of one rule, `most` at most.
    pub(super) fn next(&mut self, table: &SampleTable, most: u64) -> Option<Timed> {
        let left = table.count.checked_sub(self.passed).filter(|&left| left > 0)?;
        let (times, delta) = self.times.here(&table.times);
        let (offsets, offset) = self.offsets.here(&table.offsets);
        let offset = if table.offsets.is_empty() || offsets == u64::MAX { 0 } else { offset.cast_signed() };
        let count = left.min(times).min(offsets).min(most);
        self.times.pass(count);
        self.offsets.pass(count);
        self.passed += count;
        Some(Timed { count, delta, offset })
    }
}

/// A sample, or several of uncompressed sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    /// Where it starts in the file.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u32,
    /// When it is decoded, in ticks.
    pub dts: i64,
    /// When it is shown, in ticks.
    pub pts: i64,
    /// How long, in ticks.
    pub duration: u64,
    /// Whether decoding can start here.
    pub sync: bool,
}

/// Counts through the samples.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples {
    chunks: Chunks,
    chunk: Option<Chunk>,
    /// How many samples of the chunk were passed, and their bytes.
    within: (u64, u64),
    times: Times,
    sync: usize,
    dts: i64,
}

impl Samples {
    /// The next sample; with `most_bytes`, as many as fit there when all have one length.
    pub(super) fn next(&mut self, table: &SampleTable, most_bytes: Option<u32>) -> Option<Sample> {
        let chunk = match self.chunk {
            Some(chunk) if self.within.0 < chunk.samples => chunk,
            _ => {
                let chunk = self.chunks.next(table)?;
                (self.chunk, self.within) = (Some(chunk), (0, 0));
                chunk
            }
        };
        let index = chunk.first + self.within.0;
        let mut most = 1;
        if let (Some(bytes), Some(size)) = (most_bytes, table.constant_size()) {
            most = u64::from(bytes / size.max(1)).clamp(1, chunk.samples - self.within.0);
        }
        let timed = self.times.next(table, most)?;
        let size = u64::from(table.size(index)?) * timed.count;
        let dts = self.dts;
        let duration = timed.count.saturating_mul(timed.delta.into());
        self.dts = dts.saturating_add_unsigned(duration);
        let sample = Sample {
            offset: chunk.offset.saturating_add(self.within.1),
            size: u32::try_from(size).ok()?,
            dts,
            pts: dts.saturating_add(timed.offset.into()),
            duration,
            sync: self.is_sync(table, index),
        };
        self.within = (self.within.0 + timed.count, self.within.1.saturating_add(size));
        Some(sample)
    }

    /// When the next sample is decoded: behind the last, the length of all.
    pub(super) const fn dts(&self) -> i64 {
        self.dts
    }

    fn is_sync(&mut self, table: &SampleTable, index: u64) -> bool {
        let Some(sync) = &table.sync else { return true };
        while let Some(number) = sync.number(self.sync, 0)
            && u64::from(number) < index + 1
        {
            self.sync += 1;
        }
        sync.number(self.sync, 0).map(u64::from) == Some(index + 1)
    }
}

/// How many bytes the samples of a chunk have.
pub(super) fn chunk_bytes(table: &SampleTable, chunk: &Chunk) -> u64 {
    match table.constant_size() {
        Some(size) => u64::from(size).saturating_mul(chunk.samples),
        None => (chunk.first..chunk.first + chunk.samples).filter_map(|index| table.size(index)).map(u64::from).sum(),
    }
}
