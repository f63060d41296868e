//! What the kernel says of this process, under the names that every dashboard knows. Elsewhere than on Linux there is less.

use std::fs;

use chrono::{DateTime, Utc};

use super::page::{Page, number, seconds};

/// The unit of processor time in `/proc`: it is 100 a second for programs on every Linux, whatever the kernel's own is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Puts it on `page`.
pub(super) fn write(page: &mut Page, started: DateTime<Utc>) {
    page.process_gauge("start_time_seconds", "When the process started, in Unix time", seconds(started));
    if let Some(seconds) = read("stat").as_deref().and_then(cpu_seconds) {
        page.process_counter("cpu_seconds", "Processor time spent", seconds);
    }
    if let Some(kilobytes) = read("status").as_deref().and_then(|status| first_number(status, "VmRSS:")) {
        page.process_gauge("resident_memory_bytes", "Memory held", kilobytes * 1024.0);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        page.process_gauge("open_fds", "File descriptors that are open", number(open.count() as u64));
    }
    if let Some(most) = read("limits").as_deref().and_then(|limits| first_number(limits, "Max open files")) {
        page.process_gauge("max_fds", "The most file descriptors that may be open", most);
    }
}

fn read(name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/self/{name}")).ok()
}

/// The number behind `name` at the start of a line.
fn first_number(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

/// `proc_pid_stat(5)`: the name in parentheses may hold anything, so fields are counted from behind it.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    Some((ticks(14)? + ticks(15)?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_lines_are_read_whatever_the_process_is_called() {
        let line = "1 (a) b) S 2 3 4 5 6 7 8 9 10 11 250 50 0 0 20 0 3 0 99 1000 2 18446744073709551615 1";
        assert!((cpu_seconds(line).unwrap() - 3.0).abs() < 1e-9);
        assert!(cpu_seconds("1 (a").is_none());
        assert_eq!(first_number("VmHWM:\t 9 kB\nVmRSS:\t  2048 kB\n", "VmRSS:"), Some(2048.0));
        assert_eq!(first_number("Max open files            unlimited  x", "Max open files"), None);
    }
}
