//! The best Huffman code for the counts of its symbols, within what a JPEG allows (ITU-T T.81, annexes C and K.2).

/// Symbols of a table.
pub(super) const SYMBOLS: usize = 256;
/// No code is longer, and none consists of ones alone.
const MAX_LENGTH: usize = 16;

/// A Huffman code.
pub(super) struct Code {
    /// How many codes there are of each length, from 1 on.
    pub(super) counts: [u8; MAX_LENGTH],
    /// The symbols, the shortest code first.
    pub(super) symbols: Vec<u8>,
}

impl Code {
    /// The code under which symbols of these counts take the fewest bits.
    pub(super) fn best(counts: &[u32]) -> Self {
        let used = (0u8..=255).zip(counts).filter(|(_, count)| **count > 0);
        let mut symbols: Vec<(u8, u32)> = used.map(|(symbol, &count)| (symbol, count)).collect();
        symbols.sort_by_key(|&(symbol, count)| (std::cmp::Reverse(count), symbol));
        // A symbol that never occurs takes the code of all ones away.
        let mut leaves: Vec<u64> = vec![1];
        leaves.extend(symbols.iter().rev().map(|&(_, count)| u64::from(count)));
        let mut lengths = limited(&depths(&leaves));
        if let Some(longest) = lengths.iter_mut().rev().find(|count| **count > 0) {
            *longest -= 1;
        }
        Self {
            counts: lengths.map(|count| u8::try_from(count).unwrap_or(u8::MAX)),
            symbols: symbols.into_iter().map(|(symbol, _)| symbol).collect(),
        }
    }

    /// Code and length by symbol; length 0 where there is none.
    pub(super) fn words(&self) -> [(u16, u8); SYMBOLS] {
        let mut words = [(0, 0); SYMBOLS];
        let mut code = 0u16;
        let mut symbols = self.symbols.iter();
        for (length, &count) in (1u8..).zip(&self.counts) {
            for symbol in symbols.by_ref().take(usize::from(count)) {
                words[usize::from(*symbol)] = (code, length);
                code = code.wrapping_add(1);
            }
            code <<= 1;
        }
        words
    }

    /// The bits that symbols of these counts take, without the bits that follow them.
    pub(super) fn bits(&self, counts: &[u32]) -> u64 {
        let words = self.words();
        words.iter().zip(counts).map(|((_, length), &count)| u64::from(*length) * u64::from(count)).sum()
    }
}

/// How many leaves lie at each depth of the Huffman tree over `leaves`, which rise.
fn depths(leaves: &[u64]) -> Vec<u32> {
    // Two queues, both rising: the leaves, and the nodes made of the two least so far.
    let mut nodes: Vec<u64> = Vec::new();
    let mut parents = vec![0usize; leaves.len() * 2];
    let (mut leaf, mut node) = (0, 0);
    let count = leaves.len();
    for made in 0..count.saturating_sub(1) {
        let mut sum = 0;
        for _ in 0..2 {
            let (next_leaf, next_node) = (leaves.get(leaf), nodes.get(node));
            let takes_leaf = next_node.is_none_or(|node| next_leaf.is_some_and(|leaf| leaf <= node));
            let (weight, at) = if takes_leaf { (next_leaf, leaf) } else { (next_node, count + node) };
            sum += weight.copied().unwrap_or(0);
            if let Some(parent) = parents.get_mut(at) {
                *parent = count + made;
            }
            if takes_leaf { leaf += 1 } else { node += 1 }
        }
        nodes.push(sum);
    }
    let mut depths = vec![0usize; count + nodes.len()];
    let mut histogram = vec![0u32; count.max(2) + 1];
    for at in (0..(count + nodes.len()).saturating_sub(1)).rev() {
        let depth = parents.get(at).and_then(|&parent| depths.get(parent)).map_or(1, |depth| depth + 1);
        if let Some(own) = depths.get_mut(at) {
            *own = depth;
        }
        if let Some(count) = histogram.get_mut(depth).filter(|_| at < count) {
            *count += 1;
        }
    }
    if count == 1 {
        histogram[1] = 1;
    }
    histogram
}

/// The same number of leaves with none deeper than 16 (ITU-T T.81, figure K.3); by length from 1 on.
fn limited(depths: &[u32]) -> [u32; MAX_LENGTH] {
    let mut depths = depths.to_vec();
    for deep in (MAX_LENGTH + 1..depths.len()).rev() {
        while depths[deep] > 0 {
            let Some(shallow) = (1..deep - 1).rev().find(|&depth| depths[depth] > 0) else { break };
            depths[deep] = depths[deep].saturating_sub(2);
            depths[deep - 1] += 1;
            depths[shallow + 1] += 2;
            depths[shallow] -= 1;
        }
    }
    std::array::from_fn(|at| depths.get(at + 1).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kraft(code: &Code) -> f64 {
        (1..).zip(&code.counts).map(|(length, &count)| f64::from(count) / f64::from(1u32 << length)).sum()
    }

    #[test]
    fn codes_are_prefix_codes_and_leave_all_ones_free() {
        let fibonacci = std::iter::successors(Some((1u32, 1u32)), |&(a, b)| Some((b, a + b))).map(|(a, _)| a);
        let steep: Vec<u32> = fibonacci.take(40).collect();
        for counts in [vec![5], vec![1, 1], vec![7; 256], vec![0, 9, 0, 1, 1, 1], steep] {
            let code = Code::best(&counts);
            let used = counts.iter().filter(|count| **count > 0).count();
            assert_eq!((code.symbols.len(), code.counts.iter().map(|&n| usize::from(n)).sum::<usize>()), (used, used));
            assert!(kraft(&code) < 1.0, "{counts:?}");
            let words = code.words();
            assert!(counts.iter().zip(&words).all(|(&count, &(_, length))| (count > 0) == (length > 0)));
            assert!(words.iter().all(|&(word, length)| length == 0 || u32::from(word) + 1 < 1 << length));
        }
    }

    #[test]
    fn frequent_symbols_are_short() {
        let code = Code::best(&[1, 100, 10, 1000]);
        let words = code.words();
        assert!(words[3].1 <= words[1].1 && words[1].1 <= words[2].1 && words[2].1 <= words[0].1);
        assert_eq!(code.bits(&[1, 100, 10, 1000]), 1000 + 200 + 30 + 4);
    }
}
