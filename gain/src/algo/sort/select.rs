//! The elements that belong at given places of the order, wherever they lie: nothing is moved.
//!
//! A sample says between which two words a wanted place lies: all words are counted by these, and the search goes on with what is
//! between, some hundredths of all ([`bracket`]). For many places, or where the sample was wrong, the ranks agree on cuts, count what
//! lies between them, and go on with what is between the cuts around a place. What equals a word that was cut at is told from its
//! neighbours, so that many equals end the search.

use super::large::{Cuts, PARTS};
use super::word::{Kind, Low};
use super::{Gives, Visit, own, visit};
use crate::algo::by_size;
use crate::algo::pick::{PIECE, threads};
use crate::dtype::DType;
use crate::error::Result;
use crate::exec::pool;
use crate::lock;
use crate::record::{Arg, Node};
use crate::session;
use crate::stage::{Reads, Room, Run, Spread, Stage};
use bytemuck::Pod;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// So many words every rank looks at by itself.
const FEW: usize = 1 << 12;

/// Elements that are looked at for cuts.
const SAMPLE: usize = 1 << 12;

/// Words at once.
const WINDOW: usize = 512;

/// Brackets that are cheaper than cuts.
const BRACKETS: usize = 4;

/// How far in the sample the ends of a bracket are from the place: more than four of its standard deviations.
const ASIDE: usize = SAMPLE / 28;

/// Classes of words: of each part, those less than its greatest, and its greatest.
const CLASSES: usize = 2 * PARTS;

/// The elements of `value`, real numbers of this shape, that belong at these places (ascending) of the order of all.
/// Collective.
pub(crate) fn select(value: Arg, shape: &[usize], dtype: DType, places: &[usize]) -> Result<Arc<Node>> {
    let made = Stage::new("partition")
        .reads(value, shape, dtype, Reads::Own)
        .writes(&[places.len()], dtype, Spread::Replicated)
        .run(|room, runs| {
            let elements = by_size!(dtype, own(room));
            visit(dtype, Gives::Elements, room.len(0), Search { places, elements, room, run: &mut runs[0] })
        })?;
    Ok(made.into_iter().next().expect("one result"))
}

struct Search<'a, 'r, 's> {
    places: &'a [usize],
    elements: &'a [u8],
    room: &'a Room<'r>,
    run: &'a mut Run<'s>,
}

impl Visit for Search<'_, '_, '_> {
    type Out = Result<()>;

    fn visit<W: Low<O>, O: Pod + Send + Sync>(self, kind: Kind<W>) -> Result<()> {
        let Search { places, elements, room, run } = self;
        let len = room.range(0).len();
        let item = elements.len() / len.max(1);
        let load = |range: Range<usize>, words: &mut [u64]| {
            let mut own = [W::zeroed(); WINDOW];
            let own = &mut own[..words.len()];
            (kind.load)(&elements[range.start * item..range.end * item], 0, 0, own);
            words.iter_mut().zip(own).for_each(|(to, word)| *to = word.top());
        };
        let found = find(&Words { len, load: &load }, room.len(0), places, room)?;
        let mut words: Vec<W> = found.into_iter().map(W::of_top).collect();
        (kind.settle)(&mut words);
        run.elements::<O>().iter_mut().zip(words).for_each(|(to, word)| *to = word.low());
        Ok(())
    }
}

/// Those of `total` words on all ranks that belong at these places. Collective.
pub(super) fn find(words: &Words<'_>, total: usize, places: &[usize], room: &Room<'_>) -> Result<Vec<u64>> {
    let mut found = vec![0; places.len()];
    let all = Task { total, places: places.iter().copied().zip(0..).collect() };
    let mut tasks = Vec::new();
    narrow(words, all, room, &mut tasks, &mut found)?;
    while let Some((words, task)) = tasks.pop() {
        let load = |range: Range<usize>, to: &mut [u64]| to.copy_from_slice(&words[range]);
        narrow(&Words { len: words.len(), load: &load }, task, room, &mut tasks, &mut found)?;
    }
    Ok(found)
}

/// Words that this rank has.
pub(super) struct Words<'a> {
    pub(super) len: usize,
    pub(super) load: &'a (dyn Fn(Range<usize>, &mut [u64]) + Sync),
}

impl Words<'_> {
    /// Calls `work` with all of them, some at a time, and with what a thread has for itself; all of that comes together.
    fn each<T: Send>(&self, new: impl Fn() -> T + Sync, work: impl Fn(&mut T, &[u64]) + Sync) -> Vec<T> {
        let pieces = self.len.div_ceil(PIECE);
        let all = Mutex::new(Vec::with_capacity(pieces));
        pool::split(pieces, threads(self.len), &|piece| {
            let mut own = new();
            let mut window = [0; WINDOW];
            let end = self.len.min((piece + 1) * PIECE);
            for start in (piece * PIECE..end).step_by(WINDOW) {
                let window = &mut window[..WINDOW.min(end - start)];
                (self.load)(start..start + window.len(), window);
                work(&mut own, window);
            }
            lock(&all).push(own);
        });
        all.into_inner().unwrap_or_default()
    }
}

/// What is looked for among words: how many they are on all ranks, places in their order, and where in the result those go.
struct Task {
    total: usize,
    places: Vec<(usize, usize)>,
}

/// Finds the words of a task, or fewer words that they are among. Collective.
fn narrow(
    words: &Words<'_>,
    task: Task,
    room: &Room<'_>,
    tasks: &mut Vec<(Vec<u64>, Task)>,
    found: &mut [u64],
) -> Result<()> {
    let Task { total, places } = task;
    if total <= FEW {
        let all = words.each(Vec::new, |all, words| all.extend_from_slice(words)).concat();
        let mut all = room.everybodys(&all)?.concat();
        all.sort_unstable();
        places.into_iter().for_each(|(place, to)| found[to] = all[place]);
        return Ok(());
    }
    let count = (words.len * SAMPLE).div_ceil(total);
    let sample: Vec<u64> = (0..count)
        .map(|k| {
            let (from, to) = (words.len * k / count, words.len * (k + 1) / count);
            let at = from + session::mix(k as u64) as usize % (to - from).max(1);
            let mut word = [0];
            (words.load)(at..at + 1, &mut word);
            word[0]
        })
        .collect();
    let mut sample = room.everybodys(&sample)?.concat();
    sample.sort_unstable();
    let places = bracket(words, total, &sample, places, room, tasks, found)?;
    if places.is_empty() {
        return Ok(());
    }
    let cuts = Cuts::of(&mut sample);
    let classes = |words: &[u64], classes: &mut [u16]| {
        let mut parts = [0; WINDOW];
        cuts.parts(words, &mut parts[..words.len()]);
        for ((class, &part), &word) in classes.iter_mut().zip(&parts).zip(words) {
            *class = 2 * u16::from(part) + u16::from(cuts.greatest(part.into()) == Some(word));
        }
    };
    let counts = words.each(
        || [0u64; CLASSES],
        |counts, words| {
            let mut of = [0; WINDOW];
            classes(words, &mut of[..words.len()]);
            of[..words.len()].iter().for_each(|&class| counts[usize::from(class)] += 1);
        },
    );
    let sum = |all: Vec<[u64; CLASSES]>| {
        all.into_iter().fold([0; CLASSES], |mut sum, one| {
            sum.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
            sum
        })
    };
    let counts = sum(room.everybodys(&[sum(counts)])?.concat());
    // Which class each place is in, and what is known of it by that.
    const NONE: u16 = u16::MAX;
    let (mut group_of, mut groups) = ([NONE; CLASSES], Vec::<Task>::new());
    let (mut class, mut before) = (0, 0);
    for (place, to) in places {
        while before + counts[class] as usize <= place {
            before += counts[class] as usize;
            class += 1;
        }
        if class % 2 == 1 {
            found[to] = cuts.greatest(class / 2).expect("a cut");
            continue;
        }
        if group_of[class] == NONE {
            group_of[class] = groups.len() as u16;
            groups.push(Task { total: counts[class] as usize, places: Vec::new() });
        }
        groups[usize::from(group_of[class])].places.push((place - before, to));
    }
    if groups.is_empty() {
        return Ok(());
    }
    let some = words.each(
        || vec![Vec::new(); groups.len()],
        |some, words| {
            let mut of = [0; WINDOW];
            classes(words, &mut of[..words.len()]);
            for (&class, &word) in of.iter().zip(words) {
                let group = group_of[usize::from(class)];
                if group != NONE {
                    some[usize::from(group)].push(word);
                }
            }
        },
    );
    let mut all = vec![Vec::new(); groups.len()];
    for some in some {
        all.iter_mut().zip(some).for_each(|(all, some)| all.extend(some));
    }
    tasks.extend(all.into_iter().zip(groups));
    Ok(())
}

/// Two words that places lie between, or at.
struct Bracket {
    ends: (u64, u64),
    places: Vec<(usize, usize)>,
}

/// How many words are less than the first of a bracket, equal to it, and equal to the second; and those between the two.
#[derive(Default)]
struct Tally {
    less: u64,
    first: u64,
    second: u64,
    between: Vec<u64>,
}

/// Finds words, or fewer that they are among, for few places; gives back places that it doesn't know more of. Collective.
fn bracket(
    words: &Words<'_>,
    total: usize,
    sample: &[u64],
    places: Vec<(usize, usize)>,
    room: &Room<'_>,
    tasks: &mut Vec<(Vec<u64>, Task)>,
    found: &mut [u64],
) -> Result<Vec<(usize, usize)>> {
    let mut brackets: Vec<Bracket> = Vec::new();
    for &(place, to) in &places {
        let about = (place as u128 * sample.len() as u128 / total as u128) as usize;
        let first = if about < ASIDE { 0 } else { sample[about - ASIDE] };
        let second = sample.get(about + ASIDE).copied().unwrap_or(u64::MAX);
        match brackets.last_mut().filter(|last| first <= last.ends.1) {
            Some(last) => {
                last.ends.1 = second;
                last.places.push((place, to));
            }
            None => brackets.push(Bracket { ends: (first, second), places: vec![(place, to)] }),
        }
        if brackets.len() > BRACKETS {
            return Ok(places);
        }
    }
    let tallies = words.each(
        || std::array::from_fn::<Tally, BRACKETS, _>(|_| Tally::default()),
        |tallies, words| {
            for (Bracket { ends: (first, second), .. }, tally) in brackets.iter().zip(tallies) {
                // (Without a branch: what isn't between is written over.)
                let (mut between, mut count) = ([0; WINDOW + 1], 0);
                for &word in words {
                    tally.less += u64::from(word < *first);
                    tally.first += u64::from(word == *first);
                    tally.second += u64::from((word == *second) & (first != second));
                    between[count] = word;
                    count += usize::from((word > *first) & (word < *second));
                }
                tally.between.extend_from_slice(&between[..count]);
            }
        },
    );
    let mut all: [Tally; BRACKETS] = Default::default();
    for one in tallies {
        for (all, one) in all.iter_mut().zip(one) {
            (all.less, all.first, all.second) =
                (all.less + one.less, all.first + one.first, all.second + one.second);
            all.between.extend(one.between);
        }
    }
    let counts = all.each_ref().map(|t| [t.less, t.first, t.between.len() as u64, t.second]);
    let mut sums = [[0; 4]; BRACKETS];
    for counts in room.everybodys(&counts)?.concat().chunks(BRACKETS) {
        for (sum, one) in sums.iter_mut().flatten().zip(counts.iter().flatten()) {
            *sum += *one as usize;
        }
    }
    let mut unknown = Vec::new();
    for ((Bracket { ends, places }, tally), [less, first, between, second]) in
        brackets.into_iter().zip(all).zip(sums)
    {
        let (between_at, second_at) = (less + first, less + first + between);
        let mut group = Vec::new();
        for (place, to) in places {
            match place {
                _ if place < less || place >= second_at + second => unknown.push((place, to)),
                _ if place < between_at => found[to] = ends.0,
                _ if place >= second_at => found[to] = ends.1,
                _ => group.push((place - between_at, to)),
            }
        }
        if !group.is_empty() {
            tasks.push((tally.between, Task { total: between, places: group }));
        }
    }
    Ok(unknown)
}
