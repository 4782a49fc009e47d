use super::*;

fn parse(asc: &[u8]) -> (&'static str, u32, u32, u16, u16, u32) {
    let config = Config::parse(asc).unwrap();
    (config.profile, config.core_rate, config.sample_rate, config.core_channels, config.channels, config.frame_samples)
}

/// Bits written as fields of (value, width).
pub(super) fn pack(fields: &[(u32, usize)]) -> Vec<u8> {
    let bits: Vec<u8> =
        fields.iter().flat_map(|&(value, width)| (0..width).rev().map(move |bit| (value >> bit & 1) as u8)).collect();
    bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |all, (at, bit)| all | bit << (7 - at))).collect()
}

#[test]
fn plain_configurations() {
    assert_eq!(parse(&[0x12, 0x10]), ("lc", 44_100, 44_100, 2, 2, 1024));
    assert_eq!(parse(&[0x11, 0x88]), ("lc", 48_000, 48_000, 1, 1, 1024));
    assert_eq!(parse(&[0x12, 0x14]), ("lc", 44_100, 44_100, 2, 2, 960));
    // The rate in full, as some writers have it.
    let odd = pack(&[(2, 5), (15, 4), (44_056, 24), (2, 4), (0, 3)]);
    assert_eq!(parse(&odd), ("lc", 44_056, 44_056, 2, 2, 1024));
    for length in 0..2 {
        assert_eq!(Config::parse(&[0x12, 0x10][..length]), None);
    }
}

#[test]
fn spectral_band_replication_by_all_signals() {
    // AOT 5 and 29 in front.
    let he = pack(&[(5, 5), (7, 4), (2, 4), (4, 4), (2, 5), (0, 3)]);
    assert_eq!(parse(&he), ("he", 22_050, 44_100, 2, 2, 1024));
    let he_v2 = pack(&[(29, 5), (7, 4), (1, 4), (4, 4), (2, 5), (0, 3)]);
    assert_eq!(parse(&he_v2), ("he-v2", 22_050, 44_100, 1, 2, 1024));
    // Behind the core, as FDK writes it.
    let behind = pack(&[(2, 5), (6, 4), (2, 4), (0, 3), (0x2b7, 11), (5, 5), (1, 1), (3, 4)]);
    assert_eq!(parse(&behind), ("he", 24_000, 48_000, 2, 2, 1024));
    let both = pack(&[(2, 5), (6, 4), (1, 4), (0, 3), (0x2b7, 11), (5, 5), (1, 1), (3, 4), (0x548, 11), (1, 1)]);
    assert_eq!(parse(&both), ("he-v2", 24_000, 48_000, 1, 2, 1024));
    // ffmpeg denies it: 12 08 56 e5 00.
    let denied = Config::parse(&[0x13, 0x08, 0x56, 0xe5, 0x00]).unwrap();
    assert!(denied.denied_sbr && !denied.may_hide_sbr() && denied.profile == "lc");
    let silent = Config::parse(&[0x13, 0x08]).unwrap();
    assert!(silent.may_hide_sbr());
    assert_eq!(silent.with_implicit_sbr(false).sample_rate, 48_000);
    assert_eq!(Config::parse(&[0x12, 0x10]).unwrap().with_implicit_sbr(false).sample_rate, 44_100);
}

#[test]
fn other_object_types() {
    let xhe = pack(&[(31, 5), (42 - 32, 6), (4, 4), (1, 4), (4, 5), (1, 3), (1, 5), (0, 8)]);
    assert_eq!(parse(&xhe), ("xhe", 44_100, 44_100, 1, 1, 1024));
    let eld = pack(&[(31, 5), (39 - 32, 6), (7, 4), (2, 4), (0, 1), (0, 3), (1, 1), (1, 1), (0, 9)]);
    assert_eq!(parse(&eld), ("eld", 22_050, 44_100, 2, 2, 512));
    let ld = pack(&[(23, 5), (4, 4), (1, 4), (1, 1), (0, 2), (0, 2)]);
    assert_eq!(parse(&ld), ("ld", 44_100, 44_100, 1, 1, 480));
    let als = pack(&[(31, 5), (36 - 32, 6), (4, 4), (2, 4), (0, 16)]);
    assert_eq!(parse(&als).0, "als");
}

#[test]
fn program_config_element_tells_channels() {
    // One front pair, one back single, one low channel; comment of two bytes.
    let mut fields = vec![(2, 5), (4, 4), (0, 4), (0, 3)];
    fields.extend([(0, 4), (1, 2), (4, 4), (1, 4), (0, 4), (1, 4), (1, 2), (0, 3), (0, 4), (0, 1), (0, 1), (0, 1)]);
    fields.extend([(1, 1), (0, 4), (0, 1), (1, 4), (0, 4)]);
    let used: usize = fields.iter().map(|&(_, width)| width).sum();
    fields.push((0, used.next_multiple_of(8) - used));
    fields.extend([(2, 8), (0, 16)]);
    assert_eq!(parse(&pack(&fields)), ("lc", 44_100, 44_100, 4, 4, 1024));
}

#[test]
fn adts_headers_there_and_back() {
    let config = Config::parse(&[0x12, 0x10]).unwrap();
    let bytes = AdtsHeader::for_frame(&config, 371).unwrap();
    let header = AdtsHeader::parse(&bytes).unwrap();
    assert_eq!((header.frame_length, header.header_length, header.blocks, header.mpeg2), (378, 7, 1, false));
    assert_eq!((header.asc(), header.channels(), header.samples()), ([0x12, 0x10], 2, 1024));
    assert_eq!(header.config(), config);
    assert_eq!(AdtsHeader::for_frame(&config, 8185), None);
    assert!(AdtsHeader::for_frame(&config, 8184).is_some());
    assert_eq!(AdtsHeader::parse(&bytes[..6]), None);
    assert_eq!(AdtsHeader::parse(&[0xff, 0xf1, 0x50, 0x80, 0, 0xdf, 0xfc]), None);
    let xhe = Config { object_type: 42, ..config };
    assert_eq!(AdtsHeader::for_frame(&xhe, 100), None);
}
