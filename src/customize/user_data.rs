//! Steps become one shell program.

use std::{fmt::Write, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;

use super::Nonce;
use crate::api::image_build::{File, Script, Step};

/// What EC2 takes, in bytes before the base64 of the request.
///
/// Source: EC2 user guide, "Run commands when you launch an EC2 instance with user data input".
pub const USER_DATA_LIMIT: usize = 16 * 1024;

const PROGRAM: &str = include_str!("guest.sh");

/// As MIME and `base64` wrap it, so that no tool meets a line that is too long for it.
const BASE64_LINE: usize = 76;

/// The steps do not fit into user data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the steps make {bytes} bytes of user data and EC2 takes {limit}: shorten them, or let a script fetch what is large"
)]
pub struct TooLarge {
    /// Size of the program, before base64.
    pub bytes: usize,
    /// What EC2 takes.
    pub limit: usize,
}

/// The program that carries out `steps` in a guest within `timeout`, reports under `nonce` and powers the machine off.
///
/// Plain text: EC2's API wants its base64. The same input gives the same bytes, because a launch that is repeated with
/// its client token has to be the same launch.
pub fn user_data(steps: &[Step], nonce: &Nonce, timeout: Duration) -> Result<String, TooLarge> {
    let mut program = prologue(steps.len(), nonce, timeout);
    for Step { name, script, file } in steps {
        if let Some(Script { inline }) = script {
            program.push_str(&script_section(name, inline));
        }
        if let Some(file) = file {
            program.push_str(&file_section(name, file));
        }
    }
    program.push_str("\nfinish succeeded\n");
    let (bytes, limit) = (program.len(), USER_DATA_LIMIT);
    if bytes > limit { Err(TooLarge { bytes, limit }) } else { Ok(program) }
}

/// The fixed part, without the comments that are for readers of the repository.
fn prologue(steps: usize, nonce: &Nonce, timeout: Duration) -> String {
    let sent = PROGRAM.lines().filter(|line| !line.trim_start().starts_with("# "));
    let program: String = sent.flat_map(|line| [line, "\n"]).collect();
    program
        .replace("@NONCE@", &nonce.to_string())
        .replace("@TIMEOUT@", &timeout.as_secs().to_string())
        .replace("@STEPS@", &steps.to_string())
}

/// What the `#step` line says, in this order.
#[derive(Serialize)]
struct Header<'a> {
    name: &'a str,
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
}

/// A program with a `#!` line names its interpreter to the kernel.
fn script_section(name: &str, inline: &str) -> String {
    let header = Header { name, action: "script", path: None, mode: None, owner: None };
    let command = if inline.starts_with("#!") { "run" } else { "run /bin/sh" };
    section(&header, command, inline)
}

fn file_section(name: &str, file: &File) -> String {
    let File { path, mode, owner, content } = file;
    let header = Header { name, action: "file", path: Some(path), mode: Some(mode), owner: Some(owner) };
    let command = format!("write {} {} {}", quoted(path), quoted(mode), quoted(owner));
    section(&header, &command, content)
}

fn section(header: &Header<'_>, command: &str, content: &str) -> String {
    let json = serde_json::to_string(header).expect("strings are valid JSON");
    let name = quoted(header.name);
    format!("\n#step {json}\nstep {name} {command} <<'CONTENT'\n{}CONTENT\n", wrapped_base64(content))
}

/// One word for the shell, whatever it contains.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn wrapped_base64(content: &str) -> String {
    let encoded = BASE64_STANDARD.encode(content);
    let mut rest = encoded.as_str();
    let mut wrapped = String::new();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(BASE64_LINE));
        writeln!(wrapped, "{line}").expect("a String takes everything");
        rest = after;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        customize::machine::{file, nonce, script},
        model::ClientToken,
    };

    const TIMEOUT: Duration = Duration::from_mins(30);

    fn steps() -> [Step; 2] {
        [script("harden", "echo hello\n"), file("motd", "/etc/motd", "golden image\n")]
    }

    #[test]
    fn the_wrapper_leaves_three_quarters_of_the_space() {
        let program = user_data(&[], &nonce(), TIMEOUT).unwrap();
        assert!(program.len() <= 4096, "{} bytes", program.len());
    }

    #[test]
    fn the_same_input_gives_the_same_bytes() {
        assert_eq!(user_data(&steps(), &nonce(), TIMEOUT), user_data(&steps(), &nonce(), TIMEOUT));
    }

    #[test]
    fn another_attempt_has_other_bytes() {
        let other = Nonce::for_token(&ClientToken("another".to_owned()));
        assert_ne!(user_data(&steps(), &nonce(), TIMEOUT), user_data(&steps(), &other, TIMEOUT));
    }

    #[test]
    fn nonce_and_timeout_stand_on_lines_of_their_own() {
        let program = user_data(&steps(), &nonce(), TIMEOUT).unwrap();
        let lines: Vec<&str> = program.lines().collect();
        assert!(lines.contains(&format!("NONCE='{}'", nonce()).as_str()));
        assert!(lines.contains(&"TIMEOUT=1800"));
        assert!(!["@NONCE@", "@TIMEOUT@", "@STEPS@"].iter().any(|left| program.contains(left)), "{program}");
    }

    #[test]
    fn a_step_is_announced_and_carries_its_content_as_base64() {
        let program = user_data(&steps(), &nonce(), TIMEOUT).unwrap();
        let expected = concat!(
            "#step {\"name\":\"harden\",\"action\":\"script\"}\n",
            "step 'harden' run /bin/sh <<'CONTENT'\n",
            "ZWNobyBoZWxsbwo=\n",
            "CONTENT\n",
            "\n",
            "#step {\"name\":\"motd\",\"action\":\"file\",\"path\":\"/etc/motd\",\"mode\":\"0640\",\"owner\":\"root:root\"}\n",
            "step 'motd' write '/etc/motd' '0640' 'root:root' <<'CONTENT'\n",
            "Z29sZGVuIGltYWdlCg==\n",
            "CONTENT\n",
            "\n",
            "finish succeeded\n",
        );
        assert!(program.ends_with(expected), "{program}");
    }

    #[test]
    fn a_script_with_an_interpreter_line_is_run_as_it_is() {
        let program = user_data(&[script("py", "#!/usr/bin/python3\n")], &nonce(), TIMEOUT).unwrap();
        assert!(program.contains("\nstep 'py' run <<'CONTENT'\n"), "{program}");
    }

    #[test]
    fn long_content_is_wrapped() {
        let program = user_data(&[script("long", &"x".repeat(1000))], &nonce(), TIMEOUT).unwrap();
        let content = program.lines().skip_while(|line| !line.ends_with("<<'CONTENT'")).skip(1);
        let lengths: Vec<usize> = content.take_while(|line| *line != "CONTENT").map(str::len).collect();
        assert_eq!(lengths, [vec![76; 17], vec![44]].concat());
    }

    #[test]
    fn what_does_not_fit_is_refused_with_size_and_limit() {
        let refused = user_data(&[script("big", &"x".repeat(16_384))], &nonce(), TIMEOUT).unwrap_err();
        assert!(refused.bytes > 16_384 * 4 / 3);
        let expected = format!(
            "the steps make {} bytes of user data and EC2 takes 16384: shorten them, or let a script fetch what is large",
            refused.bytes
        );
        assert_eq!(refused.to_string(), expected);
    }

    #[test]
    fn user_data_may_be_exactly_as_long_as_the_limit() {
        let with_path = |path: &str| user_data(&[file("full", path, "")], &nonce(), TIMEOUT);
        // A letter of the path makes two bytes, a quotation mark five.
        let spare = |path: &&str| USER_DATA_LIMIT - with_path(path).unwrap().len();
        let start = ["/p", "/'"].into_iter().find(|path| spare(path) % 2 == 0).unwrap();
        let full = format!("{start}{}", "p".repeat(spare(&start) / 2));
        assert_eq!(with_path(&full).unwrap().len(), USER_DATA_LIMIT);
        assert_eq!(with_path(&format!("{full}p")).unwrap_err().bytes, USER_DATA_LIMIT + 2);
    }
}
