//! Core Audio's channel layouts, as CAF and QuickTime have them in `chan` (Apple, "Core Audio Format Specification 1.0", "Channel
//! Layout Chunk"; QTFF "Sound Sample Descriptions"; CoreAudioBaseTypes.h).

use super::layout::Layout;
use super::layout::Speaker::{
    self, BackCenter as Cs, BackLeft as Bl, BackRight as Br, FrontCenter as C, FrontLeft as L, FrontLeftOfCenter as Lc,
    FrontRight as R, FrontRightOfCenter as Rc, LowFrequency as Lfe, SideLeft as Sl, SideRight as Sr, Unknown,
};
use crate::bytes::be32;

/// Tags that say: as described channel by channel, or by a mask of WAVE_FORMAT_EXTENSIBLE.
const DESCRIBED: u32 = 0;
const MASKED: u32 = 0x1_0000;

/// Bytes in front of the descriptions, and of one: a label, flags, three coordinates.
const HEAD: usize = 12;
const DESCRIPTION: usize = 20;

/// The upper half of a tag; the lower is the count of channels. Surrounds of five and six channels are the usual pair at the
/// back, those beside a pair at the back are at the sides.
#[rustfmt::skip]
const TAGS: &[(u32, &[Speaker])] = &[
    (100, &[C]),
    (101, &[L, R]), (102, &[L, R]), (103, &[L, R]), (106, &[L, R]),
    (108, &[L, R, Bl, Br]),
    (109, &[L, R, Bl, Br, C]),
    (110, &[L, R, Bl, Br, C, Cs]),
    (113, &[L, R, C]),
    (114, &[C, L, R]),
    (115, &[L, R, C, Cs]),
    (116, &[C, L, R, Cs]),
    (117, &[L, R, C, Bl, Br]),
    (118, &[L, R, Bl, Br, C]),
    (119, &[L, C, R, Bl, Br]),
    (120, &[C, L, R, Bl, Br]),
    (121, &[L, R, C, Lfe, Bl, Br]),
    (122, &[L, R, Bl, Br, C, Lfe]),
    (123, &[L, C, R, Bl, Br, Lfe]),
    (124, &[C, L, R, Bl, Br, Lfe]),
    (125, &[L, R, C, Lfe, Bl, Br, Cs]),
    (126, &[L, R, C, Lfe, Bl, Br, Lc, Rc]),
    (127, &[C, Lc, Rc, L, R, Bl, Br, Lfe]),
    (128, &[L, R, C, Lfe, Sl, Sr, Bl, Br]),
    (129, &[L, R, Bl, Br, C, Lfe, Lc, Rc]),
    (131, &[L, R, Cs]),
    (132, &[L, R, Bl, Br]),
    (133, &[L, R, Lfe]),
    (134, &[L, R, Lfe, Cs]),
    (135, &[L, R, Lfe, Bl, Br]),
    (136, &[L, R, C, Lfe]),
    (137, &[L, R, C, Lfe, Cs]),
    (138, &[L, R, Bl, Br, Lfe]),
    (139, &[L, R, Bl, Br, C, Cs]),
    (140, &[L, R, Sl, Sr, C, Bl, Br]),
    (141, &[C, L, R, Bl, Br, Cs]),
    (142, &[C, L, R, Bl, Br, Cs, Lfe]),
    (143, &[C, L, R, Sl, Sr, Bl, Br]),
    (144, &[C, L, R, Sl, Sr, Bl, Br, Cs]),
    (148, &[L, R, Bl, Br, C, Lc, Rc]),
    (149, &[C, Lfe]),
    (150, &[L, C, R]),
    (151, &[L, C, R, Cs]),
    (152, &[L, C, R, Lfe]),
    (153, &[L, R, Cs, Lfe]),
    (154, &[L, C, R, Cs, Lfe]),
];

/// Labels of described channels.
#[rustfmt::skip]
const LABELS: &[(u32, Speaker)] = &[
    (1, L), (2, R), (3, C), (4, Lfe), (5, Bl), (6, Br), (7, Lc), (8, Rc), (9, Cs), (10, Sl), (11, Sr),
    (33, Bl), (34, Br), (35, L), (36, R), (37, Lfe), (38, L), (39, R), (42, C), (301, L), (302, R),
];

/// The speakers of `channels` channels by an AudioChannelLayout; the usual ones where it does not name as many.
pub(super) fn layout(bytes: &[u8], channels: u16) -> Layout {
    named(bytes, channels).filter(|layout| layout.channels() == channels).unwrap_or_else(|| Layout::of_count(channels))
}

fn named(bytes: &[u8], channels: u16) -> Option<Layout> {
    match be32(bytes, 0)? {
        DESCRIBED if be32(bytes, 8)? == u32::from(channels) => {
            let descriptions = bytes.get(HEAD..)?.chunks_exact(DESCRIPTION).take(channels.into());
            let speaker = |label| LABELS.iter().find(|(one, _)| *one == label).map_or(Unknown, |(_, speaker)| *speaker);
            Some(Layout::new(descriptions.map(|one| speaker(be32(one, 0).unwrap_or(0)))))
        }
        MASKED => Some(Layout::of_mask(be32(bytes, 4)?, channels)),
        tag => {
            let (_, speakers) = TAGS.iter().find(|(one, _)| *one == tag >> 16)?;
            Some(Layout::new(speakers.iter().copied()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(words: &[u32], channels: u16) -> Vec<Speaker> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        layout(&bytes, channels).speakers().to_vec()
    }

    #[test]
    fn tags_masks_and_labels() {
        assert_eq!(laid_out(&[133 << 16 | 3, 0, 0], 3), [L, R, Lfe]);
        assert_eq!(laid_out(&[115 << 16 | 4, 0, 0], 4), [L, R, C, Cs]);
        assert_eq!(laid_out(&[MASKED, 0x107, 0], 4), [L, R, C, Cs]);
        let described = [DESCRIBED, 0, 3, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 999, 0, 0, 0, 0];
        assert_eq!(laid_out(&described, 3), [C, Lfe, Unknown]);
    }

    #[test]
    fn what_names_another_count_is_not_believed() {
        let usual = |channels| Layout::of_count(channels).speakers().to_vec();
        assert_eq!(laid_out(&[115 << 16 | 4, 0, 0], 6), usual(6));
        assert_eq!(laid_out(&[DESCRIBED, 0, 2, 1, 0, 0, 0, 0], 2), usual(2));
        assert_eq!(laid_out(&[147 << 16 | 5, 0, 0], 5), usual(5));
        assert_eq!(laid_out(&[], 4), usual(4));
    }

    #[test]
    fn every_tag_names_as_many_speakers_as_are_decoded() {
        assert!(TAGS.is_sorted_by_key(|(tag, _)| *tag) && LABELS.is_sorted_by_key(|(label, _)| *label));
        assert!(TAGS.iter().all(|(_, speakers)| (1..=super::super::layout::MAX_CHANNELS).contains(&speakers.len())));
    }
}
