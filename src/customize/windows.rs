//! Steps become PowerShell programs, for machines with Windows. Whatever a user writes is base64 in them.

use base64::{Engine, prelude::BASE64_STANDARD};
use kube::core::Duration;

use super::{
    Contents, Nonce,
    program::{Header, filled, seconds, sent},
};
use crate::api::image_build::{Customize, EnvVar, File, Script, Step};

/// What the API fills in where the user gives none: all that means anything on Windows.
const DEFAULT_MODE: &str = "0644";
const DEFAULT_OWNER: &str = "root:root";

/// The first step that is not supported on Windows, and why, as in `step motd: mode has no effect on Windows`.
pub fn unsupported_on_windows(customize: &Customize) -> Option<String> {
    customize.steps.iter().find_map(|step| Some(format!("step {}: {}", step.name, unsupported(step)?)))
}

fn unsupported(step: &Step) -> Option<String> {
    let Step { name: _, script, file, packages, services, user, reboot: _, monitoring } = step;
    let absent = [
        (packages.is_some(), "packages"),
        (services.is_some(), "services"),
        (user.is_some(), "user"),
        (monitoring.is_some(), "monitoring"),
    ];
    let absent = absent.iter().find(|(asked, _)| *asked);
    let absent = absent.map(|(_, action)| format!("{action} is not supported on Windows: use a script"));
    absent
        .or_else(|| script.as_ref().and_then(unsupported_script))
        .or_else(|| file.as_ref().and_then(unsupported_file))
}

fn unsupported_script(script: &Script) -> Option<String> {
    let first = script.inline.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
    let named = script.interpreter.as_deref().or_else(|| first.strip_prefix("#!"));
    let interpreter = named.filter(|interpreter| *interpreter != "powershell")?;
    Some(format!("interpreter {interpreter} is not supported on Windows: use powershell, or leave it out"))
}

fn unsupported_file(file: &File) -> Option<String> {
    let given = [("mode", &file.mode, DEFAULT_MODE), ("owner", &file.owner, DEFAULT_OWNER)];
    let other = given.iter().find(|(_, given, default)| given.as_str() != *default);
    other.map(|(field, ..)| format!("{field} has no effect on Windows: leave it out"))
}

/// The program that carries out one step, prints the end of its output and exits with its exit code. Run a second time,
/// even at the same time, it gives the same answer and does nothing.
///
/// Assumes that [`unsupported_on_windows`] has nothing to say, and that `contents` has what
/// [`sources`](super::sources) asks for.
pub(super) fn step_program(step: &Step, timeout: Duration, contents: &Contents, nonce: &Nonce) -> String {
    let timeout = step.script.as_ref().and_then(|script| script.timeout).unwrap_or(timeout);
    let (head, body) = match (&step.script, &step.file) {
        (Some(script), _) => {
            (include_str!("guest/windows/once.ps1"), script_body(&step.name, script, contents))
        }
        (None, Some(file)) => (include_str!("guest/windows/once.ps1"), file_body(&step.name, file, contents)),
        (None, None) => (include_str!("guest/windows/reboot.ps1"), reboot_body(&step.name)),
    };
    let head = filled(&sent(head), nonce, timeout, 1).replace("@STEP@", &step.name);
    format!("{head}\n{body}")
}

fn script_body(name: &str, script: &Script, contents: &Contents) -> String {
    let Script { inline: _, from: _, interpreter: _, env, working_directory, timeout } = script;
    let timeout_seconds = timeout.map(seconds);
    let header = Header { name, action: "script", timeout_seconds, ..Header::default() };
    let variables = env.iter().map(|EnvVar { name, value }| {
        format!("[Environment]::SetEnvironmentVariable('{name}', {})\n", text(value))
    });
    let directory = working_directory.as_deref().map_or_else(|| r#""$env:SystemDrive\""#.to_owned(), text);
    let content = content(contents.script(name, script));
    let variables: String = variables.collect();
    let body = sent(include_str!("guest/windows/script.ps1"));
    format!("{}\n{content}$directory = {directory}\n{variables}{body}", header.line())
}

fn file_body(name: &str, file: &File, contents: &Contents) -> String {
    let header = Header { name, action: "file", path: Some(&file.path), ..Header::default() };
    let (path, content) = (text(&file.path), content(&contents.file(name, file)));
    let body = sent(include_str!("guest/windows/file.ps1"));
    format!("{}\n{content}$path = {path}\n{body}", header.line())
}

fn reboot_body(name: &str) -> String {
    let header = Header { name, action: "reboot", ..Header::default() };
    format!("{}\n{}", header.line(), sent(include_str!("guest/windows/restart.ps1")))
}

/// The program that removes what those of the steps have left and, if `standard`, what no image may have. It prints a line
/// `cleaned …` for each kind of thing that it removed.
pub(super) fn cleanup_program(name: &str, standard: bool, timeout: Duration, nonce: &Nonce) -> String {
    let header = Header { name, action: "cleanup", ..Header::default() };
    let head = filled(&sent(include_str!("guest/windows/forget.ps1")), nonce, timeout, 0);
    let body = if standard { sent(include_str!("guest/windows/cleanup.ps1")) } else { String::new() };
    format!("{head}\n{}\n{body}exit 0\n", header.line())
}

fn content(bytes: &[u8]) -> String {
    format!("$content = '{}'\n", BASE64_STANDARD.encode(bytes))
}

/// An expression that gives this text.
fn text(text: &str) -> String {
    format!("(Get-Text '{}')", BASE64_STANDARD.encode(text))
}
