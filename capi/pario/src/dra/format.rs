//! What a file of an array on disk looks like.
//!
//! ```text
//!      0  magic            8 bytes, the last of which is the version
//!      8  state            0, or 1 while elements are being written
//!     12  kind             the element type's number in C
//!     16  item             bytes of an element
//!     20  axes
//!     24  files            how many there are, and which one this is
//!     32  mark             the same in all files of one array, another in any other array's
//!     40  extents          8 for each of 7 axes, in C's order
//!     96  name             length in 4 bytes, then up to 255 bytes
//!    504  checksum         of what is before
//!   4096  elements         in C's order: the first file has the first, and so on, in shares that differ by one element at most
//! ```
//!
//! All numbers are little-endian, elements are as the processor has them.
//!
//! Invariant: a header whose checksum is right was written as a whole.

use crate::Result;
use crate::code::{self, because};

/// Most axes.
pub const AXES: usize = 7;
/// Bytes of a header.
pub const HEADER: usize = 512;
/// Where elements begin.
pub const DATA: u64 = 4096;
/// Bytes of an array's name.
pub const NAME: usize = 255;

const MAGIC: [u8; 8] = *b"GAINDRA\x01";

/// What an array on disk is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Elements are being written.
    pub is_unfinished: bool,
    /// The element type's number in C.
    pub kind: i32,
    /// Bytes of an element.
    pub item: usize,
    /// Extents in C's order.
    pub dims: Vec<usize>,
    /// The array's name.
    pub name: Vec<u8>,
    /// How many files there are.
    pub files: usize,
    /// Which one this is.
    pub index: usize,
    /// The same in all files of one array.
    pub mark: u64,
}

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl Header {
    /// Elements of the whole array.
    pub fn elements(&self) -> usize {
        self.dims.iter().product()
    }

    /// The first element of a file's share; of the one behind the last, the number of elements.
    pub fn first(&self, index: usize) -> usize {
        (self.elements() as u128 * index as u128 / self.files as u128) as usize
    }

    /// Bytes of a file.
    pub fn bytes(&self, index: usize) -> u64 {
        DATA + ((self.first(index + 1) - self.first(index)) * self.item) as u64
    }

    /// The header's bytes.
    pub fn encoded(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let mut put = |at: usize, word: &[u8]| bytes[at..at + word.len()].copy_from_slice(word);
        put(0, &MAGIC);
        put(8, &u32::from(self.is_unfinished).to_le_bytes());
        put(12, &self.kind.to_le_bytes());
        put(16, &(self.item as u32).to_le_bytes());
        put(20, &(self.dims.len() as u32).to_le_bytes());
        put(24, &(self.files as u32).to_le_bytes());
        put(28, &(self.index as u32).to_le_bytes());
        put(32, &self.mark.to_le_bytes());
        for (axis, extent) in self.dims.iter().enumerate() {
            put(40 + 8 * axis, &(*extent as u64).to_le_bytes());
        }
        let name = &self.name[..self.name.len().min(NAME)];
        put(96, &(name.len() as u32).to_le_bytes());
        put(100, name);
        let sum = checksum(&bytes[..HEADER - 8]);
        bytes[HEADER - 8..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// What the bytes say.
    ///
    /// # Errors
    /// [`code::DRA_FILE`]: they are no header, or not one that makes sense.
    pub fn decoded(bytes: &[u8; HEADER]) -> Result<Header> {
        let four = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let eight = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        if bytes[..8] != MAGIC {
            return Err(because(code::DRA_FILE, "it has another beginning"));
        }
        if eight(HEADER - 8) != checksum(&bytes[..HEADER - 8]) {
            return Err(because(code::DRA_FILE, "its header is damaged"));
        }
        let (item, axes, files, index, name) =
            (four(16) as usize, four(20) as usize, four(24) as usize, four(28) as usize, four(96) as usize);
        let dims: Vec<usize> = (0..axes.min(AXES)).map(|axis| eight(40 + 8 * axis) as usize).collect();
        let len = dims.iter().try_fold(item, |len, extent| len.checked_mul(*extent));
        let makes_sense = (1..=AXES).contains(&axes) && item > 0 && index < files && name <= NAME;
        if !makes_sense || len.is_none_or(|len| len > isize::MAX as usize) || dims.contains(&0) {
            return Err(because(code::DRA_FILE, "its header makes no sense"));
        }
        let name = bytes[100..100 + name].to_vec();
        let (is_unfinished, kind) = (four(8) != 0, four(12) as i32);
        Ok(Header { is_unfinished, kind, item, dims, name, files, index, mark: eight(32) })
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER, Header};

    fn header() -> Header {
        let (dims, name) = (vec![3, 1 << 40, 5], b"board".to_vec());
        Header { is_unfinished: true, kind: 1004, item: 8, dims, name, files: 7, index: 2, mark: 77 }
    }

    #[test]
    fn headers_come_back_and_damaged_ones_do_not() {
        let bytes = header().encoded();
        assert_eq!(Header::decoded(&bytes).unwrap(), header());
        for at in 0..HEADER {
            let mut bytes = bytes;
            bytes[at] ^= 4;
            assert!(Header::decoded(&bytes).is_err(), "byte {at}");
        }
        assert!(Header::decoded(&[0; HEADER]).is_err());
        for wrong in [
            Header { dims: vec![0], ..header() },
            Header { dims: vec![usize::MAX, 2], ..header() },
            Header { item: 0, ..header() },
            Header { index: 7, ..header() },
        ] {
            assert!(Header::decoded(&wrong.encoded()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn files_have_even_shares() {
        for (len, files) in [(10, 3), (2, 5), (1, 1), (1000, 7)] {
            let header = Header { dims: vec![len], files, ..header() };
            let shares: Vec<usize> =
                (0..files).map(|index| header.first(index + 1) - header.first(index)).collect();
            assert_eq!((shares.iter().sum::<usize>(), header.first(0)), (len, 0));
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
        }
    }
}
