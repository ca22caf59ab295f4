//! Which thread this is, for less than a call.

/// A number of the calling thread's, which no other living thread has.
#[inline(always)]
pub fn thread() -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        let number;
        // SAFETY: the first word of the thread's own block, which is that block's address by the platform's convention.
        unsafe {
            std::arch::asm!("mov {}, fs:0", out(reg) number, options(nostack, preserves_flags, readonly))
        };
        number
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        thread_local! { static HERE: u8 = const { 0 } }
        HERE.with(|here| here as *const u8 as usize)
    }
}
