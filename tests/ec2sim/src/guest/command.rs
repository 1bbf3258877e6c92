//! What an agent does with the lines of a command.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};

use super::{
    interpreter::steps,
    script::{Files, Run, Shell, run_on},
};

/// More restarts are a script that asks for one each time.
const MAX_RESTARTS: usize = 8;

/// Longer than any command lives.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

impl Shell {
    /// The exit code at which the agent restarts the machine and runs the script again. Source: Systems Manager user
    /// guide, "Handling reboots when running commands".
    fn restart_code(self) -> i32 {
        match self {
            Self::Posix => 194,
            Self::PowerShell => 3010,
        }
    }

    /// The exit code of a script that the agent killed. Source: amazon-ssm-agent, `CommandStoppedPreemptivelyExitCode`.
    pub fn killed_code(self) -> i32 {
        match self {
            Self::Posix => 137,
            Self::PowerShell => -1,
        }
    }
}

/// Runs a command, again after each restart that it asks for. Each run ends at `limit`, each restart takes `restart`.
pub fn run_command(text: &str, shell: Shell, limit: Duration, restart: Duration) -> Run {
    let (mut files, mut all) = (Files::default(), Run::default());
    for _ in 0..MAX_RESTARTS {
        let run = once(&mut files, text, shell);
        let killed = run.took > limit;
        let shown = run.output.into_iter().filter(|(at, _)| *at <= limit);
        all.output.extend(shown.map(|(at, line)| (all.took + at, line)));
        all.off = all.off.or(run.off.filter(|off| *off <= limit).map(|off| all.took + off));
        all.took += run.took.min(limit);
        all.exit_code = if killed { shell.killed_code() } else { run.exit_code };
        if all.exit_code != shell.restart_code() {
            return all;
        }
        all.took += restart;
    }
    Run { took: FOR_EVER, ..all }
}

/// The program of the operator is told by its `#step` lines; everything else is a script by itself.
fn once(files: &mut Files, text: &str, shell: Shell) -> Run {
    let scripts: Vec<(Option<String>, Option<u64>)> = match shell {
        Shell::Posix => {
            steps(text).into_iter().map(|step| (step.script, step.header.timeout_seconds)).collect()
        }
        Shell::PowerShell if text.lines().any(|line| line.starts_with("#step ")) => {
            vec![(power_shell_content(text), None)]
        }
        Shell::PowerShell => Vec::new(),
    };
    if scripts.is_empty() {
        return run_on(files, text, shell);
    }
    let mut all = Run::default();
    for (script, timeout) in scripts {
        let run = run_on(files, &script.unwrap_or_default(), shell).within(timeout);
        all.output.extend(run.output.into_iter().map(|(at, line)| (all.took + at, line)));
        all.off = all.off.or(run.off.map(|off| all.took + off));
        all.took += run.took;
        all.exit_code = run.exit_code;
        if run.exit_code != 0 {
            break;
        }
    }
    all
}

/// The script of a step: `$content = '…'`, in base64.
fn power_shell_content(text: &str) -> Option<String> {
    let encoded =
        text.lines().find_map(|line| line.trim().strip_prefix("$content = '")?.strip_suffix('\''))?;
    Some(String::from_utf8_lossy(&BASE64.decode(encoded).ok()?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const MINUTE: Duration = Duration::from_mins(1);

    fn run(text: &str, shell: Shell) -> Run {
        run_command(text, shell, HOUR, MINUTE)
    }

    fn lines(run: &Run) -> Vec<&str> {
        run.output.iter().map(|(_, line)| line.as_str()).collect()
    }

    fn step(action: &str, content: &str) -> String {
        let content = BASE64.encode(content);
        format!(
            "#!/bin/sh\n#step {{\"name\":\"one\",\"action\":\"{action}\"}}\nstep 'one' <<'CONTENT'\n{content}\nCONTENT\nexit 9\n"
        )
    }

    #[test]
    fn a_step_of_the_operator_ends_as_its_script_does() {
        let run = run(&step("script", "echo hello\nsleep 3\nexit 7"), Shell::Posix);
        assert_eq!((lines(&run), run.took.as_secs(), run.exit_code), (vec!["hello"], 3, 7));
    }

    #[test]
    fn a_step_that_is_no_script_succeeds() {
        assert_eq!(run(&step("file", "exit 7"), Shell::Posix), Run::default());
        let packages = "#step {\"name\":\"nginx\",\"action\":\"packages\"}\nexit 9\n";
        assert_eq!(run(packages, Shell::Posix), Run::default());
    }

    #[test]
    fn a_step_of_the_operator_ends_at_its_own_timeout() {
        let text = step("script", "sleep 60").replace("\"script\"", "\"script\",\"timeoutSeconds\":5");
        let run = run(&text, Shell::Posix);
        assert_eq!((run.took.as_secs(), run.exit_code), (5, 124));
    }

    #[test]
    fn a_step_for_windows_ends_as_its_script_does() {
        let script = BASE64.encode("Write-Output hello\nexit 7");
        let text =
            format!("#step {{\"name\":\"one\",\"action\":\"script\"}}\n$content = '{script}'\nexit 9\n");
        let run = run(&text, Shell::PowerShell);
        assert_eq!((lines(&run), run.exit_code), (vec!["hello"], 7));
    }

    #[test]
    fn a_script_that_asks_for_a_restart_runs_again() {
        let text = "echo run\nsleep 2\nif [ -e /done ]; then exit 0; fi\ntouch /done\nexit 194";
        let run = run(text, Shell::Posix);
        assert_eq!((lines(&run), run.took.as_secs(), run.exit_code), (vec!["run", "run"], 64, 0));
    }

    #[test]
    fn a_script_that_always_asks_for_a_restart_never_ends() {
        assert_eq!(run("exit 3010", Shell::PowerShell).took, FOR_EVER);
    }

    #[test]
    fn the_code_that_restarts_one_system_is_an_error_on_the_other() {
        assert_eq!(run("exit 194", Shell::PowerShell).exit_code, 194);
        assert_eq!(run("exit 3010", Shell::Posix).exit_code, 3010);
    }

    #[test]
    fn what_takes_too_long_is_killed() {
        let run = run_command("echo a\nsleep 60\necho b", Shell::Posix, MINUTE / 2, MINUTE);
        assert_eq!((lines(&run), run.took, run.exit_code), (vec!["a"], MINUTE / 2, 137));
    }
}
