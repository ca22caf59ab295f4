//! Words on one thread, best if they fit its caches: by the upper ones of the bits in which they differ, and those that have
//! these in common by themselves.

use super::word::Word;

/// Fewer words are compared with each other.
const FEW: usize = 256;

/// Most bits of a digit.
const DIGIT: u32 = 11;

/// So many more bits are looked at than would tell as many words apart.
const SPARE: u32 = 8;

/// How many words of room [`sort`] needs besides.
pub(super) fn room_for(len: usize) -> usize {
    if len < FEW { 0 } else { len }
}

/// Sorts words, with [`room_for`] as many.
pub(super) fn sort<W: Word>(words: &mut [W], room: &mut [W]) {
    let n = words.len();
    if n < FEW || u32::try_from(n).is_err() {
        return words.sort_unstable();
    }
    if words.is_sorted() {
        return;
    }
    if W::BITS <= 16 && n >> W::BITS > 0 {
        return count(words);
    }
    let (mut least, mut most) = (words[0], words[0]);
    for &word in words.iter() {
        (least, most) = (least.min(word), most.max(word));
    }
    let differing = W::BITS - least.common(most);
    let bits = differing.min(n.ilog2() + SPARE);
    let passes = bits.div_ceil(DIGIT);
    let width = bits.div_ceil(passes);
    let low = differing.saturating_sub(width * passes);
    scatter(words, &mut room[..n], low, width, passes as usize);
    if low > 0 {
        finish(words, room, low);
    }
}

/// Sorts by so many digits of `width` bits, from bit `low` on; above them all words are the same.
fn scatter<W: Word>(words: &mut [W], room: &mut [W], low: u32, width: u32, passes: usize) {
    let mask = (1 << width) - 1;
    let shift = |pass: usize| low + width * pass as u32;
    let mut places = vec![0u32; passes << width];
    for &word in words.iter() {
        for (pass, places) in places.chunks_exact_mut(mask + 1).enumerate() {
            places[word.digit(shift(pass)) & mask] += 1;
        }
    }
    let mut is_moved = false;
    for (pass, places) in places.chunks_exact_mut(mask + 1).enumerate() {
        let (mut sum, shift) = (0, shift(pass));
        for place in places.iter_mut() {
            (*place, sum) = (sum, sum + *place);
        }
        let (from, to) = if is_moved { (&*room, &mut *words) } else { (&*words, &mut *room) };
        for &word in from {
            let place = &mut places[word.digit(shift) & mask];
            to[*place as usize] = word;
            *place += 1;
        }
        is_moved = !is_moved;
    }
    if is_moved {
        words.copy_from_slice(room);
    }
}

/// Sorts runs of words that are the same but for their `low` last bits.
fn finish<W: Word>(words: &mut [W], room: &mut [W], low: u32) {
    let mut start = 0;
    while start < words.len() {
        let first = words[start];
        let mut end = start + 1;
        while end < words.len() && W::BITS - first.common(words[end]) <= low {
            end += 1;
        }
        if end - start > 1 {
            sort(&mut words[start..end], &mut *room);
        }
        start = end;
    }
}

/// Sorts words of few bits by counting how many there are of each.
fn count<W: Word>(words: &mut [W]) {
    let mut counts = vec![0; 1 << W::BITS];
    words.iter().for_each(|word| counts[word.top() as usize] += 1);
    let mut at = 0;
    for (top, count) in counts.into_iter().enumerate() {
        words[at..at + count].fill(W::of_top(top as u64));
        at += count;
    }
}

/// Puts those words into their places that belong at these, in ascending order; before each lie smaller ones or the same.
pub(super) fn choose<W: Word>(words: &mut [W], wanted: impl Iterator<Item = usize>) {
    let mut start = 0;
    for place in wanted {
        if place >= start {
            words[start..].select_nth_unstable(place - start);
            start = place + 1;
        }
    }
}
