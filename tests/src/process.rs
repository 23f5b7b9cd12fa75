//! Process information from `/proc`.

use std::{
    fs, io,
    time::{Duration, Instant},
};

/// The CPU time of all threads of a process, in nanoseconds.
///
/// # Errors
/// When the process has ended.
pub fn cpu_nanos(process: u32) -> io::Result<u64> {
    let mut total = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        total += first_number(&fs::read_to_string(thread?.path().join("schedstat"))?);
    }
    Ok(total)
}

/// The CPU time of the calling thread, in nanoseconds.
///
/// # Errors
/// When the process has ended.
pub fn own_cpu_nanos() -> io::Result<u64> {
    fs::read_to_string("/proc/thread-self/schedstat").map(|text| first_number(&text))
}

/// The peak resident memory of a process, in MB.
///
/// # Errors
/// When the process has ended.
pub fn peak_megabytes(process: u32) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map_or(0, first_number);
    Ok(f64::from(u32::try_from(peak).unwrap_or(u32::MAX)) / 1024.0)
}

fn first_number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The running child processes of a process.
pub fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// Whether a process runs. A zombie does not.
pub fn is_running(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit(')').next().map(|rest| !rest.trim_start().starts_with('Z')))
        .unwrap_or(false)
}

/// Waits until all processes have ended.
///
/// # Panics
/// When a process still runs after 20 s.
pub async fn wait_for_end(processes: &[u32]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while processes.iter().any(|process| is_running(*process)) {
        assert!(Instant::now() < deadline, "a process of {processes:?} still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
