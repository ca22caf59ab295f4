//! States as bytes, for those who keep them elsewhere: the words one after the other, each the lowest byte first.

use super::{Generator, Philox, Stream, Twister};

/// Numbers of some bytes each.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn next<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn words<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut words = [0; N];
        for word in &mut words {
            *word = u64::from_le_bytes(self.next()?);
        }
        Some(words)
    }
}

impl Stream {
    /// The stream of a state: the name of NumPy's class, its words, and the half of one that may be kept. PCG64: state and increment; Philox:
    /// counter, key, buffer and place; SFC64: its state; MT19937: its key and place (as 32 bits each).
    pub fn from_bytes(name: &str, bytes: &[u8], has_half: bool, half: u32) -> Option<Stream> {
        let mut numbers = Numbers(bytes);
        let mut pair = || Some([u128::from_le_bytes(numbers.next()?), u128::from_le_bytes(numbers.next()?)]);
        let generator = match name {
            "PCG64" => Generator::Pcg64(pair()?),
            "PCG64DXSM" => Generator::Pcg64Dxsm(pair()?),
            "Philox" => {
                let (counter, key, buffer) = (numbers.words()?, numbers.words()?, numbers.words()?);
                let [at] = numbers.words()?;
                let at = usize::try_from(at).ok().filter(|&at| at <= 4)?;
                Generator::Philox(Philox { counter, key, buffer, at })
            }
            "SFC64" => Generator::Sfc64(numbers.words()?),
            "MT19937" => {
                let mut twister = Box::new(Twister { key: [0; 624], at: 0 });
                for word in &mut twister.key {
                    *word = u32::from_le_bytes(numbers.next()?);
                }
                twister.at = u32::from_le_bytes(numbers.next()?) as usize;
                (twister.at <= 624).then_some(Generator::Mt19937(twister))?
            }
            _ => return None,
        };
        numbers.0.is_empty().then_some(Stream { generator, has_half, half })
    }

    /// The words of [`Stream::from_bytes`].
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.generator {
            Generator::Pcg64(pair) | Generator::Pcg64Dxsm(pair) => {
                pair.iter().flat_map(|word| word.to_le_bytes()).collect()
            }
            Generator::Philox(philox) => {
                let words = philox.counter.iter().chain(&philox.key).chain(&philox.buffer);
                words.chain(&[philox.at as u64]).flat_map(|word| word.to_le_bytes()).collect()
            }
            Generator::Sfc64(words) => words.iter().flat_map(|word| word.to_le_bytes()).collect(),
            Generator::Mt19937(twister) => {
                twister.key.iter().chain(&[twister.at as u32]).flat_map(|word| word.to_le_bytes()).collect()
            }
        }
    }
}
