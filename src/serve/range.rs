//! `Range`, for one range; several are answered with the whole file, as the specification allows.

/// What of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// From the first to the last of these bytes, both included.
    Bytes(u64, u64),
    /// Nothing that there is.
    None,
}

/// What `range` wants of a file of `length` bytes. A value that is not understood is as if it were not there.
pub(super) fn part(range: &str, length: u64) -> Part {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
        return Part::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse::<u64>().ok() } else { None }
    };
    match (first.is_empty(), last.is_empty()) {
        // The last so many bytes.
        (true, false) => match number(last) {
            Some(0) => Part::None,
            Some(_) if length == 0 => Part::None,
            Some(count) => Part::Bytes(length.saturating_sub(count), length - 1),
            None => Part::Whole,
        },
        (false, _) => match (number(first), number(last), last.is_empty()) {
            (Some(first), _, true) if first < length => Part::Bytes(first, length - 1),
            (Some(first), Some(last), false) if first <= last && first < length => {
                Part::Bytes(first, last.min(length - 1))
            }
            (Some(first), Some(last), false) if first > last => Part::Whole,
            (Some(_), _, true) | (Some(_), Some(_), false) => Part::None,
            _ => Part::Whole,
        },
        (true, true) => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_specification_says() {
        for (range, expected) in [
            ("bytes=0-", Part::Bytes(0, 9)),
            ("bytes=0-0", Part::Bytes(0, 0)),
            ("bytes=3-5", Part::Bytes(3, 5)),
            ("bytes=3-99", Part::Bytes(3, 9)),
            ("bytes=-4", Part::Bytes(6, 9)),
            ("bytes=-99", Part::Bytes(0, 9)),
            ("bytes=-0", Part::None),
            ("bytes=10-", Part::None),
            ("bytes=10-20", Part::None),
            ("bytes=5-3", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("items=0-1", Part::Whole),
            ("bytes=99999999999999999999999-", Part::Whole),
        ] {
            assert_eq!(part(range, 10), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Part::None);
        assert_eq!(part("bytes=-1", 0), Part::None);
    }
}
