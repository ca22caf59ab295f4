//! Floating-point exceptions: what an operation is to do about them, and what is yet to be said of those found.
//!
//! The bits are those of MXCSR. A [`Policy`] is taken when an operation is recorded; what its evaluation finds becomes
//! an [`Event`], which the language binding fetches once the operation that evaluated it is over.

/// The result of an invalid operation is not a number.
pub const INVALID: u8 = 1;
/// A finite number was divided by zero, or a function was taken at a pole.
pub const DIVIDE: u8 = 4;
/// A result is too large for its type.
pub const OVER: u8 = 8;
/// A result is too small for its type.
pub const UNDER: u8 = 16;

/// All of them, in the order in which they are told.
pub const ALL: [u8; 4] = [DIVIDE, OVER, UNDER, INVALID];

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
pub struct Policy(u32);

impl Policy {
    /// Ignore all.
    pub const IGNORE: Policy = Policy(0);

    /// The modes for [`ALL`] kinds in their order, and a number of the binding's for what `Call` and `Log` use.
    pub fn new(modes: [Mode; 4], callee: u16) -> Policy {
        let packed = modes.iter().enumerate().map(|(k, &mode)| (mode as u32) << (3 * k)).sum::<u32>();
        Policy(packed | u32::from(callee) << 16)
    }

    /// The mode for one kind.
    pub fn mode(self, kind: u8) -> Mode {
        let place = ALL.iter().position(|&k| k == kind).unwrap_or(0);
        match self.0 >> (3 * place) & 7 {
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
        (self.0 >> 16) as u16
    }

    /// The kinds that are not ignored.
    pub fn wanted(self) -> u8 {
        ALL.iter().filter(|&&kind| self.mode(kind) != Mode::Ignore).sum()
    }

    /// Whether the operation must be evaluated at the call.
    pub fn raises(self) -> bool {
        ALL.iter().any(|&kind| self.mode(kind) == Mode::Raise)
    }
}

#[cfg(test)]
mod tests {
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
