//! A job of one rank: no launcher, nothing to exchange.

use super::Bootstrap;
use std::io;

/// The only rank of its job.
#[derive(Debug, Default)]
pub struct Single {
    published: Option<Vec<u8>>,
}

impl Bootstrap for Single {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn job(&self) -> &str {
        "single"
    }

    /// There is nobody to agree on anything with.
    fn is_secret(&self) -> bool {
        true
    }

    fn publish(&mut self, mine: Option<&[u8]>) -> io::Result<()> {
        self.published = mine.map(<[u8]>::to_vec);
        Ok(())
    }

    fn fetch(&mut self, _rank: usize) -> io::Result<Vec<u8>> {
        self.published.clone().ok_or_else(|| io::Error::other("nothing was published"))
    }

    fn barrier(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn leave(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&mut self, _code: i32, _message: &str) {}
}
