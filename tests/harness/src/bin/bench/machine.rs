//! Where and when it was measured.

use std::process::Command;

use anyhow::Result;

/// One line: date, processor, cores, memory.
pub fn describe() -> Result<String> {
    let date = String::from_utf8(Command::new("date").args(["-u", "+%F"]).output()?.stdout)?;
    let processors = std::fs::read_to_string("/proc/cpuinfo")?;
    let model =
        processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or("? kB");
    let cores = std::thread::available_parallelism()?;
    let model = model.trim_start_matches([':', ' ', '\t']);
    Ok(format!("{}, {model}, {cores} cores, {} of memory", date.trim(), total.trim()))
}
