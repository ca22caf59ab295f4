//! Bytes as text for key-value spaces: the number of bytes, a colon, and six bits per letter (base64 as in RFC 4648,
//! section 5, without padding). No blank, no equals sign, no semicolon, which end values in one protocol or another.

use std::io;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = format!("{}:", bytes.len());
    for three in bytes.chunks(3) {
        let word =
            three.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let letter = |index: usize| LETTERS[(word >> (18 - 6 * index)) as usize % 64] as char;
        text.extend((0..=three.len()).map(letter));
    }
    text
}

/// Reads what was cut into parts of `part_len` characters; `get` fetches a part.
pub(super) fn fetch(
    part_len: usize,
    mut get: impl FnMut(usize) -> io::Result<String>,
) -> io::Result<Vec<u8>> {
    let mut text = get(0)?;
    let unreadable = |text: &str| io::Error::other(format!("`{text}` in the key-value space is not ours"));
    let (head, _) = text.split_once(':').ok_or_else(|| unreadable(&text))?;
    let len_bytes: usize = head.parse().map_err(|_| unreadable(&text))?;
    let start = head.len() + 1;
    for part in 1..(start + (4 * len_bytes).div_ceil(3)).div_ceil(part_len) {
        text.push_str(&get(part)?);
    }
    decode(&text.as_bytes()[start..])
        .filter(|bytes| bytes.len() == len_bytes)
        .ok_or_else(|| unreadable(&text))
}

fn decode(letters: &[u8]) -> Option<Vec<u8>> {
    let mut values = [None; 256];
    LETTERS.iter().zip(0u32..).for_each(|(letter, value)| values[usize::from(*letter)] = Some(value));
    let mut bytes = Vec::with_capacity(letters.len() * 3 / 4);
    for four in letters.chunks(4) {
        let word = four.iter().try_fold(0, |word, letter| Some(word << 6 | values[usize::from(*letter)]?))?;
        let word: u32 = word << (6 * (4 - four.len()));
        bytes.extend_from_slice(&word.to_be_bytes()[1..four.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_whatever_their_number_and_the_length_of_parts() {
        for len in [0, 1, 2, 3, 4, 61, 200] {
            let bytes: Vec<u8> = (0..len).map(|index| (index * 37 + len) as u8).collect();
            let text = encode(&bytes);
            assert!(text.bytes().all(|letter| LETTERS.contains(&letter) || letter == b':'));
            for part_len in [24, 100, 1000] {
                let parts: Vec<&[u8]> = text.as_bytes().chunks(part_len).collect();
                let get = |part: usize| Ok(String::from_utf8(parts[part].to_vec()).unwrap());
                assert_eq!(fetch(part_len, get).unwrap(), bytes);
            }
        }
        // RFC 4648, section 10.
        assert_eq!(encode(b"foobar"), "6:Zm9vYmFy");
        assert!(fetch(100, |_| Ok("somebody else's".into())).is_err());
    }
}
