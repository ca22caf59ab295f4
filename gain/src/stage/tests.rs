//! Small algorithms through the door, on 1 to 4 ranks, with everything distributed and with nothing.

use super::{Reads, Spread, Stage};
use crate::array::Array;
use crate::dtype::DType;
use crate::error::{Error, Kind, Result};
use crate::record::{Arg, Node};
use crate::session;
use ga_core::Distribution;
use std::sync::Arc;
use tests::Job;

fn everywhere(name: &str, body: impl Fn()) {
    for (threshold, how) in [("0", "spread"), ("65536", "replicated")] {
        let job = Job::new(&format!("{name}_{how}")).env("GAIN_THRESHOLD", threshold);
        job.run(&[1, 2, 3, 4], |_| session::in_turn(&body));
    }
}

/// 0, 1, 4, 9, ... in this shape.
fn squares(shape: &[usize]) -> Result<Array> {
    let len: usize = shape.iter().product();
    Array::from_slice(shape, &(0..len).map(|i| (i * i) as f64).collect::<Vec<_>>())
}

fn stage(name: &'static str, array: &Array, reads: Reads) -> Stage {
    let shape = array.shape().to_vec();
    Stage::new(name).reads(array.arg(), &shape, DType::F64, reads).writes(&shape, DType::F64, Spread::Usual)
}

fn elements(node: Arc<Node>) -> Vec<f64> {
    Array::from_node(node).to_vec().expect("floats")
}

#[test]
fn runs_prefixes_and_halos() {
    everywhere("runs", || {
        for len in [1usize, 2, 5, 23, 100] {
            let x = squares(&[len]).unwrap();
            let mut sum = 0.0;
            let want: Vec<f64> = (0..len)
                .map(|i| {
                    sum += (i * i) as f64;
                    sum
                })
                .collect();
            let summed = stage("sum", &x, Reads::Own).run(|room, out| {
                let own = room.own::<f64>(0);
                let before = room.prefix(own.iter().sum::<f64>(), |a, b| a + b)?.unwrap_or(0.0);
                let mut sum = before;
                for (to, x) in out[0].elements::<f64>().iter_mut().zip(own) {
                    sum += x;
                    *to = sum;
                }
                Ok(())
            });
            assert_eq!(elements(summed.unwrap().remove(0)), want);
            // The operand is a view that runs backwards over a lazy value.
            let back = x
                .index(&[crate::Index::Slice(crate::Slice { step: Some(-1), ..crate::Slice::default() })])
                .unwrap();
            let twice = Array::apply(crate::Op::Multiply, &[(&back).into(), 2.0.into()]).unwrap();
            let differences = stage("difference", &twice, Reads::All).run(|room, out| {
                let (part, at) = room.halo::<f64>(0, 1, 0)?;
                for (i, to) in out[0].elements::<f64>().iter_mut().enumerate() {
                    *to = part[at + i] - if at + i > 0 { part[at + i - 1] } else { 0.0 };
                }
                Ok(())
            });
            let value = |i: usize| 2.0 * ((len - 1 - i) * (len - 1 - i)) as f64;
            let want: Vec<f64> =
                (0..len).map(|i| value(i) - if i > 0 { value(i - 1) } else { 0.0 }).collect();
            assert_eq!(elements(differences.unwrap().remove(0)), want);
        }
    });
}

#[test]
fn exchanged_elements_arrive() {
    everywhere("exchange", || {
        let len = 57;
        let x = squares(&[len]).unwrap();
        // Element i goes to place len - 1 - i.
        let reversed = stage("reverse", &x, Reads::Own).run(|room, out| {
            let size = if room.is_shared() { session::get().size } else { 1 };
            let owner = |i: usize| (0..size).find(|&r| room.range_of(0, r).contains(&i)).unwrap();
            let mut parts: Vec<Vec<[f64; 2]>> = vec![Vec::new(); size];
            for (i, &x) in room.range(0).zip(room.own::<f64>(0)) {
                let to = len - 1 - i;
                parts[if room.is_shared() { owner(to) } else { 0 }].push([to as f64, x]);
            }
            let start = out[0].range().start;
            let to = out[0].elements::<f64>();
            for [at, x] in room.exchange(parts)?.into_iter().flatten() {
                to[at as usize - start] = x;
            }
            Ok(())
        });
        let want: Vec<f64> = (0..len).rev().map(|i| (i * i) as f64).collect();
        assert_eq!(elements(reversed.unwrap().remove(0)), want);
    });
}

#[test]
fn operands_come_in_any_layout_and_go_back() {
    everywhere("layouts", || {
        let (ranks, shape) = (session::get().size, [7, 9]);
        let x = squares(&shape).unwrap();
        let (rows, columns) = if ranks == 4 { (2, 2) } else { (1, ranks) };
        let layouts = [
            Distribution::regular(&shape, &[1, 1], ranks).unwrap(),
            Distribution::block_cyclic(&shape, &[2, 3], ranks).unwrap(),
            Distribution::scalapack(&shape, &[2, 2], &[rows, columns], ranks).unwrap(),
        ];
        for layout in layouts {
            let made = stage("there and back", &x, Reads::Own).run(|room, out| {
                let array = room.bring::<f64>(0, &layout)?;
                array.scale(2.0)?;
                out[0].take_from(&array)
            });
            let want: Vec<f64> = (0..63).map(|i| 2.0 * (i * i) as f64).collect();
            assert_eq!(elements(made.unwrap().remove(0)), want, "{layout}");
        }
    });
}

#[test]
fn one_rank_fails_for_all() {
    everywhere("failure", || {
        let x = squares(&[40]).unwrap();
        for is_exchanging in [false, true] {
            let failed = stage("fail", &x, Reads::Own).can_fail().run(|room, _| {
                if room.range(0).contains(&39) {
                    return Err(Error::new(Kind::Value, "no element may be 1521"));
                }
                if is_exchanging { room.everybodys(&[1u8]).map(drop) } else { Ok(()) }
            });
            let error = failed.expect_err("one rank failed");
            assert_eq!((error.kind(), error.message()), (Kind::Value, "no element may be 1521"));
            // And all goes on.
            let sum = x.reduce(crate::ReduceOp::Sum, &crate::ReduceOptions::default()).unwrap();
            assert_eq!(sum.to_vec::<f64>().unwrap(), [(0..40).map(|i| (i * i) as f64).sum::<f64>()]);
        }
    });
}

#[test]
fn small_and_private_operands() {
    everywhere("private", || {
        let one = Arg::whole(Node::lazy(
            smallvec::SmallVec::new(),
            DType::F64,
            crate::record::Expr::Fill(2.5.into()),
        ));
        let made = Stage::new("one")
            .reads(one, &[], DType::F64, Reads::All)
            .writes(&[3], DType::F64, Spread::Replicated)
            .run(|room, out| {
                let x = room.at::<f64>(0, 0..1)?[0];
                out[0].elements::<f64>().fill(x);
                Ok(())
            });
        assert_eq!(elements(made.unwrap().remove(0)), [2.5; 3]);
    });
}
