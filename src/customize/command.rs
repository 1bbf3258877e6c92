//! The steps as commands of Systems Manager Run Command, which the agent in the guest executes one by one.

use super::{
    Contents, Nonce, TooLarge,
    program::{self, Encoding, seconds},
    windows,
};
use crate::{
    api::image_build::{Cleanup, Customize, Step},
    model::Document,
};

/// The size limit of a command, in bytes of its text.
///
/// Source: Systems Manager API reference, `MaxDocumentSizeExceeded`: "The size limit of a document is 64 KB". The command
/// is a parameter of a document; AWS states no limit of its own for it.
pub const COMMAND_LIMIT: usize = 64 * 1024;

/// The name of the last command; no step may have capitals in its name.
pub const CLEANUP: &str = "Cleanup";

/// The operating system of the builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    Linux,
    Windows,
}

/// One command. It may be sent any number of times: the guest does the work once and gives the same answer each time.
///
/// Its output is the end of the step's (see [`tail`](super::tail)), its exit code the step's; 124 when the time was up.
/// A `reboot` ends with 194, on Windows 3010, which makes the agent restart the machine and run the command again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepCommand {
    /// The step's name, or [`CLEANUP`].
    pub step: String,
    pub document: Document,
    /// The parameter `commands` of the document.
    pub lines: Vec<String>,
    /// Time for this step, where it has one of its own. The guest keeps to it by itself, and to `customize.timeout`; the
    /// document's `executionTimeout` has to leave it the seconds to say so.
    pub timeout_seconds: Option<u64>,
}

/// One command for each step, in this order, and one that removes what the others have left on the machine; if
/// `cleanup` is `Standard`, it removes what no image may have, too, and prints what that was
/// (see [`cleaned`](super::cleaned)).
///
/// Assumes that `contents` has what [`sources`](super::sources) asks for, and for Windows that
/// [`unsupported_on_windows`](super::unsupported_on_windows) has nothing to say.
///
/// On failure: a step is larger than a command may be.
pub fn commands(
    customize: &Customize,
    contents: &Contents,
    nonce: &Nonce,
    platform: Platform,
) -> Result<Vec<StepCommand>, TooLarge> {
    let steps = customize.steps.iter().map(|step| {
        let text = match platform {
            Platform::Linux => shell_program(step, customize, contents, nonce),
            Platform::Windows => windows::step_program(step, customize.timeout, contents, nonce),
        };
        let timeout = step.script.as_ref().and_then(|script| script.timeout);
        command(&step.name, platform, &text, timeout.map(seconds))
    });
    let standard = customize.cleanup == Cleanup::Standard;
    let last = match platform {
        Platform::Linux => program::cleanup_program(CLEANUP, standard, customize.timeout, nonce),
        Platform::Windows => windows::cleanup_program(CLEANUP, standard, customize.timeout, nonce),
    };
    steps.chain(std::iter::once_with(|| command(CLEANUP, platform, &last, None))).collect()
}

/// As text that can be read, if that fits.
fn shell_program(step: &Step, customize: &Customize, contents: &Contents, nonce: &Nonce) -> String {
    let with = |encoding| program::step_program(step, customize.timeout, contents, nonce, encoding);
    let plain = with(Encoding::Plain);
    if plain.len() > COMMAND_LIMIT { with(Encoding::Packed) } else { plain }
}

fn command(
    step: &str,
    platform: Platform,
    text: &str,
    timeout_seconds: Option<u64>,
) -> Result<StepCommand, TooLarge> {
    let (step, bytes, limit) = (step.to_owned(), text.len(), COMMAND_LIMIT);
    if bytes > limit {
        return Err(TooLarge::Command { step, bytes, limit });
    }
    let document = match platform {
        Platform::Linux => Document::Shell,
        Platform::Windows => Document::PowerShell,
    };
    // Not `lines`, which would take the carriage return of a value for the end of a line.
    let lines = text.trim_end_matches('\n').split('\n').map(str::to_owned).collect();
    Ok(StepCommand { step, document, lines, timeout_seconds })
}

/// User data that powers a machine off `seconds` after its boot, if nobody else has: for one that does not run its steps
/// from user data, and whose operator may be gone.
///
/// On Linux it is a boot hook of cloud-init: it runs with every boot, and the time begins anew with each. Windows runs
/// user data with the first boot only.
pub fn dead_man_user_data(platform: Platform, seconds: u64) -> Vec<u8> {
    let text = match platform {
        Platform::Linux => include_str!("guest/dead_man.sh"),
        Platform::Windows => "<powershell>shutdown /s /t @SECONDS@</powershell>\n",
    };
    text.replace("@SECONDS@", &seconds.to_string()).into_bytes()
}
