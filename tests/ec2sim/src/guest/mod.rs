//! What runs inside of an instance.

mod cksum;
mod command;
mod interpreter;
mod script;

use std::time::Duration;

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
    /// `user_data` is decoded.
    fn boot(&self, user_data: &[u8], facts: &Facts) -> Course;
}
