//! The directory: how every rank of the job is connected to, once per node.
//!
//! The leader of a node writes it into its arena before anybody else of the node hears of it; from then on nobody writes it, and it is never freed. So a
//! rank elsewhere costs a node the bytes of its address, and a process nothing.
//!
//! ```text
//! 0   bytes of each address, if all have as many; else u64::MAX, and then where each begins behind the table, and where the last one ends
//! ..  the addresses, by rank
//! ```

use std::ptr::NonNull;

/// Marks a directory with a table.
const UNEVEN: u64 = u64::MAX;
const WORD: usize = size_of::<u64>();

/// All ranks' addresses.
pub(crate) struct Directory {
    bytes: Bytes,
    ranks: usize,
}

enum Bytes {
    Own(Box<[u8]>),
    /// In the leader's arena.
    Mapped(NonNull<u8>, usize),
}

// SAFETY: mapped bytes are only read, whoever does.
unsafe impl Send for Directory {}
// SAFETY: as above.
unsafe impl Sync for Directory {}

/// The bytes of a directory.
pub(crate) fn written<'a>(addresses: impl ExactSizeIterator<Item = &'a [u8]> + Clone) -> Vec<u8> {
    let first = addresses.clone().next().map_or(0, <[u8]>::len);
    let mut bytes = Vec::new();
    if addresses.clone().all(|address| address.len() == first) {
        bytes.extend((first as u64).to_ne_bytes());
    } else {
        bytes.extend(UNEVEN.to_ne_bytes());
        let mut at = 0;
        for address in addresses.clone() {
            bytes.extend((at as u64).to_ne_bytes());
            at += address.len();
        }
        bytes.extend((at as u64).to_ne_bytes());
    }
    addresses.for_each(|address| bytes.extend(address));
    bytes
}

impl Directory {
    /// One of this process alone.
    pub(crate) fn own(bytes: Vec<u8>, ranks: usize) -> Directory {
        Directory { bytes: Bytes::Own(bytes.into()), ranks }
    }

    /// One that lies at `base`.
    ///
    /// # Safety
    /// `len` bytes are mapped there for good, and nobody writes them any more.
    pub(crate) unsafe fn mapped(base: NonNull<u8>, len: usize, ranks: usize) -> Directory {
        Directory { bytes: Bytes::Mapped(base, len), ranks }
    }

    /// How many ranks there are.
    pub(crate) fn ranks(&self) -> usize {
        self.ranks
    }

    /// A rank's address; empty if there is no such rank.
    pub(crate) fn address(&self, rank: usize) -> &[u8] {
        self.find(rank).unwrap_or_default()
    }

    fn find(&self, rank: usize) -> Option<&[u8]> {
        let bytes = match &self.bytes {
            Bytes::Own(bytes) => bytes,
            // SAFETY: the promise of `mapped`.
            Bytes::Mapped(base, len) => unsafe { std::slice::from_raw_parts(base.as_ptr(), *len) },
        };
        if rank >= self.ranks {
            return None;
        }
        let word = |index: usize| {
            let word = bytes.get(index * WORD..)?.first_chunk()?;
            usize::try_from(u64::from_ne_bytes(*word)).ok()
        };
        match word(0)? {
            uneven if uneven as u64 == UNEVEN => {
                let addresses = bytes.get((self.ranks + 2) * WORD..)?;
                addresses.get(word(rank + 1)?..word(rank + 2)?)
            }
            len => bytes.get(WORD + rank * len..)?.get(..len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_by_rank() {
        for lens in [vec![], vec![5], vec![16; 9], vec![3, 0, 7, 7], vec![0; 4]] {
            let all: Vec<Vec<u8>> = lens.iter().enumerate().map(|(i, len)| vec![i as u8; *len]).collect();
            let bytes = written(all.iter().map(Vec::as_slice));
            let is_even = lens.windows(2).all(|pair| pair[0] == pair[1]);
            let head = if is_even { WORD } else { (lens.len() + 2) * WORD };
            assert_eq!(bytes.len(), head + lens.iter().sum::<usize>());
            let directory = Directory::own(bytes, lens.len());
            for (rank, address) in all.iter().enumerate() {
                assert_eq!(directory.address(rank), address);
            }
            assert_eq!(directory.address(lens.len()), []);
        }
    }
}
