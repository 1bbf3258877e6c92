//! Runs the generated program in a directory that stands for a machine, with every path and the power-off replaced.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::{Nonce, Verdict, read_verdict, user_data};
use crate::{
    api::image_build::{File, Script, Step},
    model::ClientToken,
};

pub fn nonce() -> Nonce {
    Nonce::for_token(&ClientToken("token-1".to_owned()))
}

pub fn script(name: &str, inline: &str) -> Step {
    Step { name: name.to_owned(), script: Some(Script { inline: inline.to_owned() }), file: None }
}

pub fn file(name: &str, path: &str, content: &str) -> Step {
    let (path, content) = (path.to_owned(), content.to_owned());
    let file = File { path, mode: "0640".to_owned(), owner: "root:root".to_owned(), content };
    Step { name: name.to_owned(), script: None, file: Some(file) }
}

/// A shell, and where its utilities are.
#[derive(Debug)]
pub struct Shell {
    command: Vec<String>,
    path: Option<String>,
}

impl Shell {
    /// What `/bin/sh` is here, and the other shells that cloud images have, where they are installed.
    pub fn installed() -> Vec<Self> {
        let shell = |words: &[&str]| Self {
            command: words.iter().map(|&word| word.to_owned()).collect(),
            path: None,
        };
        let mut shells = vec![shell(&["/bin/sh"])];
        shells.extend(["dash", "bash"].iter().filter(|name| runs(name)).map(|name| shell(&[name])));
        if runs("busybox") {
            shells.push(Self { path: Some(busybox_utilities()), ..shell(&["busybox", "sh"]) });
        }
        shells
    }
}

fn runs(shell: &str) -> bool {
    let arguments: &[&str] = if shell == "busybox" { &["true"] } else { &["-c", ":"] };
    Command::new(shell).args(arguments).status().is_ok_and(|status| status.success())
}

/// A directory in which every utility is busybox's, and after it the system's for what this busybox lacks.
fn busybox_utilities() -> String {
    static UTILITIES: std::sync::LazyLock<PathBuf> = std::sync::LazyLock::new(|| {
        let directory = std::env::temp_dir().join("ami-operator-busybox");
        fs::create_dir_all(&directory).unwrap();
        Command::new("busybox")
            .args(["--install", "-s"])
            .arg(&directory)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        directory
    });
    format!("{}:/usr/bin:/bin", UTILITIES.display())
}

/// The machine; its directory and its dead-man timer go with it.
pub struct Machine {
    directory: PathBuf,
    nonce: Nonce,
    timeout: Duration,
    settings: Vec<(&'static str, String)>,
}

impl Machine {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("ami-operator-guest-{}-{number}", std::process::id()));
        fs::create_dir_all(directory.join("cloud/scripts")).unwrap();
        fs::write(directory.join("console"), "").unwrap();
        Self { directory, nonce: nonce(), timeout: Duration::from_mins(10), settings: Vec::new() }
    }

    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Replaces one more of the assignments at the program's head.
    pub fn with(mut self, variable: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((variable, value.into()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
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
        let program = self.path("program");
        fs::write(&program, self.program(shell, steps)).unwrap();
        let (command, arguments) = shell.command.split_first().unwrap();
        let status = Command::new(command).args(arguments).arg(&program).status().unwrap();
        assert!(status.success(), "{shell:?} ended with {status}");
        read_verdict(&self.read("console"), &self.nonce)
    }

    /// The program with every path inside of the directory, and a word in a file for the power-off.
    fn program(&self, shell: &Shell, steps: &[Step]) -> String {
        let path = |name: &str| self.path(name).display().to_string();
        let mut program = user_data(steps, &self.nonce, self.timeout).unwrap();
        for (variable, name) in [
            ("CONSOLE", "console"),
            ("SERIAL", "serial"),
            ("CONSOLES", "consoles"),
            ("STATE", "state"),
            ("WORK", "work"),
            ("CLOUD", "cloud"),
            ("SYSRQ", "sysrq"),
        ] {
            program = assign(&program, variable, &path(name));
        }
        program = assign(&program, "POWEROFF", &format!("'echo off >>{}'", path("power")));
        for (variable, value) in &self.settings {
            program = assign(&program, variable, value);
        }
        if let Some(path) = &shell.path {
            program = assign(&program, "export PATH", &format!("{path} HOME=/root"));
        }
        for dangerous in
            ["systemctl", "shutdown", "poweroff", "/proc/sys", "/dev/console", "/dev/tty", "/var/", "/run/"]
        {
            assert!(!program.contains(dangerous), "{dangerous} would act on the machine that runs the tests");
        }
        program
    }
}

fn assign(program: &str, variable: &str, value: &str) -> String {
    let start = format!("{variable}=");
    let (there, other): (Vec<&str>, Vec<&str>) = program.lines().partition(|line| line.starts_with(&start));
    assert_eq!(there.len(), 1, "{variable} is assigned in one place");
    let position = program.lines().position(|line| line.starts_with(&start)).unwrap();
    let (before, after) = other.split_at(position);
    [before, &[&format!("{start}{value}")], after].concat().join("\n") + "\n"
}

impl Drop for Machine {
    fn drop(&mut self) {
        end_group(&self.path("state/deadman"));
        fs::remove_dir_all(&self.directory).unwrap();
    }
}

/// The dead-man timer outlives the program by design. Its process group has the number of the process.
fn end_group(file: &Path) {
    let Ok(id) = fs::read_to_string(file) else { return };
    let kill = format!("kill -s KILL -- -{0} || kill -s KILL {0}", id.trim());
    let _ = Command::new("/bin/sh").args(["-c", &kill]).stderr(Stdio::null()).status();
}
