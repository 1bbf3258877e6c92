//! The generated programs and commands in real shells.

mod actions;
mod command;
mod guest;
pub(super) mod machine;
mod monitoring;
mod packages;
mod restart;

use super::{
    CLEANUP, COMMAND_LIMIT, Contents, Platform, StepCommand, TooLarge, cleaned, commands, dead_man_user_data,
    program, read_verdict, unsupported_on_windows,
};
use crate::model::{Document, GuestOutcome as Outcome, Nonce, StepReport, Verdict};
