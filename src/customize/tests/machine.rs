//! Runs the generated program in a directory that stands for a machine, with every path and the power-off replaced.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use regex::{Captures, Regex};

use super::{
    CLEANUP, Contents, Nonce, Outcome, Platform, StepCommand, Verdict, commands,
    program::{Encoding, program},
    read_verdict,
};
use crate::{
    api::image_build::{
        Cleanup, CloudWatchAgent, ConfigMapKeyRef, ContentSource, Customize, File, Monitoring, Packages,
        Reboot, Script, Step, StepResult, Upgrade,
    },
    model::ClientToken,
};

pub fn nonce() -> Nonce {
    Nonce::for_token(&ClientToken("token-1".to_owned()))
}

pub fn minutes(minutes: u64) -> kube::core::Duration {
    Duration::from_mins(minutes).into()
}

pub fn steps(steps: impl Into<Vec<Step>>) -> Customize {
    Customize { steps: steps.into(), ..Customize::default() }
}

pub fn script(name: &str, inline: &str) -> Step {
    let script = Script { inline: Some(inline.to_owned()), ..Script::default() };
    Step { name: name.to_owned(), script: Some(script), ..Step::default() }
}

pub fn file(name: &str, path: &str, content: &str) -> Step {
    let (path, content) = (path.to_owned(), Some(content.to_owned()));
    let (mode, owner) = ("0640".to_owned(), "root:root".to_owned());
    let file = File { path, mode, owner, content, ..File::default() };
    Step { name: name.to_owned(), file: Some(file), ..Step::default() }
}

pub fn agent(name: &str, config: &str) -> Step {
    let cloud_watch_agent = CloudWatchAgent { config: Some(config.to_owned()), config_from: None };
    Step { name: name.to_owned(), monitoring: Some(Monitoring { cloud_watch_agent }), ..Step::default() }
}

pub fn reboot(name: &str) -> Step {
    Step { name: name.to_owned(), reboot: Some(Reboot {}), ..Step::default() }
}

pub fn from(name: &str, key: &str) -> ContentSource {
    ContentSource { config_map_key_ref: ConfigMapKeyRef { name: name.to_owned(), key: key.to_owned() } }
}

pub fn packages(name: &str, upgrade: Upgrade, install: &[&str], remove: &[&str]) -> Step {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let packages = Packages { install: names(install), remove: names(remove), upgrade };
    Step { name: name.to_owned(), packages: Some(packages), ..Step::default() }
}

pub fn results(verdict: &Verdict) -> Vec<(&str, StepResult, Option<i32>)> {
    verdict.steps.iter().map(|step| (step.name.as_str(), step.result, step.exit_code)).collect()
}

pub fn succeeded(shell: &Shell, machine: &Machine, step: &Step) -> Vec<String> {
    let verdict = machine.run(shell, std::slice::from_ref(step));
    assert_eq!(verdict.outcome, Some(Outcome::Succeeded), "{shell:?}: {:?}", verdict.log);
    machine.calls()
}

pub fn failed(shell: &Shell, machine: &Machine, step: &Step) -> Verdict {
    let verdict = machine.run(shell, std::slice::from_ref(step));
    assert_eq!(verdict.outcome, Some(Outcome::Failed), "{shell:?}");
    verdict
}

/// Every test runs once in each shell that is installed, in all of them at the same time.
pub fn in_every_shell(test: impl Fn(&Shell, Machine) + Sync) {
    let test = &test;
    std::thread::scope(|scope| {
        let run = |shell| scope.spawn(move || test(&shell, Machine::new()));
        let runs: Vec<_> = Shell::installed().into_iter().map(run).collect();
        for run in runs {
            run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

/// All that a guest of the tests can call, besides what a test puts there: nothing that changes the machine which runs
/// the tests.
const TOOLS: [&str; 36] = [
    "base64", "cat", "chmod", "chown", "cksum", "cp", "cut", "dd", "du", "echo", "env", "expr", "false",
    "find", "gzip", "grep", "head", "ln", "ls", "mkdir", "mkfifo", "mv", "printf", "rm", "rmdir", "sed",
    "setsid", "sh", "sleep", "sort", "tail", "touch", "tr", "true", "wc", "yes",
];

/// A shell, and the name under which its machine finds it.
#[derive(Clone, Copy, Debug)]
pub struct Shell {
    program: &'static str,
    arguments: &'static [&'static str],
}

impl Shell {
    /// What `/bin/sh` is here, and the other shells that cloud images have, where they are installed.
    pub fn installed() -> Vec<Self> {
        let shells = [("sh", &[] as &[_]), ("dash", &[]), ("bash", &[]), ("busybox", &["sh"])];
        let shells = shells.into_iter().map(|(program, arguments)| Self { program, arguments });
        shells.filter(Shell::runs).collect()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.args(self.arguments);
        command
    }

    fn runs(&self) -> bool {
        self.command().args(["-c", ":"]).status().is_ok_and(|status| status.success())
    }

    /// Every tool as this shell's system has it: in a system with busybox, busybox is everything.
    fn install_once(&self, directory: &Path) {
        if fs::create_dir(directory).is_err() {
            return;
        }
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, directory.join(name)).unwrap();
        let own = on_this_machine(self.program);
        let has: &[String] = if self.program == "busybox" { &APPLETS } else { &[] };
        for tool in TOOLS {
            let is_own = tool == "sh" || has.iter().any(|applet| applet == tool);
            link(&if is_own { own.clone() } else { on_this_machine(tool) }, tool);
        }
        // The disks of the machine that runs the tests are none of a guest's.
        link(&on_this_machine("true"), "sync");
    }
}

static APPLETS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let list = Command::new("busybox").arg("--list").output().unwrap().stdout;
    String::from_utf8(list).unwrap().lines().map(str::to_owned).collect()
});

fn on_this_machine(tool: &str) -> PathBuf {
    let found = ["/usr/bin", "/bin"].map(|directory| Path::new(directory).join(tool));
    found.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{tool} is installed"))
}

/// The machine; its directory and its dead-man timer go with it.
pub struct Machine {
    directory: PathBuf,
    nonce: Nonce,
    customize: Customize,
    contents: Contents,
    encoding: Encoding,
    settings: Vec<(&'static str, String)>,
}

impl Machine {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("ami-operator-guest-{}-{number}", std::process::id()));
        for name in ["root/var/lib/cloud/instance/scripts", "commands"] {
            fs::create_dir_all(directory.join(name)).unwrap();
        }
        fs::write(directory.join("console"), "").unwrap();
        let customize = Customize { cleanup: Cleanup::None, timeout: minutes(10), ..Customize::default() };
        let (contents, encoding) = (Contents::default(), Encoding::Plain);
        Self { directory, nonce: nonce(), customize, contents, encoding, settings: Vec::new() }
    }

    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.customize.timeout = timeout.into();
        self
    }

    pub fn with_encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// What the source of the step held.
    pub fn with_content(mut self, step: &str, content: &[u8]) -> Self {
        self.contents = Contents::from_iter([(step.to_owned(), content.to_vec())]);
        self
    }

    pub fn with_cleanup(mut self) -> Self {
        self.customize.cleanup = Cleanup::Standard;
        self
    }

    /// Replaces one more of the assignments at the program's head.
    pub fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((variable, value.into()));
        self
    }

    /// A command of this machine that writes its arguments into `calls` and then does what `body` says.
    ///
    /// Written by another process: while this one has a program open for writing, no thread of it could start that.
    pub fn has_command(&self, name: &str, body: &str) {
        let calls = self.path("calls").display().to_string();
        let text = format!("#!/bin/sh\necho \"{name} $*\" >>'{calls}'\n{body}\n");
        let write = "printf %s \"$2\" >\"$1\" && chmod 755 \"$1\"";
        let path = self.path("commands").join(name);
        let status = Command::new("/bin/sh").args(["-c", write, "-"]).arg(path).arg(text).status().unwrap();
        assert!(status.success());
    }

    pub fn calls(&self) -> Vec<String> {
        self.read("calls").lines().map(str::to_owned).collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Makes a file with its directories.
    pub fn has_file(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A file step whose owner is whoever runs the tests.
    pub fn file(&self, name: &str, path: &str, content: &str) -> Step {
        use std::os::unix::fs::MetadataExt;
        let owner = fs::metadata(&self.directory).unwrap();
        let mut step = file(name, self.path(path).to_str().unwrap(), content);
        step.file.as_mut().unwrap().owner = format!("{}:{}", owner.uid(), owner.gid());
        step
    }

    /// Boots with these steps and gives what the operator reads from the console.
    pub fn run(&self, shell: &Shell, steps: &[Step]) -> Verdict {
        let path = self.path("program");
        shell.install_once(&self.path("tools"));
        fs::write(&path, self.program(steps)).unwrap();
        self.execute(shell, &path)
    }

    /// Boots once more: what is in memory is gone, and cloud-init runs what it runs with every boot.
    pub fn reboot(&self, shell: &Shell) -> Verdict {
        end_group(&self.path("deadman"));
        fs::remove_dir_all(self.path("state")).unwrap();
        let hooks = fs::read_dir(self.path("root/var/lib/cloud/scripts/per-boot")).into_iter().flatten();
        for hook in hooks.map(|entry| entry.unwrap().path()) {
            self.execute(shell, &hook);
        }
        read_verdict(&self.read("console"), &self.nonce)
    }

    fn execute(&self, shell: &Shell, program: &Path) -> Verdict {
        let status = shell.command().arg(program).status().unwrap();
        assert!(status.success(), "{shell:?} ended with {status}");
        read_verdict(&self.read("console"), &self.nonce)
    }

    /// Has the agent of Run Command carry out a step, or the cleanup if there is none.
    pub fn command(&self, shell: &Shell, step: Option<&Step>) -> Answer {
        self.start_command(shell, step).wait_with_output().unwrap().into()
    }

    pub fn start_command(&self, shell: &Shell, step: Option<&Step>) -> Child {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let customize = Customize { steps: step.cloned().into_iter().collect(), ..self.customize.clone() };
        let commands = commands(&customize, &self.contents, &self.nonce, Platform::Linux).unwrap();
        let StepCommand { step: name, lines, .. } =
            &commands[if step.is_some() { 0 } else { customize.steps.len() }];
        assert_eq!(name, step.map_or(CLEANUP, |step| &step.name));
        let script =
            format!("root/var/lib/amazon/ssm/i-1/document/orchestration/{number}/plugin/0/_script.sh");
        self.has_file(&script, &self.inside(&(lines.join("\n") + "\n")));
        shell.install_once(&self.path("tools"));
        let mut command = shell.command();
        command.arg(self.path(&script)).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// The program with every path inside of the directory, and words in a file for power-off and restart.
    fn program(&self, steps: &[Step]) -> String {
        let power = self.path("power").display().to_string();
        let customize = Customize { steps: steps.to_vec(), ..self.customize.clone() };
        let program = program(&customize, &self.contents, &self.nonce, self.encoding);
        let mut program = assign(&program, "POWEROFF", &format!("'echo off >>{power}'"));
        if program.contains("\nREBOOT=") {
            program = assign(&program, "REBOOT", &format!("'echo again >>{power}'"));
        }
        // The timer outlives the program by design: its number is needed to end it with the test.
        let (before, after) = program.split_once("\nsay \"begin").unwrap();
        let program = format!("{before}\necho $! >{}\nsay \"begin{after}", self.path("deadman").display());
        let files = steps.iter().filter_map(|step| step.file.as_ref());
        assert!(files.map(|file| &file.path).all(|path| Path::new(path).starts_with(&self.directory)));
        self.inside(&program)
    }

    /// The same program for this directory: what is the same for every machine has no path outside of it.
    fn inside(&self, program: &str) -> String {
        let (code, steps) = program.split_once("\n#step ").unwrap_or((program, ""));
        let code = PATHS.replace_all(code, |found: &Captures<'_>| self.path_for(&found[0]));
        let tools = ["commands", "tools"].map(|name| self.path(name).display().to_string()).join(":");
        let mut program = assign(&code, "export PATH", &format!("{tools} HOME=/root"));
        for (variable, value) in &self.settings {
            program = assign(&program, variable, value);
        }
        format!("{program}\n#step {steps}")
    }

    /// Where a path of the guest's system lies.
    fn path_for(&self, path: &str) -> String {
        let special = [
            ("/dev/console", "console"),
            ("/dev/ttyS0", "serial"),
            ("/sys/class/tty/console/active", "consoles"),
            ("/proc/sysrq-trigger", "sysrq"),
            ("/run/ami-operator-$NONCE", "state"),
            ("/var/lib/ami-operator-$NONCE", "work"),
        ];
        let here = self.directory.display().to_string();
        let harmless = ["/dev/null", "/bin/sh", "/bin/false"].contains(&path)
            || path.starts_with("/proc/") && !self.path(&format!("root{path}")).exists();
        match special.iter().find(|(from, _)| *from == path) {
            Some((_, to)) => format!("{here}/{to}"),
            None if harmless || path.starts_with(&here) => path.to_owned(),
            None => format!("{here}/root{path}"),
        }
    }
}

/// What Run Command gets back.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub output: String,
    pub code: Option<i32>,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self { output: String::from_utf8(output.stdout).unwrap(), code: output.status.code() }
    }
}

/// Absolute paths, up to where a shell's word ends.
static PATHS: LazyLock<Regex> = LazyLock::new(|| {
    let roots = "bin|boot|dev|efi|etc|home|lib|opt|proc|root|run|sbin|srv|sys|tmp|usr|var";
    Regex::new(&format!(r#"\B/({roots})\b[^\s'";:)]*"#)).unwrap()
});

fn assign(program: &str, variable: &str, value: &str) -> String {
    let start = format!("{variable}=");
    let is_there = |line: &&str| line.starts_with(&start);
    assert_eq!(program.split('\n').filter(is_there).count(), 1, "{variable} is assigned in one place");
    let new = format!("{start}{value}");
    let lines = program.split('\n').map(|line| if is_there(&line) { new.as_str() } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

impl Drop for Machine {
    fn drop(&mut self) {
        end_group(&self.path("deadman"));
        fs::remove_dir_all(&self.directory).unwrap();
    }
}

/// The dead-man timer outlives the program by design. Its process group has the number of the process.
fn end_group(file: &Path) {
    let Ok(id) = fs::read_to_string(file) else { return };
    let kill = format!("kill -s KILL -- -{0} || kill -s KILL {0}", id.trim());
    let _ = Command::new("/bin/sh").args(["-c", &kill]).stderr(Stdio::null()).status();
}
