//! The walk that all other readers stand behind: no box below the top level reaches a parser unless it has a whole header,
//! lies inside its parent, and is not "as long as it likes".
//!
//! The `mp4` crate is given single header boxes that came through here, never a box with children: on those it loops for
//! ever when a child has a size of 0, and trusts counts (measured by mutating real files). It is given no table either:
//! it refuses a whole table whose count is off by one, where what is there can still be played.

use crate::bytes::{array, be32, be64};
use crate::limits::MAX_ENTRIES;

/// A box inside another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Child<'b> {
    /// Type: `trak`.
    pub kind: [u8; 4],
    /// Its content.
    pub body: &'b [u8],
    /// Header and content.
    pub whole: &'b [u8],
}

/// The boxes inside `bytes`, to the first that breaks the rules.
#[derive(Debug, Clone)]
pub(super) struct Children<'b> {
    rest: &'b [u8],
    left: usize,
    /// Whether a box broke the rules: smaller than its header, or larger than its parent.
    pub broken: bool,
}

/// The boxes inside `bytes`.
pub(super) const fn children(bytes: &[u8]) -> Children<'_> {
    Children { rest: bytes, left: MAX_ENTRIES, broken: false }
}

impl<'b> Iterator for Children<'b> {
    type Item = Child<'b>;

    fn next(&mut self) -> Option<Child<'b>> {
        // QuickTime ends lists with a word of zeros; other writers pad.
        let (small, kind) = (be32(self.rest, 0)?, array::<4>(self.rest, 4)?);
        if small == 0 && kind == [0; 4] || self.left == 0 {
            self.rest = &[];
            return None;
        }
        self.left -= 1;
        let (size, header) = match small {
            1 => (be64(self.rest, 8).unwrap_or(0), 16),
            small => (u64::from(small), 8),
        };
        let whole =
            usize::try_from(size).ok().filter(|&size| size >= header).and_then(|size| self.rest.split_at_checked(size));
        let Some((whole, rest)) = whole else {
            self.broken = true;
            self.rest = &[];
            return None;
        };
        self.rest = rest;
        Some(Child { kind, body: whole.get(header..)?, whole })
    }
}

/// The first box of a type inside `bytes`.
pub(super) fn child<'b>(bytes: &'b [u8], kind: &[u8; 4]) -> Option<&'b [u8]> {
    children(bytes).find(|found| &found.kind == kind).map(|found| found.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_the_rules_ends_the_walk() {
        let walk = |bytes: &[u8]| {
            let mut boxes = children(bytes);
            let kinds: Vec<[u8; 4]> = boxes.by_ref().map(|found| found.kind).collect();
            (kinds, boxes.broken)
        };
        assert_eq!(walk(b"\0\0\0\x09abcdx\0\0\0\x08efgh\0\0\0\0"), (vec![*b"abcd", *b"efgh"], false));
        assert_eq!(walk(b"\0\0\0\x00abcdx"), (vec![], true));
        assert_eq!(walk(b"\0\0\0\x07abcdx"), (vec![], true));
        assert_eq!(walk(b"\0\0\0\x0aabcdx"), (vec![], true));
        assert_eq!(walk(b"\0\0\0\x01abcd\0\0\0\0\0\0\0\x08"), (vec![], true));
        assert_eq!(walk(b"\0\0\0\x08abcd\0\0\0\0\0\0\0\0xx"), (vec![*b"abcd"], false));
    }
}
