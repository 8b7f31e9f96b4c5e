//! Memory of this machine: how much is free, and how a program's is kept between the steps of a computation.

// The C library's settings are unsafe functions.
#![allow(unsafe_code)]

/// Keeps memory that is let go, for the next step takes as much: giving it back to the system and asking for it
/// again costs a large network on a CPU up to half of its time. For programs to call before they compute;
/// the program's memory then never shrinks. Nothing happens where the C library is not glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: both are plain settings of the allocator.
    unsafe {
        // No block is mapped by itself, and the end of the heap is never cut off.
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}

/// Bytes of memory that programs on this machine can still take; `None` where the system does not tell.
pub fn available_memory() -> Option<u64> {
    // Linux's own estimate, "MemAvailable:   16331712 kB".
    let facts = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = facts.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
