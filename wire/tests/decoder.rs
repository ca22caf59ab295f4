//! The decoder beside the encoder: what was written comes back, and what was not written does no harm.

use wire::command::{self, Command, Then};
use wire::frame::{self, Answer, Greeting, HEADER, Kind, MOST, Role, SESSION, Welcome};
use wire::value::{MOST_DEPTH, Malformed, Reader, Value, Writer};

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(300)).map(|_| self.next() as u8).collect()
    }
}

/// Writes some value.
fn any(to: &mut Writer, dice: &mut Dice, depth: usize) {
    let count = dice.below(5);
    match dice.below(if depth < 4 { 23 } else { 18 }) {
        0 => to.none(),
        1 => to.ellipsis(),
        2 => to.not_implemented(),
        3 => to.bool(dice.below(2) == 1),
        4 => to.int(dice.next() as i64 >> dice.below(64)),
        5 => to.big(&dice.bytes()),
        6 => to.float(f64::from_bits(dice.next())),
        7 => to.complex(1.5, -2.5),
        8 => to.str("some text ü"),
        9 => to.bytes(&dice.bytes()),
        10 => to.range([0, dice.next() as i64, 1]),
        11 => to.array(dice.next()),
        12 => to.named(dice.next() as u32),
        13 => to.dtype("<f8"),
        14 => to.class("numpy.float64"),
        15 => to.scalar("float32", &[0, 0, 128, 63]),
        16 => to.buffer("|u1", &[3, 2], dice.below(2) == 1, &[1, 2, 3, 4, 5, 6]),
        17 => to.made(dice.next(), "int64", &[3, 2], &[16, -8], true),
        kind => {
            let values = match kind {
                18 => {
                    to.tuple(count);
                    count
                }
                19 => {
                    to.list(count);
                    count
                }
                20 => {
                    to.dict(count);
                    2 * count
                }
                21 => {
                    to.slice();
                    3
                }
                _ => {
                    to.record("numpy:Some", count);
                    count
                }
            };
            (0..values).for_each(|_| any(to, dice, depth + 1));
        }
    }
}

/// A frame of some commands.
fn frame(dice: &mut Dice) -> Vec<u8> {
    let mut to = Writer::default();
    for _ in 0..dice.below(4) + 1 {
        if dice.below(4) == 0 {
            let gone: Vec<u64> = (0..dice.below(5)).map(|_| dice.next()).collect();
            command::forget(&mut to, &gone);
            continue;
        }
        match dice.below(2) {
            0 => command::ask(&mut to, dice.next() as u32, dice.next()),
            _ => command::call(&mut to, dice.next() as u32, &[0, dice.next()]),
        }
        let count = dice.below(4);
        to.tuple(count);
        (0..count).for_each(|_| any(&mut to, dice, 0));
        to.dict(1);
        to.str("key");
        any(&mut to, dice, 0);
    }
    to.bytes
}

fn commands(bytes: &[u8]) -> Result<usize, Malformed> {
    let (mut reader, mut count) = (Reader::new(bytes), 0);
    while let Some(command) = Command::next(&mut reader)? {
        drop(command);
        count += 1;
    }
    Ok(count)
}

/// Ten thousand; a million with `GAIN_TEST_ALL`.
#[test]
fn mutated_frames_are_errors_or_commands() {
    let rounds = if std::env::var_os("GAIN_TEST_ALL").is_some() { 1_000_000 } else { 10_000 };
    let mut dice = Dice(1);
    let (mut right, mut wrong) = (0, 0);
    for _ in 0..rounds {
        let mut bytes = frame(&mut dice);
        commands(&bytes).expect("what was written can be read");
        for _ in 0..dice.below(4) + 1 {
            let at = dice.below(bytes.len());
            match dice.below(5) {
                0 => bytes[at] = dice.next() as u8,
                1 => bytes[at] ^= 1 << dice.below(8),
                2 => bytes.truncate(at.max(1)),
                3 => bytes.insert(at, 255),
                _ => drop(bytes.splice(at..at, dice.bytes())),
            }
        }
        match commands(&bytes) {
            Ok(_) => right += 1,
            Err(_) => wrong += 1,
        }
    }
    assert!(right > 0 && wrong > rounds / 4, "{right} read, {wrong} refused");
}

#[test]
fn values_come_back() {
    let mut to = Writer::default();
    to.tuple(6);
    to.int(-3);
    to.int(i64::MIN);
    to.str(&"x".repeat(300));
    to.slice();
    (0..3).for_each(|_| to.none());
    to.buffer("<f8", &[2, 0], true, &[]);
    to.made(7, "float64", &[2, 3], &[24, 8], false);
    let Ok(Value::Tuple(found)) = Reader::new(&to.bytes).value() else { panic!("a tuple") };
    assert_eq!(found[..2], [Value::Int(-3), Value::Int(i64::MIN)]);
    assert_eq!(found[2], Value::Str(&"x".repeat(300)));
    assert_eq!(found[3], Value::Slice(Box::new([Value::None, Value::None, Value::None])));
    assert!(matches!(&found[4], Value::Buffer(e) if e.shape == [2, 0] && e.is_fortran && e.data.is_empty()));
    assert!(matches!(&found[5], Value::Made(m) if m.number == 7 && m.strides == [24, 8] && !m.is_writeable));
}

#[test]
fn commands_come_back() {
    let mut to = Writer::default();
    command::call(&mut to, 5, &[1, 0]);
    to.tuple(0);
    to.dict(0);
    command::forget(&mut to, &[9]);
    let mut from = Reader::new(&to.bytes);
    let call = Command::next(&mut from).expect("a command").expect("one more");
    assert!(
        matches!(call, Command::Call { function: 5, then: Then::Keep(numbers), .. } if numbers == [1, 0])
    );
    assert_eq!(Command::next(&mut from), Ok(Some(Command::Drop(vec![9]))));
    assert_eq!(Command::next(&mut from), Ok(None));
}

/// Lengths that promise more than there is, and nesting without end.
#[test]
fn promises_are_not_believed() {
    let long = [12, 255, 255, 255, 255, 255];
    assert!(Reader::new(&long).value().is_err(), "a tuple of four thousand million values");
    let buffer = [&[22, 3][..], b"<f8", &[0, 0], &u64::MAX.to_le_bytes()].concat();
    assert!(Reader::new(&buffer).value().is_err(), "elements of 2^64 bytes");
    let deep = [13, 1].repeat(MOST_DEPTH + 2);
    assert!(Reader::new(&deep).value().is_err(), "lists in lists");
    let wide = [&[13, 255][..], &(2_000_000u32).to_le_bytes(), &[0; 2_000_000]].concat();
    assert!(Reader::new(&wide).value().is_err(), "two million values");
}

/// What is said before and beside commands.
#[test]
fn greetings_and_answers_come_back_or_are_refused() {
    let mut dice = Dice(2);
    for _ in 0..10_000 {
        let session: [u8; SESSION] = std::array::from_fn(|_| dice.next() as u8);
        let role = [Role::Client, Role::Returning, Role::Rank][dice.below(3)];
        let greeting = Greeting { role, session, token: dice.bytes() };
        assert_eq!(Greeting::decode(&greeting.encode()), Ok(greeting));
        let welcome = Welcome { session, received: dice.next(), told: dice.bytes() };
        assert_eq!(Welcome::decode(&welcome.encode()), Ok(welcome));
        // (Short ones are cut off in the middle.)
        let bytes = dice.bytes();
        assert_eq!(Greeting::decode(&bytes).is_ok(), bytes.len() > SESSION && bytes[0] < 3);
        assert_eq!(Welcome::decode(&bytes).is_ok(), bytes.len() >= SESSION + 8);
        assert_eq!(Answer::decode(&bytes).is_ok(), bytes.len() >= frame::ANSWER);
        let mut header = frame::header(Kind::Cancel, dice.below(MOST));
        header[dice.below(HEADER)] = dice.next() as u8;
        if let Ok((_, len)) = frame::parse(&header, MOST) {
            assert!(len <= MOST);
        }
    }
}
