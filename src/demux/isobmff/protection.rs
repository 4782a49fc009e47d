//! Protected sample entries (ISO/IEC 14496-12 §8.12; ISO/IEC 23001-7).

use super::guard::{child, children};
use crate::bytes::array;

/// The code that the entry had before it was protected, when its boxes say that it is.
pub(super) fn original(code: [u8; 4], boxes: &[u8]) -> Option<[u8; 4]> {
    let sinf = children(boxes).filter(|found| &found.kind == b"sinf").find_map(|found| child(found.body, b"frma"));
    let hidden = matches!(&code, b"enca" | b"encv" | b"enct" | b"encs" | b"encm" | b"drms" | b"drmi" | b"p608");
    match sinf {
        Some(original) => array(original, 0),
        None => hidden.then_some(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_code_is_found() {
        let boxes = b"\0\0\0\x14sinf\0\0\0\x0cfrmaavc1";
        assert_eq!(original(*b"encv", boxes), Some(*b"avc1"));
        assert_eq!(original(*b"enca", b""), Some(*b"enca"));
        assert_eq!(original(*b"mp4a", b""), None);
    }
}
