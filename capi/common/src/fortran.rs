//! Fortran's side of a call: integers, logicals, texts.
//!
//! Everything comes by reference. A `character` argument comes as its address, and its length, which the source doesn't show, as one more
//! argument at the end of the list, in the order of the texts; it is padded with blanks and has no end mark.
//!
//! A crate that exports names to Fortran says once which INTEGER they have: `type Integer = i64`, or `i32` in the library for programs that are compiled
//! without `-fdefault-integer-8`; everything here is written against the trait. LOGICAL has the same size.
//!
//! Invariant: a name that Fortran calls is in lower case with one underscore behind it; messages have it without ([`routine`]).

use std::ffi::{c_char, c_int};
use std::fmt::Display;

/// The length of a text. Compilers pass 8 bytes now and passed an `int` before; the lower half is right with both.
pub type Length = c_int;

/// Fortran's INTEGER, which is its LOGICAL too: `i64` or `i32`.
pub trait Integer: Copy + Eq + Ord + Display + Send + Sync + 'static {
    /// What a LOGICAL is if it is true, as most compilers have it.
    const TRUE: Self;
    /// What it is if it is false.
    const FALSE: Self;

    /// The same number.
    fn wide(self) -> i64;

    /// The nearest number that there is.
    fn narrow(value: i64) -> Self;

    /// As a LOGICAL. What isn't 0 is true, as some compilers have other bits set.
    #[inline(always)]
    fn is_true(self) -> bool {
        self != Self::FALSE
    }

    /// A LOGICAL.
    #[inline(always)]
    fn logical(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }

    /// As an `int` of C's, the nearest that there is: for handles, ranks and codes, of which one that doesn't fit is none.
    #[inline(always)]
    fn int(self) -> c_int {
        i32::narrow(self.wide())
    }
}

impl Integer for i64 {
    const TRUE: i64 = 1;
    const FALSE: i64 = 0;

    #[inline(always)]
    fn wide(self) -> i64 {
        self
    }

    #[inline(always)]
    fn narrow(value: i64) -> i64 {
        value
    }
}

impl Integer for i32 {
    const TRUE: i32 = 1;
    const FALSE: i32 = 0;

    #[inline(always)]
    fn wide(self) -> i64 {
        self.into()
    }

    #[inline(always)]
    fn narrow(value: i64) -> i32 {
        i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
    }
}

/// The bytes of a text, without the blanks that fill it up. Some programs end theirs with a zero, as C does; nothing behind it counts.
///
/// # Safety
/// Null, or readable for so many bytes as long as the result is used.
pub unsafe fn bytes<'a>(text: *const c_char, len: Length) -> &'a [u8] {
    let len = usize::try_from(len).unwrap_or(0);
    if text.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: not null, and readable for so many bytes: the caller's promise.
    let all = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len) };
    let ended = all.iter().position(|byte| *byte == 0).map_or(all, |end| &all[..end]);
    ended.trim_ascii_end()
}

/// The same as a text of ours.
///
/// # Safety
/// As [`bytes`], during the call.
pub unsafe fn string(text: *const c_char, len: Length) -> String {
    // SAFETY: the caller's promise.
    String::from_utf8_lossy(unsafe { bytes(text, len) }).into_owned()
}

/// The first letter, such as one that asks for transposition; a blank if there is none.
///
/// # Safety
/// As [`bytes`], during the call.
pub unsafe fn letter(text: *const c_char, len: Length) -> c_char {
    // Old programs give a letter no length, and there is one byte at least.
    // SAFETY: the caller's promise.
    unsafe { bytes(text, len.max(1)) }.first().map_or(b' ' as c_char, |letter| *letter as c_char)
}

/// Writes a text: what doesn't fit is cut off, what is left is filled with blanks.
///
/// # Safety
/// Null, or writable for so many bytes.
pub unsafe fn write(to: *mut c_char, len: Length, text: &[u8]) {
    let len = usize::try_from(len).unwrap_or(0);
    if to.is_null() || len == 0 {
        return;
    }
    // SAFETY: not null, and writable for so many bytes: the caller's promise.
    let place = unsafe { std::slice::from_raw_parts_mut(to.cast::<u8>(), len) };
    let (front, rest) = place.split_at_mut(text.len().min(len));
    front.copy_from_slice(&text[..front.len()]);
    rest.fill(b' ');
}

/// The name of a routine, as a program has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Routine(pub &'static str);

/// The name of the routine that is linked with a symbol: without the underscore.
pub const fn routine(symbol: &'static str) -> Routine {
    match symbol.as_bytes() {
        [name @ .., b'_'] => Routine(symbol.split_at(name.len()).0),
        _ => Routine(symbol),
    }
}

#[cfg(test)]
mod tests {
    use super::{Integer, bytes, letter, routine, string, write};
    use std::ffi::c_char;

    fn text(text: &[u8]) -> (*const c_char, i32) {
        (text.as_ptr().cast(), text.len() as i32)
    }

    #[test]
    fn texts_come_without_their_padding() {
        for (given, wanted) in [
            ("name    ", "name"),
            ("two words ", "two words"),
            ("   ", ""),
            ("", ""),
            ("  in", "  in"),
            ("c\0x  ", "c"),
        ] {
            let (at, len) = text(given.as_bytes());
            // SAFETY: a text of that length.
            let (found, raw) = unsafe { (string(at, len), bytes(at, len)) };
            assert_eq!((found.as_str(), raw), (wanted, wanted.as_bytes()), "{given:?}");
        }
        // SAFETY: nothing is read.
        unsafe {
            assert_eq!(string(std::ptr::null(), 5), "");
            assert_eq!(string(text(b"name").0, -1), "");
        }
    }

    #[test]
    fn letters_need_no_length() {
        for (given, len, wanted) in [("T", 1, b'T'), ("n", 0, b'n'), (" ", 1, b' '), ("trans", 5, b't')] {
            // SAFETY: a text of at least that length.
            assert_eq!(unsafe { letter(given.as_ptr().cast(), len) }, wanted as c_char);
        }
    }

    #[test]
    fn texts_are_padded_or_cut() {
        for (given, wanted) in [("ab", "ab   |"), ("abcde", "abcde|"), ("abcdefgh", "abcde|"), ("", "     |")]
        {
            let mut place = *b"xxxxx|";
            // SAFETY: five bytes are writable.
            unsafe { write(place.as_mut_ptr().cast(), 5, given.as_bytes()) };
            assert_eq!(std::str::from_utf8(&place), Ok(wanted));
        }
        let mut place = *b"xy";
        // SAFETY: nothing is written.
        unsafe {
            write(place.as_mut_ptr().cast(), 0, b"ab");
            write(std::ptr::null_mut(), 4, b"ab");
        }
        assert_eq!(&place, b"xy");
    }

    fn numbers<I: Integer>(most: i64) {
        for value in [0, 1, -1, 77, i64::from(i32::MAX), i64::from(i32::MIN)] {
            assert_eq!(I::narrow(value).wide(), value);
            assert_eq!(I::narrow(value).int(), value as i32);
        }
        assert_eq!(I::narrow(i64::MAX).wide(), most);
        assert_eq!(I::narrow(i64::MIN).wide(), -most - 1);
        assert_eq!((I::narrow(i64::MAX).int(), I::narrow(i64::MIN).int()), (i32::MAX, i32::MIN));
        assert!(I::logical(true) == I::TRUE && I::logical(false) == I::FALSE);
        assert!(I::TRUE.is_true() && I::narrow(-1).is_true() && !I::FALSE.is_true());
        assert_eq!((I::TRUE.wide(), I::FALSE.wide()), (1, 0));
    }

    #[test]
    fn numbers_of_both_sizes() {
        numbers::<i64>(i64::MAX);
        numbers::<i32>(i32::MAX.into());
    }

    #[test]
    fn routines_have_no_underscore_behind() {
        assert_eq!(
            [routine("nga_put_"), routine("nxtval_"), routine("GA_DGEMM")].map(|routine| routine.0),
            ["nga_put", "nxtval", "GA_DGEMM"]
        );
    }
}
