//! Everybody's bytes by way of an allgather that wants the same number of all, as MPI's does.

/// Everybody's bytes, in rank order. `allgather` gives those of all, one after the other, which are as many everywhere.
///
/// # Errors
/// Those of `allgather`.
pub fn gather<E>(mine: &[u8], allgather: impl Fn(&[u8]) -> Result<Vec<u8>, E>) -> Result<Vec<Vec<u8>>, E> {
    let lens = allgather(&(mine.len() as u64).to_le_bytes())?;
    let len = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes) as usize;
    let lens: Vec<usize> = lens.as_chunks().0.iter().map(len).collect();
    let longest = lens.iter().copied().max().unwrap_or(0).max(1);
    let mut padded = mine.to_vec();
    padded.resize(longest, 0);
    let all = allgather(&padded)?;
    Ok(all.chunks(longest).zip(lens).map(|(bytes, len)| bytes[..len].to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::gather;

    #[test]
    fn of_different_lengths() {
        // Rank 1 of three, the others known.
        let all = [&b"ab"[..], b"", b"cdefg"];
        let allgather = |mine: &[u8]| -> Result<Vec<u8>, ()> {
            let is_length = mine.len() == 8;
            let of = |bytes: &[u8]| match is_length {
                true => (bytes.len() as u64).to_le_bytes().to_vec(),
                false => [bytes, &[0; 5][bytes.len()..]].concat(),
            };
            Ok(all.iter().flat_map(|bytes| of(bytes)).collect())
        };
        assert_eq!(gather(all[1], allgather), Ok(all.map(<[u8]>::to_vec).to_vec()));
    }
}
