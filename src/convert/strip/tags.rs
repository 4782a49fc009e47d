//! Sound without the tags around it: frames of MP3 and ADTS stand one after another and need nothing else.

use crate::cancel::Cancel;
use crate::convert::spool::Spool;
use crate::error::{Error, Result};
use crate::source::Source;

/// Bytes that are copied at once.
const BLOCK: usize = 512 * 1024;

/// Copies what stands from `start` to `end` of the source: the frames between ID3v2 in front and ID3v1, APE and Lyrics3 at
/// the end, byte for byte, an encoder's information frame included.
///
/// # Errors
/// `Malformed` when nothing is left; `Io` when the source cannot be read or got shorter; `Cancelled`.
pub(crate) fn between(out: &mut Spool, source: &Source, start: u64, end: u64, cancel: &Cancel) -> Result<()> {
    if start >= end.min(source.len()) {
        return Err(Error::malformed("holds nothing but tags"));
    }
    let mut block = vec![0; BLOCK];
    let mut at = start;
    while at < end {
        cancel.check()?;
        let count = usize::try_from(end - at).unwrap_or(BLOCK).min(BLOCK);
        let Some(wanted) = block.get_mut(..count) else { break };
        if source.read_at(at, wanted)? != count {
            return Err(Error::malformed("changed while it was read"));
        }
        out.put(wanted)?;
        at += count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::spool::Body;

    #[test]
    fn what_stands_between_is_copied() {
        let bytes: Vec<u8> = (0..1_300_000_u32).map(|at| at.to_le_bytes()[1]).collect();
        let source = Source::from_bytes(bytes.clone(), None);
        let mut out = Spool::new(u64::MAX);
        between(&mut out, &source, 1000, 1_299_872, &Cancel::default()).unwrap();
        let Body::File(file, len) = out.into_body().unwrap() else { panic!("large") };
        let mut copied = Vec::new();
        std::io::Read::read_to_end(&mut file.file(), &mut copied).unwrap();
        assert_eq!((copied.len() as u64, copied == bytes[1000..1_299_872]), (len, true));
        assert!(between(&mut Spool::new(9), &source, 1_300_000, 1_300_000, &Cancel::default()).is_err());
        assert!(between(&mut Spool::new(u64::MAX), &source, 0, 1_300_001, &Cancel::default()).is_err());
    }
}
