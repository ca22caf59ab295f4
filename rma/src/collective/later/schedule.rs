//! What a member does in a non-blocking collective: rounds of sends and receives on one buffer.
//!
//! In a round a member sends what its buffer holds when the round begins, then waits for everything the round receives. Which transfers belong together
//! is told by their step, which sender and receiver compute alike; their rounds may have other numbers.

use std::ops::Range;

/// One transfer of a member, to or from another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Transfer {
    pub(super) rank: usize,
    pub(super) step: u64,
    /// Elements of the buffer.
    pub(super) range: Range<usize>,
}

/// One round.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Round {
    pub(super) sends: Vec<Transfer>,
    pub(super) receives: Vec<Transfer>,
    /// Whether what is received is combined with the buffer, which is of lower ranks, or replaces it.
    pub(super) is_folded: bool,
}

/// Steps of results on their way down.
const DOWN: u64 = 1 << 32;
/// The step of a result that goes to its root.
const HOME: u64 = 2 << 32;

/// The distances of a dissemination, or of a binomial tree: 1, 2, 4, ... below `size`, each with its step.
fn distances(size: usize) -> impl Iterator<Item = (u64, usize)> {
    (0..u64::from(usize::BITS)).map(|k| (k, 1 << k)).take_while(move |(_, far)| *far < size)
}

/// Each member hears of all: in round `k` from who is 2^k behind it.
pub(super) fn barrier(me: usize, size: usize) -> Vec<Round> {
    let round = |(step, far): (u64, usize)| Round {
        sends: vec![Transfer { rank: (me + far) % size, step, range: 0..0 }],
        receives: vec![Transfer { rank: (me + size - far) % size, step, range: 0..0 }],
        is_folded: false,
    };
    distances(size).map(round).collect()
}

/// Down a binomial tree: the member `p` behind the root has below it those `p + 2^k` behind the root with 2^k less than the lowest bit of `p`.
pub(super) fn broadcast(me: usize, size: usize, root: usize, len: usize) -> Vec<Round> {
    let place = (me + size - root) % size;
    let transfer = |place: usize| Transfer { rank: (place + root) % size, step: DOWN, range: 0..len };
    let lowest = if place == 0 { size.next_power_of_two() } else { place & place.wrapping_neg() };
    let mut rounds = Vec::new();
    if place > 0 {
        rounds.push(Round { receives: vec![transfer(place - lowest)], ..Round::default() });
    }
    let is_below = |far: &usize| *far < lowest && place + far < size;
    let mut sends: Vec<_> =
        distances(size).map(|(_, far)| far).filter(is_below).map(|far| transfer(place + far)).collect();
    // Who has most below it comes first.
    sends.reverse();
    rounds.push(Round { sends, ..Round::default() });
    rounds
}

/// Up a binomial tree to member 0, lower ranks always the left operand; what is combined then is in its buffer.
fn fold_up(me: usize, size: usize, len: usize) -> Vec<Round> {
    let mut rounds = Vec::new();
    for (step, far) in distances(size) {
        let transfer = |rank| vec![Transfer { rank, step, range: 0..len }];
        if me & far != 0 {
            rounds.push(Round { sends: transfer(me - far), ..Round::default() });
            break;
        }
        if me + far < size {
            rounds.push(Round { receives: transfer(me + far), is_folded: true, ..Round::default() });
        }
    }
    rounds
}

/// Up to member 0, and from there to the root.
pub(super) fn reduce(me: usize, size: usize, root: usize, len: usize) -> Vec<Round> {
    let mut rounds = fold_up(me, size, len);
    let home = |rank| vec![Transfer { rank, step: HOME, range: 0..len }];
    if root != 0 && me == 0 {
        rounds.push(Round { sends: home(root), ..Round::default() });
    } else if root != 0 && me == root {
        rounds.push(Round { receives: home(0), ..Round::default() });
    }
    rounds
}

/// Up to member 0, and down again.
pub(super) fn allreduce(me: usize, size: usize, len: usize) -> Vec<Round> {
    let mut rounds = fold_up(me, size, len);
    rounds.extend(broadcast(me, size, 0, len));
    rounds
}

/// Everybody's block of `len` elements, the own one first, then the next member's, and so on: in round `k` a member gets the blocks that who is 2^k
/// further on has by then.
pub(super) fn allgather(me: usize, size: usize, len: usize) -> Vec<Round> {
    let round = |(step, far): (u64, usize)| {
        let count = far.min(size - far);
        let range = far * len..(far + count) * len;
        Round {
            sends: vec![Transfer { rank: (me + size - far) % size, step, range: 0..count * len }],
            receives: vec![Transfer { rank: (me + far) % size, step, range }],
            is_folded: false,
        }
    };
    distances(size).map(round).collect()
}

/// Block `r` of the first half goes to member `r`; what member `r` sends comes as block `r` of the second half. The own block is there already.
pub(super) fn alltoall(me: usize, size: usize, len: usize) -> Vec<Round> {
    let others = || (1..size).map(|far| (me + far) % size);
    let block = |rank: usize, half: usize| (half * size + rank) * len..(half * size + rank + 1) * len;
    let transfer = |rank, half| Transfer { rank, step: 0, range: block(rank, half) };
    vec![Round {
        sends: others().map(|rank| transfer(rank, 0)).collect(),
        receives: others().map(|rank| transfer(rank, 1)).collect(),
        is_folded: false,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Has all members go through their rounds, on buffers of strings that are joined where they are combined.
    fn run(all: Vec<Vec<Round>>, mut buffers: Vec<Vec<String>>) -> Vec<Vec<String>> {
        let mut sent: HashMap<(usize, usize, u64), Vec<String>> = HashMap::new();
        let mut at = vec![(0, false); all.len()];
        loop {
            let mut any = false;
            for (me, rounds) in all.iter().enumerate() {
                let (number, has_sent) = at[me];
                let Some(round) = rounds.get(number) else { continue };
                if !has_sent {
                    for Transfer { rank, step, range } in &round.sends {
                        let before = sent.insert((me, *rank, *step), buffers[me][range.clone()].to_vec());
                        assert!(before.is_none(), "two of one step");
                    }
                    at[me].1 = true;
                    any = true;
                }
                if round.receives.iter().any(|from| !sent.contains_key(&(from.rank, me, from.step))) {
                    continue;
                }
                for Transfer { rank, step, range } in &round.receives {
                    let came = sent.remove(&(*rank, me, *step)).unwrap();
                    assert_eq!(came.len(), range.len());
                    for (to, from) in buffers[me][range.clone()].iter_mut().zip(came) {
                        *to = if round.is_folded { format!("{to}{from}") } else { from };
                    }
                }
                at[me] = (number + 1, false);
                any = true;
            }
            if !any {
                break;
            }
        }
        assert!(sent.is_empty(), "nothing is left: {sent:?}");
        assert!(at.iter().zip(&all).all(|((number, _), rounds)| *number == rounds.len()), "all are through");
        buffers
    }

    fn own(size: usize, len: usize) -> Vec<Vec<String>> {
        let letter = |me: usize| char::from(b'a' + me as u8).to_string();
        (0..size).map(|me| vec![letter(me); len]).collect()
    }

    /// Oracle: who is combined with whom, in which order.
    #[test]
    fn schedules_do_what_they_are_for() {
        for size in 1..=17 {
            let each = |of: &dyn Fn(usize) -> Vec<Round>| (0..size).map(of).collect::<Vec<_>>();
            run(each(&|me| barrier(me, size)), own(size, 0));
            let whole: String = own(size, 1).concat().concat();
            for root in 0..size {
                let after = run(each(&|me| broadcast(me, size, root, 2)), own(size, 2));
                assert!(after.iter().all(|buffer| *buffer == own(size, 2)[root]));
                let after = run(each(&|me| reduce(me, size, root, 2)), own(size, 2));
                assert_eq!(after[root], [whole.clone(), whole.clone()]);
            }
            let after = run(each(&|me| allreduce(me, size, 1)), own(size, 1));
            assert!(after.iter().all(|buffer| *buffer == [whole.clone()]));
            let spread = |me: usize| {
                let mut buffer = vec![String::new(); 3 * size];
                buffer[..3].clone_from_slice(&own(size, 3)[me]);
                buffer
            };
            let after = run(each(&|me| allgather(me, size, 3)), (0..size).map(spread).collect());
            for (me, mut buffer) in after.into_iter().enumerate() {
                buffer.rotate_right(3 * me);
                assert_eq!(buffer, own(size, 3).concat());
            }
            let blocks = |me: usize| (0..2 * size).map(|to| format!("{me}-{to}")).collect();
            let after = run(each(&|me| alltoall(me, size, 1)), (0..size).map(blocks).collect());
            for (me, buffer) in after.iter().enumerate() {
                let came = |from: usize| buffer[size + from] == format!("{from}-{me}");
                assert!((0..size).filter(|from| *from != me).all(came));
            }
        }
    }

    /// Oracle: the logarithm.
    #[test]
    fn nobody_sends_or_waits_more_often_than_a_logarithm_of_the_members() {
        let size = 1000;
        for me in 0..size {
            let count = |rounds: Vec<Round>| {
                (rounds.len(), rounds.iter().map(|round| round.sends.len()).max().unwrap_or(0))
            };
            assert_eq!(count(barrier(me, size)), (10, 1));
            assert_eq!(count(allgather(me, size, 8)), (10, 1));
            let (rounds, sends) = count(allreduce(me, size, 8));
            assert!(rounds <= 12 && sends <= 10, "{rounds} rounds, {sends} sends");
        }
    }
}
