//! Customisation of a machine without network or agent: the steps become a shell program, which cloud-init runs and
//! which tells on the serial console how it went. No I/O here: text in, text out.
//!
//! The protocol, version 1. User data holds a line `NONCE='<32 hex>'` and, for each step, one comment line
//! `#step {"name":…,"action":…,…}`, for scripts and files followed by one here-document with the base64 of the content
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

mod cksum;
mod gzip;
mod nonce;
mod program;
mod user_data;
mod verdict;

#[cfg(test)]
mod actions_tests;
#[cfg(test)]
mod guest_tests;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod packages_tests;
#[cfg(test)]
mod restart_tests;

pub use nonce::Nonce;
pub use user_data::{TooLarge, USER_DATA_LIMIT, user_data};
pub use verdict::{Outcome, StepReport, Verdict, read_verdict};
