//! A tile of rows as columns.

/// Rows of elements as columns: four rows at a time, so that what is written lies together.
///
/// # Safety
/// `rows` rows of `width` elements, `step` elements apart, are readable; `width` rows of `rows` elements, `apart` apart, are writable,
/// elsewhere, by the caller alone.
#[inline(always)]
pub(super) unsafe fn turn<X: Copy, Y>(
    from: *const X,
    step: usize,
    to: *mut Y,
    apart: usize,
    [rows, width]: [usize; 2],
    load: impl Fn(X) -> Y,
) {
    const TOGETHER: usize = 4;
    let mut first = 0;
    while first < rows {
        let count = TOGETHER.min(rows - first);
        let (from, to) = (from.wrapping_add(first * step), to.wrapping_add(first));
        let one = |row: usize, column: usize| {
            // SAFETY: the caller's promise: both are within the rows.
            unsafe { to.add(column * apart + row).write(load(from.add(row * step + column).read())) };
        };
        if count == TOGETHER {
            (0..width).for_each(|column| (0..TOGETHER).for_each(|row| one(row, column)));
        } else {
            (0..width).for_each(|column| (0..count).for_each(|row| one(row, column)));
        }
        first += count;
    }
}
