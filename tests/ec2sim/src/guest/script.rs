//! What a shell would have done with a script, as seen from outside.
//!
//! Understood are printing, waiting, leaving, powering off, making files, and `if` on whether a file is there; every
//! other line succeeds in silence.

use std::{collections::BTreeSet, time::Duration};

/// Who reads a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    Posix,
    PowerShell,
}

/// What a script does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    pub output: Vec<(Duration, String)>,
    pub took: Duration,
    pub exit_code: i32,
    /// When the machine is off, since the start of the script.
    pub off: Option<Duration>,
}

impl Run {
    /// What is left of it if it is ended after so many seconds.
    #[must_use]
    pub fn within(mut self, seconds: Option<u64>) -> Self {
        let Some(limit) = seconds.map(Duration::from_secs).filter(|limit| *limit < self.took) else {
            return self;
        };
        self.output.retain(|(at, _)| *at <= limit);
        Self { took: limit, exit_code: 124, ..self }
    }
}

/// The paths that scripts have made.
#[derive(Clone, Debug, Default)]
pub struct Files(BTreeSet<String>);

/// Runs a shell script on a machine whose files nobody will look at.
pub fn run(script: &str) -> Run {
    run_on(&mut Files::default(), script, Shell::Posix)
}

pub fn run_on(files: &mut Files, script: &str, shell: Shell) -> Run {
    let events = match shell {
        Shell::Posix => posix(script),
        Shell::PowerShell => power_shell(script),
    };
    let mut machine = Machine { files, run: Run::default(), open: Vec::new(), closed: true };
    for event in events {
        if machine.meet(&event).is_exit() {
            break;
        }
    }
    machine.run
}

/// A script in pieces.
enum Event {
    /// Begins a branch; what decides on it.
    Open(String),
    Close,
    Do(String),
}

#[derive(PartialEq, Eq)]
enum Flow {
    Next,
    Exit,
}

impl Flow {
    fn is_exit(&self) -> bool {
        *self == Self::Exit
    }
}

fn posix(script: &str) -> Vec<Event> {
    let mut events = Vec::new();
    for (text, _) in pieces(script, &[';']) {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match word {
            "if" => events.push(Event::Open(rest.to_owned())),
            "else" | "elif" => events.extend([Event::Close, Event::Open("else".to_owned())]),
            "fi" => events.push(Event::Close),
            _ => {}
        }
        match word {
            "then" | "else" if !rest.is_empty() => events.push(Event::Do(rest.trim().to_owned())),
            "if" | "then" | "else" | "elif" | "fi" => {}
            _ => events.push(Event::Do(text.to_owned())),
        }
    }
    events
}

fn power_shell(script: &str) -> Vec<Event> {
    let mut events = Vec::new();
    for (text, end) in pieces(script, &[';', '{', '}']) {
        match end {
            Some('{') => events.push(Event::Open(text.to_owned())),
            _ if text.is_empty() => {}
            _ => events.push(Event::Do(text.to_owned())),
        }
        if end == Some('}') {
            events.push(Event::Close);
        }
    }
    events
}

/// The pieces of each line, with the separator that ends each; none ends a line. Quotes protect within a line.
fn pieces<'s>(script: &'s str, separators: &[char]) -> Vec<(&'s str, Option<char>)> {
    let mut pieces = Vec::new();
    for line in script.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let (mut start, mut quote) = (0, None);
        for (at, c) in line.char_indices() {
            match quote {
                Some(open) if c == open => quote = None,
                None if matches!(c, '\'' | '"') => quote = Some(c),
                None if separators.contains(&c) => {
                    pieces.push((line[start..at].trim(), Some(c)));
                    start = at + c.len_utf8();
                }
                Some(_) | None => {}
            }
        }
        pieces.push((line[start..].trim(), None));
    }
    pieces
}

/// A machine in the middle of a script.
struct Machine<'f> {
    files: &'f mut Files,
    run: Run,
    /// For each branch around the present line, whether it is taken.
    open: Vec<bool>,
    /// Whether the branch that closed last was taken.
    closed: bool,
}

impl Machine<'_> {
    fn meet(&mut self, event: &Event) -> Flow {
        match event {
            Event::Open(condition) if condition == "else" => self.open.push(!self.closed),
            Event::Open(condition) => self.open.push(self.holds(condition).unwrap_or(true)),
            Event::Close => self.closed = self.open.pop().unwrap_or(true),
            Event::Do(command) if self.open.iter().all(|taken| *taken) => return self.perform(command),
            Event::Do(_) => {}
        }
        Flow::Next
    }

    /// Whether a file is there; `None` for other conditions.
    fn holds(&self, condition: &str) -> Option<bool> {
        let is_test = |word: &&str| !matches!(*word, "" | "[" | "]" | "[[" | "]]" | "if" | "test");
        let words: Vec<&str> = condition.split([' ', '(', ')']).filter(is_test).collect();
        match words.as_slice() {
            ["!" | "-not", inner @ ..] => self.holds(&inner.join(" ")).map(|holds| !holds),
            ["-e" | "-f" | "-d", path] => Some(self.files.0.contains(unquoted(path))),
            [test, path] if test.eq_ignore_ascii_case("test-path") => {
                Some(self.files.0.contains(unquoted(path)))
            }
            _ => None,
        }
    }

    fn perform(&mut self, line: &str) -> Flow {
        for (operator, runs_if) in [(" && ", true), (" || ", false)] {
            if let Some((condition, command)) = line.split_once(operator)
                && let Some(holds) = self.holds(condition)
            {
                return if holds == runs_if { self.perform(command) } else { Flow::Next };
            }
        }
        let line = line.trim_start_matches("sudo ");
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match command.to_ascii_lowercase().as_str() {
            "echo" | "write-output" | "write-host" => self.print(rest),
            "sleep" | "start-sleep" => self.run.took += seconds(rest),
            "touch" | "mkdir" | "new-item" => self.files.0.extend(last_word(rest)),
            ":" => self.files.0.extend(rest.rsplit_once('>').and_then(|(_, path)| last_word(path))),
            "exit" => {
                self.run.exit_code = rest.trim().parse().unwrap_or(0);
                return Flow::Exit;
            }
            _ => self.run.off = self.run.off.or(power_off(line).map(|delay| self.run.took + delay)),
        }
        Flow::Next
    }

    fn print(&mut self, rest: &str) {
        match printed(rest) {
            Some(text) => self.run.output.push((self.run.took, text)),
            None => self.files.0.extend(rest.rsplit_once('>').and_then(|(_, path)| last_word(path))),
        }
    }
}

/// `5`, `5s`, `-Seconds 5`.
fn seconds(arguments: &str) -> Duration {
    let number = arguments.split_whitespace().next_back().unwrap_or_default();
    Duration::from_secs(number.trim_end_matches('s').parse().unwrap_or(0))
}

fn last_word(arguments: &str) -> Option<String> {
    let arguments = arguments.split_once(" | ").map_or(arguments, |(before, _)| before);
    arguments.split_whitespace().next_back().map(|word| unquoted(word).to_owned())
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '\''])
}

/// What `echo` prints on the console; nothing if it writes into a file.
fn printed(rest: &str) -> Option<String> {
    let console = ["/dev/console", "/dev/ttyS0", "&2"].iter().find_map(|sink| rest.trim().strip_suffix(sink));
    let text = console.map_or(rest, |text| text.trim_end().trim_end_matches(['>', '|']));
    let text = text.strip_suffix("| tee").unwrap_or(text).trim();
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''));
    if let Some(inner) = quote.and_then(|quote| text.strip_prefix(quote)?.strip_suffix(quote)) {
        return Some(inner.to_owned());
    }
    (!text.contains('>')).then(|| text.to_owned())
}

/// How long it takes until the command turns the machine off; `None` if it does not.
fn power_off(line: &str) -> Option<Duration> {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    match (command.rsplit('/').next().unwrap_or(command), rest.trim()) {
        ("poweroff", _) | ("halt", "-p") | ("init" | "telinit", "0") | ("systemctl", "poweroff") => {
            Some(Duration::ZERO)
        }
        ("shutdown", arguments) => shutdown_delay(arguments),
        _ => None,
    }
}

/// `shutdown [-h|-P] [now|+minutes]`, a minute from now if no time is given.
fn shutdown_delay(arguments: &str) -> Option<Duration> {
    let mut delay = Some(Duration::from_mins(1));
    for argument in arguments.split_whitespace() {
        match argument {
            "-r" | "-c" | "-k" => return None,
            "now" => delay = Some(Duration::ZERO),
            minutes if !minutes.starts_with('-') => {
                delay = minutes.trim_start_matches('+').parse().ok().map(Duration::from_mins);
            }
            _ => {}
        }
    }
    delay
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(script: &str, shell: Shell) -> [i32; 2] {
        let mut files = Files::default();
        [(); 2].map(|()| run_on(&mut files, script, shell).exit_code)
    }

    #[test]
    fn a_shell_script_that_leaves_a_marker_ends_otherwise_the_next_time() {
        for script in [
            "if [ -e /var/done ]; then\n  exit 0\nfi\ntouch /var/done\nexit 194",
            "if [ ! -f '/var/done' ]; then touch '/var/done'; exit 194; else echo done; fi",
            "[ -e /var/done ] && exit 0\n: > /var/done\nexit 194",
            "test -e /var/done || echo kernel > /var/done\n[ -e /var/again ] && exit 0\ntouch /var/again\nexit 194",
        ] {
            assert_eq!(twice(script, Shell::Posix), [194, 0], "{script}");
        }
    }

    #[test]
    fn a_powershell_script_that_leaves_a_marker_ends_otherwise_the_next_time() {
        for script in [
            "if (Test-Path 'C:\\done') { exit 0 }\nNew-Item -ItemType File -Path 'C:\\done' | Out-Null\nexit 3010",
            "if (-not (Test-Path C:\\done)) {\n  New-Item C:\\done\n  exit 3010\n} else {\n  Write-Output done\n}",
        ] {
            assert_eq!(twice(script, Shell::PowerShell), [3010, 0], "{script}");
        }
    }

    #[test]
    fn powershell_prints_waits_and_leaves() {
        let script =
            "Write-Output \"one; two\"\nStart-Sleep -Seconds 5\nWRITE-HOST 'three'\nexit 7\necho four";
        let run = run_on(&mut Files::default(), script, Shell::PowerShell);
        let printed: Vec<&str> = run.output.iter().map(|(_, line)| line.as_str()).collect();
        assert_eq!((printed, run.took.as_secs(), run.exit_code), (vec!["one; two", "three"], 5, 7));
    }

    #[test]
    fn several_commands_may_stand_in_a_line() {
        let run = run("echo 'a;b'; sleep 3; exit 2");
        assert_eq!((run.output.len(), run.took.as_secs(), run.exit_code), (1, 3, 2));
    }

    #[test]
    fn of_a_condition_that_is_not_understood_the_first_branch_is_taken() {
        let run = run("if command -v dnf; then\necho dnf\nelse\necho apt\nfi");
        assert_eq!(run.output, [(Duration::ZERO, "dnf".to_owned())]);
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_with_its_line() {
        assert_eq!(run("echo don't; true\nexit 4").exit_code, 4);
    }
}
