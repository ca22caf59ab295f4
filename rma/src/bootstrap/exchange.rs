//! A job whose ranks can already talk: inside an MPI program, mpi4py, or anything else that has an allgather.

use super::{Bootstrap, secret_name};
use std::fmt;
use std::io;

/// Collective: gives everybody's bytes, in rank order, which may differ in length.
pub type Allgather = Box<dyn FnMut(&[u8]) -> io::Result<Vec<Vec<u8>>> + Send>;

/// Ends the job with a code after printing a message.
pub type Abort = Box<dyn FnMut(i32, &str) + Send>;

/// A [`Bootstrap`] over a caller's allgather.
///
/// ```
/// use rma::bootstrap::{Bootstrap, Exchange};
/// // A job of one rank, whose allgather is simple.
/// let mut job = Exchange::new(0, 1, Box::new(|mine| Ok(vec![mine.to_vec()])))?;
/// assert_eq!(job.allgather(b"hello")?, [b"hello"]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Exchange {
    rank: usize,
    size: usize,
    job: String,
    allgather: Allgather,
    abort: Option<Abort>,
    published: Vec<Vec<u8>>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} of {} over the caller's allgather", self.rank, self.size)
    }
}

impl Exchange {
    /// Rank `rank` of `size`; `allgather` is used at the start and the end of the job only, by one thread at a time.
    ///
    /// Collective: the ranks agree on a name for the job. Errors: the caller's own, `rank` not below `size`.
    pub fn new(rank: usize, size: usize, allgather: Allgather) -> io::Result<Exchange> {
        if rank >= size {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("rank {rank} of {size}")));
        }
        let (job, published) = (String::new(), Vec::new());
        let mut exchange = Exchange { rank, size, job, allgather, abort: None, published };
        let names = exchange.gather(secret_name("exchange-")?.as_bytes())?;
        exchange.job = String::from_utf8_lossy(&names[0]).into_owned();
        Ok(exchange)
    }

    /// What [`Bootstrap::abort`] does before the calling process ends; nothing, if not said.
    pub fn on_abort(mut self, abort: Abort) -> Exchange {
        self.abort = Some(abort);
        self
    }

    fn gather(&mut self, mine: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let all = (self.allgather)(mine)?;
        match all.len() == self.size {
            true => Ok(all),
            false => {
                let message = format!("the allgather gave {} values for {} ranks", all.len(), self.size);
                Err(io::Error::other(message))
            }
        }
    }
}

impl Bootstrap for Exchange {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn job(&self) -> &str {
        &self.job
    }

    fn is_secret(&self) -> bool {
        true
    }

    fn publish(&mut self, mine: Option<&[u8]>) -> io::Result<()> {
        self.published = self.gather(mine.unwrap_or_default())?;
        Ok(())
    }

    fn fetch(&mut self, rank: usize) -> io::Result<Vec<u8>> {
        let published = self.published.get(rank).cloned();
        published.ok_or_else(|| io::Error::other(format!("rank {rank} has published nothing")))
    }

    fn barrier(&mut self) -> io::Result<()> {
        self.gather(&[]).map(drop)
    }

    fn leave(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn abort(&mut self, code: i32, message: &str) {
        if let Some(abort) = &mut self.abort {
            abort(code, message);
        }
    }
}
