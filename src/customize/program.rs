//! Steps become one shell program.

use std::fmt::Write;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::general_purpose::{GeneralPurpose, PAD},
    prelude::BASE64_STANDARD,
};
use kube::core::Duration;
use serde::Serialize;

use super::{Nonce, gzip::gzip};
use crate::api::image_build::{
    Cleanup, Customize, EnvVar, File, Packages, Reboot, Script, Services, Step, User,
};

/// As MIME and `base64` wrap it, so that no tool meets a line that is too long for it.
const BASE64_LINE: usize = 76;

/// Where cloud-init looks for the headers of a mail. Source: `convert_string` in its `user_data.py`.
const MAIL_HEAD: usize = 4096;

/// Takes what the pattern of the API takes: the bits after the last byte need not be zero.
const LENIENT: GeneralPurpose = GeneralPurpose::new(&STANDARD, PAD.with_decode_allow_trailing_bits(true));

/// How the contents of scripts and files are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// As base64.
    Plain,
    /// As base64 of gzip.
    Packed,
}

/// The program that carries out what `customize` says in a guest, reports under `nonce` and powers the machine off.
///
/// The same input gives the same text, because a launch that is repeated with its client token has to be the same launch.
pub fn program(customize: &Customize, nonce: &Nonce, contents: Contents) -> String {
    let mut program = prologue(customize, contents)
        .replace("@NONCE@", &nonce.to_string())
        .replace("@TIMEOUT@", &seconds(customize.timeout).to_string())
        .replace("@STEPS@", &customize.steps.len().to_string());
    for step in &customize.steps {
        program.extend(sections(step, contents));
    }
    if customize.cleanup == Cleanup::Standard {
        program.push_str("\ncleanup");
    }
    program.push_str("\nfinish succeeded\n");
    unlike_mail(program)
}

/// cloud-init takes what says `MIME-Version:` in its first 4096 bytes, as a path or a value may, for a mail.
fn unlike_mail(program: String) -> String {
    let head: Vec<u8> = program.bytes().take(MAIL_HEAD).collect();
    if !String::from_utf8_lossy(&head).to_ascii_lowercase().contains("mime-version:") {
        return program;
    }
    program.replacen('\n', &format!("\n{}\n", "#".repeat(MAIL_HEAD)), 1)
}

/// The functions that these steps need, and the start.
fn prologue(customize: &Customize, contents: Contents) -> String {
    let any = |uses: fn(&Step) -> bool| customize.steps.iter().any(uses);
    let mut program = "#!/bin/sh\n".to_owned() + &sent(include_str!("guest.sh"));
    let mut add = |needed: bool, piece: &str| {
        if needed {
            program.push_str(&sent(piece));
        }
    };
    add(contents == Contents::Packed, include_str!("guest/packed.sh"));
    add(any(|step| step.reboot.is_some()), include_str!("guest/reboot.sh"));
    add(true, include_str!("guest/start.sh"));
    add(
        any(|step| step.script.as_ref().is_some_and(|s| s.timeout.is_some())),
        include_str!("guest/within.sh"),
    );
    let built_in = |step: &Step| step.packages.is_some() || step.services.is_some() || step.user.is_some();
    add(any(built_in), include_str!("guest/built_in.sh"));
    add(customize.cleanup == Cleanup::Standard, include_str!("guest/cleanup.sh"));
    let mut define = |needed: bool, name: &str, piece: &str| {
        if needed {
            writeln!(program, "{name}={}", quoted(&sent(piece))).expect("a String takes everything");
        }
    };
    define(any(|step| step.packages.is_some()), "PACKAGES", include_str!("guest/packages.sh"));
    define(any(|step| step.services.is_some()), "SERVICES", include_str!("guest/services.sh"));
    define(any(|step| step.user.is_some()), "ACCOUNT", include_str!("guest/user.sh"));
    program
}

/// What is sent of a file of the repository: not the comments for its readers.
fn sent(piece: &str) -> String {
    let comment = |line: &str| line.starts_with("# ") || line == "#!/bin/sh";
    let lines = piece.lines().filter(|line| !comment(line.trim_start()) && !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// What the `#step` line says, in this order.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    name: &'a str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_seconds: Option<u64>,
}

/// The API makes sure that there is exactly one.
fn sections(step: &Step, contents: Contents) -> impl Iterator<Item = String> {
    let Step { name, script, file, packages, services, user, reboot } = step;
    let found = [
        script.as_ref().map(|script| script_section(name, script, contents)),
        file.as_ref().map(|file| file_section(name, file, contents)),
        packages.as_ref().map(|packages| packages_section(name, packages)),
        services.as_ref().map(|services| services_section(name, services)),
        user.as_ref().map(|user| user_section(name, user)),
        reboot.map(|Reboot {}| {
            section(&Header { name, action: "reboot", ..Header::default() }, "restart", None)
        }),
    ];
    found.into_iter().flatten()
}

/// A program with a `#!` line names its interpreter to the kernel.
fn script_section(name: &str, script: &Script, contents: Contents) -> String {
    let Script { inline, interpreter, env, working_directory, timeout } = script;
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
        None if inline.starts_with("#!") => {}
        None => command.push_str(" /bin/sh"),
    }
    let header = Header { name, action: "script", timeout_seconds, ..Header::default() };
    section(&header, &command, Some(&contents.encode(inline.as_bytes())))
}

fn environment(env: &[EnvVar]) -> String {
    let words = env.iter().map(|EnvVar { name, value }| quoted(&format!("{name}={value}")));
    if env.is_empty() { String::new() } else { format!(" env {}", words.collect::<Vec<_>>().join(" ")) }
}

fn file_section(name: &str, file: &File, contents: Contents) -> String {
    let File { path, mode, owner, content, binary_data } = file;
    let header = Header {
        name,
        action: "file",
        path: Some(path),
        mode: Some(mode),
        owner: Some(owner),
        ..Header::default()
    };
    let command = format!("write {} {} {}", quoted(path), quoted(mode), quoted(owner));
    let bytes = match binary_data {
        Some(data) => bytes(data),
        None => content.clone().unwrap_or_default().into_bytes(),
    };
    section(&header, &command, Some(&contents.encode(&bytes)))
}

fn bytes(base64: &str) -> Vec<u8> {
    let digits: String = base64.chars().filter(char::is_ascii_graphic).collect();
    LENIENT.decode(digits).expect("the API takes nothing but base64")
}

impl Contents {
    fn encode(self, content: &[u8]) -> String {
        match self {
            Self::Plain => BASE64_STANDARD.encode(content),
            Self::Packed => BASE64_STANDARD.encode(gzip(content)),
        }
    }
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

fn built_in(name: &str, action: &'static str, program: &str, words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let header = Header { name, action, ..Header::default() };
    section(&header, &format!("built_in \"${program}\" {}", words.join(" ")), None)
}

/// `content` is base64.
fn section(header: &Header<'_>, command: &str, content: Option<&str>) -> String {
    let json = serde_json::to_string(header).expect("strings are valid JSON");
    let name = quoted(header.name);
    let document = content.map(|content| format!(" <<'CONTENT'\n{}CONTENT", wrapped(content)));
    format!("\n#step {json}\nstep {name} {command}{}\n", document.unwrap_or_default())
}

/// Whole seconds, rounded up: a limit of half a second is no limit of none.
fn seconds(duration: Duration) -> u64 {
    let duration = std::time::Duration::from(duration);
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// One word for the shell, whatever it contains.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn wrapped(base64: &str) -> String {
    let mut rest = base64;
    let mut wrapped = String::new();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(BASE64_LINE));
        writeln!(wrapped, "{line}").expect("a String takes everything");
        rest = after;
    }
    wrapped
}

#[cfg(test)]
mod tests;
