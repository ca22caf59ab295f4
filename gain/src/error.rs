//! The crate's error: a kind, and a message in NumPy's words.
//!
//! Each [`Kind`] is one Python exception; the binding maps them one to one and adds nothing to the text.

use std::fmt;

/// Which exception NumPy would raise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// Shapes that don't fit each other or a request (`ValueError`).
    Shape,
    /// An index outside its axis, or too many indices (`IndexError`).
    Index,
    /// An axis that the array does not have (`AxisError`, a `ValueError` and `IndexError`).
    Axis,
    /// A type that an operation does not take (`TypeError`).
    Type,
    /// A cast of a ufunc's operand or output that the casting rule forbids (`UFuncTypeError`, a `TypeError`).
    Casting,
    /// A value outside its domain (`ValueError`).
    Value,
    /// A number that its type can't hold (`OverflowError`).
    Overflow,
    /// The node heap or the process is out of memory (`MemoryError`).
    Memory,
    /// Ranks did different things (`RuntimeError`).
    Mismatch,
    /// A matrix that admits no answer (`LinAlgError`, a `ValueError`).
    LinAlg,
    /// The communication layer failed or was finalized (`RuntimeError`).
    Runtime,
    /// Elements are wanted that are in another job (see [`crate::bounded`]); no exception of NumPy's.
    Elsewhere,
}

impl Kind {
    const ALL: [Kind; 12] = [
        Kind::Shape,
        Kind::Index,
        Kind::Axis,
        Kind::Type,
        Kind::Casting,
        Kind::Value,
        Kind::Overflow,
        Kind::Memory,
        Kind::Mismatch,
        Kind::LinAlg,
        Kind::Runtime,
        Kind::Elsewhere,
    ];

    /// The kind whose number (`as u64`) another rank told.
    pub(crate) fn from_number(number: u64) -> Kind {
        Kind::ALL.into_iter().find(|&kind| kind as u64 == number).unwrap_or(Kind::Runtime)
    }
}

/// An error of an array operation. Nothing was written when one is returned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    kind: Kind,
    message: Box<str>,
}

/// The result of an array operation.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of this kind with this text.
    #[cold]
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into().into_boxed_str() }
    }

    /// Which exception NumPy would raise.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// NumPy's text.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// An axis out of range, in NumPy's words.
    pub(crate) fn axis(axis: isize, ndim: usize) -> Error {
        Error::new(Kind::Axis, format!("axis {axis} is out of bounds for array of dimension {ndim}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<rma::Error> for Error {
    #[cold]
    fn from(e: rma::Error) -> Error {
        let kind = match e.kind() {
            rma::ErrorKind::Memory => Kind::Memory,
            rma::ErrorKind::Mismatch => Kind::Mismatch,
            _ => Kind::Runtime,
        };
        Error::new(kind, e.to_string())
    }
}

impl From<ga_core::Error> for Error {
    #[cold]
    fn from(e: ga_core::Error) -> Error {
        let source = std::error::Error::source(&e).and_then(|source| source.downcast_ref::<rma::Error>());
        let is_mismatch = source.is_some_and(|source| source.kind() == rma::ErrorKind::Mismatch);
        let kind = match e.kind() {
            ga_core::ErrorKind::Memory => Kind::Memory,
            _ if is_mismatch => Kind::Mismatch,
            _ => Kind::Runtime,
        };
        Error::new(kind, e.to_string())
    }
}

/// A shape as NumPy writes it: `()`, `(3,)`, `(3,4)`.
pub(crate) fn shape_text(shape: &[usize]) -> String {
    match shape {
        [n] => format!("({n},)"),
        _ => format!("({})", shape.iter().map(|n| n.to_string()).collect::<Vec<_>>().join(",")),
    }
}

/// The beginning of NumPy's text for an array that there is no memory for.
pub(crate) fn cannot_allocate(len_bytes: u64, shape: &[usize]) -> String {
    let shape = shape_text(shape).replace(',', ", ").replace(", )", ",)");
    format!("Unable to allocate {} for an array with shape {shape}", size_text(len_bytes))
}

/// A number of bytes as NumPy's `MemoryError` writes it: three digits and a binary unit.
pub(crate) fn size_text(len_bytes: u64) -> String {
    const UNITS: [&str; 7] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = len_bytes.checked_ilog2().map_or(0, |log| log as usize / 10);
    let mut count = len_bytes as f64 / (1u64 << (10 * unit)) as f64;
    if count.round() == 1024.0 {
        (unit, count) = (unit + 1, 1.0);
    }
    let decimals = if unit == 0 { 0 } else { 2usize.saturating_sub(count.log10() as usize) };
    // NumPy keeps the point of three digits before it.
    let point = if unit > 0 && decimals == 0 { "." } else { "" };
    format!("{count:.decimals$}{point} {}", UNITS[unit])
}

/// A shape as NumPy writes it where an axis may be without extent (negative): `newaxis`, left out in front.
pub(crate) fn open_shape_text(shape: &[isize]) -> String {
    let leading = shape.iter().take_while(|&&n| n < 0).count();
    let name = |n: &isize| if *n < 0 { "newaxis".to_owned() } else { n.to_string() };
    let comma = if shape.len() == 1 && leading == 0 { "," } else { "" };
    format!("({}{comma})", shape[leading..].iter().map(name).collect::<Vec<_>>().join(","))
}

/// `axis` as NumPy takes it (negative counts from the end), checked against `ndim`.
pub(crate) fn normalize_axis(axis: isize, ndim: usize) -> Result<usize> {
    let n = ndim as isize;
    if axis < -n || axis >= n {
        return Err(Error::axis(axis, ndim));
    }
    Ok(if axis < 0 { axis + n } else { axis } as usize)
}

#[cfg(test)]
mod tests {
    use super::size_text;

    /// What `numpy._core._exceptions._ArrayMemoryError._size_to_string` says.
    #[test]
    fn sizes_read_as_numpy_writes_them() {
        let cases: [(u64, &str); 9] = [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.00 KiB"),
            (8_000_000_000_000, "7.28 TiB"),
            (16 << 30, "16.0 GiB"),
            (125 << 30, "125. GiB"),
            (1010 << 30, "1010. GiB"),
            ((1 << 40) - 1, "1.00 TiB"),
            (3 << 60, "3.00 EiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size_text(bytes), text);
        }
    }
}
