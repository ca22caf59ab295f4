//! Signatures: what the members of a team compare when they meet.
//!
//! Invariant: the highest bit of the operation is free; [`crate::mirror`] uses it in heads. A synchronisation has no operator,
//! element type and root; the start of the name of what it is for lies in their place, six bits for a letter.

use crate::call::OpCode;
use crate::operator::Op;

/// Letters of a purpose that fit.
const LETTERS: usize = 9;

/// Where a purpose starts in the operation.
const PURPOSE: usize = 8;

/// What a collective call must have in common on all ranks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Signature {
    /// Operation, reduction operator, element type, root.
    pub(crate) operation: u64,
    /// Elements or bytes; 0 where they may differ.
    pub(crate) count: u64,
}

impl Signature {
    pub(crate) fn new(op: OpCode) -> Signature {
        Signature { operation: op as u64, count: 0 }
    }

    pub(crate) fn reduction(mut self, op: u8) -> Signature {
        self.operation |= u64::from(op) << 8;
        self
    }

    /// `kind`: the number of a [`shm::DType`], or 0x1000 + size for other plain data.
    pub(crate) fn element(mut self, kind: u16) -> Signature {
        self.operation |= u64::from(kind) << 16;
        self
    }

    pub(crate) fn root(mut self, root: usize) -> Signature {
        self.operation |= (root.min(i32::MAX as usize) as u64) << 32;
        self
    }

    /// What a synchronisation is for, in small letters, digits and `_`; only the first nine count.
    #[inline]
    pub(crate) fn purpose(mut self, name: &str) -> Signature {
        for (i, letter) in name.bytes().take(LETTERS).enumerate() {
            let code = match letter {
                b'a'..=b'z' => letter - b'a' + 1,
                b'0'..=b'9' => letter - b'0' + 27,
                _ => 63,
            };
            self.operation |= u64::from(code) << (PURPOSE + 6 * i);
        }
        self
    }

    /// With the team's pledge, which spoils the count for readers: members that differ in it see a mismatch.
    #[inline]
    pub(crate) fn pledged(mut self, word: u64) -> Signature {
        self.count ^= word;
        self
    }

    /// Bytes of the elements that are counted; 0 where nothing is.
    pub(crate) fn bytes(self) -> usize {
        let size = match (self.operation >> 16) as u16 {
            _ if self.operation as u8 == OpCode::Sync as u8 => 0,
            0 => 0,
            plain @ 0x1000.. => plain as usize - 0x1000,
            dtype => shm::DType::ALL.get(dtype as usize - 1).map_or(0, |dtype| dtype.size_bytes()),
        };
        size.saturating_mul(self.count as usize)
    }

    pub(crate) fn count(mut self, count: usize) -> Signature {
        self.count = count as u64;
        self
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.operation as u8 == OpCode::Sync as u8 {
            return self.fmt_sync(f);
        }
        write!(f, "{}(", OpCode::name_of(self.operation as u8))?;
        let reduction = (self.operation >> 8) as u8;
        if reduction != 0 {
            write!(f, "{}, ", Op::name_of(reduction))?;
        }
        match (self.operation >> 16) as u16 {
            0 => {}
            plain @ 0x1000.. => write!(f, "elements of {} bytes, ", plain - 0x1000)?,
            dtype => match shm::DType::ALL.get(dtype as usize - 1) {
                Some(dtype) => write!(f, "{dtype}, ")?,
                None => write!(f, "unknown elements, ")?,
            },
        }
        write!(f, "count {}, root {})", self.count, self.operation >> 32)
    }
}

impl Signature {
    /// A synchronisation, what it is for, and the segment it is about.
    fn fmt_sync(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let codes = (0..LETTERS).map(|i| (self.operation >> (PURPOSE + 6 * i)) as u8 & 63);
        let name: String = codes
            .take_while(|code| *code != 0)
            .map(|code| match code {
                1..=26 => (b'a' + code - 1) as char,
                27..=36 => (b'0' + code - 27) as char,
                _ => '_',
            })
            .collect();
        f.write_str(OpCode::Sync.name())?;
        if !name.is_empty() {
            write!(f, " for {name}{}", if name.len() == LETTERS { ".." } else { "" })?;
        }
        match self.count {
            0 => Ok(()),
            slot => write!(f, " on segment {}", slot - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_told_apart_and_shown() {
        let shown = |name: &str, count| Signature::new(OpCode::Sync).purpose(name).count(count).to_string();
        assert_eq!(shown("", 0), "sync");
        assert_eq!(shown("", 8), "sync on segment 7");
        assert_eq!(shown("fill", 1), "sync for fill on segment 0");
        assert_eq!(shown("elem_maximum_patch", 1), "sync for elem_maxi.. on segment 0");
        assert_eq!(shown("z9_", 0), "sync for z9_");
        let of = |name: &str| Signature::new(OpCode::Sync).purpose(name);
        assert_ne!(of("elem_maximum"), of("elem_minimum"));
        assert_ne!(of("scale"), of("scal"));
        assert_eq!(of("zzzzzzzzz").operation >> 62, 0);
    }
}
