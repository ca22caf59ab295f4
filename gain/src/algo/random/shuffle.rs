//! Fisher and Yates' shuffle, as NumPy has it: from the last place down each element changes places with one at or before its own, of which the
//! lower bits of a word say which, if they aren't too large.
//!
//! What a step does depends on all before it. Each rank goes through all words; it makes the permutations of which it has elements, of numbers
//! of 32 bits where they suffice.

use super::words::Stream;
use crate::algo::Cells;
use crate::stage::Run;

/// Words read ahead.
const AHEAD: usize = 1024;

/// Words of 32 bits, read ahead.
struct Ahead<'a> {
    stream: &'a mut Stream,
    /// The stream before the words in memory.
    before: Stream,
    words: Vec<u32>,
    used: usize,
}

impl Ahead<'_> {
    fn new(stream: &mut Stream) -> Ahead<'_> {
        Ahead { before: stream.clone(), stream, words: Vec::new(), used: 0 }
    }

    #[inline(always)]
    fn words(&mut self) -> &[u32] {
        if self.used == self.words.len() {
            self.before.clone_from(self.stream);
            self.words.resize(AHEAD, 0);
            self.stream.fill32(&mut self.words);
            self.used = 0;
        }
        &self.words[self.used..]
    }

    /// Puts the stream to behind the words that were used.
    fn finish(self) {
        let mut stream = self.before;
        stream.skip32(self.used as u64);
        *self.stream = stream;
    }

    /// For the places from `last` down, `out` of them and none below 1, those that they change with.
    fn targets(&mut self, last: u32, out: &mut [u32]) {
        let mut done = 0;
        while done < out.len() {
            let place = last - done as u32;
            let mask = u32::MAX >> place.leading_zeros();
            // As many places have this mask.
            let end = out.len().min(done + (place - mask / 2) as usize);
            let mut used = 0;
            for &word in self.words() {
                // (What isn't taken is written over: no branch to guess.)
                let target = word & mask;
                out[done] = target;
                done += usize::from(target <= last - done as u32);
                used += 1;
                if done == end {
                    break;
                }
            }
            self.used += used;
        }
    }
}

/// What is permuted: numbers of places.
trait Number: Copy {
    fn of(place: usize) -> Self;
    fn value(self) -> i64;
}

macro_rules! numbers {
    ($($t:ty),*) => {
        $(impl Number for $t {
            fn of(place: usize) -> $t {
                place as $t
            }
            fn value(self) -> i64 {
                self as i64
            }
        })*
    };
}
numbers!(u32, u64);

/// Gives each row of `len` numbers of a result a permutation of 0, 1, 2, ...; moves the stream on by what all of them take.
pub(super) fn shuffles(stream: &mut Stream, rows: usize, len: usize, run: &mut Run<'_>) {
    let own = run.range();
    let out = Cells::of(run.elements::<i64>());
    let write = |row: usize, made: &dyn Fn(usize) -> i64| {
        let (start, end) = ((row * len).max(own.start), ((row + 1) * len).min(own.end));
        for i in start..end {
            // SAFETY: `i` is an element of this rank.
            unsafe { out.at(i - own.start).write(made(i - row * len)) };
        }
    };
    let has = |row: usize| (row * len).max(own.start) < ((row + 1) * len).min(own.end);
    if u32::try_from(len).is_ok() {
        let mut numbers: Vec<u32> = Vec::new();
        let mut ahead = Ahead::new(stream);
        for row in 0..rows {
            let is_own = has(row);
            if is_own {
                numbers.clear();
                numbers.extend(0..len as u32);
            }
            short(&mut ahead, len, is_own.then_some(&mut numbers));
            if is_own {
                write(row, &|i| numbers[i].value());
            }
        }
        ahead.finish();
        return;
    }
    let mut numbers: Vec<u64> = Vec::new();
    for row in 0..rows {
        numbers.clear();
        numbers.extend((0..len).map(u64::of));
        // Places that take words of 64 bits.
        let mut place = len - 1;
        while place > u32::MAX as usize {
            let mut word = [0];
            stream.fill64(&mut word);
            let target = (word[0] & (u64::MAX >> place.leading_zeros())) as usize;
            if target <= place {
                numbers.swap(place, target);
                place -= 1;
            }
        }
        let mut ahead = Ahead::new(stream);
        short(&mut ahead, place + 1, Some(&mut numbers[..=place]));
        ahead.finish();
        write(row, &|i| numbers[i].value());
    }
}

/// The steps from place `len - 1` down, with or without numbers.
fn short<N: Number>(ahead: &mut Ahead<'_>, len: usize, mut numbers: Option<&mut (impl AsMut<[N]> + ?Sized)>) {
    let mut targets = [0u32; AHEAD];
    let mut end = len;
    while end > 1 {
        let count = (end - 1).min(AHEAD);
        let targets = &mut targets[..count];
        ahead.targets((end - 1) as u32, targets);
        if let Some(numbers) = &mut numbers {
            let numbers = numbers.as_mut();
            for (k, &target) in targets.iter().enumerate() {
                numbers.swap(end - 1 - k, target as usize);
            }
        }
        end -= count;
    }
}
