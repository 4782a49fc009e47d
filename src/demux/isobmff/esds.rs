//! Elementary stream descriptors (ISO/IEC 14496-1 §7.2.6.5, §7.2.6.6).

use crate::bytes::byte;

/// What an ES_Descriptor says of its decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decoder<'b> {
    /// Object type: 0x40 for MPEG-4 audio.
    pub object_type: u8,
    /// The decoder's own configuration: an AudioSpecificConfig for AAC.
    pub specific: &'b [u8],
}

/// Reads the content of an `esds` box.
pub(super) fn read(body: &[u8]) -> Option<Decoder<'_>> {
    let stream = descriptor(body.get(4..)?, 0x03)?;
    let flags = byte(stream, 2)?;
    let mut at = 3;
    if flags & 0x80 != 0 {
        at += 2;
    }
    if flags & 0x40 != 0 {
        at += 1 + usize::from(byte(stream, at)?);
    }
    if flags & 0x20 != 0 {
        at += 2;
    }
    let decoder = descriptor(stream.get(at..)?, 0x04)?;
    let specific = decoder.get(13..).and_then(|rest| descriptor(rest, 0x05)).unwrap_or_default();
    Some(Decoder { object_type: byte(decoder, 0)?, specific })
}

/// The content of the descriptor `tag`: its length comes in groups of seven bits, and is cut to what is there.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    if byte(bytes, 0)? != tag {
        return None;
    }
    let mut length = 0;
    let mut at = 1;
    for _ in 0..4 {
        let group = byte(bytes, at)?;
        at += 1;
        length = length << 7 | usize::from(group & 0x7F);
        if group & 0x80 == 0 {
            break;
        }
    }
    let content = bytes.get(at..)?;
    content.get(..length.min(content.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_with_long_and_short_lengths() {
        let long = b"\0\0\0\0\x03\x80\x80\x80\x22\0\x01\0\x04\x80\x80\x80\x14\x40\x15\0\0\0\0\0\0\0\0\0\0\0\x05\x80\x80\x80\x02\x12\x10\x06";
        assert_eq!(read(long), Some(Decoder { object_type: 0x40, specific: &[0x12, 0x10] }));
        let short = b"\0\0\0\0\x03\x12\0\0\x20\0\0\x04\x0d\x6b\x15\0\0\0\0\0\0\0\0\0\0\0";
        assert_eq!(read(short), Some(Decoder { object_type: 0x6b, specific: &[] }));
        assert_eq!(read(&long[..20]), Some(Decoder { object_type: 0x40, specific: &[] }));
        assert_eq!(read(b"\0\0\0\0\x03"), None);
    }
}
