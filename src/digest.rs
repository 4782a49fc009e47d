//! SHA-256, by which content is known again: in lower-case hexadecimal.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Read, Result, Write, sink};
use std::path::Path;

/// How much is read at once, in bytes.
const BLOCK: usize = 128 * 1024;

/// Of `bytes`.
pub(crate) fn of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Of the file at `path`.
pub(crate) fn of_file(path: &Path) -> Result<String> {
    of_copied(&mut File::open(path)?, &mut sink())
}

/// Copies `from` to `to`; of what went through.
pub(crate) fn of_copied(from: &mut dyn Read, to: &mut dyn Write) -> Result<String> {
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        match from.read(&mut block) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(count) => {
                let read = block.get(..count).unwrap_or_default();
                hash.update(read);
                to.write_all(read)?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_digest_of_its_bytes() {
        // FIPS 180-2, appendix B.1.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(b"abc"), known);
        let mut copy = Vec::new();
        assert_eq!(of_copied(&mut &b"abc"[..], &mut copy).unwrap(), known);
        assert_eq!(copy, b"abc");
    }
}
