//! What a guest's console says about the customization.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    cksum::cksum,
    log::{LOG_LINES, printable},
};
use crate::{
    api::image_build::MAX_STEPS,
    model::{GuestOutcome as Outcome, Nonce, StepReport, StepResult, Verdict},
};

/// The longest payload is a log line: 200 bytes as base64, with room.
const PAYLOAD_BYTES: usize = 400;
/// The kinds of things that a cleanup removes, and the characters of each name, with room.
const CLEANED: usize = 16;
const CLEANED_CHARS: usize = 40;

/// Reads the console of the guest that was started with `nonce`.
///
/// The console is anything: cut off at its head, mixed with the kernel's messages, said twice by two consoles, or made
/// by somebody who knows this protocol. Only lines with this nonce and a true checksum are read; what contradicts
/// itself has failed.
pub fn read_verdict(console: &str, nonce: &Nonce) -> Verdict {
    // Without the colons in front: after a line that was cut behind the nonce, they would be taken for its end.
    let prefix = format!("ami-operator:{nonce}:");
    let mut reader = Reader::default();
    for line in console.split(prefix.as_str()).skip(1).filter_map(payload).filter_map(Line::parse) {
        reader.take(line);
    }
    reader.verdict()
}

/// The payload at the start of `text`, if its checksum follows and is right.
fn payload(text: &str) -> Option<&str> {
    let (payload, rest) = text.split_once(':')?;
    let (sum, _) = rest.split_once("::")?;
    (payload.len() <= PAYLOAD_BYTES && sum.parse() == Ok(cksum(payload.as_bytes()))).then_some(payload)
}

enum Line<'a> {
    Step(StepReport),
    /// Still base64.
    Log(&'a str),
    Cleaned(String),
    Verdict(Outcome),
}

impl<'a> Line<'a> {
    fn parse(payload: &'a str) -> Option<Self> {
        let words: Vec<&str> = payload.split(' ').collect();
        match words.as_slice() {
            ["step", name, "started"] => report(name, StepResult::Running, None, None),
            ["step", name, word @ ("succeeded" | "failed"), code, seconds] => {
                let (code, seconds) = (code.parse().ok()?, seconds.parse().ok()?);
                let succeeded = *word == "succeeded" && code == 0;
                let result = if succeeded { StepResult::Succeeded } else { StepResult::Failed };
                report(name, result, Some(code), Some(seconds))
            }
            ["log"] => Some(Self::Log("")),
            ["log", line] => Some(Self::Log(line)),
            ["cleaned", words @ ..] => {
                Some(words.join(" ")).filter(|words| is_kind(words)).map(Self::Cleaned)
            }
            ["verdict", "succeeded"] => Some(Self::Verdict(Outcome::Succeeded)),
            ["verdict", "failed"] => Some(Self::Verdict(Outcome::Failed)),
            _ => None,
        }
    }
}

fn report<'a>(
    name: &str,
    result: StepResult,
    exit_code: Option<i32>,
    seconds: Option<u32>,
) -> Option<Line<'a>> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let valid = (1..=63).contains(&name.len()) && name.bytes().all(allowed);
    valid.then(|| Line::Step(StepReport { name: name.to_owned(), result, exit_code, seconds }))
}

fn is_kind(words: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-' || byte == b' ';
    (1..=CLEANED_CHARS).contains(&words.len()) && words.bytes().all(allowed)
}

/// What a cleanup by Run Command reports as removed: at most 16 entries, without duplicates.
pub fn cleaned(output: &str) -> Vec<String> {
    let mut reader = Reader::default();
    let kinds = output.lines().filter_map(|line| line.trim_end().strip_prefix("cleaned "));
    kinds.filter(|words| is_kind(words)).for_each(|words| reader.take(Line::Cleaned(words.to_owned())));
    reader.cleaned
}

#[derive(Default)]
struct Reader<'a> {
    outcome: Option<Outcome>,
    steps: Vec<StepReport>,
    log: Vec<&'a str>,
    cleaned: Vec<String>,
    /// A step failed twice: two consoles say the same.
    doubled: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, line: Line<'a>) {
        match line {
            Line::Step(report) => self.take_step(report),
            Line::Log(line) => self.log.push(line),
            Line::Cleaned(words) if self.cleaned.len() < CLEANED && !self.cleaned.contains(&words) => {
                self.cleaned.push(words);
            }
            Line::Cleaned(_) => {}
            Line::Verdict(Outcome::Failed) => self.outcome = Some(Outcome::Failed),
            Line::Verdict(Outcome::Succeeded) => self.outcome = self.outcome.or(Some(Outcome::Succeeded)),
        }
    }

    /// The worst that is said about a step counts.
    fn take_step(&mut self, report: StepReport) {
        if let Some(known) = self.steps.iter_mut().find(|known| known.name == report.name) {
            self.doubled |= known.result == StepResult::Failed && report.result == StepResult::Failed;
            if gravity(report.result) > gravity(known.result) {
                *known = report;
            }
        } else if self.steps.len() < MAX_STEPS {
            self.steps.push(report);
        }
    }

    fn verdict(self) -> Verdict {
        let failed = self.steps.iter().any(|step| step.result == StepResult::Failed);
        let outcome = self.outcome.map(|said| if failed { Outcome::Failed } else { said });
        let log = if self.doubled { without_doubles(&self.log) } else { self.log };
        let last = log.len().saturating_sub(LOG_LINES);
        let log = log.into_iter().skip(last).filter_map(log_line).collect();
        Verdict { outcome, steps: self.steps, log, cleaned: self.cleaned }
    }
}

fn gravity(result: StepResult) -> u8 {
    match result {
        StepResult::Running => 0,
        StepResult::Succeeded => 1,
        StepResult::Failed => 2,
    }
}

/// Takes two equal neighbors for one line, and four for the same line printed twice.
fn without_doubles<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let runs = lines.chunk_by(|one, other| one == other);
    runs.flat_map(|run| run.iter().take(run.len().div_ceil(2)).copied()).collect()
}

fn log_line(encoded: &str) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(encoded).ok()?;
    Some(printable(String::from_utf8_lossy(&bytes).trim_end_matches('\r')))
}

#[cfg(test)]
mod tests;
