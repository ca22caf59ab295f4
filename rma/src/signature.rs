//! Signatures: what the members of a team compare when they meet.
//!
//! Invariant: the highest bit of the operation is free; [`crate::mirror`] uses it in heads.

use crate::call::OpCode;

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

    pub(crate) fn count(mut self, count: usize) -> Signature {
        self.count = count as u64;
        self
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}(", OpCode::name_of(self.operation as u8))?;
        let reduction = (self.operation >> 8) as u8;
        if reduction != 0 {
            write!(f, "{}, ", crate::collective::Op::name_of(reduction))?;
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
