//! The reduction that picks a rank: all get the bytes of the one whose leading number is the least or the greatest.

use rma::{DType, Error, ErrorKind, Result, Team};

/// Everybody's `data` becomes that of the rank whose leading number of a type is the least or greatest; of equals the lowest rank wins.
/// Ranks that don't contribute only receive.
pub(crate) fn select(team: &Team, data: &mut [u8], op: &str, dtype: DType, contributes: bool) -> Result<()> {
    let is_min = op.starts_with("min");
    if !is_min && !op.starts_with("max") {
        return Err(Error::new(ErrorKind::Type, "select", format!("\"{op}\" is neither min nor max")));
    }
    let size = dtype.size_bytes();
    if data.len() < size {
        let message = format!("{} bytes hold no number of {size}", data.len());
        return Err(Error::new(ErrorKind::Shape, "select", message));
    }
    let mut mine = vec![u8::from(contributes)];
    mine.extend_from_slice(data);
    let all = team.allgather(&mine)?;
    let entries = all.chunks(mine.len()).filter(|entry| entry[0] != 0).map(|entry| &entry[1..]);
    let is_before = |a: &[u8], b: &[u8]| match dtype {
        DType::I32 => before(i32::from_ne_bytes(head(a)), i32::from_ne_bytes(head(b)), is_min),
        DType::F32 => before(f32::from_ne_bytes(head(a)), f32::from_ne_bytes(head(b)), is_min),
        DType::F64 => before(f64::from_ne_bytes(head(a)), f64::from_ne_bytes(head(b)), is_min),
        _ => before(i64::from_ne_bytes(head(a)), i64::from_ne_bytes(head(b)), is_min),
    };
    if let Some(best) = entries.reduce(|best, entry| if is_before(entry, best) { entry } else { best }) {
        data.copy_from_slice(best);
    }
    Ok(())
}

fn before<T: PartialOrd>(a: T, b: T, is_min: bool) -> bool {
    if is_min { a < b } else { a > b }
}

fn head<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().expect("checked to be as long")
}
