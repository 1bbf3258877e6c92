//! The part of a program that is one step: a line that says what it is, the command and the content.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;

use super::{Encoding, seconds};
use crate::{
    api::image_build::{EnvVar, File, Monitoring, Packages, Reboot, Script, Services, Step, User},
    customize::Contents,
};

/// As MIME and `base64` wrap it, so that no tool meets a line that is too long for it.
const BASE64_LINE: usize = 76;

/// What the `#step` line says, in this order.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Header<'a> {
    pub name: &'a str,
    pub action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}

impl Header<'_> {
    /// A comment for a shell and for PowerShell, without what Run Command would fill in (`{{ssm:name}}`).
    pub(in super::super) fn line(&self) -> String {
        let json = serde_json::to_string(self).expect("strings are valid JSON");
        format!("#step {}", json.replace("{{", r"{\u007b"))
    }
}

/// The API makes sure that there is exactly one action.
pub(super) fn section(step: &Step, contents: &Contents, encoding: Encoding) -> String {
    let Step { name, script, file, packages, services, user, reboot, monitoring } = step;
    let found = [
        script.as_ref().map(|script| script_section(name, script, contents, encoding)),
        file.as_ref().map(|file| file_section(name, file, contents, encoding)),
        packages.as_ref().map(|packages| packages_section(name, packages)),
        services.as_ref().map(|services| services_section(name, services)),
        user.as_ref().map(|user| user_section(name, user)),
        reboot.map(|Reboot {}| written(&header(name, "reboot"), "restart", None)),
        monitoring.as_ref().map(|monitoring| monitoring_section(name, monitoring, contents, encoding)),
    ];
    found.into_iter().flatten().collect()
}

fn header<'a>(name: &'a str, action: &'static str) -> Header<'a> {
    Header { name, action, ..Header::default() }
}

/// A program with a `#!` line names its interpreter to the kernel.
fn script_section(name: &str, script: &Script, contents: &Contents, encoding: Encoding) -> String {
    let Script { inline: _, from: _, interpreter, env, working_directory, timeout } = script;
    let content = contents.script(name, script);
    let timeout_seconds = timeout.map(seconds);
    let mut command = String::new();
    if let Some(limit) = timeout_seconds {
        write!(command, "within {limit} ").expect("a String takes everything");
    }
    command.push_str("run");
    if let Some(directory) = working_directory {
        write!(command, " sh -c 'cd \"$0\" && exec \"$@\"' {}", quoted(directory))
            .expect("a String takes everything");
    }
    command.push_str(&environment(env));
    match interpreter {
        Some(interpreter) => command.extend([" ", interpreter]),
        None if content.starts_with(b"#!") => {}
        None => command.push_str(" /bin/sh"),
    }
    let header = Header { timeout_seconds, ..header(name, "script") };
    written(&header, &command, Some(&encoding.pack(content)))
}

fn environment(env: &[EnvVar]) -> String {
    let words = env.iter().map(|EnvVar { name, value }| quoted(&format!("{name}={value}")));
    if env.is_empty() { String::new() } else { format!(" env {}", words.collect::<Vec<_>>().join(" ")) }
}

fn file_section(name: &str, file: &File, contents: &Contents, encoding: Encoding) -> String {
    let File { path, mode, owner, content: _, binary_data: _, content_from: _ } = file;
    let header = Header { path: Some(path), mode: Some(mode), owner: Some(owner), ..header(name, "file") };
    let command = format!("write {} {} {}", quoted(path), quoted(mode), quoted(owner));
    written(&header, &command, Some(&encoding.pack(&contents.file(name, file))))
}

fn packages_section(name: &str, packages: &Packages) -> String {
    let Packages { install, remove, upgrade } = packages;
    built_in(name, "packages", "PACKAGES", &[upgrade.as_str(), &install.join(" "), &remove.join(" ")])
}

fn services_section(name: &str, services: &Services) -> String {
    let Services { enable, disable, mask } = services;
    built_in(name, "services", "SERVICES", &[&enable.join(" "), &disable.join(" "), &mask.join(" ")])
}

fn user_section(name: &str, user: &User) -> String {
    let User { name: user, system, groups, shell } = user;
    let system = if *system { "system" } else { "" };
    let shell = shell.as_deref().unwrap_or_default();
    built_in(name, "user", "ACCOUNT", &[user, system, &groups.join(" "), shell])
}

fn monitoring_section(
    name: &str,
    monitoring: &Monitoring,
    contents: &Contents,
    encoding: Encoding,
) -> String {
    let Monitoring { cloud_watch_agent } = monitoring;
    let config = contents.agent(name, cloud_watch_agent);
    written(&header(name, "monitoring"), "monitor", Some(&encoding.pack(config)))
}

fn built_in(name: &str, action: &'static str, program: &str, words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    written(&header(name, action), &format!("built_in \"${program}\" {}", words.join(" ")), None)
}

fn written(header: &Header<'_>, command: &str, content: Option<&[u8]>) -> String {
    let (line, name) = (header.line(), quoted(header.name));
    let document = content.map(|bytes| format!(" <<'CONTENT'\n{}CONTENT", wrapped(bytes)));
    format!("\n{line}\nstep {name} {command}{}\n", document.unwrap_or_default())
}

/// One word for the shell, whatever it contains. Run Command would fill in what stands in two braces.
pub(super) fn quoted(word: &str) -> String {
    let word = word.replace('\'', r"'\''");
    // Twice: of three braces, two are left after the first time.
    format!("'{}'", word.replace("{{", "{''{").replace("{{", "{''{"))
}

fn wrapped(content: &[u8]) -> String {
    let base64 = BASE64_STANDARD.encode(content);
    let mut rest = base64.as_str();
    let mut wrapped = String::new();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(BASE64_LINE));
        writeln!(wrapped, "{line}").expect("a String takes everything");
        rest = after;
    }
    wrapped
}
