//! Philox, 4 words of 64 bits in 10 rounds: a function of a counter.

/// `numpy.random.Philox`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Philox {
    /// Number of the last block made, the lowest word first.
    pub counter: [u64; 4],
    /// What tells streams apart.
    pub key: [u64; 2],
    /// The last block.
    pub buffer: [u64; 4],
    /// How many words of it were used.
    pub at: usize,
}

/// The block of a counter.
#[inline(always)]
fn block(mut c: [u64; 4], mut key: [u64; 2]) -> [u64; 4] {
    let wide = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        ((product >> 64) as u64, product as u64)
    };
    for round in 0..10 {
        if round > 0 {
            key[0] = key[0].wrapping_add(0x9e37_79b9_7f4a_7c15);
            key[1] = key[1].wrapping_add(0xbb67_ae85_84ca_a73b);
        }
        let (high0, low0) = wide(0xd2e7_470e_e14c_6c93, c[0]);
        let (high1, low1) = wide(0xca5a_8263_9512_1157, c[2]);
        c = [high1 ^ c[1] ^ key[0], low1, high0 ^ c[3] ^ key[1], low0];
    }
    c
}

impl Philox {
    fn count(&mut self, mut by: u64) {
        for word in &mut self.counter {
            let (sum, carry) = word.overflowing_add(by);
            *word = sum;
            by = u64::from(carry);
        }
    }

    /// The next words.
    pub(super) fn fill(&mut self, mut out: &mut [u64]) {
        let kept = out.len().min(4 - self.at);
        out[..kept].copy_from_slice(&self.buffer[self.at..self.at + kept]);
        self.at += kept;
        out = &mut out[kept..];
        for words in out.chunks_mut(4) {
            self.count(1);
            self.buffer = block(self.counter, self.key);
            self.at = words.len();
            words.copy_from_slice(&self.buffer[..words.len()]);
        }
    }

    /// Moves on by `n` words.
    pub(super) fn skip(&mut self, n: u64) {
        let kept = 4 - self.at as u64;
        if n <= kept {
            self.at += n as usize;
            return;
        }
        let blocks = (n - kept).div_ceil(4);
        self.count(blocks);
        self.buffer = block(self.counter, self.key);
        self.at = (n - kept - 4 * (blocks - 1)) as usize;
    }
}
