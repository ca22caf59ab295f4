//! Compares the bindings with the headers that are installed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use super::bindings::{CONSTANTS, Context, layouts};

/// Structs of ours that the library reads or fills: later versions may have more fields, for which there is room. Others are elements
/// of arrays, or have no such room, and must be exact.
const OURS: [&str; 3] = ["struct fi_cq_err_entry", "struct fi_cq_attr", "struct fi_av_attr"];
const EXACT: [&str; 3] = ["struct fi_cq_msg_entry", "struct fi_rma_iov", "struct fi_msg_rma"];

const HEADERS: &str = "#include <stddef.h>\n#include <rdma/fabric.h>\n#include <rdma/fi_cm.h>\n#include <rdma/fi_domain.h>\n\
                       #include <rdma/fi_endpoint.h>\n#include <rdma/fi_eq.h>\n#include <rdma/fi_errno.h>\n#include <rdma/fi_rma.h>\n";

/// The oracle is the C compiler: each line it is given asserts one offset, size or constant. `GAIN_TEST_OFI_INCLUDE` names headers
/// other than the installed ones.
#[test]
fn bindings_agree_with_the_headers() {
    let mut source = HEADERS.to_owned();
    let mut claim = |claim: String| writeln!(source, "_Static_assert({claim}, \"{claim}\");").unwrap();
    claim(format!("sizeof(struct fi_context2) <= {}", size_of::<Context>()));
    for (name, size, fields) in layouts() {
        if EXACT.contains(&name) {
            claim(format!("sizeof({name}) == {size}"));
        } else if OURS.contains(&name) {
            claim(format!("sizeof({name}) <= {size}"));
        } else {
            claim(format!("sizeof({name}) >= {size}"));
        }
        for (field, offset, size) in fields {
            let field = field.trim_end_matches('_');
            claim(format!("offsetof({name}, {field}) == {offset}"));
            claim(format!("sizeof((({name} *)0)->{field}) == {size}"));
        }
    }
    for (value, expression) in CONSTANTS {
        claim(format!("(uint64_t)({expression}) == {value}ULL"));
    }
    if !compile(HEADERS).is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: no C compiler, or no headers of libfabric");
    }
    let output = compile(&source).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn compile(source: &str) -> std::io::Result<Output> {
    let mut cc = Command::new("cc");
    if let Some(include) = std::env::var_os("GAIN_TEST_OFI_INCLUDE") {
        cc.arg("-I").arg(include);
    }
    cc.args(["-x", "c", "-fsyntax-only", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = cc.stderr(Stdio::piped()).spawn()?;
    child.stdin.take().expect("it is piped").write_all(source.as_bytes())?;
    child.wait_with_output()
}
