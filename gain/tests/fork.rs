//! Forked children compute by themselves, with threads of their own.

use gain::{Array, Kind, ReduceOp, session};
use std::sync::mpsc::channel;
use tests::Job;

const N: usize = 300_000;

/// The exit code of a child that ends with what `body` gives.
fn forked(body: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the parent's other threads wait, and hold nothing that the child needs but what the test is about.
    match unsafe { libc::fork() } {
        0 => std::process::exit(body()),
        child => {
            let mut status = 0;
            // SAFETY: our own child, and an integer to write to.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert!(libc::WIFEXITED(status), "{status}");
            libc::WEXITSTATUS(status)
        }
    }
}

fn numbers() -> Array {
    let numbers = Array::arange(0.0.into(), (N as f64).into(), 1.0.into(), None).unwrap();
    numbers.force().unwrap();
    numbers
}

fn sum(array: &Array) -> gain::Result<f64> {
    let total = array.reduce(ReduceOp::Sum, &gain::ReduceOptions::default())?;
    Ok(total.item()?.as_f64())
}

const SUM: f64 = (N * (N - 1) / 2) as f64;

#[test]
fn a_child_computes_with_threads_of_its_own() {
    Job::new("fork").env("GAIN_NUM_THREADS", "3").env("GAIN_THRESHOLD", "100").run(&[1, 2, 3], |session| {
        let before = numbers();
        assert_eq!(sum(&before).unwrap(), SUM);
        let child = || {
            let is_right = (session::rank(), session::size()) == (0, 1) && sum(&numbers()).unwrap() == SUM;
            let old = match sum(&before) {
                Ok(total) => session.size() == 1 && total == SUM,
                Err(error) => session.size() > 1 && error.kind() == Kind::Runtime,
            };
            drop(before.clone());
            i32::from(!(is_right && old))
        };
        for _ in 0..3 {
            assert_eq!(forked(child), 0);
            assert_eq!(sum(&before).unwrap(), SUM);
        }
        // The program that forks may see to it that nobody is at work.
        session::hold();
        let code = forked(|| {
            session::release();
            child()
        });
        session::release();
        assert_eq!(code, 0);
        assert_eq!(sum(&before).unwrap(), SUM);
    });
}

#[test]
fn a_child_of_half_done_work_says_so() {
    Job::new("torn").run(&[1, 2], |_| {
        let before = numbers();
        let ((begun, has_begun), (end, is_over)) = (channel(), channel::<()>());
        let at_work = std::thread::spawn(move || {
            session::in_turn(|| {
                begun.send(()).unwrap();
                is_over.recv().unwrap();
            })
        });
        has_begun.recv().unwrap();
        let code = forked(|| match (sum(&before), session::finalize()) {
            (Err(error), Ok(())) if error.message().contains("forked while another thread") => 7,
            _ => 1,
        });
        assert_eq!(code, 7);
        end.send(()).unwrap();
        at_work.join().unwrap();
        assert_eq!(sum(&before).unwrap(), SUM);
    });
}
