//! Generates shell programs from steps.

mod section;

use kube::core::Duration;

use super::{Contents, Nonce, gzip::gzip};
use crate::api::image_build::{Cleanup, Customize, Step};
pub(super) use section::Header;
use section::{quoted, section};

/// Where cloud-init looks for the headers of a mail. Source: `convert_string` in its `user_data.py`.
const MAIL_HEAD: usize = 4096;

/// How the contents of scripts and files are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As base64.
    Plain,
    /// As base64 of gzip.
    Packed,
}

impl Encoding {
    /// The bytes before their base64.
    pub(super) fn pack(self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Plain => content.to_vec(),
            Self::Packed => gzip(content),
        }
    }
}

/// The program that carries out what `customize` says in a guest, reports under `nonce` and powers the machine off.
///
/// The same input gives the same text, because a launch that is repeated with its client token has to be the same launch.
///
/// Assumes that `contents` has what [`sources`](super::sources) asks for.
pub fn program(customize: &Customize, contents: &Contents, nonce: &Nonce, encoding: Encoding) -> String {
    let steps: Vec<&Step> = customize.steps.iter().collect();
    let standard = customize.cleanup == Cleanup::Standard;
    let reboots = steps.iter().any(|step| step.reboot.is_some());
    let mut program = pieces(&[
        Some(include_str!("guest.sh")),
        Some(include_str!("guest/common.sh")),
        Some(if reboots { include_str!("guest/reboot.sh") } else { include_str!("guest/first_boot.sh") }),
        Some(include_str!("guest/start.sh")),
    ]);
    program.push_str(&functions(&steps, standard, encoding));
    let mut program = filled(&program, nonce, customize.timeout, steps.len());
    program.extend(steps.iter().map(|step| section(step, contents, encoding)));
    if standard {
        program.push_str("\ncleanup");
    }
    program.push_str("\nfinish succeeded\n");
    unlike_mail(program)
}

/// The program that carries out one step, prints the end of its output and exits with its exit code. Run a second time,
/// even at the same time, it gives the same answer and does nothing.
///
/// Assumes that `contents` has what [`sources`](super::sources) asks for.
pub(super) fn step_program(
    step: &Step,
    timeout: Duration,
    contents: &Contents,
    nonce: &Nonce,
    encoding: Encoding,
) -> String {
    let mut program = pieces(&[
        Some(include_str!("guest/run_command.sh")),
        Some(include_str!("guest/common.sh")),
        step.reboot.is_some().then_some(include_str!("guest/run_command_reboot.sh")),
    ]);
    program.push_str(&functions(&[step], false, encoding));
    filled(&program, nonce, timeout, 1) + &section(step, contents, encoding)
}

/// The program that removes what those of the steps have left and, if `standard`, what no image may have. It prints a line
/// `cleaned …` for each kind of thing that it removed.
pub(super) fn cleanup_program(name: &str, standard: bool, timeout: Duration, nonce: &Nonce) -> String {
    let program = pieces(&[
        Some(include_str!("guest/run_command.sh")),
        Some(include_str!("guest/common.sh")),
        Some(include_str!("guest/run_command_cleanup.sh")),
        standard.then_some(include_str!("guest/cleanup.sh")),
    ]);
    let command = if standard { "tidy" } else { "forget" };
    let header = Header { name, action: "cleanup", ..Header::default() }.line();
    format!("{}\n{header}\nstep {} {command}\n", filled(&program, nonce, timeout, 0), quoted(name))
}

/// What the pieces leave open.
pub(super) fn filled(program: &str, nonce: &Nonce, timeout: Duration, steps: usize) -> String {
    program
        .replace("@NONCE@", &nonce.to_string())
        .replace("@TIMEOUT@", &seconds(timeout).to_string())
        .replace("@STEPS@", &steps.to_string())
}

/// cloud-init takes what says `MIME-Version:` in its first 4096 bytes, as a path or a value may, for a mail.
fn unlike_mail(program: String) -> String {
    let head: Vec<u8> = program.bytes().take(MAIL_HEAD).collect();
    if !String::from_utf8_lossy(&head).to_ascii_lowercase().contains("mime-version:") {
        return program;
    }
    program.replacen('\n', &format!("\n{}\n", "#".repeat(MAIL_HEAD)), 1)
}

fn pieces(pieces: &[Option<&str>]) -> String {
    let sent = pieces.iter().flatten().map(|piece| sent(piece));
    std::iter::once("#!/bin/sh\n".to_owned()).chain(sent).collect()
}

/// The functions that these steps need, and the programs of the actions among them.
fn functions(steps: &[&Step], cleanup: bool, encoding: Encoding) -> String {
    let any = |uses: fn(&Step) -> bool| steps.iter().any(|step| uses(step));
    let scripts = any(|step| step.script.is_some());
    let files = any(|step| step.file.is_some());
    let packages = any(|step| step.packages.is_some());
    let services = any(|step| step.services.is_some());
    let users = any(|step| step.user.is_some());
    let monitoring = any(|step| step.monitoring.is_some());
    let limited = any(|step| step.script.as_ref().is_some_and(|script| script.timeout.is_some()));
    let built_in = packages || services || users || monitoring;
    let unpack = match encoding {
        Encoding::Plain => include_str!("guest/plain.sh"),
        Encoding::Packed => include_str!("guest/packed.sh"),
    };
    let again = include_str!("guest/again.sh");
    let functions = [
        (scripts || files || monitoring, unpack),
        (scripts || built_in, include_str!("guest/supervise.sh")),
        (scripts, include_str!("guest/script.sh")),
        (limited, include_str!("guest/within.sh")),
        (files, include_str!("guest/file.sh")),
        (built_in, include_str!("guest/built_in.sh")),
        (monitoring, include_str!("guest/monitor.sh")),
        (cleanup, include_str!("guest/cleanup.sh")),
    ];
    let programs = [
        (packages, "PACKAGES", again, include_str!("guest/packages.sh")),
        (services, "SERVICES", "", include_str!("guest/services.sh")),
        (users, "ACCOUNT", "", include_str!("guest/user.sh")),
        (monitoring, "AGENT", again, include_str!("guest/agent.sh")),
    ];
    let functions = functions.iter().filter(|(needed, _)| *needed).map(|(_, piece)| sent(piece));
    let programs = programs.iter().filter(|(needed, ..)| *needed);
    let programs =
        programs.map(|(_, name, first, then)| format!("{name}={}\n", quoted(&(sent(first) + &sent(then)))));
    functions.chain(programs).collect()
}

/// What is sent of a file of the repository: not the comments for its readers.
pub(super) fn sent(piece: &str) -> String {
    let comment = |line: &str| line.starts_with("# ") || line == "#" || line == "#!/bin/sh";
    let lines = piece.lines().filter(|line| !comment(line.trim_start()) && !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Whole seconds, rounded up: a limit of half a second is no limit of none.
pub(super) fn seconds(duration: Duration) -> u64 {
    let duration = std::time::Duration::from(duration);
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
