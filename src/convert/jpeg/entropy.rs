//! Blocks to a progressive JPEG by spectral selection: every coefficient is coded once, in bands of frequencies.
//!
//! libjpeg goes through all blocks twice a scan, to count and to write. Here a block is turned into the symbols of all
//! its scans at once; a search that only asks for the length keeps their counts and drops the symbols.

use super::header::ZIGZAG;
use super::huffman::{Code, SYMBOLS};
use super::layout::{Block, Color, Layout};
use super::quant::Table;
use crate::error::Error;

/// The bands of luma, and that of any other plane: first and last frequency in zigzag order.
const LUMA_BANDS: &[(u8, u8)] = &[(1, 8), (9, 63)];
const OTHER_BANDS: &[(u8, u8)] = &[(1, 63)];

/// An interleaved scan holds no more blocks an MCU (ITU-T T.81, B.2.3).
const MAX_MCU_BLOCKS: u32 = 10;
/// libjpeg, and what is built on it, reads no larger side.
const MAX_SIDE: u32 = 65_500;
/// Symbols of runs: 16 zeros, and the most blocks that end at once.
const SIXTEEN_ZEROS: u32 = 0xF0;
const MAX_RUN: u32 = 0x7FFF;
/// Zeros that follow a byte of ones, as a share of the coded bytes.
const STUFFING: f64 = 1.002;

/// What coding came to: the length of the file, and the file if that is allowed.
pub(super) struct Coded {
    pub(super) length: usize,
    pub(super) bytes: Option<Vec<u8>>,
}

/// The symbols of one scan, each with the bits that follow it: bits 0 to 7 the symbol, 8 the table, 9 to 13 how many bits
/// follow, 16 to 31 those bits.
struct Stream {
    symbols: Vec<u32>,
    counts: Box<[u32; SYMBOLS * 2]>,
}

impl Stream {
    fn new() -> Self {
        Self { symbols: Vec::new(), counts: Box::new([0; SYMBOLS * 2]) }
    }

    #[inline(always)]
    fn put(&mut self, keep: bool, symbol: u32, bits: u32, value: u32) {
        self.counts[(symbol & 0x1FF) as usize] += 1;
        if keep {
            self.symbols.push(value << 16 | bits << 9 | symbol);
        }
    }

    /// A level or difference: its size is part of the symbol, its bits follow; negative ones are stored less one.
    #[inline(always)]
    fn put_level(&mut self, keep: bool, table: u32, zeros: u32, level: i32) {
        let bits = 32 - level.unsigned_abs().leading_zeros();
        let value = (level + (level >> 31)) as u32 & ((1 << bits) - 1);
        self.put(keep, table << 8 | zeros << 4 | bits, bits, value);
    }

    fn codes(&self) -> [Code; 2] {
        let (low, high) = self.counts.split_at(SYMBOLS);
        [Code::best(low), Code::best(high)]
    }

    /// The bits that follow symbols, all together: those of a level where the low half says how many, else of a run.
    fn extra(&self) -> u64 {
        let bits = |symbol: usize| match (symbol & 0xF, symbol >> 4 & 0xF) {
            (0, 15) => 0,
            (0, run) => run,
            (bits, _) => bits,
        };
        self.counts.iter().enumerate().map(|(symbol, &count)| bits(symbol) as u64 * u64::from(count)).sum()
    }

    fn bits(&self, codes: &[Code; 2]) -> u64 {
        let (low, high) = self.counts.split_at(SYMBOLS);
        self.extra() + codes[0].bits(low) + codes[1].bits(high)
    }
}

/// One band of one plane, which is one scan.
struct Band {
    first: u8,
    last: u8,
    /// Its frequencies as bits.
    mask: u64,
    /// Blocks that ended and whose end has not been coded.
    run: u32,
    stream: Stream,
}

impl Band {
    fn new(&(first, last): &(u8, u8)) -> Self {
        let mask = (u64::MAX >> (63 - last)) & (u64::MAX << first);
        Self { first, last, mask, run: 0, stream: Stream::new() }
    }

    #[inline(always)]
    fn block(&mut self, keep: bool, table: u32, block: &Block, nonzero: u64) {
        let mut left = nonzero & self.mask;
        if left != 0 {
            self.end_run(keep, table);
        }
        let mut next = u32::from(self.first);
        while left != 0 {
            let at = left.trailing_zeros();
            left &= left - 1;
            let mut zeros = at - next;
            while zeros > 15 {
                self.stream.put(keep, table << 8 | SIXTEEN_ZEROS, 0, 0);
                zeros -= 16;
            }
            let level = block[ZIGZAG[at as usize & 63] & 63];
            self.stream.put_level(keep, table, zeros, i32::from(level));
            next = at + 1;
        }
        if next <= u32::from(self.last) {
            self.run += 1;
            if self.run == MAX_RUN {
                self.end_run(keep, table);
            }
        }
    }

    #[inline(always)]
    fn end_run(&mut self, keep: bool, table: u32) {
        if self.run > 0 {
            let bits = 31 - self.run.leading_zeros();
            self.stream.put(keep, table << 8 | bits << 4, bits, self.run & ((1 << bits) - 1));
            self.run = 0;
        }
    }
}

/// One plane so far.
struct PlaneSymbols {
    dc: Vec<i16>,
    bands: Vec<Band>,
}

/// A JPEG in the making.
pub(super) struct Coder {
    layout: Layout,
    planes: Vec<PlaneSymbols>,
    max_bytes: usize,
    keep: bool,
}

impl Coder {
    /// A coder for pictures of `layout`, whose symbols are dropped as soon as it is clear that they pass `max_bytes`.
    pub(super) fn new(layout: &Layout, max_bytes: usize) -> Result<Self, Error> {
        if layout.width.max(layout.height) > MAX_SIDE || layout.planes.len() > 4 {
            let (width, height) = (layout.width, layout.height);
            let message =
                format!("no JPEG holds {width}x{height} pixels; allowed {MAX_SIDE} a side; scale it down first");
            return Err(Error::unsupported(message));
        }
        Ok(Self { keep: true, max_bytes, ..Self::counting(layout) })
    }

    /// A coder that only counts.
    pub(super) fn counting(layout: &Layout) -> Self {
        let plane = |index: usize| {
            let bands = if index == 0 { LUMA_BANDS } else { OTHER_BANDS };
            PlaneSymbols { dc: Vec::new(), bands: bands.iter().map(Band::new).collect() }
        };
        let planes = (0..layout.planes.len()).map(plane).collect();
        Self { layout: layout.clone(), planes, max_bytes: 0, keep: false }
    }

    /// The next row of blocks of a plane.
    pub(super) fn row(&mut self, plane: usize, blocks: impl Iterator<Item = Block>) {
        let (keep, table) = (self.keep, u32::from(plane > 0));
        if let Some(PlaneSymbols { dc, bands }) = self.planes.get_mut(plane) {
            for block in blocks {
                let nonzero = nonzero(&block);
                dc.push(block[0]);
                for band in bands.iter_mut() {
                    band.block(keep, table, &block, nonzero);
                }
            }
        }
        if keep {
            // Every symbol takes a bit at the least.
            let streams = || self.planes.iter().flat_map(|plane| &plane.bands).map(|band| &band.stream);
            let bits: u64 = streams().map(|stream| stream.symbols.len() as u64 + stream.extra()).sum();
            if bits / 8 > self.max_bytes as u64 {
                self.keep = false;
                self.planes
                    .iter_mut()
                    .flat_map(|plane| &mut plane.bands)
                    .for_each(|band| band.stream.symbols = Vec::new());
            }
        }
    }

    /// The bytes of the file that do not grow with the picture, and those that do.
    pub(super) fn lengths(mut self, tables: &[Table]) -> (f64, f64) {
        let scans = self.scans();
        let mut head = Vec::new();
        self.head(tables, &[], &mut head);
        let mut bits = 0;
        for scan in &scans {
            let codes = scan.stream.codes();
            scan.head(&codes, &mut head);
            bits += scan.stream.bits(&codes);
        }
        (head.len() as f64 + 2.0, bits as f64 / 8.0 * STUFFING)
    }

    /// The file.
    pub(super) fn finish(mut self, tables: &[Table], markers: &[(u8, Vec<u8>)]) -> Coded {
        let scans = self.scans();
        let mut out = Vec::new();
        self.head(tables, markers, &mut out);
        let codes: Vec<[Code; 2]> = scans.iter().map(|scan| scan.stream.codes()).collect();
        let bits: u64 = scans.iter().zip(&codes).map(|(scan, codes)| scan.stream.bits(codes)).sum();
        let length = out.len().saturating_add(usize::try_from(bits / 8).unwrap_or(usize::MAX));
        if !self.keep || length > self.max_bytes {
            return Coded { length, bytes: None };
        }
        out.reserve(length - out.len() + length / 64);
        for (scan, codes) in scans.into_iter().zip(&codes) {
            scan.head(codes, &mut out);
            let words = codes.each_ref().map(Code::words);
            let mut bits = Bits { out: &mut out, word: 0, count: 0 };
            for symbol in &scan.stream.symbols {
                let (code, length) = words[(symbol >> 8 & 1) as usize][(symbol & 0xFF) as usize];
                let more = symbol >> 9 & 0x1F;
                bits.put(u32::from(code) << more | symbol >> 16, u32::from(length) + more);
            }
            bits.end();
        }
        out.extend([0xFF, 0xD9]);
        let fits = out.len() <= self.max_bytes;
        Coded { length: out.len(), bytes: fits.then_some(out) }
    }

    /// The scans in their order: DC of all planes, then the bands, the lowest of every plane first.
    fn scans(&mut self) -> Vec<Scan> {
        let mut scans = self.dc_scans();
        let most = self.planes.iter().map(|plane| plane.bands.len()).max().unwrap_or(0);
        let mut bands: Vec<_> =
            self.planes.iter_mut().map(|plane| std::mem::take(&mut plane.bands).into_iter()).collect();
        for _ in 0..most {
            for (plane, bands) in bands.iter_mut().enumerate() {
                let Some(mut band) = bands.next() else { continue };
                band.end_run(self.keep, u32::from(plane > 0));
                let planes = vec![(self.id(plane), u8::from(plane > 0))];
                scans.push(Scan { planes, first: band.first, last: band.last, stream: band.stream });
            }
        }
        scans
    }

    fn dc_scans(&self) -> Vec<Scan> {
        let planes: Vec<usize> = (0..self.planes.len()).collect();
        let blocks: u32 = self.layout.planes.iter().map(|plane| plane.h.saturating_mul(plane.v)).sum();
        let together = blocks <= MAX_MCU_BLOCKS || planes.len() == 1;
        let groups: Vec<&[usize]> = if together { vec![&planes] } else { planes.chunks(1).collect() };
        let scan = |group: &[usize]| {
            let planes = group.iter().map(|&plane| (self.id(plane), u8::from(plane > 0))).collect();
            Scan { planes, first: 0, last: 0, stream: self.dc(group) }
        };
        groups.into_iter().map(scan).collect()
    }

    /// The differences of DC, in the order of MCUs where planes are interleaved.
    fn dc(&self, group: &[usize]) -> Stream {
        let mut stream = Stream::new();
        let mut lasts = [0i16; 4];
        let mut put = |plane: usize, row: u32, column: u32| {
            let (Some(shape), Some(symbols)) = (self.layout.planes.get(plane), self.planes.get(plane)) else { return };
            let at = row as usize * shape.blocks_w as usize + column as usize;
            let last = &mut lasts[plane & 3];
            // What pads the last MCU repeats what was last.
            let inside = column < shape.blocks_w && row < shape.blocks_h;
            let dc = symbols.dc.get(at).copied().filter(|_| inside).unwrap_or(*last);
            stream.put_level(self.keep, u32::from(plane > 0), 0, i32::from(dc) - i32::from(*last));
            *last = dc;
        };
        if let [plane] = group {
            let shape = self.layout.planes.get(*plane).copied();
            let (columns, rows) = shape.map_or((0, 0), |shape| (shape.blocks_w, shape.blocks_h));
            (0..rows).for_each(|row| (0..columns).for_each(|column| put(*plane, row, column)));
            return stream;
        }
        let (max_h, max_v) = self.layout.max_factors();
        let (columns, rows) = (self.layout.width.div_ceil(8 * max_h), self.layout.height.div_ceil(8 * max_v));
        for row in 0..rows {
            for column in 0..columns {
                for (plane, shape) in self.layout.planes.iter().enumerate() {
                    for line in 0..shape.v {
                        (0..shape.h).for_each(|x| put(plane, row * shape.v + line, column * shape.h + x));
                    }
                }
            }
        }
        stream
    }

    /// Everything before the first scan.
    fn head(&self, tables: &[Table], markers: &[(u8, Vec<u8>)], out: &mut Vec<u8>) {
        out.extend([0xFF, 0xD8]);
        match self.layout.color {
            Color::Gray | Color::Ycc => segment(out, 0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
            Color::Rgb | Color::Cmyk => segment(out, 0xEE, b"Adobe\0\x64\0\0\0\0\0"),
            Color::Ycck => segment(out, 0xEE, b"Adobe\0\x64\0\0\0\0\x02"),
        }
        for (code, payload) in markers {
            segment(out, *code, payload);
        }
        for (slot, table) in (0u8..4).zip(tables) {
            let wide = table.iter().any(|&step| step > 255);
            let mut payload = vec![u8::from(wide) << 4 | slot];
            for step in ZIGZAG.iter().map(|&at| table[at]) {
                let [high, low] = step.to_be_bytes();
                payload.extend(wide.then_some(high));
                payload.push(low);
            }
            segment(out, 0xDB, &payload);
        }
        let mut frame = vec![8];
        let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX).to_be_bytes();
        frame.extend(side(self.layout.height));
        frame.extend(side(self.layout.width));
        frame.push(self.layout.planes.len() as u8);
        for (plane, shape) in self.layout.planes.iter().enumerate() {
            frame.extend([self.id(plane), (shape.h << 4 | shape.v) as u8, shape.table as u8]);
        }
        segment(out, 0xC2, &frame);
    }

    /// The name of a plane, which decoders without APP14 tell RGB by.
    fn id(&self, plane: usize) -> u8 {
        let ids = match self.layout.color {
            Color::Rgb => *b"RGB?",
            Color::Cmyk => *b"CMYK",
            Color::Gray | Color::Ycc | Color::Ycck => [1, 2, 3, 4],
        };
        ids[plane & 3]
    }
}

/// One scan, whole.
struct Scan {
    /// Name and Huffman table of each of its planes.
    planes: Vec<(u8, u8)>,
    first: u8,
    last: u8,
    stream: Stream,
}

impl Scan {
    /// Its Huffman tables and its header.
    fn head(&self, codes: &[Code; 2], out: &mut Vec<u8>) {
        let class = if self.first == 0 { 0 } else { 0x10 };
        for (slot, code) in (0u8..).zip(codes).filter(|(_, code)| !code.symbols.is_empty()) {
            segment(out, 0xC4, &[&[class | slot], code.counts.as_slice(), &code.symbols].concat());
        }
        let mut header = vec![self.planes.len() as u8];
        for &(id, table) in &self.planes {
            header.extend([id, if self.first == 0 { table << 4 } else { table }]);
        }
        header.extend([self.first, self.last, 0]);
        segment(out, 0xDA, &header);
    }
}

fn segment(out: &mut Vec<u8>, code: u8, payload: &[u8]) {
    let length = u16::try_from(payload.len() + 2).unwrap_or(u16::MAX);
    out.extend([0xFF, code]);
    out.extend(length.to_be_bytes());
    out.extend_from_slice(payload);
}

/// The frequencies of a block, in zigzag order, that are not zero.
#[inline(always)]
fn nonzero(block: &Block) -> u64 {
    let mut natural = 0u64;
    for (row, levels) in block.as_chunks::<8>().0.iter().enumerate() {
        let mut bits = [0u8; 8];
        for ((bit, level), place) in bits.iter_mut().zip(levels).zip([1, 2, 4, 8, 16, 32, 64, 128]) {
            *bit = if *level == 0 { 0 } else { place };
        }
        let mut bits = u64::from_le_bytes(bits);
        bits |= bits >> 32;
        bits |= bits >> 16;
        bits |= bits >> 8;
        natural |= (bits & 0xFF) << (row * 8);
    }
    let mut mask = 0;
    while natural != 0 {
        mask |= PLACES[natural.trailing_zeros() as usize & 63];
        natural &= natural - 1;
    }
    mask
}

/// By natural order: the bit of a frequency's place in zigzag order.
const PLACES: [u64; 64] = {
    let mut places = [0; 64];
    let mut at = 0;
    while at < 64 {
        places[ZIGZAG[at]] = 1 << at;
        at += 1;
    }
    places
};

/// Bits going out, the first one highest.
struct Bits<'a> {
    out: &'a mut Vec<u8>,
    word: u64,
    count: u32,
}

impl Bits<'_> {
    /// Up to 30 bits.
    #[inline(always)]
    fn put(&mut self, bits: u32, count: u32) {
        self.word = self.word << count | u64::from(bits);
        self.count += count;
        if self.count >= 32 {
            self.count -= 32;
            self.four((self.word >> self.count) as u32);
        }
    }

    #[inline(always)]
    fn four(&mut self, bytes: u32) {
        // Whether a byte is 0xFF: its complement is zero.
        let low = !bytes;
        if low.wrapping_sub(0x0101_0101) & !low & 0x8080_8080 == 0 {
            self.out.extend_from_slice(&bytes.to_be_bytes());
        } else {
            bytes.to_be_bytes().into_iter().for_each(|byte| self.byte(byte));
        }
    }

    fn byte(&mut self, byte: u8) {
        self.out.push(byte);
        if byte == 0xFF {
            self.out.push(0);
        }
    }

    /// Fills the last byte with ones.
    fn end(mut self) {
        let pad = (8 - self.count % 8) % 8;
        self.word = self.word << pad | ((1 << pad) - 1);
        self.count += pad;
        while self.count > 0 {
            self.count -= 8;
            self.byte((self.word >> self.count) as u8);
        }
    }
}
