//! Customization of a machine. Without network or agent: the steps become a shell program, which cloud-init runs and
//! which tells on the serial console how it went. Where there is an agent of Systems Manager: each step becomes a command,
//! whose output and exit code tell it. No I/O here: text in, text out.
//!
//! The protocol of the console, version 1. User data holds a line `NONCE='<32 hex>'` and, for each step, one comment line
//! `#step {"name":…,"action":…,…}`, for scripts, files and `monitoring` followed by one here-document with the base64 of the content
//! (of its gzip, if the program decodes with `base64 -d | gzip -d`). User data may be gzip of the program. The
//! guest prints lines `::ami-operator:<nonce>:<payload>:<cksum>::`, where `<cksum>` is what POSIX `cksum` says of the
//! payload, and a payload is one of
//!
//! ```text
//! begin <number of steps>
//! step <name> started
//! step <name> succeeded <exit code> <seconds>
//! step <name> failed <exit code> <seconds>
//! log <base64 of one line of the failing step's output>     the last 20, of at most 200 bytes
//! cleaned <words>                                           what was removed at the end
//! verdict succeeded | verdict failed                        three times, then the machine powers off
//! ```
//!
//! A command has one such `#step` line, with the same here-document or, for PowerShell, a line `$content = '<base64>'`;
//! the last command's action is `cleanup`, which prints lines `cleaned <words>`.

mod cksum;
mod command;
mod contents;
mod gzip;
mod log;
mod program;
mod user_data;
mod verdict;
mod windows;

#[cfg(test)]
mod tests;

use crate::model::Nonce;
pub use command::{CLEANUP, COMMAND_LIMIT, Platform, StepCommand, commands, dead_man_user_data};
pub use contents::{Contents, sources};
pub use log::{log_text, tail};
pub use user_data::{TooLarge, USER_DATA_LIMIT, sizes, user_data};
pub use verdict::{cleaned, read_verdict};
pub use windows::unsupported_on_windows;
