//! The processor's floating-point exception flags around a run of machine code.
#![allow(unsafe_code)]

/// An operand that an operation isn't defined for.
pub const INVALID: u8 = 1;
/// An infinity of finite operands.
pub const DIVIDE: u8 = 4;
/// A result too large for a double.
pub const OVERFLOW: u8 = 8;
/// A result too small to be exact.
pub const UNDERFLOW: u8 = 16;

/// Runs it, and gives the exceptions it raised; the thread's flags are what they were before. (On processors whose flags aren't
/// known here, none.)
pub(crate) fn watched<R>(run: impl FnOnce() -> R) -> (R, u8) {
    let before = read();
    write(before & !ALL);
    let done = run();
    let found = (read() & ALL) as u8;
    write(before);
    (done, found)
}

#[cfg(target_arch = "x86_64")]
const ALL: u64 = 0x3f;

#[cfg(target_arch = "x86_64")]
fn read() -> u64 {
    let mut word = 0u32;
    // SAFETY: stores MXCSR to the word.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack, preserves_flags)) };
    word.into()
}

#[cfg(target_arch = "x86_64")]
fn write(word: u64) {
    let word = word as u32;
    // SAFETY: what MXCSR was but for its exception flags; rounding and masks stay.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack, preserves_flags)) };
}

#[cfg(not(target_arch = "x86_64"))]
const ALL: u64 = 0;

#[cfg(not(target_arch = "x86_64"))]
fn read() -> u64 {
    0
}

#[cfg(not(target_arch = "x86_64"))]
fn write(_: u64) {}
