//! What the ranks of a job know and nobody else does.
//!
//! Some process managers' names of jobs can be guessed, so another user could sit at the name of a job's socket before the job does, and
//! whoever reaches a port could speak as one of its ranks. So ranks agree on 128 random bits: half of them are part of the names that others
//! can see, the other half is the cookie that whatever a rank says begins with.

use super::Bootstrap;
use rustix::rand::GetRandomFlags;
use std::io;

/// The version of everything ranks say to one another, from the first word on a node's socket to the heads of messages between nodes.
/// Goes up with each change of any of it.
pub(crate) const PROTOCOL: u32 = 5;

/// A job's secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret {
    /// For names that others can see.
    pub(crate) name: u64,
    /// Said by ranks to one another.
    pub(crate) cookie: u64,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Collective over the job: the same on all ranks. Rank 0 draws it, unless the job's name will do.
    pub(crate) fn agree(bootstrap: &mut dyn Bootstrap) -> io::Result<Secret> {
        if bootstrap.is_secret() {
            return Ok(Secret::of(bootstrap.job().as_bytes()));
        }
        let drawn = if bootstrap.rank() == 0 { Some(random()?) } else { None };
        bootstrap.publish(drawn.as_ref().map(|bytes| &bytes[..]))?;
        Ok(Secret::of(&bootstrap.fetch(0)?))
    }

    /// What messages between nodes begin with: another job's differ, and those of another version.
    pub(crate) fn word(&self) -> u64 {
        self.cookie.rotate_left(PROTOCOL)
    }

    /// Both halves of a hash. It need not be a good one: half of what bytes as random as itself leave of it says nothing of the other half.
    fn of(bytes: &[u8]) -> Secret {
        // FNV-1a: every rank must compute the same, whatever its build.
        let step = |hash: u128, byte: &u8| {
            (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        };
        let hash = bytes.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, step);
        Secret { name: (hash >> 64) as u64, cookie: hash as u64 }
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    // So few bytes come whole, or not at all.
    rustix::rand::getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(bytes)
}

/// A name for a job that is not used twice, and that nobody can guess who isn't told. What a [`Bootstrap`] that
/// [is secret](Bootstrap::is_secret) answers to [`job`](Bootstrap::job). Local.
pub fn secret_name(prefix: &str) -> io::Result<String> {
    Ok(random()?.iter().fold(prefix.to_owned(), |name, byte| format!("{name}{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_so_do_secrets_and_their_halves() {
        let names: Vec<String> = (0..4).map(|_| secret_name("x-").unwrap()).collect();
        let secrets: Vec<Secret> = names.iter().map(|name| Secret::of(name.as_bytes())).collect();
        for (at, secret) in secrets.iter().enumerate() {
            assert!(names[at].len() == 34 && secret.name != secret.cookie);
            assert!(!secrets[..at].contains(secret));
        }
        // The published test vector of the 128-bit hash of "a".
        let Secret { name, cookie } = Secret::of(b"a");
        assert_eq!((name, cookie), (0xd228_cb69_6f1a_8caf, 0x7891_2b70_4e4a_8964));
    }
}
