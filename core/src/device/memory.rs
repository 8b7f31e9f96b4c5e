//! This machine's memory: how much is free, and how the allocator keeps a program's between steps.

// The C library's settings are unsafe functions.
#![allow(unsafe_code)]

/// Makes the allocator keep freed memory, since the next step takes as much: returning it to the system and requesting
/// it again costs a large network on a CPU up to half of its time. Call before computing; the process then never
/// shrinks. No effect where the C library is not glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: both are plain settings of the allocator.
    unsafe {
        // No block is mapped separately, and the heap is never trimmed.
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}

/// Available memory on this machine in bytes; `None` where the system does not tell.
pub fn available_memory() -> Option<u64> {
    // Linux's own estimate, "MemAvailable:   16331712 kB".
    let facts = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = facts.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
