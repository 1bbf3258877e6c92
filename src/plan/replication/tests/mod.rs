//! Decisions about a replication: each region by itself, and all together.

mod at_source;
mod copy_tags;
mod former;
mod keep;
mod leave;
mod lifecycle;
mod moved;
mod publish;
mod sharing;
mod whole;
