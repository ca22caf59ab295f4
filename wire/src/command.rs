//! What a client asks for: commands that every rank carries out in their order.

use crate::value::{Malformed, Reader, Value, Writer};

const CALL: u8 = 1;
const ASK: u8 = 2;
const DROP: u8 = 3;

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub enum Command<'a> {
    /// A call of a function of the table.
    Call {
        /// Which.
        function: u32,
        /// What becomes of its results.
        then: Then,
        /// Its arguments, a tuple.
        arguments: Value<'a>,
        /// Its keywords.
        keywords: Value<'a>,
    },
    /// The client has dropped these arrays.
    Drop(Vec<u64>),
}

/// What becomes of the arrays that a call gives, in the order in which they stand in its result.
#[derive(Clone, Debug, PartialEq)]
pub enum Then {
    /// They get these numbers; 0 is one that has a number.
    Keep(Vec<u64>),
    /// The client waits for the result; what is new in it gets numbers from this one on.
    Tell(u64),
}

/// Begins a call whose arrays get these numbers; its arguments and its keywords follow.
pub fn call(to: &mut Writer, function: u32, numbers: &[u64]) {
    to.bytes.push(CALL);
    to.bytes.extend(function.to_le_bytes());
    many(to, numbers);
}

/// Begins a call whose result the client waits for.
pub fn ask(to: &mut Writer, function: u32, first: u64) {
    to.bytes.push(ASK);
    to.bytes.extend(function.to_le_bytes());
    to.bytes.extend(first.to_le_bytes());
}

/// The client has dropped these arrays.
pub fn forget(to: &mut Writer, numbers: &[u64]) {
    to.bytes.push(DROP);
    many(to, numbers);
}

fn many(to: &mut Writer, numbers: &[u64]) {
    to.bytes.extend((numbers.len() as u32).to_le_bytes());
    numbers.iter().for_each(|number| to.bytes.extend(number.to_le_bytes()));
}

impl<'a> Command<'a> {
    /// The next command; `None` at the end.
    pub fn next(from: &mut Reader<'a>) -> Result<Option<Command<'a>>, Malformed> {
        if from.is_empty() {
            return Ok(None);
        }
        let kind = from.u8()?;
        if kind == DROP {
            return Ok(Some(Command::Drop(from.numbers()?)));
        }
        if kind != CALL && kind != ASK {
            return Err(Malformed("an unknown command"));
        }
        let function = from.u32()?;
        let then = if kind == CALL { Then::Keep(from.numbers()?) } else { Then::Tell(from.u64()?) };
        let (arguments, keywords) = (from.value()?, from.value()?);
        match (&arguments, &keywords) {
            (Value::Tuple(_), Value::Dict(_)) => {
                Ok(Some(Command::Call { function, then, arguments, keywords }))
            }
            _ => Err(Malformed("a call without arguments")),
        }
    }
}
