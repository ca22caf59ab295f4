//! A dictionary spread over all ranks: whoever has a word in its part counts it, because the others tell it to.
//!
//! ```text
//! gain run -n 4 target/release/examples/active
//! ```
//!
//! Counting needs no answer, so it is messages; looking up is calls, all under way at once. A long message brings a whole text, and is answered when its words
//! have been sent on: by messages of the handler's own.

use rma::{Handler, Result, Segment, World};
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

const TEXT: &str =
    "the rank that has the word counts the word and the rank that has the text sends the words";

/// Which rank has a word.
fn owner(word: &str, size: usize) -> usize {
    word.bytes().fold(5, |hash, byte| hash * 31 + usize::from(byte)) % size
}

pub(crate) fn main() -> Result<()> {
    let world = World::init()?;
    let (me, size) = (world.rank(), world.size());
    let mine: Arc<Mutex<HashMap<String, u32>>> = Arc::default();

    let count = {
        let mine = mine.clone();
        world.register(move |message| {
            let word = String::from_utf8_lossy(message.bytes()).into_owned();
            *mine.lock().expect("no handler panics").entry(word).or_default() +=
                message.header::<u32>().unwrap_or(1);
        })?
    };
    let look_up = {
        let mine = mine.clone();
        world.register(move |message| {
            let word = String::from_utf8_lossy(message.bytes());
            let found = mine.lock().expect("no handler panics").get(&*word).copied();
            // Who asked and is gone needs no answer.
            let _ = message.reply(&found.unwrap_or(0), &[] as &[u8]);
        })?
    };
    let texts = Segment::allocate_zeroed(&world.team(), size * TEXT.len())?;
    let read = read_texts(&world, &texts, count)?;

    // Every rank sends its text to its neighbour, who sends the words to their owners.
    let right = (me + 1) % size;
    let done = world.am_call_long((&texts, right, me * TEXT.len()), read, &(), TEXT.as_bytes())?;
    let words: u32 = done.wait()?.header()?;
    assert_eq!(words as usize, TEXT.split(' ').count());

    // The neighbour's messages were sent before its reply, but to other ranks: when those have run, only they know.
    let mut total = 0;
    while total < words * size as u32 {
        world.progress()?;
        let here: u32 = mine.lock().expect("no handler panics").values().sum();
        let mut all = [here];
        world.team().allreduce(&mut all, rma::Op::Sum)?;
        total = all[0];
    }

    let asked: Vec<_> = ["the", "word", "rank", "segment"]
        .into_iter()
        .map(|word| Ok((word, world.am_call(owner(word, size), look_up, &(), word.as_bytes())?)))
        .collect::<Result<_>>()?;
    for (word, reply) in asked {
        let found: u32 = reply.wait()?.header()?;
        let in_text = TEXT.split(' ').filter(|other| *other == word).count();
        assert_eq!(found as usize, in_text * size, "{word}");
        if me == 0 {
            let _ = writeln!(std::io::stdout(), "{word}: {found}");
        }
    }
    world.barrier()?;
    world.finalize()
}

/// The handler of texts, which the others put into this rank's part of `texts`.
fn read_texts(world: &World, texts: &Segment, count: Handler) -> Result<Handler> {
    let (outer, texts) = (world.clone(), texts.clone());
    let failed: Arc<OnceLock<rma::Error>> = Arc::default();
    world.register(move |message| {
        let tell = || -> Result<u32> {
            let place = message.place().expect("texts come as long messages");
            let mut text = vec![0u8; place.len_bytes];
            texts.get(outer.rank(), place.offset, &mut text)?;
            let text = String::from_utf8_lossy(&text).into_owned();
            for word in text.split(' ') {
                outer.am(owner(word, outer.size()), count, &1u32, word.as_bytes())?;
            }
            Ok(text.split(' ').count() as u32)
        };
        match tell() {
            Ok(words) => drop(message.reply(&words, &[] as &[u8])),
            // The sender then finds no number in the reply.
            Err(error) => drop(failed.set(error)),
        }
    })
}
