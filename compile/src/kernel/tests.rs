//! Kernels on a host of plain memory, held against loops by hand.

use super::*;

/// Keeps the arrays of a call; library calls are naive loops.
#[derive(Default)]
struct Naive {
    own: Vec<Vec<u64>>,
    threads: usize,
    parts: usize,
}

impl Host for Naive {
    fn make(&mut self, _: usize, _: Ty, dims: &[usize]) -> std::result::Result<usize, String> {
        self.own.push(vec![0; dims.iter().product::<usize>().max(1)]);
        Ok(self.own.last().expect("just pushed").as_ptr() as usize)
    }

    fn contract(&mut self, _: &Contract) -> std::result::Result<(), String> {
        Err("no library".into())
    }

    fn factor(&mut self, _: Factoring, _: usize, _: usize) -> std::result::Result<(), String> {
        Err("no library".into())
    }

    fn threads(&self) -> usize {
        self.threads.max(1)
    }

    fn each(&mut self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        std::thread::scope(|scope| {
            (0..parts).for_each(|k| drop(scope.spawn(move || work(k))));
        });
        self.parts += parts;
    }

    fn grain(&self) -> f64 {
        if self.threads > 0 { 0.0 } else { 1e12 }
    }
}

/// `for i in range(lo, n): y[i] = a * x[i - 1] + y[i]`, as `gain._jit` writes it down.
fn shifted(lo: i64) -> String {
    let name = |id: &str| format!("(Name 2 id \"{id}\" ctx \"Load\")");
    let at =
        |array: &str, index: &str| format!("(Subscript 2 value {} slice {index} ctx \"Load\")", name(array));
    let before = format!("(BinOp 2 left {} op \"Sub\" right (Constant 2 value 1))", name("i"));
    let product = format!("(BinOp 2 left {} op \"Mult\" right {})", name("a"), at("x", &before));
    let sum = format!("(BinOp 2 left {product} op \"Add\" right {})", at("y", &name("i")));
    let args: Vec<String> = ["a", "n", "x", "y"].iter().map(|arg| format!("(arg 1 arg \"{arg}\")")).collect();
    format!(
        "(FunctionDef 1 name \"f\" args (arguments 0 args [{}]) body [(For 2 target (Name 2 id \"i\" ctx \"Store\") \
         iter (Call 2 func {} args [(Constant 2 value {lo}) {}]) body [(Assign 2 targets [{}] value {sum})])])",
        args.join(" "),
        name("range"),
        name("n"),
        at("y", &name("i"))
    )
}

const KINDS: [Kind; 4] = [
    Kind::Scalar { ty: Ty::Float, is_numpy: false },
    Kind::Scalar { ty: Ty::Int, is_numpy: false },
    Kind::Array { ty: Ty::Float, ndim: 1, is_list: false },
    Kind::Array { ty: Ty::Float, ndim: 1, is_list: false },
];

#[test]
#[allow(unsafe_code)]
fn a_kernel_computes_what_the_loop_says_and_refuses_what_it_may_not() {
    let kernel = Kernel::compile(&shifted(1), &Globals::new(), &KINDS, false).unwrap();
    assert_eq!(kernel.loops(), [(2, Class::Parallel)]);
    for n in [0usize, 1, 2, 7, 8, 9, 10, 31, 40] {
        let x: Vec<f64> = (0..n).map(|i| i as f64 + 0.25).collect();
        let mut y: Vec<f64> = (0..n).map(|i| 3.0 / (i as f64 + 1.0)).collect();
        let mut expected = y.clone();
        for i in 1..n {
            expected[i] += 2.5 * x[i - 1];
        }
        let call = |end: i64, y: &mut Vec<f64>| {
            let dims = [n];
            let args = [
                Arg::Float(2.5),
                Arg::Int(end),
                Arg::Array(x.as_ptr() as usize, &dims),
                Arg::Array(y.as_mut_ptr() as usize, &dims),
            ];
            // SAFETY: both arrays have `n` elements and live, borrowed by this closure alone, during the call.
            unsafe { kernel.call(&args, &mut Naive::default()) }
        };
        call(n as i64, &mut y).unwrap();
        assert_eq!(y, expected);
        let why = call(n as i64 + 1, &mut y).unwrap_err();
        assert!(n == 0 || why.contains("within it"), "{why}");
        assert!(call(1 << 40, &mut y).unwrap_err().contains("31 bits"));
        assert_eq!(y, expected);
    }
    // The first element before the first: Python means the last one.
    let wraps = Kernel::compile(&shifted(0), &Globals::new(), &KINDS, false).unwrap();
    let (x, dims) = ([1.0; 4], [4]);
    let mut y = [0.0; 4];
    let args = [
        Arg::Float(2.5),
        Arg::Int(4),
        Arg::Array(x.as_ptr() as usize, &dims),
        Arg::Array(y.as_mut_ptr() as usize, &dims),
    ];
    // SAFETY: both arrays have four elements and live during the call.
    assert!(unsafe { wraps.call(&args, &mut Naive::default()) }.is_err());
    // What is written overlaps what is read: in order it is computed, but guards know no exceptions.
    let args = [
        Arg::Float(2.5),
        Arg::Int(4),
        Arg::Array(y.as_ptr() as usize, &dims),
        Arg::Array(y.as_mut_ptr() as usize, &dims),
    ];
    // SAFETY: as above; nothing is run.
    assert!(unsafe { kernel.call(&args, &mut Naive::default()) }.unwrap_err().contains("overlaps"));
}

#[test]
#[allow(unsafe_code)]
fn parts_and_kept_kernels_do_the_same() {
    let kernel = Kernel::compile(&shifted(1), &Globals::new(), &KINDS, true).unwrap();
    let bytes = kernel.to_bytes().unwrap();
    // SAFETY: the bytes of a kernel compiled by this process.
    let kept = unsafe { Kernel::from_bytes(&bytes) }.unwrap();
    assert_eq!((kept.text(), kept.loops()), (kernel.text(), kernel.loops()));
    // SAFETY: nothing of it is run.
    assert!(unsafe { Kernel::from_bytes(&bytes[..bytes.len() / 2]) }.is_err());
    for n in [1usize, 2, 3, 9, 100] {
        let x: Vec<f64> = (0..n).map(|i| i as f64 + 0.25).collect();
        let first: Vec<f64> = (0..n).map(|i| 3.0 / (i as f64 + 1.0)).collect();
        let mut expected = first.clone();
        for i in 1..n {
            expected[i] += 2.5 * x[i - 1];
        }
        for (kernel, threads) in [(&kernel, 3), (&kept, 0), (&kept, 2)] {
            let (mut y, dims) = (first.clone(), [n]);
            let args = [
                Arg::Float(2.5),
                Arg::Int(n as i64),
                Arg::Array(x.as_ptr() as usize, &dims),
                Arg::Array(y.as_mut_ptr() as usize, &dims),
            ];
            let mut host = Naive { threads, ..Naive::default() };
            // SAFETY: both arrays have `n` elements and live, borrowed here alone, during the call.
            let outcome = unsafe { kernel.call(&args, &mut host) }.unwrap();
            assert_eq!((y, outcome.raised & !32), (expected.clone(), 0));
            assert_eq!(host.parts > 1, threads > 1 && n > 2, "{n} {threads}");
        }
    }
}

#[test]
fn what_is_not_understood_has_its_line() {
    let text = "(FunctionDef 1 name \"f\" args (arguments 0 args []) body [(While 7 test (Constant 7 value True) body [])])";
    let Err(error) = Kernel::compile(text, &Globals::new(), &[], false) else { panic!("compiled") };
    assert_eq!(error.line, 7);
}
