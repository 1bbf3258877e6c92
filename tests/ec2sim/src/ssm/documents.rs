//! AWS's documents that run a script.

use crate::{core::records::Instance, guest::Shell};

pub struct Document {
    pub name: &'static str,
    pub shell: Shell,
    pub plugin: &'static str,
    /// The step's name, which `PluginName` may give as well.
    pub step: &'static str,
}

const DOCUMENTS: [Document; 2] = [
    Document {
        name: "AWS-RunShellScript",
        shell: Shell::Posix,
        plugin: "aws:runShellScript",
        step: "runShellScript",
    },
    Document {
        name: "AWS-RunPowerShellScript",
        shell: Shell::PowerShell,
        plugin: "aws:runPowerShellScript",
        step: "runPowerShellScript",
    },
];

impl Document {
    /// By name or ARN.
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = name.rsplit('/').next().unwrap_or(name);
        DOCUMENTS.iter().find(|document| document.name == name)
    }

    /// PowerShell is for Linux too (where it has to be installed); a shell script is not for Windows.
    pub fn supports(&self, instance: &Instance) -> bool {
        self.shell == Shell::PowerShell || !instance.image.is_windows()
    }

    /// Whether a system has what reads the script. Base images of Linux come without PowerShell.
    pub fn can_run_on(&self, instance: &Instance) -> bool {
        self.shell == Shell::Posix || instance.image.is_windows()
    }
}
