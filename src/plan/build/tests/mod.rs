//! Decisions about a build: every stage, whatever is seen.

mod attempts;
mod cleanup;
mod commands;
mod content;
mod customize;
mod image;
mod launch;
mod lifecycle;
mod policy;
mod source;
