//! What a rank tells the others when they differ, as words, and the sentence that is made of it.

use super::trail::{Entry, Purpose};

/// What a rank tells the others.
pub(super) struct Told {
    pub(super) purpose: u64,
    pub(super) digest: u64,
    pub(super) count: usize,
    /// The last decisions, from number `count - entries.len()` on.
    pub(super) entries: Vec<Entry>,
    pub(super) dropped: Vec<u64>,
    /// Of the error of a rank that failed.
    pub(super) kind: u64,
    /// Where the rank is in the program, or the text of its error.
    pub(super) line: String,
}

impl Told {
    pub(super) fn words(&self) -> Vec<u64> {
        let mut words = vec![self.purpose, self.digest, self.count as u64, self.entries.len() as u64];
        words.extend([self.dropped.len() as u64, self.kind, self.line.len() as u64]);
        words.extend(self.entries.iter().flat_map(|e| [e.what, e.choice, e.number]));
        words.extend(&self.dropped);
        words.extend(self.line.bytes().map(u64::from));
        words
    }

    /// `None` for words that no rank would say.
    pub(super) fn read(words: &[u64]) -> Option<Told> {
        let (&[purpose, digest, count, entries, dropped, kind, line], rest) =
            words.split_first_chunk::<7>()?;
        let (entries, rest) = rest.split_at_checked(usize::try_from(entries.checked_mul(3)?).ok()?)?;
        let (dropped, rest) = rest.split_at_checked(usize::try_from(dropped).ok()?)?;
        let line: Vec<u8> = rest.get(..usize::try_from(line).ok()?)?.iter().map(|word| *word as u8).collect();
        let entry = |e: &[u64]| Entry { what: e[0], choice: e[1], number: e[2] };
        Some(Told {
            purpose,
            digest,
            count: usize::try_from(count).ok()?,
            entries: entries.chunks_exact(3).map(entry).collect(),
            dropped: dropped.to_vec(),
            kind,
            line: String::from_utf8_lossy(&line).into_owned(),
        })
    }

    pub(super) fn is_cautious(&self) -> bool {
        self.purpose == Purpose::Caution as u64
    }

    /// Decision `i` since the last agreement, if it is told.
    pub(super) fn entry(&self, i: usize) -> Option<Entry> {
        self.entries.get(i.checked_sub(self.count - self.entries.len())?).copied()
    }
}

/// `ranks 0,2 do this at a line; rank 1 does that at another`.
pub(super) fn each(all: &[Told], what: impl Fn(&Told) -> String) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (rank, told) in all.iter().enumerate() {
        let line = if told.line.is_empty() { String::new() } else { format!(" at {}", told.line) };
        let text = what(told) + &line;
        match groups.iter_mut().find(|(other, _)| *other == text) {
            Some((_, ranks)) => ranks.push(rank.to_string()),
            None => groups.push((text, vec![rank.to_string()])),
        }
    }
    let sentence = |(text, ranks): &(String, Vec<String>)| {
        format!("rank{} {} {text}", if ranks.len() > 1 { "s" } else { "" }, ranks.join(","))
    };
    groups.iter().map(sentence).collect::<Vec<_>>().join("; ")
}
