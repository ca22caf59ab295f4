//! Numbers of errors, and their texts.
//!
//! Codes of ELIO lie from -2000 on, those of EAF below -10000, as in the original. A text says what was tried, and, if the system gave a reason, the last one for this code.
//!
//! Invariant: a text that is written to a program's memory has at most [`MOST`] bytes, since programs lend 80.

use crate::Error;
use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

/// Bytes of a text, without its end mark.
pub const MOST: usize = 79;

/// It worked.
pub const OK: i32 = 0;
/// A shared file's request failed.
pub const SF_FAIL: i32 = 1;
/// Opening failed; the reason is the last one of [`OPEN`].
pub const PENDING: i32 = -44;

macro_rules! codes {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        $(#[doc = $text] pub const $name: i32 = $number;)*

        fn plain(code: i32) -> Option<&'static str> {
            Some(match code {
                $($number => $text,)*
                OK => "no error",
                SF_FAIL => "a request of a shared file failed",
                _ => return None,
            })
        }
    };
}

codes! {
    WRITE = -1999, "writing failed";
    READ = -1997, "reading failed";
    REQUEST = -1994, "there is no such request";
    MODE = -1993, "there is no such mode";
    DIRECTORY = -1992, "the name has no folder";
    STAT = -1991, "asking for the file system failed";
    OPEN = -1990, "opening failed";
    DELETE = -1987, "deleting failed";
    CLOSE = -1986, "closing failed";
    LONG = -1983, "the name is too long";
    TRUNCATE = -1978, "changing the length failed";
    END = -1977, "the file ends there";
    FSYNC = -1976, "writing to the disk failed";
    EAF_END = -10001, "the file ends there";
    EAF_MOST_OPEN = -10002, "too many open files";
    EAF_OPEN = -10004, "opening failed";
    EAF_FILE = -10006, "there is no such open file";
    EAF_WRITE = -10007, "writing failed";
    EAF_READ = -10009, "reading failed";
    EAF_WAIT = -10011, "there is no such request to wait for";
    EAF_PROBE = -10012, "there is no such request";
    EAF_DELETE = -10013, "deleting failed";
    EAF_STAT = -10015, "asking for the file system failed";
    EAF_SHORT = -10016, "a text has too little room";
    EAF_OFFSET = -10018, "the offset is no whole number, or below 0";
    EAF_TRUNCATE = -10019, "changing the length failed";
    EAF_LENGTH = -10020, "asking for the length failed";
    DRA_FILE = 2, "the file has no array, or not all of one";
    DRA_UNFINISHED = 3, "the array was being written when a process ended";
    DRA_OTHER = 4, "another rank had an error";
    OTHER = 5, "a bug in libga";
}

static REASONS: Mutex<Option<HashMap<i32, String>>> = Mutex::new(None);

/// Keeps the reason of a failure, and gives its code.
pub fn because(code: i32, reason: impl ToString) -> Error {
    let mut reasons = REASONS.lock().unwrap_or_else(PoisonError::into_inner);
    reasons.get_or_insert_default().insert(code, reason.to_string());
    Error::Code(code)
}

/// The code of a failed operation on a file.
pub fn failed(code: i32) -> impl Fn(io::Error) -> Error {
    move |error| because(code, error)
}

/// The same failure by the code of another library.
pub fn translated(error: Error, code: i32) -> Error {
    match error {
        Error::Code(old) => {
            let reason = reason(old).unwrap_or_default();
            because(code, reason)
        }
        wrong => wrong,
    }
}

fn reason(code: i32) -> Option<String> {
    REASONS.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(&code).cloned()
}

/// What a code means, however long that is; nothing for a number that isn't one.
pub fn whole_text(code: i32) -> String {
    let code = if code == PENDING { OPEN } else { code };
    let Some(plain) = plain(code) else { return String::new() };
    match reason(code) {
        Some(reason) if !reason.is_empty() => format!("{plain}: {reason}"),
        _ => plain.to_owned(),
    }
}

/// The same in [`MOST`] bytes.
pub fn text(code: i32) -> String {
    let mut text = whole_text(code);
    let end = (0..=MOST.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text
}

#[cfg(test)]
mod tests {
    use super::{MOST, OPEN, PENDING, WRITE, because, text};

    #[test]
    fn texts_say_the_last_reason() {
        assert_eq!(text(0), "no error");
        assert_eq!(text(-3), "");
        because(OPEN, "is a directory");
        assert_eq!((text(OPEN), text(PENDING)), ("opening failed: is a directory".into(), text(OPEN)));
        because(WRITE, "é".repeat(100));
        assert!(text(WRITE).len() <= MOST && text(WRITE).starts_with("writing failed: é"));
    }
}
