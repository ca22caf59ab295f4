//! The elements that belong at given places of the order, wherever they lie: nothing is moved.
//!
//! The ranks agree on cuts, count what lies between them, and go on with what is between the cuts around a wanted place, which
//! is some hundredth of all; what equals a cut is told from its neighbours, so that many equals end the search.

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

/// Classes of words: of each part, those less than its greatest, and its greatest.
const CLASSES: usize = 2 * PARTS;

/// The elements of `value`, real numbers of this shape, that belong at these places (ascending) of the order of all.
/// Collective.
pub(crate) fn select(value: Arg, shape: &[usize], dtype: DType, places: &[usize]) -> Result<Arc<Node>> {
    let made = Stage::new("partition")
        .reads(value, shape, dtype, Reads::Own)
        .writes(&[places.len()], dtype, Spread::Replicated)
        .foreseen()
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
    let cuts = Cuts::of(&mut room.everybodys(&sample)?.concat());
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
