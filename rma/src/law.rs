//! The words of a node's members by a formula: what a wide team's nodes tell one another instead of a line for each member.
//!
//! Members of a node mostly say the same, or count up: offsets in their arenas, lengths, a color. The first of them is often another case,
//! since leaders have allocated more than the others; so a law has its words, those of the second member, and by how much each further one's are more.
//! Words that follow no such law are told in full, in a second exchange ([`crate::mirror`]).
//!
//! ```text
//! law, 128 bytes   0  words of the first member
//!                 40  words of the second
//!                 80  how much more those of each further one are (wrapping)
//!                120  1 if the words of all members are as this says, else 0
//! ```

use crate::row::{WORDS, Words};
use std::sync::atomic::{AtomicU64, Ordering};

/// A node's law. Zeroed memory is one that doesn't hold.
#[repr(C, align(64))]
pub(crate) struct Law {
    first: [AtomicU64; WORDS],
    second: [AtomicU64; WORDS],
    steps: [AtomicU64; WORDS],
    holds: AtomicU64,
}

const _: () = assert!(size_of::<Law>() == 128);

fn at(words: &Words, index: usize) -> u64 {
    words.0[index].load(Ordering::Relaxed)
}

impl Law {
    /// Becomes the law of these members' words, if there is one.
    pub(crate) fn write<'a>(&self, mut members: impl Iterator<Item = &'a Words> + Clone) {
        let all = members.clone();
        let first = members.next();
        let second = members.next().or(first);
        let third = members.next().or(second);
        let (Some(first), Some(second), Some(third)) = (first, second, third) else { return };
        for index in 0..WORDS {
            let step = at(third, index).wrapping_sub(at(second, index));
            self.first[index].store(at(first, index), Ordering::Relaxed);
            self.second[index].store(at(second, index), Ordering::Relaxed);
            self.steps[index].store(step, Ordering::Relaxed);
        }
        let is_so = |(member, words): (usize, &Words)| {
            (0..WORDS).all(|index| at(words, index) == self.word(member, index))
        };
        self.holds.store(all.enumerate().all(is_so).into(), Ordering::Relaxed);
    }

    /// Whether all members' words are as it says.
    pub(crate) fn holds(&self) -> bool {
        self.holds.load(Ordering::Relaxed) == 1
    }

    /// A word of the node's member number `member`, if the law holds.
    pub(crate) fn word(&self, member: usize, index: usize) -> u64 {
        let Some(further) = member.checked_sub(1) else { return self.first[index].load(Ordering::Relaxed) };
        let step = self.steps[index].load(Ordering::Relaxed);
        self.second[index].load(Ordering::Relaxed).wrapping_add(step.wrapping_mul(further as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Oracle: the words themselves.
    #[test]
    fn a_law_is_the_words_it_was_made_of() {
        let line = |first: u64, offset: u64| Words([first, offset, 7, u64::MAX, 0].map(AtomicU64::new));
        let cases: [(&[(u64, u64)], bool); 7] = [
            (&[(1, 5)], true),
            (&[(1, 5), (9, 3)], true),
            (&[(1, 5), (9, 3), (8, 6), (7, 9)], true),
            (&[(1, 0), (0, 3), (0, 6), (0, 9), (0, 12)], true),
            (&[(1, u64::MAX), (0, u64::MAX - 1), (1, 4), (2, 10)], true),
            (&[(1, 0), (0, 3), (0, 6), (0, 9), (0, 13)], false),
            (&[(0, 0), (0, 0), (0, 0), (1, 0)], false),
        ];
        let law = Law {
            first: Default::default(),
            second: Default::default(),
            steps: Default::default(),
            holds: AtomicU64::new(0),
        };
        for (lines, holds) in cases {
            let lines: Vec<Words> = lines.iter().map(|(first, offset)| line(*first, *offset)).collect();
            law.write(lines.iter());
            assert_eq!(law.holds(), holds);
            for (member, words) in lines.iter().enumerate().filter(|_| holds) {
                assert!((0..WORDS).all(|index| law.word(member, index) == at(words, index)));
            }
        }
    }
}
