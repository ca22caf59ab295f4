//! What to do about each kind of floating-point exception, in one word.

use super::ALL;

/// What to do about one kind of exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Mode {
    /// Nothing.
    Ignore,
    /// Warn.
    Warn,
    /// Fail. The operation is then evaluated at the call.
    Raise,
    /// Call the user's function.
    Call,
    /// Print a line.
    Print,
    /// Write a line to the user's object.
    Log,
}

/// What to do about each kind of exception; the default ignores all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Policy {
    /// Three bits for each of [`ALL`].
    modes: u16,
    callee: u16,
    wanted: u8,
    raises: bool,
}

impl Policy {
    /// Ignore all.
    pub const IGNORE: Policy = Policy { modes: 0, callee: 0, wanted: 0, raises: false };

    /// The modes for [`ALL`] kinds in their order, and a number of the binding's for what `Call` and `Log` use.
    pub fn new(modes: [Mode; 4], callee: u16) -> Policy {
        let packed = modes.iter().enumerate().map(|(k, &mode)| (mode as u16) << (3 * k)).sum();
        Policy::unpack(packed, callee)
    }

    /// A policy of these modes, as [`Policy::packed`] gives them.
    pub(crate) fn unpack(modes: u16, callee: u16) -> Policy {
        let mut policy = Policy { modes, callee, ..Policy::IGNORE };
        for kind in ALL {
            policy.wanted |= if policy.mode(kind) == Mode::Ignore { 0 } else { kind };
            policy.raises |= policy.mode(kind) == Mode::Raise;
        }
        policy
    }

    /// The modes, for [`Policy::unpack`].
    pub(crate) fn packed(self) -> u16 {
        self.modes
    }

    /// The mode for one kind.
    pub fn mode(self, kind: u8) -> Mode {
        let place = ALL.iter().position(|&k| k == kind).unwrap_or(0);
        match self.modes >> (3 * place) & 7 {
            1 => Mode::Warn,
            2 => Mode::Raise,
            3 => Mode::Call,
            4 => Mode::Print,
            5 => Mode::Log,
            _ => Mode::Ignore,
        }
    }

    /// The binding's number.
    pub fn callee(self) -> u16 {
        self.callee
    }

    /// The kinds that are not ignored.
    #[inline]
    pub fn wanted(self) -> u8 {
        self.wanted
    }

    /// Whether the operation must be evaluated at the call.
    #[inline]
    pub fn raises(self) -> bool {
        self.raises
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DIVIDE, INVALID, OVER};
    use super::*;

    #[test]
    fn a_policy_holds_a_mode_for_each_kind() {
        let policy = Policy::new([Mode::Warn, Mode::Raise, Mode::Ignore, Mode::Log], 9);
        let modes: Vec<Mode> = ALL.iter().map(|&kind| policy.mode(kind)).collect();
        assert_eq!(modes, [Mode::Warn, Mode::Raise, Mode::Ignore, Mode::Log]);
        assert_eq!((policy.callee(), policy.wanted()), (9, DIVIDE | OVER | INVALID));
        assert!(policy.raises());
        assert_eq!((Policy::default().wanted(), Policy::default().raises()), (0, false));
    }
}
