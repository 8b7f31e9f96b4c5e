//! How many threads share a task where there is no GPU.

use crate::platform::{cores, memory_gib};

/// Most threads: with more, each waits longer for the others than it computes.
const MOST: usize = 8;

/// Memory of a machine whose browser does not tell, in GiB.
const UNTOLD_GIB: f64 = 4.0;

/// The share of a machine's memory that the threads beside this one may take.
const SHARE: f64 = 0.5;

const GIB: f64 = (1u64 << 30) as f64;

/// Memory in bytes that a thread has to have for a planned step: that of a small network on much of a scan.
const THREAD: u64 = 512 << 20;

/// Threads of the CPU that share a task, this one among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    /// How many.
    pub count: usize,
    /// Memory for those beside this one, in bytes.
    room: u64,
}

impl Threads {
    /// As many as this machine has cores and memory for, or as are asked for.
    pub fn of_machine(asked: Option<usize>) -> Self {
        Self::new(asked.unwrap_or_else(cores), memory_gib())
    }

    fn new(cores: usize, memory_gib: Option<f64>) -> Self {
        let room = (SHARE * GIB * memory_gib.unwrap_or(UNTOLD_GIB)) as u64;
        let all = Self {
            count: cores.clamp(1, MOST),
            room,
        };
        Self {
            count: all.fit(THREAD),
            room,
        }
    }

    /// How many there is memory for where each takes so many bytes; at least this one.
    pub fn fit(self, bytes_each: u64) -> usize {
        let beside = self.room / bytes_each.max(1);
        self.count.min(1 + usize::try_from(beside).unwrap_or(usize::MAX))
    }

    /// Memory of each beside this one, in bytes; `None` without any.
    pub fn bytes_each(self) -> Option<u64> {
        self.room.checked_div(self.count as u64 - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Threads;

    #[test]
    fn threads_are_as_many_as_cores_and_memory_allow() {
        let counts = [0, 1, 3, 64].map(|cores| Threads::new(cores, Some(8.0)).count);
        assert_eq!(counts, [1, 1, 3, 8]);
        // Half of 2 GiB hold two more; half of what is assumed, four.
        assert_eq!(Threads::new(8, Some(2.0)).count, 3);
        assert_eq!(Threads::new(8, None).count, 5);

        let (gib, eight) = (1u64 << 30, Threads::new(8, Some(8.0)));
        assert_eq!(
            [gib / 2, gib, 3 * gib, 5 * gib, 0].map(|bytes| eight.fit(bytes)),
            [8, 5, 2, 1, 8]
        );
        assert_eq!(eight.bytes_each(), Some(4 * gib / 7));
        assert_eq!(Threads::new(1, Some(8.0)).bytes_each(), None);
    }
}
