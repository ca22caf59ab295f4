//! Arguments and results as bytes: a tag, and what it says follows. All numbers are little-endian.
//!
//! Lengths are counts of bytes or items that must be there. A frame of `n` bytes has at most [`MOST_ITEMS`] values; texts and
//! elements are lent from the frame.

use std::fmt;

/// Values within values.
pub const MOST_DEPTH: usize = 48;
/// Values of one frame.
pub const MOST_ITEMS: usize = 1 << 20;
/// Axes of an array.
pub const MOST_AXES: usize = 64;

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed message: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// A value, as it lies in a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `None`
    None,
    /// `Ellipsis`
    Ellipsis,
    /// `NotImplemented`
    NotImplemented,
    /// A bool.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// A larger one, as bytes of two's complement.
    BigInt(&'a [u8]),
    /// A float.
    Float(f64),
    /// A complex number.
    Complex(f64, f64),
    /// A text.
    Str(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A tuple.
    Tuple(Vec<Value<'a>>),
    /// A list.
    List(Vec<Value<'a>>),
    /// Keys and values.
    Dict(Vec<(Value<'a>, Value<'a>)>),
    /// Start, stop and step.
    Slice(Box<[Value<'a>; 3]>),
    /// Start, stop and step of a range.
    Range([i64; 3]),
    /// The array of this number.
    Array(u64),
    /// Something that both sides have a number for: a function of the table.
    Named(u32),
    /// A type of elements, by NumPy's text.
    DType(&'a str),
    /// A class that stands for a type of elements.
    Class(&'a str),
    /// A typed number: its type, and its bytes.
    Scalar(&'a str, &'a [u8]),
    /// Elements of a local array.
    Buffer(Elements<'a>),
    /// An array of the server, new to the client.
    Made(Made<'a>),
    /// A tuple with names: class, items.
    Record(&'a str, Vec<Value<'a>>),
    /// Something that cannot travel, in words.
    Opaque(&'a str),
}

/// Elements of a local array.
#[derive(Clone, Debug, PartialEq)]
pub struct Elements<'a> {
    /// NumPy's text of their type.
    pub dtype: &'a str,
    /// Extents.
    pub shape: Vec<u64>,
    /// Whether the first axis is the innermost.
    pub is_fortran: bool,
    /// The elements.
    pub data: &'a [u8],
}

/// What a client knows of an array of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Made<'a> {
    /// Its number.
    pub number: u64,
    /// NumPy's text of the type of its elements.
    pub dtype: &'a str,
    /// Extents.
    pub shape: Vec<u64>,
    /// Steps in bytes.
    pub strides: Vec<i64>,
    /// Whether it may be written.
    pub is_writeable: bool,
}

#[allow(missing_docs)]
mod tag {
    pub(super) const NONE: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    pub(super) const ELLIPSIS: u8 = 3;
    pub(super) const NOT_IMPLEMENTED: u8 = 4;
    pub(super) const SMALL: u8 = 5;
    pub(super) const INT: u8 = 6;
    pub(super) const BIG: u8 = 7;
    pub(super) const FLOAT: u8 = 8;
    pub(super) const COMPLEX: u8 = 9;
    pub(super) const STR: u8 = 10;
    pub(super) const BYTES: u8 = 11;
    pub(super) const TUPLE: u8 = 12;
    pub(super) const LIST: u8 = 13;
    pub(super) const DICT: u8 = 14;
    pub(super) const SLICE: u8 = 15;
    pub(super) const RANGE: u8 = 16;
    pub(super) const ARRAY: u8 = 17;
    pub(super) const NAMED: u8 = 18;
    pub(super) const DTYPE: u8 = 19;
    pub(super) const CLASS: u8 = 20;
    pub(super) const SCALAR: u8 = 21;
    pub(super) const BUFFER: u8 = 22;
    pub(super) const MADE: u8 = 23;
    pub(super) const RECORD: u8 = 24;
    pub(super) const OPAQUE: u8 = 25;
}

/// Writes values, one after the other.
#[derive(Debug, Default)]
pub struct Writer {
    /// What was written.
    pub bytes: Vec<u8>,
}

impl Writer {
    /// A value of no content.
    pub fn none(&mut self) {
        self.bytes.push(tag::NONE);
    }

    /// `Ellipsis`
    pub fn ellipsis(&mut self) {
        self.bytes.push(tag::ELLIPSIS);
    }

    /// `NotImplemented`
    pub fn not_implemented(&mut self) {
        self.bytes.push(tag::NOT_IMPLEMENTED);
    }

    /// A bool.
    pub fn bool(&mut self, x: bool) {
        self.bytes.push(if x { tag::TRUE } else { tag::FALSE });
    }

    /// An integer.
    pub fn int(&mut self, x: i64) {
        match i8::try_from(x) {
            Ok(x) => self.bytes.extend([tag::SMALL, x as u8]),
            Err(_) => {
                self.bytes.push(tag::INT);
                self.bytes.extend(x.to_le_bytes());
            }
        }
    }

    /// A larger one, as bytes of two's complement.
    pub fn big(&mut self, bytes: &[u8]) {
        self.block(tag::BIG, bytes);
    }

    /// A float.
    pub fn float(&mut self, x: f64) {
        self.bytes.push(tag::FLOAT);
        self.bytes.extend(x.to_le_bytes());
    }

    /// A complex number.
    pub fn complex(&mut self, re: f64, im: f64) {
        self.bytes.push(tag::COMPLEX);
        self.bytes.extend(re.to_le_bytes());
        self.bytes.extend(im.to_le_bytes());
    }

    /// A text.
    pub fn str(&mut self, text: &str) {
        self.block(tag::STR, text.as_bytes());
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.block(tag::BYTES, bytes);
    }

    /// The beginning of a tuple of so many values.
    pub fn tuple(&mut self, count: usize) {
        self.count(tag::TUPLE, count);
    }

    /// The beginning of a list of so many values.
    pub fn list(&mut self, count: usize) {
        self.count(tag::LIST, count);
    }

    /// The beginning of so many pairs of key and value.
    pub fn dict(&mut self, count: usize) {
        self.count(tag::DICT, count);
    }

    /// The beginning of the three values of a slice.
    pub fn slice(&mut self) {
        self.bytes.push(tag::SLICE);
    }

    /// A range.
    pub fn range(&mut self, parts: [i64; 3]) {
        self.bytes.push(tag::RANGE);
        parts.iter().for_each(|x| self.bytes.extend(x.to_le_bytes()));
    }

    /// The array of this number.
    pub fn array(&mut self, number: u64) {
        self.bytes.push(tag::ARRAY);
        self.bytes.extend(number.to_le_bytes());
    }

    /// Something of the table.
    pub fn named(&mut self, number: u32) {
        self.bytes.push(tag::NAMED);
        self.bytes.extend(number.to_le_bytes());
    }

    /// A type of elements.
    pub fn dtype(&mut self, text: &str) {
        self.block(tag::DTYPE, text.as_bytes());
    }

    /// A class that stands for one.
    pub fn class(&mut self, name: &str) {
        self.block(tag::CLASS, name.as_bytes());
    }

    /// A typed number.
    pub fn scalar(&mut self, dtype: &str, bytes: &[u8]) {
        self.block(tag::SCALAR, dtype.as_bytes());
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Elements of a local array.
    pub fn buffer(&mut self, dtype: &str, shape: &[usize], is_fortran: bool, data: &[u8]) {
        self.block(tag::BUFFER, dtype.as_bytes());
        self.bytes.push(shape.len() as u8);
        shape.iter().for_each(|&n| self.bytes.extend((n as u64).to_le_bytes()));
        self.bytes.push(is_fortran.into());
        self.bytes.extend((data.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(data);
    }

    /// An array of the server.
    pub fn made(&mut self, number: u64, dtype: &str, shape: &[usize], strides: &[isize], is_writeable: bool) {
        self.block(tag::MADE, dtype.as_bytes());
        self.bytes.extend(number.to_le_bytes());
        self.bytes.push(shape.len() as u8);
        shape.iter().for_each(|&n| self.bytes.extend((n as u64).to_le_bytes()));
        strides.iter().for_each(|&n| self.bytes.extend((n as i64).to_le_bytes()));
        self.bytes.push(is_writeable.into());
    }

    /// The beginning of a tuple with names.
    pub fn record(&mut self, class: &str, count: usize) {
        self.block(tag::RECORD, class.as_bytes());
        self.length(count);
    }

    /// Something that cannot travel.
    pub fn opaque(&mut self, words: &str) {
        self.block(tag::OPAQUE, words.as_bytes());
    }

    fn count(&mut self, tag: u8, count: usize) {
        self.bytes.push(tag);
        self.length(count);
    }

    fn block(&mut self, tag: u8, bytes: &[u8]) {
        self.bytes.push(tag);
        self.length(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// A length: one byte, or 255 and four.
    fn length(&mut self, len: usize) {
        match u8::try_from(len) {
            Ok(short) if short < 255 => self.bytes.push(short),
            _ => {
                self.bytes.push(255);
                // (Nothing longer is written: elements have lengths of their own, of 64 bits.)
                self.bytes.extend(u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
            }
        }
    }
}

/// Reads what a [`Writer`] wrote, from bytes that may be anything.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    items: usize,
}

type Read<T> = Result<T, Malformed>;

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes, items: 0 }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next value.
    pub fn value(&mut self) -> Read<Value<'a>> {
        self.nested(0)
    }

    fn nested(&mut self, depth: usize) -> Read<Value<'a>> {
        self.items += 1;
        if depth > MOST_DEPTH {
            return Err(Malformed("values are nested too deeply"));
        }
        if self.items > MOST_ITEMS {
            return Err(Malformed("too many values"));
        }
        Ok(match self.u8()? {
            tag::NONE => Value::None,
            tag::FALSE => Value::Bool(false),
            tag::TRUE => Value::Bool(true),
            tag::ELLIPSIS => Value::Ellipsis,
            tag::NOT_IMPLEMENTED => Value::NotImplemented,
            tag::SMALL => Value::Int((self.u8()? as i8).into()),
            tag::INT => Value::Int(self.i64()?),
            tag::BIG => Value::BigInt(self.block()?),
            tag::FLOAT => Value::Float(self.f64()?),
            tag::COMPLEX => Value::Complex(self.f64()?, self.f64()?),
            tag::STR => Value::Str(self.text()?),
            tag::BYTES => Value::Bytes(self.block()?),
            tag::TUPLE => Value::Tuple(self.several(depth)?),
            tag::LIST => Value::List(self.several(depth)?),
            tag::DICT => {
                let count = self.count()?;
                let mut pairs = Vec::with_capacity(count.min(64));
                for _ in 0..count {
                    pairs.push((self.nested(depth + 1)?, self.nested(depth + 1)?));
                }
                Value::Dict(pairs)
            }
            tag::SLICE => {
                let [a, b, c] = [self.nested(depth + 1)?, self.nested(depth + 1)?, self.nested(depth + 1)?];
                Value::Slice(Box::new([a, b, c]))
            }
            tag::RANGE => Value::Range([self.i64()?, self.i64()?, self.i64()?]),
            tag::ARRAY => Value::Array(self.u64()?),
            tag::NAMED => Value::Named(self.u32()?),
            tag::DTYPE => Value::DType(self.text()?),
            tag::CLASS => Value::Class(self.text()?),
            tag::SCALAR => Value::Scalar(self.text()?, self.block()?),
            tag::BUFFER => Value::Buffer(self.elements()?),
            tag::MADE => Value::Made(self.made()?),
            tag::RECORD => Value::Record(self.text()?, self.several(depth)?),
            tag::OPAQUE => Value::Opaque(self.text()?),
            _ => return Err(Malformed("an unknown tag")),
        })
    }

    fn several(&mut self, depth: usize) -> Read<Vec<Value<'a>>> {
        let count = self.count()?;
        let mut values = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            values.push(self.nested(depth + 1)?);
        }
        Ok(values)
    }

    fn elements(&mut self) -> Read<Elements<'a>> {
        let dtype = self.text()?;
        let shape = self.extents()?;
        let is_fortran = self.flag()?;
        let len = usize::try_from(self.u64()?).map_err(|_| Malformed("elements that are not there"))?;
        Ok(Elements { dtype, shape, is_fortran, data: self.take(len)? })
    }

    fn made(&mut self) -> Read<Made<'a>> {
        let (dtype, number, shape) = (self.text()?, self.u64()?, self.extents()?);
        let strides = (0..shape.len()).map(|_| self.i64()).collect::<Read<_>>()?;
        Ok(Made { number, dtype, shape, strides, is_writeable: self.flag()? })
    }

    fn extents(&mut self) -> Read<Vec<u64>> {
        let axes = usize::from(self.u8()?);
        if axes > MOST_AXES {
            return Err(Malformed("too many axes"));
        }
        (0..axes).map(|_| self.u64()).collect()
    }

    fn flag(&mut self) -> Read<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("no truth value")),
        }
    }

    /// A number of values, each of which has a byte at least.
    fn count(&mut self) -> Read<usize> {
        let count = self.length()?;
        if count > self.rest.len() { Err(Malformed("values that are not there")) } else { Ok(count) }
    }

    fn length(&mut self) -> Read<usize> {
        match self.u8()? {
            255 => Ok(self.u32()? as usize),
            short => Ok(short.into()),
        }
    }

    fn block(&mut self) -> Read<&'a [u8]> {
        let len = self.length()?;
        self.take(len)
    }

    fn text(&mut self) -> Read<&'a str> {
        std::str::from_utf8(self.block()?).map_err(|_| Malformed("a text that is no UTF-8"))
    }

    fn take(&mut self, len: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed("bytes are missing"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed("bytes are missing"))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Read<u8> {
        self.fixed::<1>().map(|[x]| x)
    }

    pub(crate) fn u32(&mut self) -> Read<u32> {
        self.fixed().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Read<u64> {
        self.fixed().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Read<i64> {
        self.fixed().map(i64::from_le_bytes)
    }

    fn f64(&mut self) -> Read<f64> {
        self.fixed().map(f64::from_le_bytes)
    }

    /// Numbers of 64 bits, so many as it says first.
    pub(crate) fn numbers(&mut self) -> Read<Vec<u64>> {
        let count = self.u32()? as usize;
        if count > self.rest.len() / 8 {
            return Err(Malformed("numbers that are not there"));
        }
        (0..count).map(|_| self.u64()).collect()
    }
}
