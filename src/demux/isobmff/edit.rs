//! Edit lists (ISO/IEC 14496-12 §8.6.6). Not by `mp4`, which has no sign on the start of an edit.

use super::guard::child;
use crate::boxes::full;
use crate::bytes::Cursor;
use crate::demux::{EditEntry, Edits};
use crate::limits::MAX_ENTRIES;

/// Reads the `elst` of `edts`; times of the movie become microseconds.
pub(super) fn read(edts: &[u8], movie_timescale: u32) -> Edits {
    Edits { list: child(edts, b"elst").and_then(|body| list(body, movie_timescale)).unwrap_or_default() }
}

fn list(body: &[u8], movie_timescale: u32) -> Option<Vec<EditEntry>> {
    let (version, _, mut rest) = full(body)?;
    let count = rest.u32()? as usize;
    let mut list = Vec::new();
    for _ in 0..count.min(MAX_ENTRIES) {
        let Some(entry) = entry(&mut rest, version, movie_timescale) else { break };
        list.push(entry);
    }
    // Nothing is shown behind the last piece, whether an edit says so or not.
    if let Some(last) = list.iter().rposition(|entry| entry.media_time >= 0) {
        list.truncate(last + 1);
    }
    Some(list)
}

fn entry(rest: &mut Cursor<'_>, version: u8, movie_timescale: u32) -> Option<EditEntry> {
    let (duration, media_time) = if version == 1 {
        (rest.number(8)?, rest.number(8)?.cast_signed())
    } else {
        (rest.number(4)?, i64::from(rest.u32()?.cast_signed()))
    };
    let duration_us = u128::from(duration) * 1_000_000 / u128::from(movie_timescale.max(1));
    Some(EditEntry {
        duration_us: u64::try_from(duration_us).unwrap_or(u64::MAX),
        media_time,
        rate: rest.u32()?.cast_signed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_and_a_lying_count() {
        let mut edts = b"\0\0\0\x28elst\0\0\0\0\0\0\x10\0".to_vec();
        edts.extend_from_slice(&[0, 0, 1, 0xf4, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0]);
        edts.extend_from_slice(&[0, 0, 3, 0xe8, 0, 0, 4, 0, 0, 1, 0, 0]);
        let edits = read(&edts, 1000);
        let found: Vec<(u64, i64)> = edits.list.iter().map(|entry| (entry.duration_us, entry.media_time)).collect();
        assert_eq!(found, [(500_000, -1), (1_000_000, 1024)]);
        // An empty edit at the end says nothing; one that is alone does.
        edts[3] = 0x34;
        edts.extend_from_slice(&[0, 0, 3, 0xe8, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0]);
        assert_eq!(read(&edts, 1000), edits);
        edts[3] = 0x1c;
        assert_eq!(read(&edts[..28], 1000).list, edits.list[..1]);
        assert!(read(&edts[..20], 1000).list.is_empty());
    }
}
