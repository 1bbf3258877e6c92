//! What runs inside of an instance.

mod cksum;
mod command;
mod interpreter;
mod script;

use std::time::Duration;

use crate::core::records::Disk;

pub use self::{
    cksum::cksum,
    command::run_command,
    interpreter::Interpreter,
    script::{Run, Shell},
};

/// What a guest knows about its machine.
#[derive(Clone, Debug)]
pub struct Facts {
    pub instance_id: String,
    pub image_id: String,
    pub instance_type: String,
    /// 1 at launch, one more at each start: user data scripts run once per instance.
    pub boot: u32,
    /// What is on the root volume, if a machine could have it.
    pub disk: Option<Disk>,
}

/// The course of one boot, told in advance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Console lines, each with its time since the machine runs, in the order of time.
    pub lines: Vec<(Duration, String)>,
    /// When the machine powers itself off; `None` keeps it running.
    pub power_off: Option<Duration>,
}

/// A guest system: a function of the user data and the machine's facts.
pub trait Guest: Send + Sync {
    /// `user_data` is decoded. `None` leaves the boot to a real machine, whose course nobody can tell in advance.
    fn boot(&self, user_data: &[u8], facts: &Facts) -> Option<Course>;
}

/// Real machines for the disks that they have, the interpreter for the others.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachinesWhereThereAreDisks;

impl Guest for MachinesWhereThereAreDisks {
    fn boot(&self, user_data: &[u8], facts: &Facts) -> Option<Course> {
        if facts.disk.is_some() { None } else { Interpreter.boot(user_data, facts) }
    }
}
