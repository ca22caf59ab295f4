//! The Mersenne twister. It is moved on by running it; without the words being made that takes a quarter of the time.

const LEN: usize = 624;
const FAR: usize = 397;

/// `numpy.random.MT19937`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Twister {
    /// The words of which the next ones are made.
    pub key: [u32; LEN],
    /// How many of them were used.
    pub at: usize,
}

#[inline(always)]
fn mixed(upper: u32, lower: u32) -> u32 {
    let word = (upper & 0x8000_0000) | (lower & 0x7fff_ffff);
    (word >> 1) ^ ((lower & 1).wrapping_neg() & 0x9908_b0df)
}

impl Twister {
    /// The next 624 words.
    fn twist(&mut self) {
        let key = &mut self.key;
        for i in 0..LEN - FAR {
            key[i] = key[i + FAR] ^ mixed(key[i], key[i + 1]);
        }
        // (Of words 227 before: cut there, so that both halves are apart and the loops run in vectors.)
        let (low, high) = key.split_at_mut(LEN - FAR);
        for (i, far) in low.iter().enumerate() {
            high[i] = far ^ mixed(high[i], high[i + 1]);
        }
        let (low, high) = high.split_at_mut(LEN - FAR);
        for (i, far) in low[..high.len() - 1].iter().enumerate() {
            high[i] = far ^ mixed(high[i], high[i + 1]);
        }
        key[LEN - 1] = key[FAR - 1] ^ mixed(key[LEN - 1], key[0]);
        self.at = 0;
    }

    /// The next words.
    pub(super) fn fill(&mut self, mut out: &mut [u32]) {
        while !out.is_empty() {
            if self.at == LEN {
                self.twist();
            }
            let count = out.len().min(LEN - self.at);
            let (now, rest) = out.split_at_mut(count);
            for (word, &key) in now.iter_mut().zip(&self.key[self.at..]) {
                let mut y = key;
                y ^= y >> 11;
                y ^= (y << 7) & 0x9d2c_5680;
                y ^= (y << 15) & 0xefc6_0000;
                *word = y ^ (y >> 18);
            }
            self.at += count;
            out = rest;
        }
    }

    /// Moves on by `n` words.
    pub(super) fn skip(&mut self, mut n: u64) {
        while n > (LEN - self.at) as u64 {
            n -= (LEN - self.at) as u64;
            self.twist();
        }
        self.at += n as usize;
    }
}
