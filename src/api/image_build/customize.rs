//! What is done to a builder before it becomes an image.

use kube::{KubeSchema, core::Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::schema;

/// Steps that a build may have.
pub const MAX_STEPS: usize = 100;

/// What is done to the builder before it becomes an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("duration(self.timeout) >= duration('1m')").field_path(".timeout").message("customize.timeout must be at least 1m"),
    validation = Rule::new("!has(self.steps) || self.steps.all(s, !has(s.script) || !has(s.script.timeout) || (duration(s.script.timeout) >= duration('1s') && duration(s.script.timeout) <= duration(self.timeout)))")
        .field_path(".steps").message("a script's timeout must be between 1s and customize.timeout")
)]
pub struct Customize {
    /// How the steps get to the builder. `UserData`: as a program for cloud-init; needs no network, no agent and no role.
    /// `SSM`: as commands of Systems Manager Run Command; needs its agent in the source image and an instance profile that
    /// lets the agent register; takes larger contents, shows each step's output, and runs PowerShell on Windows.
    #[serde(default)]
    pub transport: Transport,
    /// Time for all steps together, from the moment the builder is seen running.
    #[serde(default = "default_timeout")]
    #[schemars(schema_with = "schema::duration", extend("default" = "30m"))]
    pub timeout: Duration,
    /// Done in this order; the first that fails ends the attempt, and `backoffLimit` says whether another one follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_STEPS), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub steps: Vec<Step>,
    /// What is removed after the last step. `Standard`: machine-id, SSH host keys, cloud-init's state, package caches,
    /// temporary files, shell histories, logs, DHCP leases and random seeds. `None`: nothing.
    #[serde(default)]
    pub cleanup: Cleanup,
}

impl Default for Customize {
    fn default() -> Self {
        Self {
            transport: Transport::UserData,
            timeout: default_timeout(),
            steps: Vec::new(),
            cleanup: Cleanup::Standard,
        }
    }
}

/// How the steps get to the builder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Transport {
    /// As a program in EC2 user data, which cloud-init runs; the verdict comes over the serial console.
    #[default]
    UserData,
    /// As commands of Systems Manager Run Command.
    #[serde(rename = "SSM")]
    Ssm,
}

fn default_timeout() -> Duration {
    std::time::Duration::from_mins(30).into()
}

/// What is removed after the last step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Cleanup {
    /// What would give two machines one identity, and traces of the builder. Never files of users.
    #[default]
    Standard,
    /// Nothing.
    None,
}

/// One step of customisation: a name and exactly one action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.script), has(self.file), has(self.packages), has(self.services), has(self.user), has(self.reboot), has(self.monitoring)].filter(x, x).size() == 1")
    .message("a step has exactly one action: script, file, packages, services, user, reboot or monitoring"))]
pub struct Step {
    /// Unique among the steps: lower-case letters, digits and dashes.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub name: String,
    /// A program to run as root. Exit code 0 is success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// A file to write. Parent directories are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    /// Packages to remove, upgrade and install, in this order, by dnf, yum, apt, zypper or apk, whichever the guest has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// Services that instances of the image start at boot, or do not. Nothing is started here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Services>,
    /// A user that has to exist. One that is there already is changed to what is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Restarts the builder, for a new kernel say; write `{}`. The steps after it go on after the boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reboot: Option<Reboot>,
    /// A monitoring agent: installed, configured, and started at boot by instances of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<Monitoring>,
}

/// Where a content stands that is not part of the manifest. Leave it as it is while an attempt needs it: with `transport:
/// UserData` until the builder is launched, with `SSM` until its last step is done. An attempt that finds it edited fails with
/// `ContentChanged`; the next attempt takes it as it is then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContentSource {
    /// A key of a ConfigMap in the namespace of this object. While one of the two is missing, the build waits.
    pub config_map_key_ref: ConfigMapKeyRef,
}

/// A key of a ConfigMap in the same namespace, in its `data` or `binaryData`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"))]
    pub name: String,
    /// The key, such as `config.json`.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9._-]+$"))]
    pub key: String,
}

/// A program that runs as root. Exit code 0 is success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.inline) != has(self.from)").message("a script has exactly one of inline and from"),
    validation = Rule::new("!has(self.interpreter) || self.interpreter.startsWith('/') || self.interpreter in ['sh', 'bash', 'python3', 'perl', 'ruby', 'powershell']")
        .field_path(".interpreter").message("interpreter must be sh, bash, python3, perl, ruby, powershell or an absolute path")
)]
pub struct Script {
    /// The program. Its first line may name the interpreter (`#!/usr/bin/env python3`); without one it is `/bin/sh`.
    /// No secrets: user data can be read by whoever may describe the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    pub inline: Option<String>,
    /// The program from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ContentSource>,
    /// What runs the program, whatever its first line says: sh, bash, python3, perl, ruby or an absolute path; on Windows
    /// powershell, which is the default there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[A-Za-z0-9/._+-]+$"))]
    pub interpreter: Option<String>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub env: Vec<EnvVar>,
    /// Absolute path of a directory that exists; default `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096), regex(pattern = r"^/[^\x00-\x1f]*$"))]
    pub working_directory: Option<String>,
    /// Time for this program, at the end of which it is ended with everything it started. Default: what is left for all
    /// steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::duration")]
    pub timeout: Option<Duration>,
}

/// One environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Letters, digits and underscores, the first no digit.
    #[schemars(length(max = 128), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub name: String,
    /// Any characters but NUL. No secrets: user data can be read by whoever may describe the instance.
    #[schemars(length(max = 4096), regex(pattern = r"^[^\x00]*$"))]
    pub value: String,
}

/// A file to write. Parent directories are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.content), has(self.binaryData), has(self.contentFrom)].filter(x, x).size() == 1")
        .message("a file has exactly one of content, binaryData and contentFrom"),
    validation = Rule::new("self.path.startsWith('/') || self.path.matches('^[A-Za-z]:[/\\\\\\\\]')").field_path(".path")
        .message("path must be absolute, such as /etc/motd, or C:\\app\\app.conf on Windows"),
    validation = Rule::new("!self.path.endsWith('/')").field_path(".path")
        .message("path must name a file: it must not end with a slash"),
    validation = Rule::new("self.mode.matches('^[0-7]{3,4}$')").field_path(".mode")
        .message("mode must be three or four octal digits in quotes, such as \"0644\"")
)]
pub struct File {
    /// Absolute path, without a slash at its end.
    #[schemars(length(min = 2, max = 4096), regex(pattern = r"^[^\x00-\x1f]*$"))]
    pub path: String,
    /// Octal and in quotes, as for `chmod`: `"0644"`.
    #[serde(default = "default_mode")]
    #[schemars(length(max = 4))]
    pub mode: String,
    /// As for `chown`: `user` or `user:group`.
    #[serde(default = "default_owner")]
    #[schemars(
        length(max = 65),
        regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$")
    )]
    pub owner: String,
    /// The content, byte for byte. No secrets: user data can be read by whoever may describe the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub content: Option<String>,
    /// Base64 of a content that is not text; lines and spaces in it do not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 98304), regex(pattern = schema::BASE64))]
    pub binary_data: Option<String>,
    /// The content from elsewhere, text or bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_from: Option<ContentSource>,
}

fn default_mode() -> String {
    "0644".to_owned()
}

fn default_owner() -> String {
    "root:root".to_owned()
}

/// Packages to remove, upgrade and install, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.install) || has(self.remove) || self.upgrade != 'None'").message("packages needs install, remove or upgrade"))]
pub struct Packages {
    /// Names as the guest's package manager takes them: with a version, a group or a star where it can do that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::PACKAGE)))]
    pub install: Vec<String>,
    /// Names of packages. It is no error if one is not installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::PACKAGE)))]
    pub remove: Vec<String>,
    /// Which installed packages are brought up to date. `None`: none. `Security`: those with what the distribution marks as a
    /// repair of security; apk marks nothing and upgrades all. `All`: all.
    #[serde(default)]
    pub upgrade: Upgrade,
}

/// Which installed packages are brought up to date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Upgrade {
    #[default]
    None,
    Security,
    All,
}

impl Upgrade {
    /// As the user writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Security => "Security",
            Self::All => "All",
        }
    }
}

/// Services of systemd, or of `OpenRC`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.enable) || has(self.disable) || has(self.mask)").message("services needs enable, disable or mask"))]
pub struct Services {
    /// Started at boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::UNIT)))]
    pub enable: Vec<String>,
    /// Not started at boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::UNIT)))]
    pub disable: Vec<String>,
    /// Never started, not even by other services. systemd only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 255), regex(pattern = schema::UNIT)))]
    pub mask: Vec<String>,
}

/// A user that has to exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Lower-case letters, digits, dashes and underscores.
    #[schemars(length(max = 32), regex(pattern = schema::USER))]
    pub name: String,
    /// A user for a service: an id of the system's range, no home directory, and no login unless a shell is given.
    #[serde(default)]
    pub system: bool,
    /// Groups besides its own. They are made where they do not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "set"), inner(length(max = 32), regex(pattern = schema::USER)))]
    pub groups: Vec<String>,
    /// Absolute path of the login shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255), regex(pattern = r"^/[A-Za-z0-9/._+-]+$"))]
    pub shell: Option<String>,
}

/// Nothing to choose: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("maxProperties" = 0))]
pub struct Reboot {}

/// What watches over instances of the image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Monitoring {
    /// The Amazon CloudWatch agent, from the distribution's packages where it is one of them, else from AWS.
    pub cloud_watch_agent: CloudWatchAgent,
}

/// The Amazon CloudWatch agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.config) != has(self.configFrom)").message("cloudWatchAgent has exactly one of config and configFrom"))]
pub struct CloudWatchAgent {
    /// Its configuration, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 65536))]
    pub config: Option<String>,
    /// Its configuration from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_from: Option<ContentSource>,
}
