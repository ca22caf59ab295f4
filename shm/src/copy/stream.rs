//! Copies too large for the cache: non-temporal stores neither read the destination first nor push everything
//! else out.

use std::sync::OnceLock;

/// No threshold is below this, so that smaller copies need not look it up.
pub(super) const LEAST: usize = 1 << 20;
const DEFAULT: usize = 32 << 20;

/// From how many bytes on a copy streams: `GAIN_STREAM_BYTES`, 32 MiB by default.
fn threshold() -> usize {
    static THRESHOLD: OnceLock<usize> = OnceLock::new();
    *THRESHOLD.get_or_init(|| {
        let asked = std::env::var("GAIN_STREAM_BYTES").ok().and_then(|text| text.parse().ok());
        asked.unwrap_or(DEFAULT).max(LEAST)
    })
}

/// Copies `len` bytes past the cache if they are many and the processor can; else does nothing and returns
/// `false`.
///
/// # Safety
/// As [`super::copy`].
pub(super) unsafe fn copy_if_due(dst: *mut u8, src: *const u8, len: usize) -> bool {
    #[cfg(target_arch = "x86_64")]
    if len >= threshold() && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the caller's promises; AVX2 is there.
        unsafe { stream_avx2(dst, src, len) };
        return true;
    }
    let _ = (dst, src, len);
    false
}

/// # Safety
/// As [`super::copy`]; the processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn stream_avx2(dst: *mut u8, src: *const u8, len: usize) {
    use std::arch::x86_64::{
        __m256i, _MM_HINT_NTA, _mm_prefetch, _mm_sfence, _mm256_loadu_si256, _mm256_stream_si256,
    };
    const LINE: usize = 64;
    const AHEAD: usize = 16 * LINE;
    let head = dst.align_offset(LINE).min(len);
    let body = (len - head) / LINE * LINE;
    // SAFETY: head, body and the rest are parts of the two ranges (caller); stores of the body are aligned to
    // a line; a prefetch does not access memory; the fence orders the stores before whatever the caller does
    // next, as plain stores would be.
    unsafe {
        std::ptr::copy_nonoverlapping(src, dst, head);
        for at in (head..head + body).step_by(LINE) {
            let from = src.add(at);
            _mm_prefetch::<_MM_HINT_NTA>(from.wrapping_add(AHEAD).cast());
            let low = _mm256_loadu_si256(from.cast::<__m256i>());
            let high = _mm256_loadu_si256(from.add(32).cast::<__m256i>());
            _mm256_stream_si256(dst.add(at).cast::<__m256i>(), low);
            _mm256_stream_si256(dst.add(at + 32).cast::<__m256i>(), high);
        }
        _mm_sfence();
        let done = head + body;
        std::ptr::copy_nonoverlapping(src.add(done), dst.add(done), len - done);
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn streaming_copies_what_copying_copies() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            return;
        }
        let source: Vec<u8> = (0..5000u32).map(|i| (i % 251) as u8).collect();
        for (from, to, len) in [(0, 0, 5000), (1, 3, 4000), (7, 64, 127), (5, 1, 10), (0, 63, 65), (9, 9, 0)]
        {
            let mut target = vec![0xffu8; 5100];
            // SAFETY: both ranges lie inside their vectors; AVX2 was checked.
            unsafe { super::stream_avx2(target.as_mut_ptr().add(to), source.as_ptr().add(from), len) };
            let mut expected = vec![0xffu8; 5100];
            expected[to..to + len].copy_from_slice(&source[from..from + len]);
            assert!(target == expected, "{from} {to} {len}");
        }
    }
}
